"""TOML -> parts. A table is a constructor written down; `"@name"` refers to another table of the same file.

    [large]
    kind = "openai"
    model = "gpt-4o"

    [main]
    kind = "fallback"
    models = ["@large", { kind = "openai", model = "gpt-4o-mini" }]

A table's name is the part's name. The one table that is no part is `[compare]`: settings of the `compare` command.
"""

from __future__ import annotations

import inspect
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from os.path import normpath
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from delegate.confidence import Confidence
from delegate.errors import DataError, SpecError
from delegate.model import Model
from delegate.plain import digest, plain
from delegate.registry import Group, part, suggest
from delegate.route import Route
from delegate.secret import shown
from delegate.task import Task

SETTINGS = "compare"

_GROUPS: dict[Any, Group] = {Model: "models", Confidence: "confidences", Route: "routes", Task: "tasks"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The `[compare]` table: what commands take from the spec where their options say nothing."""

    task: str | Mapping[str, Any] | None = None
    """A task's name or file as on the command line, or a table with a `kind`."""
    samples: int | None = None
    seed: int = 0
    models: tuple[str, ...] = ()
    """Names of the tables to compare; empty: all."""
    reference: str | None = None
    weak: str | None = None
    common_draws: int | None = None
    published: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By name of a table: what others reported of it."""

    def __post_init__(self) -> None:
        for name in ("samples", "common_draws"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SpecError(f"`{name}` must be at least 1, found {value}")
        if self.seed < 0:
            raise SpecError(f"`seed` must not be below 0, found {self.seed}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A spec file, built."""

    models: Mapping[str, Model]
    """Every named model and policy, in the order of the file."""
    settings: Settings = field(default_factory=Settings)
    resolved: Mapping[str, Any] = field(default_factory=dict)
    """The tables of the parts with every default written out and references kept as `@name`; nulls stay."""

    @property
    def digest(self) -> str:
        """A stable key of what was asked for."""
        return digest(self.resolved)


def load(path: Path | str) -> Spec:
    """Read a spec file.

    Raises:
        DataError: no such file, or no TOML.
        SpecError: a table that does not fit its part; file, table and argument are named.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(str(path), f"cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(str(path), f"is not valid TOML: {error}") from None
    try:
        return parse(tables, base=path.parent)
    except SpecError as error:
        raise type(error)(f"{path}: {error}") if type(error) is SpecError else error from None


def parse(tables: Mapping[str, Any], *, base: Path = Path()) -> Spec:
    """Build the parts of a spec given as tables; relative paths in it are relative to `base`.

    Raises:
        SpecError: a table does not fit its part.
    """
    settings = tables.get(SETTINGS, {})
    if not isinstance(settings, Mapping) or "kind" in settings:
        raise SpecError(f"[{SETTINGS}] holds the settings of the compare command; give your part another name")
    builder = _Builder({name: table for name, table in tables.items() if name != SETTINGS}, base)
    models = {name: builder.named(name, "models", f"[{name}]") for name in builder.tables}
    if not models:
        raise SpecError("no part is described; add a table such as [small] with a `kind`")
    arguments, _ = builder.arguments(Settings, settings, f"[{SETTINGS}]", SETTINGS)
    try:
        said = Settings(**arguments)
    except SpecError as error:
        raise SpecError(f"[{SETTINGS}]: {error}") from None
    return Spec(models=models, settings=said, resolved={name: builder.resolved[name] for name in builder.tables})


def parse_task(table: Mapping[str, Any], *, base: Path = Path()) -> Task:
    """Build the task a table describes.

    Raises:
        SpecError: the table does not fit its part.
    """
    task: Task = _Builder({}, base).part(table, "tasks", "task", "")[0]
    return task


def describe(group: Group, kind: str) -> tuple[str, list[dict[str, str]]]:
    """What a part is, in its own words, and the arguments it takes: name, type and default."""
    maker = part(group, kind)
    about = " ".join((inspect.getdoc(maker) or kind).partition("\n\n")[0].split())
    rows = []
    for name, parameter in inspect.signature(maker).parameters.items():
        default = _default(maker, name, parameter.default)
        required = parameter.default is inspect.Parameter.empty
        rows.append(
            {"argument": name, "type": str(parameter.annotation), "default": "required" if required else repr(default)}
        )
    return about, rows


def walk(root: Any) -> Iterator[Any]:
    """The part and every part beneath it, through dataclass fields; each object once, leaves first.

    Fields that do not count in a comparison are what a part remembers, such as answers, and are not looked through.
    """
    seen: set[int] = set()

    def visit(value: Any) -> Iterator[Any]:
        if isinstance(value, (tuple, list)):
            for item in value:
                yield from visit(item)
        elif isinstance(value, Mapping):
            yield from visit(tuple(value.values()))
        elif is_dataclass(value) and not isinstance(value, type) and id(value) not in seen:
            seen.add(id(value))
            for f in fields(value):
                if f.compare:
                    yield from visit(getattr(value, f.name))
            if isinstance(value, tuple(_GROUPS)):
                yield value
        elif isinstance(value, tuple(_GROUPS)) and id(value) not in seen:
            seen.add(id(value))
            yield value

    yield from visit(root)


class _Builder:
    """Builds each named table once; remembers the way to itself, to name a circle."""

    def __init__(self, tables: Mapping[str, Any], base: Path) -> None:
        self.tables, self.base = tables, base
        self.resolved: dict[str, Any] = {}
        self._built: dict[str, Any] = {}
        self._way: list[str] = []

    def named(self, name: str, group: Group, place: str) -> Any:
        """The part a top-level table describes."""
        if name not in self.tables:
            raise SpecError(f"{place}: no table named {name!r}{suggest(name, self.tables)}")
        if name in self._way:
            raise SpecError(f"{place}: refers to itself: {' -> '.join([*self._way, name])}")
        if name not in self._built:
            self._way.append(name)
            self._built[name], self.resolved[name] = self.part(self.tables[name], None, f"[{name}]", name)
            self._way.pop()
        built = self._built[name]
        expected = next(protocol for protocol, g in _GROUPS.items() if g == group)
        if not isinstance(built, expected):
            raise SpecError(f"{place}: {name!r} is no {group[:-1]}")
        return built

    def part(self, table: Any, group: Group | None, place: str, name: str) -> tuple[Any, dict[str, Any]]:
        """Build the part a table describes, and the table with its defaults written out."""
        if not isinstance(table, Mapping):
            raise SpecError(f"{place}: expected a table with a `kind`, found {shown(table)}")
        kind = table.get("kind")
        if not isinstance(kind, str):
            raise SpecError(f"{place}: has no `kind`; `delegate list parts` shows what there is")
        try:
            maker = part(group or "models", kind)
        except SpecError as error:
            raise type(error)(f"{place}: {error}") if type(error) is SpecError else error from None
        arguments, written = self.arguments(maker, table, place, name)
        try:
            return maker(**arguments), {"kind": kind, **written}
        except (ValueError, SpecError) as error:
            raise SpecError(f"{place}: {error}") from None

    def arguments(
        self, maker: Callable[..., Any], table: Mapping[str, Any], place: str, name: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arguments of a constructor, and the same written out as plain data."""
        parameters = inspect.signature(maker).parameters
        try:
            hints = get_type_hints(maker if isinstance(maker, type) else inspect.unwrap(maker))
        except NameError as error:
            raise SpecError(f"{place}: its type hints cannot be read ({error}); its module must import them") from None
        given = {key: value for key, value in table.items() if key != "kind"}
        if "name" in parameters and given.setdefault("name", name) != name and name in self.tables:
            raise SpecError(f"{place}: the table's name is the part's name; leave out `name`, or rename the table")
        arguments, written = {}, {}
        for key in given:
            if key not in parameters:
                raise SpecError(f"{place}: unknown argument {key!r}{suggest(key, set(parameters) - {'name'})}")
        for key, parameter in parameters.items():
            if key in given:
                where = f"{place} {key}"
                arguments[key], written[key] = self.convert(given[key], hints[key], where, f"{name}.{key}")
            elif parameter.default is inspect.Parameter.empty:
                raise SpecError(f"{place}: argument {key!r} is missing")
            else:
                written[key] = _default(maker, key, parameter.default)
        return arguments, written

    def convert(self, value: Any, hint: Any, place: str, name: str) -> tuple[Any, Any]:
        """A TOML value as the type a constructor asks for, and the same as plain data.

        Raises:
            SpecError: it does not fit.
        """
        origin, args = get_origin(hint), get_args(hint)
        if hint in _GROUPS:
            return self.reference(value, _GROUPS[hint], place, name)
        if origin in (Union, types.UnionType):
            return self.alternatives(value, args, place, name)
        if origin is tuple:
            return self.items(value, args, place, name)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            if not isinstance(value, Mapping):
                raise SpecError(f"{place}: expected a table, found {shown(value)}")
            pairs = {k: self.convert(v, args[1], f"{place}.{k}", f"{name}.{k}") for k, v in value.items()}
            return {k: v for k, (v, _) in pairs.items()}, {k: w for k, (_, w) in pairs.items()}
        if origin is Literal:
            if value not in args:
                raise SpecError(f"{place}: {shown(value)} is not one of {', '.join(map(repr, args))}")
            return value, value
        if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
            arguments, written = self.arguments(hint, value, place, name)
            try:
                return hint(**arguments), written
            except (ValueError, SpecError) as error:
                raise SpecError(f"{place}: {error}") from None
        return self.scalar(value, hint, place)

    def reference(self, value: Any, group: Group, place: str, name: str) -> tuple[Any, Any]:
        """A part: `"@name"`, or a table on the spot."""
        if isinstance(value, str):
            if not value.startswith("@"):
                raise SpecError(f'{place}: expected a {group[:-1]}, found {shown(value)}; refer to a table as "@name"')
            return self.named(value[1:], group, place), value
        return self.part(value, group, place, name)

    def items(self, value: Any, args: tuple[Any, ...], place: str, name: str) -> tuple[Any, Any]:
        """A list, item by item."""
        if not isinstance(value, list):
            raise SpecError(f"{place}: expected a list, found {shown(value)}")
        pairs = [self.convert(v, args[0], f"{place}[{i}]", f"{name}{i}") for i, v in enumerate(value)]
        return tuple(v for v, _ in pairs), [w for _, w in pairs]

    def alternatives(self, value: Any, args: tuple[Any, ...], place: str, name: str) -> tuple[Any, Any]:
        """The first alternative that fits; the last one's complaint when none does."""
        problem = SpecError(f"{place}: nothing fits {shown(value)}")
        for arg in (a for a in args if a is not type(None)):
            try:
                return self.convert(value, arg, place, name)
            except SpecError as error:
                problem = error
        raise problem

    def scalar(self, value: Any, hint: Any, place: str) -> tuple[Any, Any]:
        """A string, number, truth value or path."""
        if hint is Any:
            return value, value
        if hint is Path and isinstance(value, str):
            return Path(normpath(self.base / value)), value
        if hint is float and type(value) in (int, float):
            return float(value), float(value)
        if isinstance(hint, type) and type(value) is hint:
            return value, value
        raise SpecError(f"{place}: expected {getattr(hint, '__name__', hint)}, found {shown(value)}")


def _default(maker: Callable[..., Any], key: str, default: Any) -> Any:
    """A constructor's default as plain data; factories are called."""
    if is_dataclass(maker):
        f = next((f for f in fields(maker) if f.name == key), None)
        if f is not None and f.default_factory is not MISSING:
            default = f.default_factory()
    return str(default) if isinstance(default, Path) else plain(default)
