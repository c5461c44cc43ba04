"""The result of a sweep, as plain values: what was looked at, what stayed, what was chosen and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from delegate.bench import metrics
from delegate.bench.comparison import Comparison, Row
from delegate.bench.metrics import Floats, Interval
from delegate.bench.replayed import Bools, Played


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One model or policy of a sweep."""

    family: str
    """What kind it is; "yours" of one that was given, not found."""
    levels: int
    """1, and one more for each step."""
    searched: Row
    """On the problems it was found on: flattered, unless nothing was chosen."""
    held_out: Row
    """On the others; the same row where nothing was held out."""
    frontier: bool = False
    """Whether nothing that was looked at beats it on the problems it was found on."""
    part: Mapping[str, Any] = field(default_factory=dict)
    """As the table of a spec in which models go by their names here."""

    @property
    def name(self) -> str:
        """What it does, in words."""
        return self.held_out.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How many policies there are of a number of levels, and how many of these were looked at."""

    levels: int
    existing: int
    looked_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Policies looked at by the thousand, and what came of it."""

    reference: str
    """The model every point is held against: the large one."""
    weak: str
    bar: str
    """The model that the chosen policy is to be as good as."""
    points: tuple[Point, ...]
    """Single models, policies that were given, and what was found: the frontier and the choice of each family."""
    chosen: str
    """Name of the point."""
    why: str
    """By which rule, in words."""
    low: float
    """What the chosen policy's accuracy exceeds the bar's by, at the lower end, on the problems searched."""
    levels: tuple[Level, ...]
    searched: int
    """Problems policies were looked for on."""
    held_out: int
    """Problems nothing was looked for on; 0: there are none, so every figure flatters."""
    left_out: int = 0
    """Problems of the run that lack a recording."""
    seed: int | None = None
    """Of the split; `None`: there was none."""
    mute: tuple[str, ...] = ()
    """Signals that are not known of every answer of any model, or the same for all: no threshold tells any apart."""
    notes: tuple[str, ...] = ()
    """Sentences about policies that were given and could not be looked at."""

    @property
    def policies(self) -> int:
        """How many were looked at."""
        return sum(level.looked_at for level in self.levels)

    @property
    def exhaustive(self) -> bool:
        """Whether that is all there are."""
        return all(level.looked_at == level.existing for level in self.levels)

    @property
    def best(self) -> Point:
        """The chosen point."""
        return next(point for point in self.points if point.name == self.chosen)

    def comparison(self, *, searched: bool = False, **facts: Any) -> Comparison:
        """The points as a comparison: on the problems held out, or on those `searched`."""
        return Comparison(
            problems=self.searched if searched or not self.held_out else self.held_out,
            seed=self.seed or 0,
            reference=self.reference,
            weak=self.weak,
            rows=tuple(point.searched if searched else point.held_out for point in self.points),
            **facts,
        )


def rows(played: Mapping[str, Played], reference: str, weak: str, where: Bools) -> dict[str, Row]:
    """What each did on some problems, held against the reference, and what beats it, by name."""
    sums = {name: (float(p.correct[where].mean()), float(p.spent.cost[where].sum())) for name, p in played.items()}
    large, small = played[reference].correct[where], played[weak].correct[where]
    found = {}
    for name, one in played.items():
        row = _row(name, one, where)
        beaten = [
            (played[other].place is None, -sums[other][0], sums[other][1], other)
            for other in played
            if metrics.dominates(*sums[other], *sums[name])
        ]
        gap = metrics.recovered(sums[name][0], float(small.mean()), float(large.mean()))
        row = replace(row, dominated_by=min(beaten)[-1] if beaten else None, recovered=gap)
        found[name] = row if name == reference else _against(row, one.correct[where], large)
    return found


def _row(name: str, played: Played, where: Bools) -> Row:
    spent, up = played.spent, played.escalated[where]
    cost = float(spent.cost[where].sum())
    return Row(
        name=name,
        kind="policy" if played.place is None else "model",
        problems=int(where.sum()),
        accuracy=metrics.share(played.correct[where]),
        cost=cost,
        known_cost=cost,
        calls=float(spent.calls[where].mean()),
        escalated=None if np.isnan(up).any() else float(up.mean()),
        latency_p50=metrics.percentile(spent.seconds[where], 50),
        latency_p95=metrics.percentile(spent.seconds[where], 95),
    )


def _against(row: Row, correct: Floats, reference: Floats) -> Row:
    better, worse = discordant(correct, reference)
    low, high = metrics.paired(better, worse, correct.size)
    difference = Interval(value=(better - worse) / correct.size, low=low, high=high)
    return replace(row, difference=difference, p_value=metrics.mcnemar(better, worse))


def discordant(correct: Floats, other: Floats) -> tuple[int, int]:
    """On how many problems the first alone is right, and on how many the other alone."""
    return int(((correct > 0) & (other == 0)).sum()), int(((correct == 0) & (other > 0)).sum())
