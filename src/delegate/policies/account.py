"""What a decomposition notes of the work that was done; pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from delegate.completion import Completion
from delegate.policies.briefs import Work
from delegate.policies.plan import levels

NOTHING = {"plan": "unreadable", "subtasks": 0, "delegated": 0, "failed": 0}
"""Where nothing was handed out."""


def account(
    works: Sequence[Work], workers: Collection[str], *, ordered: bool, chosen: bool, limited: bool
) -> dict[str, Any]:
    """How many subtasks there were, were done, and failed; and more where settings give rise to it.

    Args:
        works: what came of each subtask.
        workers: the names there are.
        ordered: whether subtasks may need others.
        chosen: whether workers were chosen, rather than asked in turn.
        limited: whether there was a budget.
    """
    outcomes, named = [work.outcome for work in works], [work.subtask.worker for work in works]
    done, left_out = sum(isinstance(outcome, Completion) for outcome in outcomes), outcomes.count(None)
    facts: dict[str, Any] = {"subtasks": len(works), "delegated": done, "failed": len(works) - done - left_out}
    if ordered:
        facts["levels"] = levels([work.subtask for work in works])
    if chosen:
        facts["workers"] = [work.worker for work in works]
    if unknown := sorted({name for name in named if name} - {*workers}):
        facts["unknown_workers"] = unknown
    if limited:
        facts["left_out"] = left_out
    return facts
