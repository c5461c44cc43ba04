"""Values as plain JSON data, both ways, and their digest; how everything here crosses files, processes and HTTP."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from math import nan
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def plain(value: Any) -> Any:
    """A dataclass as JSON-ready data, fields at their default left out (so a new field keeps old digests)."""
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((name, getattr(value, name), default) for name, default in _defaults(type(value)))
        return {name: plain(item) for name, item, default in pairs if default is ... or item != default}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def build(cls: type[T], data: Any) -> T:
    """The inverse of `plain` for a value of type `cls`; a number that JSON could not say (null) is nan.

    Raises:
        ValueError: the data does not have the type's shape; the message names the field.
    """
    return _builder(cls)(data)  # type: ignore[no-any-return, arg-type]


def digest(value: Any) -> str:
    """The first 32 hex digits of the SHA-256 of a value's canonical JSON; 1 and 1.0 are one number."""
    text = json.dumps(_whole(plain(value)), sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@cache
def _defaults(cls: type) -> tuple[tuple[str, Any], ...]:
    """Field names of a dataclass, each with its default; `...` when it has none."""

    def default(f: Field[Any]) -> Any:
        if f.default_factory is not MISSING:
            return f.default_factory()
        return ... if f.default is MISSING else f.default

    return tuple((f.name, default(f)) for f in fields(cls))


@cache
def _builder(hint: Any) -> Callable[[Any], Any]:
    """A function that turns plain data into a value of the hinted type."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _union(tuple(arg for arg in args))
    if isinstance(hint, type) and is_dataclass(hint):
        return _dataclass(hint)
    if origin is tuple:
        item = _builder(args[0])
        return lambda data: tuple(item(x) for x in _expect(data, (list, tuple), hint))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping) and args[1] is not Any:
        value = _builder(args[1])
        return lambda data: {key: value(x) for key, x in _expect(data, (dict,), hint).items()}
    if origin is Literal or hint is Any:
        return lambda data: data
    if hint is float:
        return lambda data: nan if data is None else float(_expect(data, (int, float), hint))
    kinds = (origin or hint,)
    return lambda data: _expect(data, kinds, hint)


def _expect(data: Any, kinds: tuple[Any, ...], hint: Any) -> Any:
    if not isinstance(data, kinds):
        raise ValueError(f"expected {getattr(hint, '__name__', hint)}, found {type(data).__name__}")
    return data


def _dataclass(cls: type) -> Callable[[Any], Any]:
    builders: dict[str, Callable[[Any], Any]] = {}  # filled at the first use: a type may hold itself

    def make(data: Any) -> Any:
        if not builders:
            hints = get_type_hints(cls)
            builders.update({f.name: _builder(hints[f.name]) for f in fields(cls)})
        _expect(data, (dict,), cls)
        known = {}
        for key, value in data.items():
            if key not in builders:
                raise ValueError(f"{cls.__name__} has no field {key!r}")
            try:
                known[key] = builders[key](value)
            except ValueError as error:
                raise ValueError(f"{cls.__name__}.{key}: {error}") from None
        try:
            return cls(**known)
        except TypeError as error:
            raise ValueError(f"{cls.__name__}: {error}") from None

    return make


def _union(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    """The first alternative the data fits; dataclasses are told apart by their required fields."""
    some = tuple(arg for arg in args if arg is not NoneType)
    required = {
        arg: {name for name, default in _defaults(arg) if default is ...}
        for arg in some
        if isinstance(arg, type) and is_dataclass(arg)
    }

    def choose(data: Any) -> Any:
        if data is None and len(some) < len(args):
            return None
        problem = ValueError("nothing fits")
        for arg in some:
            if arg in required and isinstance(data, dict) and not required[arg] <= data.keys():
                continue
            try:
                return _builder(arg)(data)
            except ValueError as error:
                problem = error
        raise problem

    return choose
