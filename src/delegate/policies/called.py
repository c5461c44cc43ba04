"""Handing out by a tool: all subtasks of a plan in one call, read and answered; pure, no model is asked here.

One call with a list rather than a call for each subtask, as the tool policy has it: that there are enough of them is
seen in one place, and what came of them is one message.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from delegate.message import Message, Request, Tool, ToolCall
from delegate.policies import briefs, toolbox

TOOL = Tool(
    name="delegate",
    description="Have assistants work on subtasks, all of them at the same time.",
    parameters={
        "type": "object",
        "properties": {
            "subtasks": {
                "type": "array",
                "items": {"type": "string"},
                "description": "One for each assistant, with everything it needs.",
            }
        },
        "required": ["subtasks"],
    },
)

_ASKED = """\
Before you answer the request above, split it into {count} subtasks that can be worked on at the same time by \
assistants who see neither each other's work nor this conversation, so put into each everything it needs. Hand all of \
them out in one call of `{name}`. What comes back may be wrong or incomplete; check it, and fill the gaps yourself. \
Then answer the request as if you had done all the work alone."""


def opening(request: Request, count: str) -> Request:
    """The request to hand its parts out, and then to answer it.

    Args:
        request: what is to be split.
        count: how many subtasks there may be.
    """
    (name,) = toolbox.offered(TOOL, taken={tool.name for tool in request.tools})
    asked = briefs.with_paragraph(request, _ASKED.format(count=count, name=name))
    return replace(asked, tools=(*request.tools, replace(TOOL, name=name)))


def handed(message: Message, name: str) -> list[str]:
    """The subtasks of a turn's first call of the tool; empty without one that can be read."""
    calls = (call for call in message.tool_calls if call.name == name)
    return next((_subtasks(call) for call in calls), None) or []


def plan(message: Message, name: str) -> str:
    """A turn that hands out as the plan it stands for: a JSON list, if there is one call and it is to the letter.

    Of any other turn it is all that was said, which is no such list.
    """
    calls = message.tool_calls
    found = _subtasks(calls[0]) if len(calls) == 1 and calls[0].name == name else None
    if found is not None:
        return json.dumps(found, ensure_ascii=False)
    return "\n".join([message.text, *(f"{call.name}({call.arguments})" for call in calls)])


def closing(asked: Request, message: Message, name: str, works: Sequence[briefs.Work], count: str) -> Request:
    """The conversation with what came of its subtasks.

    Args:
        asked: what the turn answered.
        message: the turn.
        name: of the tool.
        works: what came of the subtasks of its first call; empty when they were not handed out.
        count: how many there may be.
    """
    results = briefs.report(works) if works else f"Error: give {count} subtasks, as a list of strings."
    first = next((call for call in message.tool_calls if call.name == name), None)
    other = f"Error: only the first call of `{name}` is followed."
    told = ((call.id, results if call is first else other) for call in message.tool_calls)
    answers = (Message(role="tool", tool_call_id=call, content=text) for call, text in told)
    return asked.append(toolbox.echo(message), *answers)


def _subtasks(call: ToolCall) -> list[str] | None:
    try:
        arguments: Any = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    subtasks = arguments.get("subtasks") if isinstance(arguments, dict) and len(arguments) == 1 else None
    return subtasks if isinstance(subtasks, list) and all(isinstance(one, str) for one in subtasks) else None
