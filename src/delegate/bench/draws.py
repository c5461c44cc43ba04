"""Recorded answers as arrays: what signals, sweeps, contracts and routes are worked out on, without a call.

A record counts here with what its model said: whether it was right, which of its problem's answers it gave, what it
cost, and every confidence that can be read off it alone. Confidences that need several answers (consistency,
agreement) are counted from `answer`, in which equal answers to one problem have one number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from delegate.answer import Kind, same
from delegate.bench.grade import read
from delegate.bench.metrics import Floats
from delegate.completion import Completion
from delegate.confidence import Confidence
from delegate.errors import DelegateError, SpecError
from delegate.price import Price, reprice
from delegate.registry import suggest
from delegate.scope import Scope
from delegate.store import Key, Record, records, values
from delegate.task import Grade, Sample

Ints = NDArray[np.int64]

NOTHING = -1
"""The number of an answer that commits to nothing, and of a failed call."""
RECORDED = "recorded"
"""The signal that came with an imported recording, in its note `confidence`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draws:
    """What models answered; unless said otherwise arrays are problems by models by draws, nan where unknown."""

    problems: tuple[str, ...]
    models: tuple[str, ...]
    correct: Floats
    """1 right, 0 wrong or failed; nan where there is no record."""
    answer: Ints
    """Equal answers to one problem have one number, counted from 0 as they come, model by model; else `NOTHING`."""
    cost: Floats
    """US dollars."""
    seconds: Floats
    length: Floats
    """Output tokens."""
    signals: Mapping[str, Floats] = field(default_factory=dict)
    """By name of a confidence: its score of each answer; nan where it cannot be read."""

    @property
    def recorded(self) -> NDArray[np.bool_]:
        """Where there is a record."""
        return ~np.isnan(self.correct)

    def place(self, model: str) -> int:
        """The position of a model.

        Raises:
            SpecError: there is no such model.
        """
        if model not in self.models:
            raise SpecError(f"nothing is recorded of {model!r}{suggest(model, self.models)}")
        return self.models.index(model)

    def take(self, problems: NDArray[Any], models: Sequence[str] | None = None, draws: int | None = None) -> Draws:
        """Some of it: problems by position or mask, models by name, and the first draws."""
        columns = slice(None) if models is None else [self.place(model) for model in models]

        def cut(array: NDArray[Any]) -> NDArray[Any]:
            part: NDArray[Any] = array[problems][:, columns, :draws]
            return part

        return replace(
            self,
            problems=tuple(np.array(self.problems, dtype=object)[problems].tolist()),
            models=self.models if models is None else tuple(models),
            signals={name: cut(signal) for name, signal in self.signals.items()},
            **{name: cut(getattr(self, name)) for name in ("correct", "answer", "cost", "seconds", "length")},
        )


def load(
    run: Path,
    *,
    models: Sequence[str] | None = None,
    prices: Mapping[str, Price] | None = None,
    confidences: Mapping[str, Confidence] | None = None,
) -> Draws:
    """The draws of a graded run folder.

    Args:
        run: the folder.
        models: which; `None`: every row of the run that is a single model, not a policy.
        prices: instead of what was recorded, by name of a model.
        confidences: what to score each answer with, by name; they may ask nobody.

    Raises:
        SpecError: the run is not graded, or has nothing of a model.
        DataError: a malformed line.
    """
    found, grades = records(run), read(run)
    if not grades:
        raise SpecError(f"{run} is not graded yet; say `delegate grade {run}` first")
    return draws(found, grades, models=models, prices=prices, confidences=confidences, samples=questions(run) or None)


def questions(run: Path) -> dict[str, Sample]:
    """The problems of a run folder by id; empty where it holds none."""
    path = run / "samples.jsonl"
    return {sample.id: sample for sample in values(path, Sample)} if path.exists() else {}


def draws(
    found: Mapping[Key, Record],
    grades: Mapping[Key, Grade],
    *,
    models: Sequence[str] | None = None,
    prices: Mapping[str, Price] | None = None,
    confidences: Mapping[str, Confidence] | None = None,
    samples: Iterable[str] | None = None,
) -> Draws:
    """As `load`, of records and their grades; `samples` gives the problems and their order.

    Raises:
        SpecError: nothing is recorded of a model.
    """
    kept = {key: record for key, record in found.items() if not record.missing and key in grades}
    if models is None:
        policies = {record.policy for record in kept.values() if record.outcome.trace}
        models = [name for name in dict.fromkeys(policy for _, policy, _ in kept) if name not in policies]
    names = {policy for _, policy, _ in kept}
    for model in models:
        if model not in names:
            raise SpecError(f"nothing is recorded of {model!r}{suggest(model, names)}")
    if not models:
        raise SpecError("no single model is recorded here; name a model of the run, or record some with `collect`")
    wanted = set(models)
    problems = tuple(dict.fromkeys(sample for sample, _, _ in kept) if samples is None else samples)
    many = 1 + max(draw for _, policy, draw in kept if policy in wanted)
    shape = (len(problems), len(models), many)
    columns = {name: np.full(shape, np.nan) for name in ("correct", "cost", "seconds", "length")}
    signals = {name: np.full(shape, np.nan) for name in (*(confidences or {}), RECORDED)}
    answer = np.full(shape, NOTHING, dtype=np.int64)
    scores = asyncio.run(_scores({k: r for k, r in kept.items() if k[1] in wanted}, confidences or {}))
    for i, problem in enumerate(problems):
        groups: list[Grade] = []
        for j, model in enumerate(models):
            for draw in range(many):
                record = kept.get((problem, model, draw))
                if record is None:
                    continue
                at, grade = (i, j, draw), grades[record.key]
                for name, value in _facts(record, grade, (prices or {}).get(model)).items():
                    columns[name][at] = np.nan if value is None else value
                answer[at] = _number(grade, groups)
                for name, score in scores.get(record.key, {}).items():
                    signals[name][at] = score
    told = {name: signal for name, signal in signals.items() if not np.isnan(signal).all()}
    return Draws(problems=problems, models=tuple(models), answer=answer, signals=told, **columns)


def _facts(record: Record, grade: Grade, price: Price | None) -> dict[str, float | None]:
    outcome = record.outcome
    if price is not None:
        named = outcome.model if isinstance(outcome, Completion) else ""
        outcome = reprice(outcome, {named: price, record.policy: price})
    usage = outcome.usage
    return {
        "correct": float(bool(grade.correct)),
        "cost": usage.cost,
        "seconds": record.span.seconds,
        "length": usage.output_tokens,
    }


def _number(grade: Grade, groups: list[Grade]) -> int:
    """The number of an answer among those its problem had so far, to which a new one is added."""
    if grade.answer is None or not grade.answer.strip():
        return NOTHING
    for number, known in enumerate(groups):
        if same(known.answer or "", grade.answer, cast(Kind, grade.kind)):
            return number
    groups.append(grade)
    return len(groups) - 1


async def _scores(found: Mapping[Key, Record], confidences: Mapping[str, Confidence]) -> dict[Key, dict[str, float]]:
    """What each confidence, and the recording itself, says of each answer; what cannot be read is left out."""
    said: dict[Key, dict[str, float]] = {}
    for key, record in found.items():
        if not isinstance(record.outcome, Completion):
            continue
        here = said.setdefault(key, {})
        noted = record.outcome.notes.get("confidence")
        if isinstance(noted, int | float):
            here[RECORDED] = float(noted)
        for name, confidence in confidences.items():
            try:
                here[name] = await confidence.score(record.span.request, record.outcome, Scope())
            except DelegateError:
                continue  # such as logprobs that were never recorded
    return said
