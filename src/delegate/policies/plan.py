"""Reading a list of subtasks out of whatever a model wrote; pure.

Items are strings, or objects such as `{"task": "...", "needs": [1], "worker": "..."}`, as in the task planning of
HuggingGPT (Shen et al. 2023, arXiv:2303.17580). Deviation: a subtask's number is where it stands, from 1, and it may
need only those before it, so that no plan goes in a circle and one cut short is a plan still.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")

_ITEM = re.compile(r"^[ \t]*(?:\d{1,3}[.):]|[-*•])[ \t]+(\S.*)$", re.MULTILINE)
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtask:
    """One item of a plan."""

    task: str
    needs: tuple[int, ...] = ()
    """Places of the earlier subtasks whose results it is to be given, counted from 0."""
    worker: str | None = None
    """Who is to do it, which may be nobody's name; `None`: the plan does not say."""


def read_plan(text: str) -> list[str]:
    """The subtasks: the longest JSON list in the text, else its numbered or bulleted lines; empty without either."""
    return _longest(text, _texts) or _lines(text)


def read_subtasks(text: str, *, ordered: bool, named: bool) -> list[Subtask]:
    """The same with the `needs` of an `ordered` plan, wrong ones making it no plan, and the `worker` where `named`."""
    if not ordered and not named:
        return [Subtask(task=task) for task in read_plan(text)]
    found = _longest(text, partial(_subtasks, ordered=ordered, named=named))
    return found or [Subtask(task=line) for line in _lines(text)]


def levels(subtasks: Sequence[Subtask]) -> int:
    """How many subtasks there are on the longest way through the plan, each needing the one before."""
    depths: list[int] = []
    for subtask in subtasks:
        depths.append(1 + max((depths[need] for need in subtask.needs), default=0))
    return max(depths, default=0)


def _longest(text: str, read: Callable[[list[Any]], list[T]]) -> list[T]:
    found: list[T] = []
    position = text.find("[")
    while position >= 0:
        try:
            data, end = _DECODER.raw_decode(text, position)
        except ValueError:
            end = position + 1
        except RecursionError:  # no plan is nested a thousand deep
            break
        else:
            found = max(read(data), found, key=len)
        position = text.find("[", end)
    return found


def _lines(text: str) -> list[str]:
    return [item.strip().strip("*") for item in _ITEM.findall(text)]


def _texts(items: list[Any]) -> list[str]:
    """The strings among the items; of an object (models like to name their subtasks) its longest string."""
    texts = [max(map(str, item.values()), key=len, default="") if isinstance(item, dict) else item for item in items]
    return [text.strip() for text in texts if isinstance(text, str) and text.strip()]


def _subtasks(items: list[Any], *, ordered: bool, named: bool) -> list[Subtask]:
    """The items with a task, which for want of that name is an object's longest string; empty when a need is wrong."""
    found: list[Subtask] = []
    places: dict[int, int] = {}
    for number, item in enumerate(items, start=1):
        said = item if isinstance(item, dict) else {"task": item}
        texts = (text for key, text in said.items() if key != "worker" and isinstance(text, str))
        task, worker = said.get("task", max(texts, key=len, default="")), said.get("worker")
        needs = (said.get("needs") or []) if ordered else []
        if not isinstance(task, str) or not task.strip():
            continue
        if not isinstance(needs, list) or not all(type(need) is int and need in places for need in needs):
            return []
        known = tuple(sorted({places[need] for need in needs}))
        places[number] = len(found)
        name = worker.strip() if named and isinstance(worker, str) else ""
        found.append(Subtask(task=task.strip(), needs=known, worker=name or None))
    return found
