"""Combined: several confidences as one, weighed by logistic regression.

A learned deferral rule as in Gupta et al. 2024 (arXiv:2404.10136), whose features are quantiles of token probabilities;
deviation: here they are whole confidences, and the rule is linear. Weights and intercept are written out in the spec;
`delegate signals --fit` fits them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isfinite, isnan, tanh

from delegate.completion import Completion
from delegate.confidence import Confidence
from delegate.errors import ModelError, SpecError
from delegate.message import Request
from delegate.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Combined:
    """`1 / (1 + exp(-(intercept + sum of weight * score)))` over `confidences`, which are asked one after the other."""

    confidences: tuple[Confidence, ...]
    weights: tuple[float, ...]
    """One for each confidence."""
    intercept: float = 0.0

    def __post_init__(self) -> None:
        if not self.confidences or len(self.weights) != len(self.confidences):
            raise SpecError(
                f"`weights` must hold one number for each of `confidences`, at least one; found {len(self.weights)} "
                f"for {len(self.confidences)}"
            )
        if not all(map(isfinite, (*self.weights, self.intercept))):
            raise SpecError("`weights` and `intercept` must be numbers, found nan or infinity")

    async def score(self, request: Request, completion: Completion, scope: Scope) -> float:
        """Score by each, and weigh.

        Raises:
            ModelError: a score is nan.
        """
        scores = [await confidence.score(request, completion, scope) for confidence in self.confidences]
        if any(map(isnan, scores)):
            raise ModelError.of("bad_answer", f"a confidence in the answer of {completion.model!r} is nan")
        return combine(scores, self.weights, self.intercept)


def combine(scores: Sequence[float], weights: Sequence[float], intercept: float = 0.0) -> float:
    """The weighed confidence; a score has one weight."""
    total = intercept + fsum(weight * score for weight, score in zip(weights, scores, strict=True))
    return 0.5 + 0.5 * tanh(total / 2)  # the logistic function, without overflow
