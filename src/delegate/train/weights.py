"""Weights on their way through training: read, given an adapter, and written as `kind = "local"` serves them."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delegate.errors import SpecError


@dataclass(frozen=True, slots=True)
class Weights:
    """A network and its tokenizer."""

    network: Any
    tokens: Any

    @property
    def end(self) -> int:
        """The token that ends an answer."""
        return int(self.tokens.tokenizer.eos_token_id)


def read(model: str) -> Weights:
    """Load a model as it is served.

    Args:
        model: a folder, or a name on the hub.

    Raises:
        SpecError: there are no such weights, or they cannot hold a conversation.
    """
    from delegate.generation.causal import load
    from delegate.generation.tokens import Tokens

    try:
        tokens = Tokens(model)
        network = load(model, tokens, adapter="", device="", dtype="", options={})
    except OSError as error:
        raise SpecError(f"{model} cannot be loaded: {error}") from None
    if tokens.tokenizer.eos_token_id is None:
        raise SpecError(f"{model}: its tokenizer names no token that ends an answer (`eos_token`)")
    if tokens.tokenizer.pad_token_id is None:
        tokens.tokenizer.pad_token = tokens.tokenizer.eos_token
    return Weights(network, tokens)


def lora(rank: int) -> Any:
    """An adapter for every matrix but the output; `None` for rank 0: all weights are trained."""
    if not rank:
        return None
    from peft import LoraConfig

    return LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", bias="none", task_type="CAUSAL_LM")


def write(network: Any, tokens: Any, folder: Path) -> None:
    """Write a network whole, an adapter merged into it, with its tokenizer; it is all there or not at all."""
    if hasattr(network, "merge_and_unload"):
        network = network.merge_and_unload()
    draft = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    network.save_pretrained(draft)
    tokens.tokenizer.save_pretrained(draft)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def arguments(network: Any) -> dict[str, Any]:
    """What every trainer is told about the machine."""
    cpu = network.device.type == "cpu"
    return {"use_cpu": cpu, "bf16": False if cpu else None, "disable_tqdm": True}


def checkpointing(config: type, *, on: bool) -> dict[str, bool]:
    """Whether activations are computed twice to save memory, as this transformers calls it: another way until 5.22."""
    name = "activation_checkpointing"
    return {name if hasattr(config, name) else "gradient_checkpointing": on}


@contextmanager
def quietly() -> Iterator[None]:
    """Without what trl and peft are told whenever they ask transformers something by its old name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`(is_)?gradient_checkpointing` is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", "You are using '(rollout_func|environment_factory)'", UserWarning)
        yield


def last_checkpoint(folder: Path) -> str | None:
    """The newest checkpoint that a trainer left in a folder; `None` when there is none."""
    from transformers.trainer_utils import get_last_checkpoint

    return get_last_checkpoint(str(folder)) if folder.is_dir() else None


def told(progress: Callable[[str, int, int], None], what: str, enough: Callable[[], bool] = lambda: False) -> Any:
    """A callback of transformers that passes its steps on, and saves and stops once there is enough."""
    from transformers import TrainerCallback

    class Told(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            progress(what, state.global_step, state.max_steps)
            if enough():
                control.should_save = control.should_training_stop = True

    return Told()
