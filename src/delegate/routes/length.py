"""Length: the longer the question, the stronger the model that is asked.

The baseline that learned routes must beat; on GSM8K it does better than those published with RouteLLM (Ong et al. 2024,
arXiv:2406.18665).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from delegate.errors import SpecError
from delegate.message import Request
from delegate.model import Model
from delegate.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Length:
    """The i-th model from `thresholds[i - 1]` characters of the last user message on; the first one below all."""

    thresholds: tuple[float, ...]
    """One fewer than the router's models, rising."""

    def __post_init__(self) -> None:
        if not all(low <= high for low, high in pairwise(self.thresholds)):
            raise SpecError(f"`thresholds` must rise, found {', '.join(f'{t:g}' for t in self.thresholds)}")

    async def choose(self, request: Request, models: Sequence[Model], scope: Scope) -> int:
        """Count; nobody is asked.

        Raises:
            SpecError: there are not as many thresholds as there are steps between models.
        """
        if len(self.thresholds) != len(models) - 1:
            raise SpecError(f"{len(models)} models need {len(models) - 1} `thresholds`, found {len(self.thresholds)}")
        return bisect_right(self.thresholds, len(request.question))
