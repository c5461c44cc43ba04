"""A pocket model as transformers has it, made from what the package ships; for tuning, and for every other tool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from delegate.errors import DataError, SpecError
from delegate.models.pocket import WEIGHTS
from delegate.registry import suggest
from delegate.train.family import llama
from delegate.train.graph import Shape
from delegate.train.vocabulary import SPECIAL, UNKNOWN

_HALF = ".half"
"""How the graph calls a tensor it keeps in half precision."""


def shipped(name: str) -> Path | None:
    """The folder of the package's pocket model of that name; `None` for a folder, or a name of the hub.

    Raises:
        SpecError: it is named like one of the package's, and is none.
    """
    if not name.startswith("pocket-") or Path(name).exists():
        return None
    member = WEIGHTS / name.removeprefix("pocket-")
    if not (member / "config.json").is_file():
        known = [f"pocket-{path.parent.name}" for path in WEIGHTS.glob("*/config.json")]
        raise SpecError(f"no pocket model {name!r}{suggest(name, known)}")
    return member


def unpack(member: Path, folder: Path) -> Path:
    """Write the weights, the tokenizer and the chat template of a pocket model; returns the folder.

    The graph keeps matrices transposed and in half precision; they are written in single precision, so that both forms
    say the same.

    Args:
        member: a folder with `model.onnx`, `tokenizer.json` and `config.json`.
        folder: where to; made if need be.

    Raises:
        DataError: the folder does not hold a pocket model.
    """
    import torch
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    config = _config(member)
    size = Shape(**{name: value for name, value in config["shape"].items() if name != "head_width"})
    network = llama(size)
    tensors = {name: torch.from_numpy(array) for name, array in _weights(member / "model.onnx").items()}
    tensors["lm_head.weight"] = tensors.get("model.embed_tokens.weight", torch.empty(0))
    if {name: tensor.shape for name, tensor in network.state_dict().items()} != {
        name: tensor.shape for name, tensor in tensors.items()
    }:
        raise DataError(str(member / "model.onnx"), "does not hold the weights that its config.json speaks of")
    network.load_state_dict(tensors)
    network.save_pretrained(folder)
    words = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_file(str(member / "tokenizer.json")),
        eos_token=config["eos"][0],
        pad_token=SPECIAL[0],
        unk_token=UNKNOWN,
        chat_template=config["chat_template"],
    )
    words.save_pretrained(folder)
    return folder


def _config(member: Path) -> dict[str, Any]:
    path = member / "config.json"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(str(path), f"is no pocket model's ({error})") from None


def _weights(path: Path) -> dict[str, np.ndarray]:
    """The tensors by the names transformers gives them, and the way round it has them."""
    import onnx
    from onnx import numpy_helper

    found = {}
    for tensor in onnx.load(path).graph.initializer:
        name = tensor.name.removesuffix(_HALF)
        if not name.endswith(".weight"):
            continue
        array = np.array(numpy_helper.to_array(tensor), np.float32)
        found[name] = np.ascontiguousarray(array.T) if name.endswith("_proj.weight") else array
    return found
