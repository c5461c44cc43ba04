"""The start of a trained seat: it imitates the good rollouts of a teacher, or of itself (rejection sampling).

Good is what has no fault and earns as much as the best part of the rollouts do. What is imitated is every turn of the
seat, asked as it is when the policy is served; the loss is on what it says, and on the end after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from delegate.completion import Completion
from delegate.errors import ModelError, SpecError
from delegate.message import Message, Request
from delegate.train.rollout import Rollout
from delegate.train.weights import Weights, arguments, checkpointing, lora, quietly, told

IGNORED = -100
"""The label of a token that is read only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How it imitates."""

    share: float = 0.5
    """Of the rollouts, the best part; of it, those without a fault are imitated."""
    epochs: float = 3.0
    rate: float = 1e-4
    """The highest learning rate; it falls to 0 in a straight line."""
    lora: int = 16
    """Rank of the adapter; 0: all weights are trained."""
    batch: int = 16
    """Turns a step."""
    seed: int = 0
    report_to: str = "none"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise SpecError(f"`share` must be above 0 and at most 1, found {self.share}")
        if self.epochs <= 0 or self.rate <= 0 or self.batch < 1 or self.lora < 0:
            raise SpecError("`epochs` and `rate` must be above 0, `batch` at least 1, and `lora` not below 0")


def good(found: Iterable[Rollout], share: float) -> list[Rollout]:
    """The rollouts worth imitating.

    Args:
        found: rollouts.
        share: how large the best part of those that are scored is, ties with its last one included.
    """
    scored = [(one.reward, one) for one in found if one.reward is not None]
    falling = sorted((reward for reward, _ in scored), reverse=True)
    least = falling[ceil(share * len(falling)) - 1] if falling else 0.0
    return [one for reward, one in scored if reward >= least and not one.faults]


def rows(found: Iterable[Rollout], weights: Weights, longest: int) -> list[dict[str, list[int]]]:
    """The turns as tokens, and which of them are learnt; what the model cannot read whole is left out."""
    made = []
    for turn in (turn for one in found for turn in one.turns):
        assert isinstance(turn.outcome, Completion)
        try:
            prompt = list(weights.tokens.prompt(turn.request))
        except ModelError:
            continue
        said = _said(turn.request, prompt, turn.outcome.message, weights)
        if said and len(prompt) + len(said) <= longest:
            made.append({"input_ids": prompt + said, "labels": [IGNORED] * len(prompt) + said})
    return made


def _said(request: Request, prompt: list[int], message: Message, weights: Weights) -> list[int]:
    """A turn as tokens, as the template writes it where it calls tools; nothing where that changes what was asked."""
    if not message.tool_calls:
        return [*weights.tokens.tokenizer(message.text, add_special_tokens=False).input_ids, weights.end]
    whole = list(weights.tokens.prompt(request.append(message)))
    said = whole[len(prompt) :]
    return said[: said.index(weights.end) + 1] if whole[: len(prompt)] == prompt and weights.end in said else []


def imitate(
    weights: Weights,
    examples: Sequence[dict[str, list[int]]],
    out: Path,
    settings: Settings,
    progress: Callable[[str, int, int], None] = lambda what, done, many: None,
) -> tuple[Any, dict[str, Any]]:
    """Train; the network, and what training came to.

    Args:
        weights: where it starts; they are changed in place.
        examples: as `rows` makes them.
        out: a folder the trainer may use.
        settings: how.
        progress: told how far it is.

    Raises:
        SpecError: there is nothing to imitate.
    """
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    if not examples:
        raise SpecError("no rollout is good enough to start from; play more of them, or name a better --teacher")
    config = SFTConfig(
        output_dir=str(out),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch,
        learning_rate=settings.rate,
        seed=settings.seed,
        max_length=None,  # what is too long was left out; trl would cut it
        save_strategy="no",
        report_to=settings.report_to,
        logging_steps=10,
        train_sampling_strategy="group_by_length",
        **checkpointing(SFTConfig, on=False),
        **arguments(weights.network),
    )
    with quietly():
        trainer = SFTTrainer(
            model=weights.network,
            args=config,
            train_dataset=Dataset.from_list(list(examples)),
            processing_class=weights.tokens.tokenizer,
            peft_config=lora(settings.lora),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(told(progress, "imitating"))
        result = trainer.train()
    return trainer.model, {"turns": len(examples), "steps": result.global_step, "loss": round(result.training_loss, 4)}
