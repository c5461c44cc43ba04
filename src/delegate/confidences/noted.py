"""Noted: what the completion says of itself, such as the share a vote or a mux won by. No paper; it reads a note."""

from __future__ import annotations

from dataclasses import dataclass

from delegate.completion import Completion
from delegate.message import Request
from delegate.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Noted:
    """The number in the completion's note `note`; 0 where there is none."""

    note: str = "confidence"

    async def score(self, request: Request, completion: Completion, scope: Scope) -> float:
        """Read the completion; nobody is asked."""
        value = completion.notes.get(self.note)
        return float(value) if isinstance(value, int | float) else 0.0
