"""Which of many policies to use, chosen on few problems.

How to choose was settled by measurement (`benchmarks/sweep.py rules`). The cheapest policy whose accuracy suffices is
mostly the luckiest one, and on problems it has not seen it mostly falls short. What held best was not to trust an
estimate but the lower end of an interval around it, half a standard error down for each level of the policy: with each
level there are a hundred times as many to be lucky among. Under a budget the policy with the highest bound is chosen of
all that keep to it, one standard error of their cost on the safe side; without one, the cheapest whose bound suffices.
The model that sets the bar always suffices itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from delegate.bench.metrics import Floats
from delegate.bench.replayed import Bools, Played
from delegate.errors import SpecError
from delegate.model import Model

Counts = NDArray[np.floating]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What the chosen policy is to be."""

    reference: str | None = None
    """The large model; `None`: the dearest."""
    at_least: str | None = None
    """As good as this model; `None`: as the reference."""
    within: float = 0.0
    """Or right on a smaller share of the problems, by no more than this; 0.01 is one point."""
    share: float | None = None
    """And not dearer than this share of what the reference costs."""
    dollars: float | None = None
    """And not dearer than this many US dollars per 1,000 problems."""
    errors: float = 0.5
    """Standard errors below its estimate, for each level of a policy, at which its accuracy is believed."""

    def __post_init__(self) -> None:
        if not 0 <= self.within < 1:
            raise SpecError(f"--within is a number of points from 0 to 100, found {100 * self.within:g}")
        caps = [cap for cap in (self.share, self.dollars) if cap is not None]
        if len(caps) > 1 or not all(cap > 0 for cap in caps):
            raise SpecError("a budget is a share of what the reference costs, or dollars; one number above 0")

    def doubt(self, levels: int) -> float:
        """Standard errors below its estimate at which the accuracy of a policy of so many levels is believed."""
        return self.errors * levels


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A model or policy, and what it does on every problem."""

    policy: Model
    family: str
    levels: int
    played: Played


def bound(better: Counts, worse: Counts, problems: int, errors: float | Floats) -> Counts:
    """The lower end of the interval of a difference in accuracy (Bonett and Price 2012).

    Args:
        better: problems a policy gets right and the model that sets the bar does not.
        worse: problems the other way round.
        problems: all of them.
        errors: standard errors below the estimate.
    """
    up, down = (better + 1) / (problems + 2), (worse + 1) / (problems + 2)
    low: Counts = up - down - errors * np.sqrt((up + down - (up - down) ** 2) / (problems + 2))
    return low


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """An aim, and the problems it is judged on."""

    aim: Aim
    bar: str
    reference: str
    right: Floats
    """Whether the model that sets the bar is right, by problem."""
    cost: Floats
    """US dollars of the reference, by problem."""
    seen: Bools
    """The problems that may be looked at."""

    def best(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """The one to use; `None`: none suffices."""
        if self.aim.share is None and self.aim.dollars is None:
            enough = [one for one in candidates if self.low(one) >= -self.aim.within]
            return min(enough, key=self.dearness, default=None)
        within = [one for one in candidates if self.over(one) <= 0]
        return min(within, key=lambda one: (-self.low(one), *self.dearness(one)), default=None)

    @property
    def why(self) -> str:
        """The rule, in words."""
        if self.aim.share is not None:
            return f"the surest beside {self.bar} of all that cost at most {self.aim.share:.0%} of {self.reference}"
        if self.aim.dollars is not None:
            return f"the surest beside {self.bar} of all that cost at most ${self.aim.dollars:g} per 1,000 problems"
        as_good = f"no more than {100 * self.aim.within:g} points below" if self.aim.within else "as good as"
        return f"the cheapest that is credibly {as_good} {self.bar}"

    def low(self, one: Candidate) -> float:
        """What a candidate's accuracy exceeds the bar's by, at the lower end."""
        if one.policy.name == self.bar:
            return 0.0
        right, bar = one.played.correct[self.seen] > 0, self.right[self.seen] > 0
        return float(bound((right & ~bar).sum(), (bar & ~right).sum(), right.size, self.aim.doubt(one.levels)))

    def over(self, one: Candidate) -> float:
        """US dollars a problem a candidate exceeds the budget by, at the upper end; below 0 within it."""
        cost, share, dollars = one.played.spent.cost[self.seen], self.aim.share, self.aim.dollars or 0.0
        over = cost - (dollars / 1000 if share is None else share * self.cost[self.seen])
        return float(over.mean() + over.std() / sqrt(over.size))

    def dearness(self, one: Candidate) -> tuple[float, int]:
        """US dollars a problem; of equals, how many levels."""
        return float(one.played.spent.cost[self.seen].mean()), one.levels
