"""What a route is learned from: questions of a graded run, answers where they are read, and which models were right."""

from __future__ import annotations

from collections import Counter
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
from delegate.store import records

Rows = NDArray[np.intp]
"""Places of cases."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cases:
    """Questions, and who was right; a problem with several draws is several cases."""

    models: tuple[str, ...]
    """The weakest first."""
    problems: tuple[str, ...]
    """Of each case."""
    questions: tuple[str, ...]
    """As the models were asked them."""
    correct: Floats
    """Cases by models: 1 right, 0 wrong."""
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
    def weights(self) -> Floats:
        """What each case counts: all cases of a problem together count 1."""
        many = Counter(self.problems)
        return np.array([1 / many[problem] for problem in self.problems])

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

    A model with fewer draws than another stands in the further cases with its draws over again.

    Args:
        run: the folder.
        models: the weakest first; `None`: every single model of the run, as they come.
        answers: read the first model's answers, too.

    Raises:
        SpecError: the run is not graded, or there are not two models that were asked the same problem.
        DataError: a malformed line.
    """
    draws = load(run, models=models)
    if len(draws.models) < 2:
        raise SpecError(f"a route chooses between models, and {run} has one alone; record another")
    draws = draws.take(np.flatnonzero(draws.recorded.any(axis=2).sum(axis=1) == len(draws.models)))
    if not draws.problems:
        raise SpecError(f"{run} has no problem that every one of {', '.join(draws.models)} was asked")
    found = {(sample, policy, draw): record for (sample, policy, draw), record in records(run).items()}
    kept, correct, cost = [], [], []
    for i, recorded in enumerate(draws.recorded):
        places = [np.flatnonzero(model) for model in recorded]
        for number in range(max(map(len, places)) if not answers else len(places[0])):
            drawn = [place[number % len(place)] for place in places]
            kept.append(found[draws.problems[i], draws.models[0], int(drawn[0])])
            correct.append(draws.correct[i, np.arange(len(drawn)), drawn])
            cost.append(draws.cost[i, np.arange(len(drawn)), drawn])
    return Cases(
        models=draws.models,
        problems=tuple(record.sample for record in kept),
        questions=tuple(record.span.request.question for record in kept),
        correct=np.array(correct),
        cost=np.array(cost),
        answers=tuple(record.text or "" for record in kept) if answers else None,
    )
