"""Decompose: split the request, work on the parts, make one answer of them.

One round of the decompose-execute-aggregate loop of MinionS (Narayan et al. 2025, arXiv:2502.15964). Deviations: the
plan is a list of subtasks, not code over chunks of a document; there is no second round; where no plan can be read,
the delegator answers by itself. Ours too: subtasks that need others' results, workers chosen by strength, a budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from delegate.completion import Completion
from delegate.errors import SpecError
from delegate.message import Request
from delegate.model import Model
from delegate.policies.account import NOTHING, account
from delegate.policies.briefs import Work, how_many, planning, synthesis
from delegate.policies.callout import call_out
from delegate.policies.handout import hand_out
from delegate.policies.plan import Subtask, read_subtasks
from delegate.policy import Policy
from delegate.route import Route
from delegate.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Decompose(Policy):
    """One answer made of the workers' results; notes how many subtasks there were, were done, and failed.

    Notes too: with `ordered` how many `levels` the plan has, with `strengths` or `route` the `workers` of its subtasks
    and names that are nobody's (`unknown_workers`), with `budget` how many subtasks were `left_out`.
    """

    delegator: Model
    workers: tuple[Model, ...]
    """Given the subtasks in turn, unless `strengths` or `route` say who gets one."""
    synthesiser: Model | None = None
    """Makes the answer; `None`: the delegator."""
    minimum: int = 3
    """A plan of fewer subtasks is not worth following, and counts as unreadable."""
    maximum: int = 5
    """Subtasks beyond it are dropped."""
    ordered: bool = False
    """Whether a subtask may need results of earlier ones: it is given them, and begins as soon as they are there."""
    strengths: Mapping[str, str] = field(default_factory=dict)
    """What each worker is good at, by name, for the delegator to name one for each subtask; empty: it does not choose.
    Where it names nobody there is, the worker whose turn it is gets the subtask."""
    route: Route | None = None
    """Chooses the worker of each subtask in the delegator's place; when it fails, the one whose turn it is gets it."""
    budget: float | None = None
    """US dollars for the plan and the work; the synthesis comes on top, and does what was left out. The first worker
    works alone, then as many at once as it would pay for if each were as dear as the dearest so far; none once a cost
    is unknown. `None`: no limit."""
    style: Literal["plan", "tool"] = "plan"
    """How the delegator hands out: in a plan it writes, or by one call of a tool, after which it goes on to answer."""
    name: str = "decompose"

    def __post_init__(self) -> None:
        names, (least, most) = [worker.name for worker in self.workers], (self.minimum, self.maximum)
        if not names:
            raise SpecError("`workers` is empty; name at least one model")
        if not 1 <= least <= most:
            raise SpecError(f"`minimum` and `maximum` must satisfy 1 <= minimum <= maximum, found {least} and {most}")
        for name in self.strengths:
            if name not in names:
                raise SpecError(f"`strengths` names {name!r}, which is none of the workers: {', '.join(names)}")
        if self.strengths and self.route is not None:
            raise SpecError("`strengths` and `route` both choose the workers; leave one of them out")
        if self.style == "tool" and (self.synthesiser or self.ordered or self.strengths):
            raise SpecError("`style` tool has no `synthesiser`, `ordered` or `strengths`; leave them out, or say plan")
        if self.budget is not None and not self.budget > 0:
            raise SpecError(f"`budget` must be above 0 dollars, found {self.budget}")

    async def decide(self, request: Request, scope: Scope) -> Completion:
        """Plan, work, synthesise."""
        # the client's limits, tools and extra fields are about the answer, not about what leads to it
        sampling = replace(request.sampling, max_tokens=None, stop=None, logprobs=None)
        inner = Request(messages=request.messages, sampling=sampling, index=request.index)

        async def work(found: Sequence[Subtask]) -> list[Work]:
            subtasks, (among, route, budget) = found[: self.maximum], (self.workers, self.route, self.budget)
            works = await hand_out(subtasks, inner, scope, workers=among, route=route, budget=budget)
            chosen, names = bool(self.strengths or route), [worker.name for worker in among]
            scope.note(**account(works, names, ordered=self.ordered, chosen=chosen, limited=budget is not None))
            return works

        count = how_many(self.minimum, self.maximum)
        if self.style == "tool":
            return await call_out(request, scope, delegator=self.delegator, count=count, least=self.minimum, work=work)
        offers = {worker.name: self.strengths.get(worker.name, "-") for worker in self.workers if self.strengths}
        asked = planning(inner, count, ordered=self.ordered, strengths=offers)
        plan = await scope.call(self.delegator, asked, role="delegator")
        subtasks = read_subtasks(plan.text, ordered=self.ordered, named=bool(offers))
        if len(subtasks[: self.maximum]) < self.minimum:
            scope.note(**NOTHING)
            return await scope.call(self.delegator, request, final=True)
        asked = synthesis(request, await work(subtasks))
        return await scope.call(self.synthesiser or self.delegator, asked, role="synthesis", final=True)
