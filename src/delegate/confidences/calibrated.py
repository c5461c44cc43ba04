"""Calibrated: another confidence through a fitted map, so that 0.8 is right eight times in ten.

Two maps. `points`: isotonic regression (Zadrozny and Elkan 2002), read between its points along a line. `slope` and
`intercept`: Platt scaling (Platt 1999), `1 / (1 + exp(-(slope * score + intercept)))`. The map is written out in the
spec, so a policy needs nothing but the standard library to be served; `delegate signals --fit` fits one.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, isnan, tanh

from delegate.completion import Completion
from delegate.confidence import Confidence
from delegate.errors import ModelError, SpecError
from delegate.message import Request
from delegate.scope import Scope

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """`confidence` through the map of either `points` or `slope` and `intercept`."""

    confidence: Confidence
    points: Points = ()
    """Pairs of a score and the confidence it stands for; scores rise, confidences in [0, 1] do not fall. Beyond the
    first and the last point the map is flat."""
    slope: float | None = None
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if bool(self.points) == (self.slope is not None):
            raise SpecError("a map is either `points` or `slope` and `intercept`; give one of them")
        if any(len(point) != 2 for point in self.points):
            raise SpecError("`points` must be pairs of a score and the confidence it stands for")
        if not all(a < b and c <= d for (a, c), (b, d) in pairwise(self.points)):
            raise SpecError("`points` must rise: every score above the one before, no confidence below the one before")
        if not all(isfinite(x) and 0 <= y <= 1 for x, y in self.points):
            raise SpecError("`points` must hold numbers, and confidences in [0, 1]")
        if not isfinite(self.slope or 0.0) or not isfinite(self.intercept):
            raise SpecError(f"`slope` and `intercept` must be numbers, found {self.slope} and {self.intercept}")

    async def score(self, request: Request, completion: Completion, scope: Scope) -> float:
        """Score, and map.

        Raises:
            ModelError: the score is nan.
        """
        score = await self.confidence.score(request, completion, scope)
        if isnan(score):
            raise ModelError.of("bad_answer", f"the confidence in the answer of {completion.model!r} is nan")
        return calibrate(score, self.points, self.slope, self.intercept)


def calibrate(score: float, points: Points = (), slope: float | None = None, intercept: float = 0.0) -> float:
    """The calibrated score; what the arguments mean is said in `Calibrated`."""
    if slope is not None:
        return 0.5 + 0.5 * tanh((slope * score + intercept) / 2)  # the logistic function, without overflow
    place = bisect_right(points, score, key=lambda point: point[0])
    if place in (0, len(points)):
        return points[min(place, len(points) - 1)][1]
    (x, low), (beyond, high) = points[place - 1 : place + 1]
    return low + (high - low) * (score - x) / (beyond - x)
