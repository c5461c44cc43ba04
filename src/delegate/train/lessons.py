"""What the pocket models learn from: solved problems, and the transcripts of policies whose models are teachers.

The prompts of the roles are whatever the policies themselves send, because the policies are run to get them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from delegate.completion import Completion, Span
from delegate.message import Message, Request, ToolCall
from delegate.model import Model
from delegate.models.function import FunctionModel
from delegate.policies.decompose import Decompose
from delegate.policies.tool import ToolDelegation
from delegate.task import Sample
from delegate.tasks.math import ask_number
from delegate.tasks.pocket import FAMILIES, LEVELS, Problem, draw, solution, solve
from delegate.tasks.working import recipe

_FAULT = 0.15
"""How often a worker of the transcripts is wrong."""
_CARE = ("", "Do this with care. ", "Do this once more. ")
"""What tells apart the subtasks that are one calculation, so that two workers can be held against each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """How often each kind of lesson comes, in any unit."""

    story: Mapping[str, float]
    """A word problem, by its kind."""
    bare: float
    """A calculation in bare words, as workers are given it."""
    tool: float = 0.0
    """Asking a worker through a tool."""
    plan: float = 0.0
    """Splitting a problem into subtasks, and making one answer of their results."""
    levels: tuple[int, ...] = tuple(LEVELS)
    explained: bool = False
    """Whether solutions say which way round a comparison was told."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A request and what a good model says to it."""

    request: Request
    answer: Message


def lesson(rng: Random, mix: Mix) -> Lesson:
    """A lesson by chance."""
    chances = {**mix.story, "bare": mix.bare, "tool": mix.tool, "plan": mix.plan}
    kind = rng.choices(list(chances), weights=list(chances.values()))[0]
    level = rng.choice(mix.levels)
    if kind in FAMILIES:
        return story(rng, draw(rng, level=level, kind=kind), explained=mix.explained)
    problem = draw(rng, level=level)
    if kind == "bare":
        return bare(rng, problem)
    return rng.choice(transcript(rng, problem, kind, explained=mix.explained))


def story(rng: Random, problem: Problem, *, explained: bool = False) -> Lesson:
    """The problem as the task asks it, now and then without its last sentence."""
    prompt = _asked(problem) if rng.random() < 0.9 else problem.question
    return Lesson(Request.of(prompt), Message(role="assistant", content=_worked(problem, explained)))


def bare(rng: Random, problem: Problem) -> Lesson:
    """The problem's calculation."""
    prompt = rng.choice(_CARE) + recipe(problem.start, problem.steps)
    if rng.random() < 0.2:
        prompt = ask_number(Sample(id="", question=prompt, target=""))
    return Lesson(Request.of(prompt), Message(role="assistant", content=problem.solution))


def transcript(rng: Random, problem: Problem, role: str, *, explained: bool = False) -> list[Lesson]:
    """What the delegator is asked and says when the policy of that role, `tool` or `plan`, handles the problem."""
    worker = FunctionModel(name="worker", function=lambda request: _worker(rng, problem, request, role))
    teacher = FunctionModel(name="teacher", function=lambda request: _teacher(problem, request, explained))
    policy: Model = (
        ToolDelegation(delegator=teacher, worker=worker)
        if role == "tool"
        else Decompose(delegator=teacher, workers=(worker,))
    )
    completion = asyncio.run(policy.complete(Request.of(_asked(problem))))
    return [_heard(span) for span in completion.trace if span.model == "teacher"]


def _heard(span: Span) -> Lesson:
    assert isinstance(span.outcome, Completion)  # teachers do not fail
    return Lesson(span.request, span.outcome.message)


def plan(problem: Problem) -> list[str]:
    """Three subtasks: all but the last step, and twice the whole; of a single step, three times the whole."""
    whole = recipe(problem.start, problem.steps)
    first = recipe(problem.start, problem.steps[:-1]) if len(problem.steps) > 1 else whole
    return [first, _CARE[1] + whole, _CARE[2] + whole]


def _asked(problem: Problem) -> str:
    return ask_number(Sample(id="", question=problem.question, target=""))


def _worked(problem: Problem, explained: bool) -> str:
    return problem.explained if explained else problem.solution


def _teacher(problem: Problem, request: Request, explained: bool) -> str | Completion:
    """The delegator: hands the whole calculation over, and answers once it has a result it may believe."""
    last = request.messages[-1]
    if last.role == "tool":
        return _short(problem) if _boxed(last.text) else _worked(problem, explained)
    if request.tools:
        arguments = json.dumps({"task": recipe(problem.start, problem.steps)})
        call = ToolCall(id="call_0", name=request.tools[0].name, arguments=arguments)
        ways = "- " + ", ".join(way or "next" for way in problem.ways) if explained and any(problem.ways) else ""
        message = Message(role="assistant", content=ways, tool_calls=(call,))
        return Completion(model="teacher", message=message, finish_reason="tool_calls")
    if "Subtask 1:" not in last.text:
        return json.dumps(plan(problem))
    _, one, other = (_boxed(part) for part in last.text.split("\n\nSubtask ")[-3:])
    return _short(problem) if one and one == other else _worked(problem, explained)


def _worker(rng: Random, problem: Problem, request: Request, role: str) -> str:
    """A worker that mostly does its subtask; one asked through a tool, whom nobody checks, may fail but not mistake."""
    whole = request.question.endswith(recipe(problem.start, problem.steps))
    lines, answer = solve(problem.start, problem.steps if whole else problem.steps[:-1])
    if rng.random() < _FAULT:
        if role == "tool" or rng.random() < 0.3:
            return rng.choice(("", *lines))
        answer = rng.choice([n for n in range(max(1, answer - 30), answer + 30) if n != answer])
        lines = (*lines[:-1], f"{lines[-1].rpartition('=')[0]}={answer}")
    return solution(lines, answer)


def _short(problem: Problem) -> str:
    return solution((), problem.answer)


def _boxed(text: str) -> str:
    _, found, rest = text.rpartition("\\boxed{")
    return rest.partition("}")[0] if found else ""


def phrases() -> Iterator[str]:
    """The sentences that the policies and the task say whatever the problem, found in what they say about one."""
    problem = draw(Random(0), level=1)
    asked = _asked(problem)
    yield asked.removeprefix(problem.question)
    instructed = transcript(Random(0), problem, "tool")[0].request
    yield instructed.messages[0].text
    planned, joined = (one.request.question for one in transcript(Random(0), problem, "plan"))
    yield planned.removeprefix(asked)
    yield joined.removeprefix(asked).partition("Subtask 1:")[0]
    yield from ("Subtask ", "\nResult: ", "The answer is \\boxed{", "}.")
    yield from ('{"name": "', '", "arguments": {"', '": "', '"}}', '["', '", "', '"]')
