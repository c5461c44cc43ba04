"""One answer by one call of a tool: the delegator hands its subtasks out, is told what came of them, and answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from delegate.completion import Completion
from delegate.message import Request
from delegate.model import Model
from delegate.policies.account import NOTHING
from delegate.policies.briefs import Work
from delegate.policies.called import closing, handed, opening
from delegate.policies.plan import Subtask
from delegate.policies.toolbox import for_client
from delegate.scope import Scope


async def call_out(
    request: Request,
    scope: Scope,
    *,
    delegator: Model,
    count: str,
    least: int,
    work: Callable[[Sequence[Subtask]], Awaitable[Sequence[Work]]],
) -> Completion:
    """The delegator's answer. It takes two turns at most: a second call is not followed, and without a first it is one.

    Args:
        request: what is asked.
        scope: through which the delegator is asked.
        delegator: who hands out, and answers.
        count: how many subtasks there may be, in words.
        least: how many there must be for any to be worked on.
        work: has subtasks worked on.
    """
    client = {tool.name for tool in request.tools}
    asked = opening(request, count)
    name = asked.tools[-1].name
    first = await scope.call(delegator, asked, role="delegator")
    called = {call.name for call in first.message.tool_calls}
    subtasks = handed(first.message, name)
    works: Sequence[Work] = ()
    if len(subtasks) < least:
        scope.note(**NOTHING)
    elif not called & client:
        works = await work([Subtask(task=task) for task in subtasks])
    if not called or called & client:  # it has answered, or wants something of the client
        return for_client(first, client)
    told = closing(asked, first.message, name, works, count)
    return for_client(await scope.call(delegator, told, role="synthesis", final=True), client)
