"""What a route is learned from: questions of a graded run, answers where they are read, and which models were right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from delegate.bench.draws import load
from delegate.bench.metrics import Floats
from delegate.errors import SpecError
from delegate.prediction import Reading, read
from delegate.store import Record, records

Rows = NDArray[np.intp]
"""Places of cases."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cases:
    """Questions, and who was right; a problem with several draws is several cases, the first of which has them all."""

    models: tuple[str, ...]
    """The weakest first."""
    problems: tuple[str, ...]
    """Of each case."""
    questions: tuple[str, ...]
    """As the models were asked them."""
    correct: Floats
    """Cases by models: 1 right, 0 wrong; nan where a model has fewer draws than another."""
    cost: Floats
    """Cases by models, in US dollars; nan where unknown."""
    answers: tuple[str, ...] | None = None
    """The first model's; `None`: the question alone is read."""

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """What is read off each case."""
        return tuple(map(read, self.questions, self.answers or [None] * len(self.questions)))

    @cached_property
    def first(self) -> Rows:
        """The first case of each problem."""
        return np.unique(np.array(self.problems), return_index=True)[1]

    @cached_property
    def wordings(self) -> NDArray[np.int64]:
        """A number for each case, the same for equal questions, however they are spaced and capitalised."""
        numbers: dict[str, int] = {}
        return np.array([numbers.setdefault(" ".join(q.lower().split()), len(numbers)) for q in self.questions])

    def folds(self, folds: int, seed: int = 0) -> Iterator[tuple[Rows, Rows]]:
        """Cases to learn from and cases held out, fold by fold; equal questions are all in one fold."""
        fold = np.random.default_rng(seed).permutation(self.wordings.max() + 1)[self.wordings] % folds
        for number in range(folds):
            yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def gather(run: Path, models: Sequence[str] | None = None, *, answers: bool = False) -> Cases:
    """The cases of a graded run folder; problems that not every model was asked are left out.

    Args:
        run: the folder.
        models: the weakest first; `None`: every single model of the run, as they come.
        answers: read the first model's answers, too.

    Raises:
        SpecError: the run is not graded, a model is named twice or alone, or no two were asked the same problem.
        DataError: a malformed line.
    """
    if models is not None:
        _check(models)
    draws = load(run, models=models)
    if len(draws.models) < 2:
        raise SpecError(f"a route chooses between models, and {run} has one alone; record another")
    draws = draws.take(np.flatnonzero(draws.recorded.any(axis=2).sum(axis=1) == len(draws.models)))
    if not draws.problems:
        raise SpecError(f"{run} has no problem that every one of {', '.join(draws.models)} was asked")
    found = records(run)
    kept: list[Record] = []
    correct: list[list[float]] = []
    cost: list[list[float]] = []
    for i, problem in enumerate(draws.problems):
        places = [np.flatnonzero(recorded).tolist() for recorded in draws.recorded[i]]
        for number in range(len(places[0]) if answers else max(map(len, places))):
            drawn = [some[number] if number < len(some) else None for some in places]
            kept.append(found[problem, draws.models[0], places[0][number if answers else 0]])
            for rows, values in ((correct, draws.correct[i]), (cost, draws.cost[i])):
                rows.append([np.nan if draw is None else values[j, draw] for j, draw in enumerate(drawn)])
    return Cases(
        models=draws.models,
        problems=tuple(record.sample for record in kept),
        questions=tuple(record.span.request.question for record in kept),
        correct=np.array(correct),
        cost=np.array(cost),
        answers=tuple(record.text or "" for record in kept) if answers else None,
    )


def _check(models: Sequence[str]) -> None:
    """See that these are models to choose between."""
    if len(models) < 2:
        raise SpecError("a route chooses between models: name two of them or more")
    for place, model in enumerate(models):
        if model in models[:place]:
            raise SpecError(f"a route chooses between models: {model!r} is named twice")
