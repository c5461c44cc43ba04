"""What the single model answers, once for all rollouts of a problem."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from delegate.completion import Completion, Span
from delegate.task import Sample
from delegate.train.environment import Environment


class Alone:
    """Asks the single model of an environment; what failed is asked again. It lives in one event loop."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._known: dict[str, Span] = {}
        self._asking: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def ask(self, sample: Sample) -> Span | None:
        """Its answer, or why there is none; `None` without a single model."""
        async with self._asking[sample.id]:
            if sample.id in self._known:
                return self._known[sample.id]
            span = await self._environment.alone(sample)
            if span is not None and isinstance(span.outcome, Completion):
                self._known[sample.id] = span
            return span
