"""Handing subtasks out: each to one worker, as soon as the results it needs are there, while the budget lasts.

The order is that of LLMCompiler (Kim et al. 2023, arXiv:2312.04511): a subtask waits for those it needs and for no
other. Deviation: the whole plan is there before the first subtask begins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from delegate.errors import ModelError
from delegate.message import Request
from delegate.model import Model
from delegate.policies.briefs import Work, working
from delegate.policies.plan import Subtask
from delegate.route import Route
from delegate.scope import Scope


async def hand_out(
    subtasks: Sequence[Subtask],
    request: Request,
    scope: Scope,
    *,
    workers: Sequence[Model],
    route: Route | None = None,
    budget: float | None = None,
) -> list[Work]:
    """What came of each subtask, in the order of the plan.

    Args:
        subtasks: the plan.
        request: what workers are asked, but for its messages.
        scope: through which they are asked.
        workers: whom the plan names, the route chooses from, or else are asked in turn.
        route: chooses, whatever the plan says.
        budget: US dollars for all calls of the scope, those made earlier among them; `None`: no limit.
    """
    works = [Work(subtask=subtask) for subtask in subtasks]

    async def do(place: int) -> None:
        subtask, asked = subtasks[place], working(request, works, place)
        turn = workers[place % len(workers)]
        worker = next((worker for worker in workers if worker.name == subtask.worker), turn)
        if route is not None:
            try:
                worker = workers[await route.choose(asked, workers, scope)]
            except ModelError as error:
                scope.note(route_failed=error.failure.kind)
        (outcome,) = await scope.gather([(worker, asked)], role="worker")
        works[place] = Work(subtask=subtask, worker=worker.name, outcome=outcome)

    waiting, running = list(range(len(works))), set[asyncio.Task[None]]()
    try:
        async with asyncio.TaskGroup() as group:
            while True:
                ended = [work.outcome.usage.cost for work in works if work.outcome is not None]
                for place in [place for place in waiting if all(works[n].outcome for n in subtasks[place].needs)]:
                    if affords(budget, scope.usage.cost, ended, len(running)):
                        waiting.remove(place)
                        running.add(group.create_task(do(place)))
                if not running:
                    return works
                _, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    except BaseExceptionGroup as wrong:  # a wrong spec, or a bug in a route; a failed call is an outcome
        raise wrong.exceptions[0] from None


def affords(budget: float | None, spent: float | None, ended: Sequence[float | None], running: int) -> bool:
    """Whether one more worker may begin, were it and those at work each as dear as the dearest so far.

    Before any has ended nobody knows what one costs, so the first works alone; and who does not know what was spent
    affords nothing.

    Args:
        budget: US dollars; `None`: no limit.
        spent: what all calls that have ended cost.
        ended: what each worker that has ended cost.
        running: how many workers are at work.
    """
    if budget is None:
        return True
    known = [cost for cost in ended if cost is not None]
    if spent is None or (running and not known):
        return False
    return spent + (running + 1) * max(known) <= budget if known else spent < budget
