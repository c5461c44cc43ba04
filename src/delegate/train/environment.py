"""The delegation environment: a task, a policy with one trained seat, and a reward; it knows no trainer.

A rollout is plan, workers in parallel, synthesis and reward, as in the framework this began with, which trained a
delegator against a judge. Deviations: the policy is the one that is served, so what is trained is what will be asked;
whatever call fails, there is a rollout; every call is in its trace and on its bill.

    environment = Environment(task=task, policy=policy, judge=judge, single=large).seated(model)
    for rollout in await environment.group(sample, 8):
        for turn in rollout.turns:  # turn.request.messages -> turn.outcome.message, each worth rollout.reward
            ...
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from delegate.answer import Equivalence
from delegate.bench.appeal import appeals
from delegate.bench.pairwise import ask
from delegate.completion import Completion, Failure, Outcome, Span, Usage
from delegate.errors import SpecError
from delegate.message import Request
from delegate.model import Model, observe
from delegate.policies import called
from delegate.policies.decompose import Decompose
from delegate.policy import Policy
from delegate.scope import Scope
from delegate.task import Sample, Task
from delegate.train.rewards import Facts, Fault, Rubric, copied, critical_path, parts, plan_faults, read_format, total
from delegate.train.rollout import Rollout, Unscored, Winner, Worth, compared, said, text, worked
from delegate.train.seat import Seat, roles, seated


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Plays a policy on a problem and says what that earned."""

    task: Task
    policy: Decompose
    seat: Seat = "delegator"
    """Which of its seats is trained."""
    judge: Model | None = None
    """Says what an answer is worth, beside the single model's; `None`: the task grades."""
    single: Model | None = None
    """Answers alone, to be compared with; `None`: nobody does, so there must be no judge."""
    rubric: Rubric = field(default_factory=Rubric)
    algebra: Equivalence = field(default_factory=Equivalence, repr=False, compare=False)
    """Decides where the task's rules cannot; close it when done, if the task needs algebra."""

    def __post_init__(self) -> None:
        if self.judge is not None and self.single is None:
            raise SpecError("a judge compares with what a single model answers; name `single`")
        if self.seat == "worker" and self.policy.strengths:
            raise SpecError("`strengths` tells workers apart, and a worker in training is all of them; leave it out")

    @property
    def roles(self) -> tuple[str, ...]:
        """Of the calls whose words are trained."""
        return roles(self.policy, self.seat)

    def seated(self, model: Model) -> Environment:
        """The same with a model in the trained seat.

        Raises:
            SpecError: the model is a policy.
        """
        return replace(self, policy=seated(self.policy, self.seat, model))

    def question(self, sample: Sample) -> str:
        """What the judge is told was asked: the problem's own words, or the last ones of a conversation."""
        return sample.question or self.task.request(sample).question

    async def alone(self, sample: Sample) -> Span | None:
        """The single model's answer, which all rollouts of the problem are held against; `None` without one."""
        if self.single is None:
            return None
        ledger: list[Span] = []
        await observe(self.single, self.task.request(sample), ledger=ledger)
        return ledger[0]

    async def group(self, sample: Sample, size: int, *, first: int = 0, alone: Span | None = None) -> list[Rollout]:
        """Several rollouts of one problem at the same time.

        Args:
            sample: the problem.
            size: how many.
            first: the draw of the first of them.
            alone: the single model's answer; `None`: it is asked.

        Raises:
            SpecError, DataError: a part is wrongly set up. A failed call is part of its rollout.
        """
        alone = alone or await self.alone(sample)
        try:
            async with asyncio.TaskGroup() as tasks:
                draws = range(first, first + size)
                found = [tasks.create_task(self.rollout(sample, draw, alone=alone)) for draw in draws]
        except BaseExceptionGroup as wrong:
            raise wrong.exceptions[0] from None
        return [task.result() for task in found]

    async def rollout(self, sample: Sample, draw: int = 0, *, alone: Span | None = None) -> Rollout:
        """One rollout: the policy answers, and the judge, where there is one, compares; arguments as of `group`."""
        alone = alone or await self.alone(sample)
        return await self.read(await self.play(sample, draw, alone=alone), sample, alone)

    async def play(self, sample: Sample, draw: int, *, alone: Span | None) -> Span:
        """A rollout's trace: the policy's call, then those of the judge; arguments as of `rollout`."""
        play = _Play(environment=self, sample=sample, single=text(alone), name=self.policy.name)
        ledger: list[Span] = []
        await observe(play, self.task.request(sample).draw(draw), role="rollout", ledger=ledger)
        return ledger[0]

    def faults(self, outcome: Outcome, single: str | None) -> set[Fault]:
        """What the policy did wrong; a plan is answered for by who is trained to write it.

        Args:
            outcome: the policy's.
            single: the single model's answer; `None` without one.
        """
        found, answer = set[Fault](), text(outcome)
        if self.seat == "delegator" and (plan := self._plan(outcome)) is not None:
            found |= plan_faults(self._subtasks(plan), self.policy.minimum, self.policy.maximum, self.rubric)
            if not found and outcome.notes.get("plan") == "unreadable":  # needs that go in a circle, and the like
                found.add("format")
        if not answer:
            found.add("silent")
        elif self.judge is not None:
            found |= {"copy"} if single and copied(answer, single) else set()
            found |= {"appeal"} if appeals(answer) else set()
        return found

    def _plan(self, outcome: Outcome) -> str | None:
        """What the delegator said first, or what a call it made stands for."""
        spans = said(outcome, ("delegator",))
        if not spans or not isinstance(spans[0].outcome, Completion):
            return None
        if self.policy.style == "plan":
            return spans[0].outcome.text
        return called.plan(spans[0].outcome.message, spans[0].request.tools[-1].name)

    def _subtasks(self, plan: str) -> tuple[str, ...] | None:
        return read_format(plan, objects=self.policy.ordered or bool(self.policy.strengths))

    async def read(self, span: Span, sample: Sample, alone: Span | None) -> Rollout:
        """What a trace tells; nobody is asked any more."""
        policy, *judge = span.outcome.trace
        plan, answer, single = self._plan(policy.outcome), text(policy), text(alone)
        wrong = self.faults(policy.outcome, single)
        if self.judge is None:
            worth = await self._graded(sample, policy, alone)
        elif judge and answer and single:
            worth = compared(self.question(sample), answer, single, judge)
        else:
            worth = Worth(winner="single" if wrong else None)
        earned = parts(
            Facts(
                judged=self.judge is not None,
                correct=worth.correct,
                margin=worth.margin,
                faults=wrong,
                cost=policy.outcome.usage.cost,
                seconds=(seconds := critical_path(policy)),
            ),
            self.rubric,
        )
        why = self._unscored(span, single, total(earned))
        return Rollout(
            sample=sample.id,
            draw=span.request.index,
            question=self.question(sample),
            plan=plan,
            subtasks=self._subtasks(plan or "") or (),
            work=worked(policy.outcome),
            answer=answer,
            single=single,
            verdicts=worth.verdicts,
            scores=worth.scores,
            winner=None if why else worth.winner,
            faults=tuple(sorted(wrong)),
            parts=earned,
            reward=None if why else total(earned),
            unscored=why,
            cost=policy.outcome.usage.cost,
            seconds=seconds,
            single_cost=alone.outcome.usage.cost if alone else None,
            single_seconds=critical_path(alone) if alone else None,
            judge_cost=Usage.total(call.outcome.usage for call in judge).cost,
            roles=self.roles,
            span=span,
        )

    async def _graded(self, sample: Sample, policy: Span, alone: Span | None) -> Worth:
        """What the task says of the answer, and of the single model's; a call that failed is wrong."""
        right = await self._right(sample, policy.outcome)
        other = await self._right(sample, alone.outcome) if alone else None
        if right is None or other is None:
            return Worth(correct=right)
        winner: Winner = "tie" if right == other else "answer" if right else "single"
        return Worth(correct=right, scores=(100.0 * right, 100.0 * other), winner=winner)

    async def _right(self, sample: Sample, outcome: Outcome) -> bool | None:
        if isinstance(outcome, Failure):
            return False
        grade = self.task.grade(sample, outcome.text)
        if grade.verdict != "doubt" or grade.answer is None:
            return grade.correct
        pair = (grade.kind, sample.target, grade.answer)
        return (await self.algebra.resolve([pair]))[pair] == "equal"  # type: ignore[list-item, index]

    def _unscored(self, span: Span, single: str | None, reward: float | None) -> Unscored | None:
        if isinstance(span.outcome, Failure) and span.outcome.kind == "not_recorded":
            return "missing"
        if not said(span.outcome.trace[0].outcome, self.roles):
            return "unasked"
        if reward is not None:
            return None
        return "doubt" if self.judge is None else "alone" if single is None else "judge"


@dataclass(frozen=True, kw_only=True)
class _Play(Policy):
    """The policy, then the judge of what it said in both orders: one trace, one bill."""

    environment: Environment
    sample: Sample
    single: str | None

    async def decide(self, request: Request, scope: Scope) -> Completion:
        """Answer; what is forfeited already is not put to the judge."""
        place, single = self.environment, self.single
        completion = await scope.call(place.policy, request)
        answer = text(completion)
        if place.judge is not None and answer and single and not place.faults(completion, single):
            pairs = ((answer, single), (single, answer))
            asked = [(place.judge, ask(place.question(self.sample), *pair)) for pair in pairs]
            await scope.gather(asked, role="judge")
        return completion
