"""What a tuned model's tag is worth on answers it was not trained on, and whether it would still give these answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from delegate.bench.evaluation import Evaluation
from delegate.bench.signals import Side, evaluate
from delegate.train.tagged import Tagged

TOKEN = "token"
"""The signal's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a model makes of one recorded answer, read token by token."""

    choices: tuple[int, ...]
    """At each token of the answer, the one it would have said."""
    confidence: float
    """After the answer, p(confident) / (p(confident) + p(unsure))."""
    tagged: bool
    """Whether a tag is what it would say next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What the held-out examples say of a tuned model."""

    evaluation: Evaluation
    """Of the tag and of what the recording itself tells, on one answer a question."""
    kept: float
    """Share of the answers in which no token would be chosen otherwise than before."""
    tagged: float
    """Share of the answers after which a tag is the likeliest token."""


def read(network: Any, found: Sequence[Tagged], ids: tuple[int, int], heard: Callable[[], None]) -> list[Reading]:
    """Show a network the answers, one at a time, so that none is padded.

    Args:
        network: in transformers' form, ready to be asked.
        found: the answers.
        ids: of the confident tag, and of the unsure one.
        heard: called after each.
    """
    import torch

    readings = []
    with torch.inference_mode():
        for one in found:
            seen = torch.tensor([[*one.prompt, *one.answer]], device=network.device)
            said = network(input_ids=seen, logits_to_keep=len(one.answer) + 1, use_cache=False).logits[0].float()
            choices = said.argmax(-1).tolist()
            confident, unsure = said[-1, ids[0]], said[-1, ids[1]]
            readings.append(
                Reading(
                    choices=tuple(choices[:-1]),
                    confidence=torch.sigmoid(confident - unsure).item(),
                    tagged=choices[-1] in ids,
                )
            )
            heard()
    return readings


def judge(
    found: Sequence[Tagged], before: Sequence[Reading], after: Sequence[Reading], *, model: str, seed: int = 0
) -> HeldOut:
    """Hold the tag against the baselines, and the answers against those of before.

    Args:
        found: the answers.
        before: what the model made of them before it was tuned.
        after: what it makes of them now.
        model: its name.
        seed: of the bootstrap.
    """
    pairs = list(zip(before, after, strict=True))
    first: dict[object, int] = {}
    for place, one in enumerate(found):
        first.setdefault(one.example.messages, place)  # several draws of a question are not independent
    places = list(first.values())
    examples = [found[place].example for place in places]
    names = dict.fromkeys(name for example in examples for name in example.signals)
    scores = {name: np.array([example.signals.get(name, np.nan) for example in examples]) for name in names}
    side = Side(
        name=model,
        correct=np.array([float(example.correct) for example in examples]),
        cost=np.full(len(places), np.nan),
        tokens=np.array([float(len(found[place].answer)) for place in places]),
    )
    confidence = np.array([after[place].confidence for place in places])
    return HeldOut(
        evaluation=evaluate({TOKEN: confidence, **scores}, side, seed=seed),
        kept=float(np.mean([old.choices == new.choices for old, new in pairs])),
        tagged=float(np.mean([reading.tagged for reading in after])),
    )
