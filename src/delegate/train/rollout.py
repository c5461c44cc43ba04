"""Rollout: one play of the delegation environment, read out of its trace; what trainers, tables and pages take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from delegate.answer.extraction import visible
from delegate.bench.pairwise import Scores, ask, combine, read_scores
from delegate.completion import Completion, Outcome, Span
from delegate.train.rewards import Fault

Winner = Literal["answer", "single", "tie"]
Unscored = Literal["missing", "unasked", "alone", "judge", "doubt"]
"""Why there is no reward: a recording lacks a call · the trained seat said nothing · the single model has no answer ·
the judge failed or cannot be read · nobody knows whether the answer is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What came of one subtask."""

    subtask: str
    """All the worker was told."""
    worker: str
    answer: str | None
    """`None` when the call failed."""
    failure: str | None
    """Why it failed; `None` when it did not."""
    cost: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the judge said of the two answers in one order."""

    first: Literal["answer", "single"]
    """Which of them was shown first."""
    words: str
    """Its reply, or why there is none."""
    scores: Scores | None
    """Of the one shown first and the other, from 0 to 100; `None` when unreadable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What an answer is worth; the fields are as in `Rollout`."""

    correct: bool | None = None
    verdicts: tuple[Verdict, ...] = ()
    scores: Scores | None = None
    winner: Winner | None = None

    @property
    def margin(self) -> float | None:
        """Points of 100 between the scores; 0 where the two orders disagree, `None` when unknown."""
        if self.scores is None:
            return None
        return 0.0 if self.winner == "tie" else self.scores[0] - self.scores[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One line of a file of rollouts."""

    sample: str
    draw: int
    question: str
    plan: str | None
    """The delegator's own words; `None` when it said nothing."""
    subtasks: tuple[str, ...]
    """Of the plan; empty when its format is broken, whatever the policy made of it."""
    work: tuple[Work, ...]
    """In the order in which the workers began."""
    answer: str | None
    """Without thinking; `None` when there is none."""
    single: str | None
    """What the single model answered; `None` without one, or when it failed."""
    verdicts: tuple[Verdict, ...]
    """Empty where no judge was asked: because the task grades, or because the answer is forfeited."""
    scores: Scores | None
    """Of the answer and of the single model's: by the judge over both orders, or 100 for right and 0 for wrong."""
    winner: Winner | None
    """A tie where the two orders disagree; an answer that is forfeited before the judge has lost; `None`: unknown."""
    faults: tuple[Fault, ...]
    parts: Mapping[str, float | None]
    reward: float | None
    """The sum of the parts; `None` when it is not scored."""
    unscored: Unscored | None
    """Why; `None` when it is scored."""
    cost: float | None
    """US dollars that the policy spent; neither the judge's nor the single model's."""
    seconds: float | None
    """Of the policy's critical path."""
    single_cost: float | None
    single_seconds: float | None
    judge_cost: float | None
    roles: tuple[str, ...]
    """Of the calls whose words are trained; those of all others are masked."""
    span: Span
    """Everything that was called: beneath it the policy's call, with its own beneath that, then the judge's."""

    @property
    def turns(self) -> tuple[Span, ...]:
        """What the trained seat said: each with the request it answers, its message, and its logprobs when given."""
        return said(self.span.outcome.trace[0].outcome, self.roles)


def said(outcome: Outcome, roles: Sequence[str]) -> tuple[Span, ...]:
    """The calls beneath that have one of the roles and were answered, in the order they ended."""
    return tuple(call for call in outcome.trace if call.role in roles and isinstance(call.outcome, Completion))


def text(found: Span | Outcome | None) -> str | None:
    """What was answered, without thinking; `None` when nothing was."""
    outcome = found.outcome if isinstance(found, Span) else found
    return visible(outcome.text).strip() or None if isinstance(outcome, Completion) else None


def worked(outcome: Outcome) -> tuple[Work, ...]:
    """What came of each subtask the policy had worked on."""
    calls = sorted((call for call in outcome.trace if call.role == "worker"), key=lambda call: call.start)
    return tuple(
        Work(
            subtask=call.request.question,
            worker=call.model,
            answer=found.text if isinstance(found := call.outcome, Completion) else None,
            failure=None if isinstance(found, Completion) else f"{found.kind}: {found.detail}",
            cost=found.usage.cost,
            seconds=call.seconds,
        )
        for call in calls
    )


def compared(question: str, answer: str, single: str, calls: Sequence[Span]) -> Worth:
    """What the judge said in both orders.

    Args:
        question: of the problem.
        answer: the policy's.
        single: the single model's.
        calls: the judge's, in any order.
    """
    replies = {call.request.question: call.outcome for call in calls}
    forward = _verdict("answer", replies[ask(question, answer, single).question])
    swapped = _verdict("single", replies[ask(question, single, answer).question])
    scores, winner = combine(forward.scores, swapped.scores)
    names: dict[str | None, Winner] = {"left": "answer", "right": "single", "tie": "tie"}
    return Worth(verdicts=(forward, swapped), scores=scores, winner=names.get(winner))


def _verdict(first: Literal["answer", "single"], outcome: Outcome) -> Verdict:
    if isinstance(outcome, Completion):
        return Verdict(first=first, words=outcome.text, scores=read_scores(outcome.text))
    return Verdict(first=first, words=f"{outcome.kind}: {outcome.detail}", scores=None)
