"""A ladder: what a cascade would do at every threshold, as arrays; no model is asked.

One number is the threshold of every level. As it falls a problem is answered lower and lower: level l answers between
the highest score below it and its own, so a whole family of policies is a sum over the steps at which answers change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate.bench import metrics
from delegate.bench.contract import Family
from delegate.bench.draws import Ints
from delegate.bench.metrics import Floats, Interval
from delegate.errors import SpecError

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ladder:
    """A cascade's levels on recorded problems; arrays are problems by levels, the cheapest first."""

    problems: tuple[str, ...]
    score: Floats
    """Of every level but the last; nan where it could not be scored, which is never accepted."""
    correct: Mask
    cost: Floats
    """US dollars of being answered by a level, with everything asked on the way; nan where unknown."""
    reference: Mask
    """Whether the reference is right."""
    reference_cost: Floats
    left_out: int = 0
    """Problems of the run that lack a recording and are not among these."""

    @property
    def thresholds(self) -> Floats:
        """The candidates: infinity, which accepts nothing, and then every score that occurs, falling."""
        return np.concatenate([[np.inf], np.unique(self.score[~np.isnan(self.score)])[::-1]])

    @property
    def unscored(self) -> int:
        """Answers of the first level that could not be scored."""
        return int(np.isnan(self.score[:, 0]).sum())

    def check(self) -> None:
        """See that there is something to choose a threshold from.

        Raises:
            SpecError: there is no problem, or no score, or one that is no confidence.
        """
        if not self.problems:
            raise SpecError("no problem has an answer of every model asked for; record the missing ones first")
        if np.isnan(self.score).all():
            raise SpecError("no answer has a score, so there is no threshold to choose; take another signal")
        outside = self.score[(self.score < 0) | (self.score > 1)]
        if outside.size:
            raise SpecError(f"a score is {outside[0]:g}, and a confidence is a number in [0, 1]; take another signal")

    def oddities(self) -> list[str]:
        """A sentence on everything about these problems that one would want to know before trusting a threshold."""
        said, scores, right = [], self.thresholds[1:], int(self.correct[:, 0].sum())
        if self.unscored:
            said.append(f"{self.unscored} of the first model's answers have no score and are never accepted")
        if scores.size == 1:
            said.append(f"every answer has the score {scores[0]:g}, so it is all or nothing")
        if right in (0, len(self.problems)):
            verdict = "right" if right else "wrong"
            said.append(f"every answer of the first model is {verdict}: there is nothing to tell apart")
        return said

    def take(self, problems: NDArray[Any]) -> Ladder:
        """Some problems by position, repeated if asked for; names are kept as they are."""
        arrays = {name: getattr(self, name)[problems] for name in ("score", "correct", "cost", "reference")}
        return Ladder(
            problems=tuple(self.problems[i] for i in problems.tolist()),
            reference_cost=self.reference_cost[problems],
            left_out=self.left_out,
            **arrays,
        )

    def family(self) -> Family:
        """The cascades with each of the `thresholds`, for `contract.certify`."""
        right, reference, total = self.correct, self.reference[:, None], self._totals()
        accepted = np.ones(right.shape, dtype=np.bool_)
        accepted[:, -1] = False
        return Family(
            problems=len(self.problems),
            accepted=total(accepted),
            wrong=total(accepted & ~right),
            worse=total(reference & ~right),
            better=total(right & ~reference),
        )

    def level(self, *thresholds: float) -> Ints:
        """Which level answers each problem; one threshold for all levels, or one for each."""
        trusted = np.ones(self.correct.shape, dtype=np.bool_)
        trusted[:, :-1] = self.score >= np.array(thresholds)  # nan is not
        first: Ints = trusted.argmax(axis=1)
        return first

    def figures(self, *thresholds: float) -> Figures:
        """What the cascade with these thresholds does."""
        level = self.level(*thresholds)
        answered = np.arange(level.size), level
        correct, accepted, up = self.correct[answered], level < self.score.shape[1], int((level > 0).sum())
        low, high = metrics.wilson(up, level.size)
        return Figures(
            accepted=float(accepted.mean()),
            escalated=Interval(value=up / level.size, low=low, high=high),
            error=float((~correct[accepted]).mean()) if accepted.any() else None,
            loss=float(self.reference.mean() - correct.mean()),
            cost=_mean(self.cost[answered]),
            reference_cost=_mean(self.reference_cost),
        )

    def _totals(self) -> Callable[[Mask], Ints]:
        """A function that sums a value of problems by levels over the answering levels, at each of the thresholds."""
        score = np.where(np.isnan(self.score), -np.inf, self.score)
        reached = np.maximum.accumulate(score, axis=1)
        before = np.concatenate([np.full((len(score), 1), -np.inf), reached[:, :-1]], axis=1)
        answers = reached > before
        at = -reached[answers]
        order = np.argsort(at, kind="stable")
        steps = np.searchsorted(at[order], -self.thresholds, side="right")

        def total(value: Mask) -> Ints:
            now = value[:, -1].astype(np.int64)
            change, start = np.zeros(score.shape, dtype=np.int64), [int(now.sum())]
            for level in reversed(range(score.shape[1])):
                here = np.where(answers[:, level], value[:, level], now)
                change[:, level], now = here - now, here
            sums: Ints = np.cumsum(np.concatenate([start, change[answers][order]]))[steps]
            return sums

        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a policy does on the problems of a ladder."""

    accepted: float
    """Share answered below the last level."""
    escalated: Interval
    """Share that went up from the first."""
    error: float | None
    """Share wrong of the answers accepted; `None` when none is."""
    loss: float
    """Accuracy of the reference minus that of the policy."""
    cost: Interval | None
    """US dollars a problem, with the normal interval of a mean; `None` where unknown."""
    reference_cost: Interval | None


def _mean(cost: Floats) -> Interval | None:
    if not cost.size or np.isnan(cost).any():
        return None
    value, half = float(cost.mean()), 1.96 * float(cost.std(ddof=cost.size > 1)) / sqrt(cost.size)
    return Interval(value=value, low=max(0.0, value - half), high=value + half)
