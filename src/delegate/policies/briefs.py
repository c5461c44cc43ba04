"""What the delegator, the workers and the synthesiser of a decomposition are told; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from delegate.completion import Completion, Outcome
from delegate.message import Message, Request
from delegate.policies.plan import Subtask

_TEXTS = """\
Do not answer the request above. Split it into {count} subtasks that can be worked on at the same time by assistants \
who see neither each other's work nor this conversation, so put into each everything it needs. Reply with nothing but \
a JSON list of strings, one subtask each."""

_OBJECTS = """\
Do not answer the request above. Split it into {count} subtasks for assistants who see neither each other's work nor \
this conversation, so put into each everything it needs. Reply with nothing but a JSON list of objects, one subtask \
each: {example}."""
_AT_ONCE = "All subtasks are worked on at the same time."
_NEEDS = """\
"needs" holds the numbers, counted from 1, of earlier subtasks whose results this one is to be given as well. Subtasks \
that need none are worked on at the same time."""
_WORKERS = '"worker" is the name of the assistant who does this kind of work best. The assistants:'

_GIVEN = "{task}\n\nThis needs the work of other assistants, which may be wrong or incomplete:\n\n{results}"

_SYNTHESIS = """\
Assistants have worked on parts of the request above. Their results may be wrong or incomplete; check them, and fill \
the gaps yourself. Then answer the request as if you had done all the work alone.

{results}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A subtask, and how far it is."""

    subtask: Subtask
    worker: str | None = None
    """Whom it was handed to, by name; `None`: to nobody."""
    outcome: Outcome | None = None
    """What came of it; `None` until it has ended."""


def how_many(least: int, most: int) -> str:
    """Two bounds of a number, in words."""
    return str(least) if least == most else f"{least} to {most}"


def planning(request: Request, count: str, *, ordered: bool, strengths: Mapping[str, str]) -> Request:
    """The request to split the request.

    Args:
        request: what is to be split.
        count: how many subtasks there may be.
        ordered: whether a subtask may need the results of earlier ones.
        strengths: what each worker is good at, by name; empty: the plan does not choose.
    """
    if not ordered and not strengths:
        return with_paragraph(request, _TEXTS.format(count=count))
    first = {"task": "...", **({"worker": "..."} if strengths else {})}
    example = json.dumps([first, {**first, **({"needs": [1]} if ordered else {})}])
    paragraphs = [_OBJECTS.format(count=count, example=example), _NEEDS if ordered else _AT_ONCE]
    if strengths:
        paragraphs.append("\n".join([_WORKERS, *(f"{name}: {words}" for name, words in strengths.items())]))
    return with_paragraph(request, "\n\n".join(paragraphs))


def working(request: Request, works: Sequence[Work], place: int) -> Request:
    """What the worker at a place of the plan is asked: the subtask, with the results it needs."""
    task, needs = works[place].subtask.task, works[place].subtask.needs
    text = _GIVEN.format(task=task, results=_report(works, needs)) if needs else task
    return replace(request, messages=(Message(role="user", content=text),))


def synthesis(request: Request, works: Sequence[Work]) -> Request:
    """The request with what came of its subtasks."""
    return with_paragraph(request, _SYNTHESIS.format(results=report(works)))


def report(works: Sequence[Work]) -> str:
    """What came of all subtasks, as it is told."""
    return _report(works, range(len(works)))


def _report(works: Sequence[Work], places: Iterable[int]) -> str:
    parts = ((place + 1, works[place].subtask.task, _result(works[place].outcome)) for place in places)
    return "\n\n".join(f"Subtask {number}: {task}\nResult: {result}" for number, task, result in parts)


def _result(outcome: Outcome | None) -> str:
    if outcome is None:
        return "(missing: nobody was asked; do this part yourself)"
    return outcome.text if isinstance(outcome, Completion) else f"(failed: {outcome.kind}; do this part yourself)"


def with_paragraph(request: Request, text: str) -> Request:
    """The request with a paragraph at its end, inside the user's turn: many templates want turns to alternate."""
    *before, last = request.messages or (Message(role="user"),)
    if last.role == "user" and isinstance(last.content, str):
        return replace(request, messages=(*before, replace(last, content=f"{last.content}\n\n{text}")))
    return request.append(Message(role="user", content=text))
