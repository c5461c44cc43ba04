"""Contracts: the cheapest of a family of candidates for which a limit can be promised, or an honest refusal.

Learn then Test (Angelopoulos et al., arXiv:2110.01052) with fixed-sequence testing: candidates are tested one after the
other, the safest first, each at the full level delta, and the last one before the first failure is certified. With
probability 1 - delta over the problems drawn, none that breaks the promise is certified. The tests are exact
(`delegate.bench.exact`); for the error among accepted answers this is what Trust or Escalate does (Jung et al.,
arXiv:2407.18370). Conformal Risk Control (Angelopoulos et al., arXiv:2208.02814) bounds such losses on average over
samples; here the promise is about the one at hand.

Deviations. Every score that occurs is a candidate, not a grid of a few dozen: the tests between two scores repeat each
other, so this is a sequence over all thresholds there are, fixed beforehand, and ties are exact. "Error" begins where
enough answers are accepted, since a few can prove nothing: where a sample without an error would pass, and not below
`SHARE`. That place is read off the scores, never off who is right. Where errors exceed the limit only below some
threshold the level is kept exactly; where the highest scores are the untrustworthy ones, having read the place could in
theory cost a little, and the worst we could construct stays below delta (`benchmarks/contract.py --worst`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from math import ceil, floor, log, log1p
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from delegate.bench.draws import Ints
from delegate.bench.exact import bets_won, errors_allowed, loss_allowed, loss_holds, upper
from delegate.bench.metrics import Floats
from delegate.errors import SpecError

Promise = Literal["error", "loss"]
"""error: of the answers accepted, at most `limit` are wrong; loss: at most `limit` fewer answers are right than the
reference's."""

SHARE = 0.05
"""A promise of error is tested from this share of the problems accepted on; with less there is little to save."""

MOST = 10**7
"""Problems beyond which nobody is told how many are needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is promised, and how surely."""

    promise: Promise
    limit: float
    """A share of the answers accepted, or of all problems: 0.02 is two points."""
    delta: float
    """The promise may fail for this share of the samples one might have drawn."""

    def __post_init__(self) -> None:
        if not 0 < self.limit < 1:
            raise SpecError(f"the limit must be a share between 0 and 1, found {self.limit:g}; two points are 0.02")
        if not 0 < self.delta < 0.5:
            raise SpecError(f"delta must be between 0 and 0.5, found {self.delta:g}; 0.05 promises with 95 %")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Family:
    """Candidates in the order they are tested, the safest first; arrays run along them and count problems."""

    problems: int
    accepted: Ints
    """Answered without the last, surest resort."""
    wrong: Ints
    """Of `accepted`."""
    worse: Ints
    """The reference is right and the candidate is not."""
    better: Ints
    """The other way round."""

    @classmethod
    def of(cls, accepted: NDArray[Any], wrong: NDArray[Any], loss: NDArray[Any]) -> Family:
        """Count arrays of problems by candidates: truth values, truth values, and -1, 0 or 1."""
        return cls(
            problems=len(loss),
            accepted=accepted.sum(axis=0),
            wrong=(accepted & wrong).sum(axis=0),
            worse=(loss > 0).sum(axis=0),
            better=(loss < 0).sum(axis=0),
        )

    def scaled(self, place: int, problems: int) -> Family:
        """One candidate on another number of problems, at the same rates; rounded to its disadvantage."""
        times = problems / self.problems
        return Family(
            problems=problems,
            accepted=np.array([floor(times * self.accepted[place])]),
            wrong=np.array([ceil(times * self.wrong[place])]),
            worse=np.array([ceil(times * self.worse[place])]),
            better=np.array([floor(times * self.better[place])]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A candidate of which the promise holds."""

    place: int
    """In its family."""
    observed: float
    """Its error or loss in the sample."""
    bound: float
    """What could have been promised of it; at most the limit, and not below 0."""


def certify(family: Family, terms: Terms) -> Held | None:
    """Test the candidates in order; the last one that holds before one fails is certified. `None`: refused."""
    start = end = _start(family, terms)
    while end < len(family.accepted) and holds(family, end, terms):
        end += 1
    if end == start or not family.accepted[end - 1]:  # to accept nothing is no policy
        return None
    observed = float(_observed(family, terms)[end - 1])
    return Held(place=end - 1, observed=observed, bound=_bound(family, end - 1, terms, observed))


def holds(family: Family, place: int, terms: Terms) -> bool:
    """Whether the test of one candidate rejects that it breaks the promise."""
    if terms.promise == "error":
        return int(family.wrong[place]) <= errors_allowed(int(family.accepted[place]), terms.limit, terms.delta)
    counts = int(family.worse[place]), int(family.better[place]), family.problems
    return loss_holds(*counts, terms.limit, terms.delta)


def certify_bounded(loss: NDArray[Any], terms: Terms, seed: int = 0) -> int | None:
    """As `certify`, for losses anywhere in [-1, 1] (problems by candidates); the place certified, or `None`."""
    tested = (bets_won(loss[:, k], terms.limit, terms.delta, seed) for k in range(loss.shape[1]))
    held = sum(1 for _ in takewhile(bool, tested))
    return held - 1 if held else None


def least(terms: Terms) -> int:
    """Answers accepted, without a single error, or problems on which the two never differ, that meet these terms.

    Fewer can meet a promise of loss only where more is won than lost.
    """
    size = ceil(log(terms.delta) / log1p(-terms.limit))
    while terms.promise == "loss" and loss_allowed(0, size, terms.limit, terms.delta) < 0:
        size += 1 + size // 100
    return size


def needed(family: Family, terms: Terms) -> int | None:
    """About how many problems the most promising candidate would need at its rates; `None`: no number would do."""
    many, shares, rates = family.problems, family.accepted / family.problems, _observed(family, terms)
    places = np.flatnonzero((shares >= SHARE) & (rates < terms.limit))
    if not places.size:
        return None
    rate, of = rates[places], np.ones(places.size)
    spread = (family.worse + family.better)[places] / many
    if terms.promise == "error":
        spread, of = rate * (1 - rate), shares[places]
    effort = np.maximum(spread, 1 / many) / (terms.limit - rate) ** 2 / of  # what the number grows with
    best = int(places[effort.argmin()])
    while many < MOST:
        many += 1 + many // 20
        if holds(family.scaled(best, many), 0, terms):
            return many
    return None


def _start(family: Family, terms: Terms) -> int:
    """The first candidate that is tested."""
    if terms.promise == "loss":
        return 0
    enough = family.accepted > max(least(terms), SHARE * family.problems)
    return int(enough.argmax()) if enough.any() else len(enough)


def _observed(family: Family, terms: Terms) -> Floats:
    if terms.promise == "loss":
        return (family.worse - family.better) / family.problems
    return family.wrong / np.maximum(family.accepted, 1)


def _bound(family: Family, place: int, terms: Terms, low: float) -> float:
    """The smallest limit above 0 for which the test of a certified candidate would still reject."""
    if terms.promise == "error":
        return upper(int(family.wrong[place]), int(family.accepted[place]), terms.delta)
    low, high = max(low, 0.0), terms.limit
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(family, place, replace(terms, limit=middle)) else (middle, high)
    return high
