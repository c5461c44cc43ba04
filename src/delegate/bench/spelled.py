"""A part as the table of a spec it could have been built from: the inverse of `delegate.spec`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from delegate.confidence import Confidence
from delegate.errors import SpecError
from delegate.model import Model
from delegate.plain import plain
from delegate.policy import Policy
from delegate.registry import GROUPS, parts
from delegate.route import Route


def spelled(part: Policy | Confidence | Route) -> dict[str, Any]:
    """The table: `kind` and every argument that is not at its default; single models are referred to by name.

    Raises:
        SpecError: a part that is not registered.
    """
    table = {"kind": _kind(part)}
    for field in fields(part):  # type: ignore[arg-type]
        value = getattr(part, field.name)
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        if field.init and field.name != "name" and value != default:
            table[field.name] = _written(value)
    return table


def _written(value: Any) -> Any:
    if isinstance(value, Model) and not isinstance(value, Policy):
        return f"@{value.name}"
    if isinstance(value, (Policy, Confidence, Route)):
        return spelled(value)
    if isinstance(value, (list, tuple)):
        return [_written(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _written(item) for key, item in value.items()}
    return plain(value)


def _kind(part: object) -> str:
    place = f"{type(part).__module__}:{type(part).__qualname__}"
    for group in GROUPS:
        for name, point in parts(group).items():
            if point.value == place:
                return name
    raise SpecError(f"{type(part).__name__} is no registered part, so it cannot be written into a spec")
