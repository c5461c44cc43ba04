"""Length: the longer an answer, the less it is trusted.

Models write longest where they are lost, and counting is free: the baseline every dearer signal must beat.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from delegate.completion import Completion
from delegate.errors import SpecError
from delegate.message import Request
from delegate.scope import Scope

_CHARACTERS = 4
"""Taken for one token where nobody counted tokens; the order of answers all of which are uncounted is the same."""


@dataclass(frozen=True, kw_only=True)
class Length:
    """`half / (half + n)` for an answer of n output tokens, reasoning among them; 0 for one without text.

    Where the tokens are unknown, four characters of the text are taken for one.
    """

    half: float = 400.0
    """Tokens at which the confidence is 0.5; a threshold t keeps answers of up to `half * (1 - t) / t` tokens."""

    def __post_init__(self) -> None:
        if not 0 < self.half < inf:
            raise SpecError(f"`half` must be a number of tokens above 0, found {self.half}")

    async def score(self, request: Request, completion: Completion, scope: Scope) -> float:
        """Count; nobody is asked."""
        return shortness(completion, self.half)


def shortness(completion: Completion, half: float = Length.half) -> float:
    """The confidence, as described there."""
    if not completion.text.strip():
        return 0.0
    counted = completion.usage.output_tokens
    tokens = len(completion.text) / _CHARACTERS if counted is None else counted
    return half / (half + tokens)
