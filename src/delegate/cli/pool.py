"""What a run folder gives a sweep to look at, and how what it finds is written as a spec."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os.path import normpath, relpath
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from delegate.answer import Kind
from delegate.bench import draws as recorded
from delegate.bench.certificate import beneath
from delegate.bench.draws import RECORDED, Draws, Ints
from delegate.bench.grade import read
from delegate.bench.moves import Parts, Scored
from delegate.bench.readings import LENGTH, STATISTICS, TOKEN
from delegate.bench.swept import Sweep
from delegate.confidence import Confidence
from delegate.confidences.length import Length
from delegate.confidences.logprob import Logprob
from delegate.confidences.noted import Noted
from delegate.confidences.token import Token
from delegate.errors import SpecError
from delegate.message import Request
from delegate.model import Model
from delegate.models.replay import Replay
from delegate.plain import plain
from delegate.policies.router import Router
from delegate.policy import Policy
from delegate.price import Price
from delegate.registry import part, suggest
from delegate.route import Route
from delegate.routes.length import Length as QuestionLength
from delegate.scope import Scope
from delegate.spec import SETTINGS, Spec, walk
from delegate.store import Key, Record, read_json, records
from delegate.task import Grade

BEST = "best"
"""The table of the chosen policy in a spec that is written."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A graded run folder, and what else is known of its models."""

    folder: Path
    found: Mapping[Key, Record]
    grades: Mapping[Key, Grade]
    token: Token
    prices: Mapping[str, Price]
    """Instead of what was recorded or the spec says, by name of a model."""
    signals: Sequence[str] = ()
    """Only these; empty: all there are."""
    spec: Spec | None = None
    base: Path = Path()
    """The spec's folder."""

    @classmethod
    def load(cls, folder: Path, **known: Any) -> Run:
        """Read the folder.

        Raises:
            SpecError: it is not graded.
            DataError: a malformed file.
        """
        found, grades = records(folder), read(folder)
        if not grades:
            raise SpecError(f"{folder} is not graded yet; say `delegate grade {folder}` first")
        return cls(folder=folder, found=found, grades=grades, **known)

    def draws(self, names: Sequence[str] | None = None, many: int | None = None) -> Draws:
        """What the models answered, scored.

        Args:
            names: which models; `None`: all there are, with a spec those it has.
            many: how many draws of each, the first ones; `None`: all.

        Raises:
            SpecError: an unknown name, or more draws than there are.
        """
        if self.spec is not None:
            names = names or [name for name in self._recorded if name in self.spec.models]
            for name in names:
                if name not in self.spec.models:
                    raise SpecError(f"the spec has no table named {name!r}{suggest(name, self.spec.models)}")
        made = recorded.draws(
            self.found,
            self.grades,
            models=names,
            prices={**self._said, **self.prices},
            confidences=self.confidences,
            samples=recorded.questions(self.folder) or None,
        )
        for name in self.prices:
            made.place(name)
        if many is not None and many > (most := made.correct.shape[2]):
            raise SpecError(f"--draws asks for {many} draws of each model, and no more than {most} are recorded")
        return made.take(np.arange(len(made.problems)), draws=many)

    def parts(self, draws: Draws) -> Parts:
        """What policies may be made of."""
        spec = {} if self.spec is None else self.spec.models
        replays = {name: Replay(run=self.folder, name=name, price=self.prices.get(name)) for name in draws.models}
        asked = {record.sample: record.span.request for record in self.found.values()}
        requests = [asked.get(problem, Request(messages=())) for problem in draws.problems]
        lengths = np.array([len(request.question) for request in requests], dtype=np.float64)
        routers = [one for one in walk(tuple(spec.values())) if isinstance(one, Router) and not _asks(one.route)]
        return Parts(
            models={name: spec.get(name, replay) for name, replay in replays.items()},
            confidences=self.confidences,
            scored=[Scored(name="question length", values=lengths, route=_by_length)],
            own={name: model for name, model in spec.items() if isinstance(model, Policy)},
            routes=[(one.route, asyncio.run(_choices(one, requests))) for one in routers],
            answers=self.answers,
        )

    def tables(self, found: Sweep, target: Path) -> dict[str, Any]:
        """The spec of what was chosen, for a file: it, the models it is made of or held against, and settings."""
        chosen = found.best.part or {"kind": "fallback", "models": [f"@{found.chosen}"]}
        names = dict.fromkeys([found.weak, found.bar, found.reference, *references(chosen)])
        leaves = {key: table for name in names for key, table in self._leaf(name, target.absolute().parent).items()}
        settings = {"reference": found.reference, "weak": found.weak, "models": [*names, BEST]}
        return {SETTINGS: {"task": self.task, **settings} if self.task else settings, **leaves, BEST: chosen}

    @property
    def task(self) -> Any:
        """As the run was given it; `None` where it does not say."""
        path = self.folder / "spec.json"
        return read_json(path).get("asked", {}).get("task") if path.exists() else None

    @property
    def answers(self) -> Kind:
        """The kind of answer that was graded, where all are of one kind."""
        kinds = {grade.kind for grade in self.grades.values() if grade.answer is not None}
        return kinds.pop() if len(kinds) == 1 else "auto"  # type: ignore[return-value]

    @cached_property
    def confidences(self) -> dict[str, Confidence]:
        """What can be read off a single answer, by name; those of the spec's policies among them.

        Raises:
            SpecError: a signal was named that there is not.
        """
        known: dict[str, Confidence] = {RECORDED: Noted(), TOKEN: self.token, LENGTH: Length()}
        known |= {f"logprob:{statistic}": Logprob(statistic=statistic) for statistic in STATISTICS}  # type: ignore[arg-type]
        for one in walk(tuple(self.spec.models.values())) if self.spec else ():
            if isinstance(one, Confidence) and one not in known.values() and not _asks(one):
                kind = type(one).__name__.lower()
                known[f"{kind}:{1 + sum(name.startswith(f'{kind}:') for name in known)}"] = one
        for name in self.signals:
            if name not in known:
                raise SpecError(f"no signal is called {name!r}{suggest(name, known)}")
        return {name: known[name] for name in self.signals or known}

    @property
    def _recorded(self) -> list[str]:
        """The single models of the run."""
        policies = {record.policy for record in self.found.values() if record.outcome.trace}
        return [name for name in dict.fromkeys(policy for _, policy, _ in self.found) if name not in policies]

    @property
    def _said(self) -> dict[str, Price]:
        """What the spec says that models cost."""
        models = {} if self.spec is None else self.spec.models
        prices = {name: getattr(model, "price", None) for name, model in models.items()}
        return {name: price for name, price in prices.items() if isinstance(price, Price)}

    def _leaf(self, name: str, folder: Path) -> dict[str, Any]:
        """The table of a single model, and those beneath it, for a spec in a folder."""
        if self.spec is None:
            tables = {name: {"kind": "replay", "run": relpath(self.folder.absolute(), folder)}}
        else:
            tables = {key: _moved(table, self.base, folder) for key, table in beneath(self.spec.resolved, name).items()}
        if name in self.prices:
            tables[name] = {**tables[name], "price": plain(self.prices[name])}
        return tables


def references(table: Any) -> Iterator[str]:
    """The names a table refers to, itself and whatever is in it."""
    if isinstance(table, Mapping):
        table = list(table.values())
    if isinstance(table, list):
        for item in table:
            yield from references(item)
    elif isinstance(table, str) and table.startswith("@"):
        yield table[1:]


def _moved(table: Mapping[str, Any], base: Path, folder: Path) -> dict[str, Any]:
    """A table with its paths, which are relative to `base`, written for another folder."""
    maker = part("models", table["kind"])
    hints = get_type_hints(maker)
    paths = [key for key, value in table.items() if hints.get(key) is Path and isinstance(value, str)]
    return {**table, **{key: relpath(normpath(base.absolute() / table[key]), folder) for key in paths}}


def _asks(one: Confidence | Route) -> bool:
    """Whether a part asks a model."""
    return any(isinstance(below, Model) for below in walk(one))


async def _choices(router: Router, requests: Sequence[Request]) -> Ints:
    """The position a route that asks nobody chooses for each request."""
    return np.array([await router.route.choose(request, router.models, Scope()) for request in requests])


def _by_length(thresholds: tuple[float, ...]) -> QuestionLength:
    return QuestionLength(thresholds=thresholds)
