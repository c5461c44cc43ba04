"""A certificate: a contract as a JSON file, with the policy it is about written out in full, for a server to load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from delegate.bench.contract import Promise, Terms
from delegate.bench.metrics import Interval
from delegate.bench.run import differences
from delegate.bench.written import inline
from delegate.errors import DataError, SpecError
from delegate.plain import build, digest, plain
from delegate.registry import suggest
from delegate.store import read_json

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is promised of which policy, and on what grounds."""

    format: int
    """Of this file; `FORMAT` is the one this version reads."""
    policy: str
    """Its name in `spec`."""
    spec: Mapping[str, Any]
    """The policy and every table beneath it, as in `Spec.resolved`, the certified thresholds written in."""
    digest: str
    """Of `spec`."""
    thresholds: tuple[float, ...]
    """As in the policy; empty where it has none and is certified as it stands."""
    promise: Promise
    limit: float
    delta: float
    observed: float
    """The error among the answers accepted, or the loss against the reference, in the sample."""
    bound: float
    """What could have been promised with the same delta; at most `limit`."""
    problems: int
    """In the sample."""
    left_out: int = 0
    """Problems of the run that lack a recording."""
    unscored: int = 0
    """Answers of the first model that could not be scored, and were not accepted."""
    reference: str
    """Who a loss is against; costs are held against it in any case."""
    accepted: float
    """Share of the problems answered below the last level."""
    escalated: Interval
    """Share of the problems that went up."""
    cost: Interval | None = None
    """US dollars a problem; `None` where unknown."""
    reference_cost: Interval | None = None
    task: str
    task_digest: str
    """Of the problems: questions, choices and targets."""
    data_digest: str
    """Of what the test saw: scores, and who was right."""
    grader: str = ""
    created: str = ""
    """ISO 8601, UTC."""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def terms(self) -> Terms:
        """What is promised, and how surely."""
        return Terms(promise=self.promise, limit=self.limit, delta=self.delta)

    def differences(self, resolved: Mapping[str, Any]) -> tuple[str, ...]:
        """What makes the policy of this name in another spec another one, a key each; empty for the one certified.

        Args:
            resolved: the tables of that spec, as in `Spec.resolved`.

        Raises:
            SpecError: it has no policy of this name.
        """
        return tuple(differences(plain(self.spec), plain(beneath(resolved, self.policy))))


def read_certificate(path: Path) -> Certificate:
    """A certificate from its file.

    Raises:
        DataError: it cannot be read, or is none, or was changed after it was made.
    """
    data = read_json(path)
    if data.get("format") != FORMAT:
        raise DataError(str(path), f"is no certificate of format {FORMAT}; make it again with `delegate contract`")
    try:
        found = build(Certificate, data)
        _ = found.terms
    except (ValueError, SpecError) as error:
        raise DataError(str(path), f"is no certificate ({error})") from None
    written = found.spec.get(found.policy, {})
    if found.digest != digest(found.spec) or tuple(written.get("thresholds", ())) != found.thresholds:
        raise DataError(str(path), "was changed after it was made; make it again with `delegate contract`")
    if not found.bound <= found.limit:
        raise DataError(str(path), f"promises {found.limit:g} and shows no more than {found.bound:g}")
    return found


def beneath(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A table of a spec after every table it refers to.

    Raises:
        SpecError: there is none of that name.
    """
    if name not in tables:
        raise SpecError(f"the spec has no table named {name!r}{suggest(name, tables)}")
    found: dict[str, Any] = {}

    def visit(name: str) -> None:
        for other in _references(tables[name]):
            if other in tables and other not in found and other != name:
                visit(other)
        found[name] = tables[name]

    visit(name)
    return found


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _references(item)
    elif isinstance(value, str) and value.startswith("@"):
        yield value[1:]


def terse(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Tables as one would write them: without what is null, and without the names that the tables have anyway."""
    return {
        name: {key: value for key, value in _known(table).items() if (key, value) != ("name", name)}
        for name, table in tables.items()
    }


def _known(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _known(item) for key, item in value.items() if item is not None}
    return [_known(item) for item in value] if isinstance(value, (list, tuple)) else value


def spec_file(tables: Mapping[str, Any]) -> str:
    """Tables as the text of a spec file."""
    blocks = [
        "\n".join([f"[{_pair(name, 0).removesuffix(' = 0')}]", *(_pair(key, value) for key, value in table.items())])
        for name, table in terse(tables).items()
    ]
    return "\n\n".join(blocks) + "\n"


def _pair(key: str, value: Any) -> str:
    """`key = value`."""
    return inline({key: value})[2:-2]
