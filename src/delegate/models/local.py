"""Weights of your own in this process: any causal language model in a folder or on the Hugging Face hub."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from delegate.completion import Completion
from delegate.errors import MissingExtraError, SpecError
from delegate.generation.engine import Engine, respond
from delegate.message import Request, Sampling
from delegate.model import Emit
from delegate.price import Price


@dataclass(frozen=True, kw_only=True)
class Local:
    """A model with its own chat template and tools; loaded at its first use, once in a process.

    Requests that come together are answered together, each with its own sampling. Without a seed the request and the
    draw's index decide; a batch of another make-up may still change the last bits of what a GPU computes, and with
    them, rarely, a token.
    """

    model: str
    """A folder, or a name on the hub."""
    engine: Literal["transformers", "vllm"] = "transformers"
    """vllm: its engine in this process, where it is installed; to use a server of it, take `kind = "openai"`."""
    adapter: str = ""
    """A LoRA adapter, a folder or a name on the hub; where it has a tokenizer, that is used."""
    device: str = ""
    """As torch calls it, such as "cuda:1"; empty: CUDA, else MPS, else the CPU."""
    dtype: str = ""
    """As torch calls it; empty: that of the checkpoint, on the CPU float32."""
    revision: str = ""
    """Of the model on the hub; empty: the newest."""
    template: Path | None = None
    """A chat template, a Jinja file; `None`: the model's own."""
    batch: int = 16
    """Most requests answered at the same time; further ones wait."""
    price: Price | None = None
    """`None`: unknown. A machine of your own is best priced by time: `{ per_second = ... }`."""
    sampling: Sampling = field(default_factory=Sampling)
    """Where a request says nothing; where this says nothing either, the model's generation config does (temperature,
    top_p, and top_k in any case), and else temperature and top_p are 1."""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What else is said when the weights are loaded: to `from_pretrained`, or to vLLM's engine."""
    name: str = ""
    """Empty: as `model`."""

    def __post_init__(self) -> None:
        if not self.model:
            raise SpecError("`model` must be a folder or a name on the hub")
        if self.batch < 1:
            raise SpecError(f"`batch` must be at least 1, found {self.batch}")
        for module in ("torch", "transformers"):
            if find_spec(module) is None:
                raise MissingExtraError(f"local model {self.model!r}", "local")
        if self.engine == "vllm" and find_spec("vllm") is None:
            raise SpecError('engine = "vllm" needs vLLM in this environment: pip install vllm')
        object.__setattr__(self, "name", self.name or self.model)

    async def complete(self, request: Request, *, emit: Emit | None = None) -> Completion:
        """Answer the request.

        Raises:
            ModelError: the request cannot be answered: it is too long, or not text.
            SpecError: there are no such weights.
        """
        key = replace(self, sampling=Sampling(), price=None, name=self.model)
        engine = _LOADED[key] if key in _LOADED else await asyncio.to_thread(_load, key)
        return await respond(engine, request, model=self.model, sampling=self.sampling, price=self.price, emit=emit)

    async def close(self) -> None:
        """Let go of the weights; a later call loads them again."""
        engine = _LOADED.pop(replace(self, sampling=Sampling(), price=None, name=self.model), None)
        if engine is not None and hasattr(engine, "close"):
            await engine.close()


_LOADED: dict[Local, Engine] = {}
_LOADING = threading.Lock()


def _load(local: Local) -> Engine:
    with _LOADING:
        if local not in _LOADED:
            try:
                _LOADED[local] = _open(local)
            except (OSError, ImportError) as error:
                raise SpecError(f"{local.model} cannot be loaded: {error}") from None
        return _LOADED[local]


def _open(local: Local) -> Engine:
    from delegate.generation.tokens import Tokens

    options = {**local.options, **({"revision": local.revision} if local.revision else {})}
    own = bool(local.adapter) and (Path(local.adapter) / "tokenizer_config.json").is_file()
    trusted = {key: value for key, value in options.items() if key in ("revision", "trust_remote_code")}
    tokens = Tokens(local.adapter if own else local.model, local.template, **trusted)
    if local.engine == "vllm":
        from delegate.generation.vllm import Vllm

        return Vllm(local.model, tokens, adapter=local.adapter, dtype=local.dtype, batch=local.batch, options=options)
    from delegate.generation.causal import Causal, load

    weights = load(local.model, tokens, adapter=local.adapter, device=local.device, dtype=local.dtype, options=options)
    return Causal(weights, tokens, batch=local.batch)
