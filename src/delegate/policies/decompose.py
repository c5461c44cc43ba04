"""Decompose: split the request, work on the parts, make one answer of them.

One round of the decompose-execute-aggregate loop of MinionS (Narayan et al. 2025, arXiv:2502.15964). Deviations: the
plan is a list of subtasks, not code over chunks of a document; there is no second round; where no plan can be read,
the delegator answers by itself. Ours too: subtasks that need others' results, workers chosen by strength, a budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from delegate.completion import Completion
from delegate.errors import SpecError
from delegate.message import Request
from delegate.model import Model
from delegate.policies.briefs import Work, planning, synthesis
from delegate.policies.handout import hand_out
from delegate.policies.plan import levels, read_subtasks
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
        if self.budget is not None and not self.budget > 0:
            raise SpecError(f"`budget` must be above 0 dollars, found {self.budget}")

    async def decide(self, request: Request, scope: Scope) -> Completion:
        """Plan, work, synthesise."""
        # the client's limits, tools and extra fields are about the answer, not about what leads to it
        sampling = replace(request.sampling, max_tokens=None, stop=None, logprobs=None)
        inner = Request(messages=request.messages, sampling=sampling, index=request.index)
        count = str(self.minimum) if self.minimum == self.maximum else f"{self.minimum} to {self.maximum}"
        offers = {worker.name: self.strengths.get(worker.name, "-") for worker in self.workers if self.strengths}
        asked = planning(inner, count, ordered=self.ordered, strengths=offers)
        plan = await scope.call(self.delegator, asked, role="delegator")
        subtasks = read_subtasks(plan.text, ordered=self.ordered, named=bool(offers))[: self.maximum]
        if len(subtasks) < self.minimum:
            scope.note(plan="unreadable", subtasks=0, delegated=0, failed=0)
            return await scope.call(self.delegator, request, final=True)
        works = await hand_out(subtasks, inner, scope, workers=self.workers, route=self.route, budget=self.budget)
        scope.note(**self._facts(works))
        asked = synthesis(request, works)
        return await scope.call(self.synthesiser or self.delegator, asked, role="synthesis", final=True)

    def _facts(self, works: Sequence[Work]) -> Mapping[str, Any]:
        outcomes, named = [work.outcome for work in works], [work.subtask.worker for work in works]
        done, left_out = sum(isinstance(outcome, Completion) for outcome in outcomes), outcomes.count(None)
        facts: dict[str, Any] = {"subtasks": len(works), "delegated": done, "failed": len(works) - done - left_out}
        if self.ordered:
            facts["levels"] = levels([work.subtask for work in works])
        if self.strengths or self.route is not None:
            facts["workers"] = [work.worker for work in works]
        if unknown := sorted({name for name in named if name} - {worker.name for worker in self.workers}):
            facts["unknown_workers"] = unknown
        if self.budget is not None:
            facts["left_out"] = left_out
        return facts
