"""Parts by name: every part, ours too, is an entry point; its module is imported when the part is named."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from delegate.errors import MissingExtraError, SpecError

Group = Literal["models", "confidences", "routes", "tasks"]
"""What a part is. Policies are models, so both share one space of names."""

GROUPS: tuple[Group, ...] = ("models", "confidences", "routes", "tasks")

EXTRAS = {
    "transformers": "local",
    "torch": "local",
    "sklearn": "learn",
    "trl": "train",
    "peft": "train",
    "datasets": "data",
    "pyarrow": "parquet",
    "ray": "ray",
    "starlette": "serve",
    "uvicorn": "serve",
}
"""Which extra brings a module that may be missing; the first of an extra tells whether it is installed."""


@cache
def parts(group: Group) -> dict[str, EntryPoint]:
    """The parts of a group by name; nothing is imported.

    Raises:
        SpecError: two installed packages claim one name.
    """
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=f"delegate.{group}"), key=lambda p: p.name):
        if point.name in found and found[point.name].value != point.value:
            raise SpecError(
                f"two installed packages provide {group[:-1]} {point.name!r}: {found[point.name].value} and "
                f"{point.value}; uninstall one of them"
            )
        found[point.name] = point
    return found


def part(group: Group, name: str) -> Any:
    """The class or function a name stands for.

    Raises:
        SpecError: no such part; the message suggests near names.
        MissingExtraError: its module needs an optional dependency.
    """
    known = parts(group)
    if name not in known:
        raise SpecError(f"unknown {group[:-1]} {name!r}{suggest(name, known)}")
    try:
        return known[name].load()
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        raise MissingExtraError(f"{group[:-1]} {name!r}", extra) from error


def suggest(name: str, known: Any) -> str:
    """The end of a sentence about an unknown name: near names, or all of them when they are few."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known: {', '.join(names)}" if names else "; none is known"
