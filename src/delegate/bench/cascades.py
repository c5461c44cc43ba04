"""Every cascade of some steps over some sources at once: sums over problems as matrix products, of which the best stay.

A cascade keeps a step's answer where it is trusted and what comes after it where not, so the number of problems it gets
right, and what it costs, are one row of a matrix times one column of another: a million cascades are one product. What
stays of them is, of each family, the frontier of accuracy and cost, and that of what `choice.bound` promises and cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from delegate.bench.choice import bound
from delegate.bench.draws import Ints
from delegate.bench.metrics import Floats
from delegate.bench.moves import Source, Step
from delegate.bench.replayed import Bools
from delegate.errors import SpecError

Single = NDArray[np.floating]
"""Of single precision: exact for counts, and costs of what stays are summed anew."""
Advance = Callable[[int, int], None]
"""Told how many policies are done, and how many there are."""

BLOCK = 2_000_000
"""Numbers in a matrix at a time: some hundred megabytes for all that are worked on."""
_PIECE = 50_000
"""So many are compared with the frontier before it is drawn again."""


@dataclass(slots=True, eq=False)
class Front:
    """What nothing cheaper equals in score, by rising cost."""

    cost: Floats = field(default_factory=lambda: np.zeros(0))
    score: Floats = field(default_factory=lambda: np.zeros(0))
    place: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    """Which policy it is."""

    def add(self, cost: NDArray[np.floating], score: NDArray[np.floating], place: Ints) -> None:
        """Let more policies in; of equals the first stays."""
        for at in range(0, cost.size, _PIECE):
            piece = slice(at, at + _PIECE)
            best = np.concatenate([[-np.inf], self.score])[np.searchsorted(self.cost, cost[piece], side="right")]
            new = at + np.flatnonzero((score[piece] > best) & np.isfinite(cost[piece]))
            costs, scores = np.concatenate([self.cost, cost[new]]), np.concatenate([self.score, score[new]])
            order = np.lexsort((-scores, costs))
            before = np.concatenate([[-np.inf], np.maximum.accumulate(scores[order])[:-1]])
            order = order[scores[order] > before]
            self.cost, self.score = costs[order], scores[order]
            self.place = np.concatenate([self.place, place[new]])[order]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A policy that stayed: its steps, and the source it ends with."""

    family: str
    steps: tuple[int, ...]
    source: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What came of the policies of a number of levels."""

    level: int
    existing: int
    looked_at: int
    found: Sequence[Found]
    """Those that stayed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Field:
    """What is looked for, and where."""

    sources: Sequence[Source]
    """Policies of one level."""
    ends: int
    """How many of them, the first ones, a cascade may end with."""
    steps: Sequence[Step]
    seen: Bools
    """The problems looked at."""
    bar: Floats
    """Whether the model that sets the bar is right, by problem."""
    doubt: Callable[[int], float]
    """As `Aim.doubt`."""
    limit: int
    """Most policies of a number of levels."""

    def search(self, levels: int, advance: Advance = lambda done, total: None) -> Iterator[Looked]:
        """Look at policies of one level, then of two, and so on.

        Beyond `limit` only the cheapest policies of each number of right answers grow another level.

        Raises:
            SpecError: there are more steps than `limit`.
        """
        if len(self.steps) > self.limit:
            raise SpecError(f"there are {len(self.steps)} steps, more than the limit; say a higher --limit")
        paths, existing = np.arange(len(self.sources))[:, None], self.ends
        found, rights, costs = self._alone(paths)
        yield Looked(level=1, existing=len(paths), looked_at=len(paths), found=found)
        rights, costs = rights[: self.ends], costs[: self.ends]
        for level in range(2, levels + 1 if self.steps else 2):
            existing *= len(self.steps)
            chosen = _cheapest(rights, costs, self.limit // len(self.steps))
            paths = paths[chosen] if level == 2 else self._grown(paths, chosen)
            found, rights, costs = self._crossed(paths, level, advance, keep=level < levels)
            yield Looked(level=level, existing=existing, looked_at=len(paths) * len(self.steps), found=found)

    def _alone(self, paths: Ints) -> tuple[list[Found], Single, Single]:
        right, cost = self._matrices(paths)
        better, worse, total = right @ (1 - self._bar), (1 - right) @ self._bar, cost.sum(axis=1)
        fronts = _Fronts(problems=self._bar.size)
        doubts = np.array([self.doubt(source.levels) for source in self.sources])
        for family in dict.fromkeys(source.family for source in self.sources):
            some = np.array([i for i, source in enumerate(self.sources) if source.family == family])
            fronts.add(family, better[some], worse[some], total[some], some, doubts[some])
        found = [Found(family=family, steps=(), source=place) for family, place in fronts.places()]
        return found, better - worse, total

    def _crossed(self, paths: Ints, level: int, advance: Advance, *, keep: bool) -> tuple[list[Found], Single, Single]:
        """All steps before all paths; with `keep` also how many each gets right and what it costs, step by step."""
        many, size = len(self.steps), max(1, BLOCK // max(len(self.steps), self._bar.size))
        fronts = _Fronts(problems=self._bar.size)
        rights, costs = np.zeros((2, len(paths) if keep else 0, many), dtype=np.float32)
        for at in range(0, len(paths), size):
            right, cost = self._matrices(paths[at : at + size])
            better = self._kept[0] + ((1 - self._bar) * right) @ self._up.T
            worse = self._kept[1] + (self._bar * (1 - right)) @ self._up.T
            total = self._asked.sum(axis=1) + cost @ self._up.T
            total[self._heads(paths[at : at + size])[:, None] == self._origins] = np.inf
            places = (at + np.arange(len(right)))[:, None] * many + np.arange(many)
            for family, some in self._families.items():
                up, down, spent = (one[:, some].ravel() for one in (better, worse, total))
                fronts.add(family, up, down, spent, places[:, some].ravel(), self.doubt(level))
            if keep:
                rights[at : at + size], costs[at : at + size] = better - worse, total
            advance(min(at + size, len(paths)) * many, len(paths) * many)
        found = []
        for family, place in fronts.places():
            path, step = divmod(place, many)
            *steps, source = paths[path].tolist()
            found.append(Found(family=family, steps=(step, *steps), source=source))
        return found, rights.ravel(), costs.ravel()

    def _grown(self, paths: Ints, places: Ints) -> Ints:
        """The paths that begin with a step and go on as one of these."""
        path, step = np.divmod(places, len(self.steps))
        return np.concatenate([step[:, None], paths[path]], axis=1)

    def _heads(self, paths: Ints) -> Ints:
        """The source each path asks first; to go up to it from itself would be to ask the same again."""
        return self._origins[paths[:, 0]] if paths.shape[1] > 1 else paths[:, 0]

    def _matrices(self, paths: Ints) -> tuple[Single, Single]:
        """What policies get right, and what they cost, by problem."""
        right, cost = self._ends[0][paths[:, -1]], self._ends[1][paths[:, -1]]
        for steps in paths[:, -2::-1].T:
            up = self._up[steps]
            right = up * right + self._right[steps]
            cost = up * cost + self._asked[steps]
        return right, cost

    @cached_property
    def _bar(self) -> Single:
        return self.bar[self.seen].astype(np.float32)

    @cached_property
    def _ends(self) -> tuple[Single, Single]:
        """What the sources get right, and what they cost."""
        right = _matrix([source.played.correct for source in self.sources], self.seen)
        return right, _matrix([source.played.spent.cost for source in self.sources], self.seen)

    @cached_property
    def _origins(self) -> Ints:
        """The source of each step, by position."""
        places = {id(source): place for place, source in enumerate(self.sources)}
        return np.array([places[id(step.source)] for step in self.steps], dtype=np.int64)

    @cached_property
    def _up(self) -> Single:
        """Where the steps go up."""
        return _matrix([~step.accepted for step in self.steps], self.seen)

    @cached_property
    def _right(self) -> Single:
        """Where the steps keep an answer that is right."""
        return _matrix([step.accepted * step.source.played.correct for step in self.steps], self.seen)

    @cached_property
    def _asked(self) -> Single:
        """What the steps cost."""
        return _matrix([step.cost for step in self.steps], self.seen)

    @cached_property
    def _kept(self) -> tuple[Single, Single]:
        """On how many problems the steps keep an answer that is better, and one that is worse, than the bar's."""
        wrong = 1 - self._up - self._right
        return self._right @ (1 - self._bar), wrong @ self._bar

    @cached_property
    def _families(self) -> dict[str, Ints]:
        families = [step.family for step in self.steps]
        return {name: np.flatnonzero(np.array(families) == name) for name in dict.fromkeys(families)}


@dataclass(slots=True, kw_only=True)
class _Fronts:
    """Of each family the frontier of accuracy and cost, and that of the bound and cost."""

    problems: int
    known: dict[str, tuple[Front, Front]] = field(default_factory=dict)

    def add(
        self, family: str, better: Single, worse: Single, cost: Single, place: Ints, errors: float | Floats
    ) -> None:
        """Let more of a family in."""
        estimate, low = self.known.setdefault(family, (Front(), Front()))
        estimate.add(cost, better - worse, place)
        low.add(cost, bound(better, worse, self.problems, errors), place)

    def places(self) -> Iterator[tuple[str, int]]:
        """What stayed, with its family."""
        for family, pair in self.known.items():
            yield from ((family, place) for place in sorted({int(place) for front in pair for place in front.place}))


def _cheapest(rights: Single, costs: Single, most: int) -> Ints:
    """The cheapest policies of each number of right answers, equally many of each, by position."""
    if rights.size <= most:
        return np.arange(rights.size)
    order = np.lexsort((costs, rights))
    starts = np.flatnonzero(np.diff(rights[order], prepend=-np.inf))
    rank = np.arange(order.size) - np.repeat(starts, np.diff(starts, append=order.size))
    return np.sort(order[np.argsort(rank, kind="stable")[:most]])


def _matrix(rows: Sequence[NDArray[np.generic]], seen: Bools) -> Single:
    return np.array([row[seen] for row in rows], dtype=np.float32).reshape(len(rows), int(seen.sum()))
