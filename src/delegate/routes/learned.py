"""Learned: the model whose chance of being right is worth its price, told from the question alone.

RouteLLM's decision (Ong et al. 2024, arXiv:2406.18665) for any number of models, with prices in it as in FrugalGPT
(Chen, Zaharia and Zou 2023, arXiv:2305.05176): each model has its own calibrated probability of being right. Deviation:
what a model costs is the mean over recorded answers, not a forecast for the question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, isfinite
from pathlib import Path

from delegate.errors import SpecError
from delegate.message import Request
from delegate.model import Model
from delegate.prediction import load
from delegate.registry import suggest
from delegate.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Learned:
    """The model with the most value: its chance of being right, less what it costs in right answers.

    With `share`, the last model is chosen for that share of requests, where it is most worth it; the others compete for
    the rest. `delegate train route` fits one. The last user message is what is read.
    """

    path: Path
    """The file `delegate train route` wrote."""
    worth: float | None = None
    """What a right answer is worth, in US dollars; `None`: cost does not count."""
    share: float | None = None
    """Of requests to go to the last model, in [0, 1], as far as they are like those it was fitted to."""
    costs: Mapping[str, float] = field(default_factory=dict)
    """What an answer costs, in US dollars, by name of a model; otherwise what it cost when it was recorded."""

    def __post_init__(self) -> None:
        if self.worth is None and self.share is None:
            raise SpecError(
                "say what a right answer is `worth` in dollars, or which `share` of requests goes to the last model"
            )
        if self.worth is not None and not (self.worth > 0 and isfinite(self.worth)):
            raise SpecError(f"`worth` must be a number of dollars above 0, found {self.worth}")
        if self.share is not None and not 0 <= self.share <= 1:
            raise SpecError(f"`share` must be between 0 and 1, found {self.share}")
        if not all(cost >= 0 and isfinite(cost) for cost in self.costs.values()):
            raise SpecError("`costs` must be dollars, 0 or more")

    def check(self) -> None:
        """See that the file is there, and has what it takes.

        Raises:
            DataError: there is no such file, or it is no learned route.
            SpecError: it was fitted to answers, too.
        """
        if load(self.path).answered:
            raise SpecError(f"{self.path} reads an answer, too; it is a confidence, not a route")

    async def choose(self, request: Request, models: Sequence[Model], scope: Scope) -> int:
        """Read the question; nobody is asked.

        Raises:
            SpecError: the file knows nothing of a model, or not what it costs.
            DataError: there is no such file, or it is no learned route.
        """
        self.check()
        predictor = load(self.path)
        names = [model.name for model in models]
        for name in (*names, *self.costs):
            if name not in predictor.models:
                raise SpecError(f"{self.path} was not fitted to {name!r}{suggest(name, predictor.models)}")
        places = tuple(predictor.models.index(name) for name in names)
        chances = predictor.chances(request.question)
        prices = self._prices(names, [predictor.heads[place].cost for place in places])
        bar = None if self.share is None else threshold(predictor.seen, places, prices, self.share)
        return pick([chances[place] for place in places], prices, bar)

    def _prices(self, names: Sequence[str], recorded: Sequence[float | None]) -> tuple[float, ...]:
        """What each model costs in right answers.

        Raises:
            SpecError: that counts, and is unknown.
        """
        if self.worth is None:
            return (0.0,) * len(names)
        prices = []
        for name, before in zip(names, recorded, strict=True):
            cost = self.costs.get(name, before)
            if cost is None:
                raise SpecError(f"what {name!r} costs is unknown to {self.path}; write it into `costs`")
            prices.append(cost / self.worth)
        return tuple(prices)


def pick(chances: Sequence[float], prices: Sequence[float], bar: float | None = None) -> int:
    """The place of the model of most value, the first of equals.

    Args:
        chances: of each model to be right.
        prices: what each costs, in right answers.
        bar: the last model is chosen exactly where its lead is at least this; `None`: where it has one.
    """
    values = [chance - price for chance, price in zip(chances, prices, strict=True)]
    if bar is None:
        return values.index(max(values))
    return len(values) - 1 if _lead(values) >= bar else values.index(max(values[:-1]))


@lru_cache(maxsize=64)
def threshold(
    seen: tuple[tuple[float, ...], ...], places: tuple[int, ...], prices: tuple[float, ...], share: float
) -> float:
    """The lead of the last model that a share of requests reaches.

    Args:
        seen: chances, a row a request.
        places: the columns of the models to choose from.
        prices: of these, as of `pick`.
        share: in [0, 1].
    """
    values = ([row[place] - price for place, price in zip(places, prices, strict=True)] for row in seen)
    leads = sorted(map(_lead, values), reverse=True)
    many = round(share * len(leads))
    return leads[many - 1] if many else inf


def _lead(values: Sequence[float]) -> float:
    """By how much the last is of more value than any other."""
    return values[-1] - max(values[:-1], default=-inf)
