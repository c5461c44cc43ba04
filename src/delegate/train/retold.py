"""A rollout's trace, told again with what was only known when it was over; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from delegate.completion import Completion, Span, Usage


def told(span: Span, roles: Sequence[str], replies: Iterator[Completion]) -> Span:
    """A rollout's trace with other completions in the trained seat's calls, in their order, summed up again.

    How long such a call took is then unknown.

    Args:
        span: the whole trace.
        roles: of the seat's calls.
        replies: the completions; a call for which there is none stays as it is.
    """
    policy, *judge = span.outcome.trace
    calls = []
    for call in policy.outcome.trace:
        reply = next(replies, None) if call.role in roles else None
        calls.append(call if reply is None else replace(call, outcome=reply, seconds=None))
    return _over(span, [_over(policy, calls), *judge])


def _over(span: Span, calls: Sequence[Span]) -> Span:
    """A call with other calls beneath it."""
    usage = Usage.total(call.outcome.usage for call in calls)
    return replace(span, outcome=replace(span.outcome, trace=tuple(calls), usage=usage))
