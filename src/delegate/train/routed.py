"""What a learned route is worth on cases it was not fitted to, beside what needs no learning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from delegate.bench import metrics
from delegate.bench.evaluation import Evaluation
from delegate.bench.metrics import Floats, Interval
from delegate.bench.resampled import interval, resample, statistics
from delegate.bench.signals import Side, evaluate
from delegate.confidences.length import Length
from delegate.routes.learned import pick, threshold
from delegate.train.cases import Cases

SHARES = tuple(number / 10 for number in range(1, 10))
"""Of problems that go to the last model: where accuracy and cost are read."""
_TOKEN = 4
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way to choose a model."""

    name: str
    last: float
    """Share of problems that the last model answers."""
    accuracy: Interval
    cost: float | None
    """US dollars a problem; `None` when unknown."""
    random: float | None = None
    """Accuracy of sending that share, drawn by chance, from the first to the last model; `None` where it is moot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A learned route, on each fold by what was fitted to the others; the first case of each problem counts."""

    signals: tuple[Evaluation, ...]
    """A model each: how well its chance of being right is told."""
    rows: tuple[Row, ...]
    areas: Mapping[str, Interval] = field(default_factory=dict)
    """Share of the gap from the first to the last model recovered, over the share sent to the last (APGR), by what
    decides: what was learned, length, and hindsight; random is 0.5. Empty where the last model is no better."""
    ahead: Interval | None = None
    """By how much the area of what was learned is above that of length; `None` likewise."""


def judge(cases: Cases, chances: Floats, *, seed: int = 0) -> Judged:
    """Judge chances (cases by models) that were told without seeing the case.

    Raises:
        SpecError: there is no case.
    """
    correct, cost, told = (array[cases.first] for array in (cases.correct, cases.cost, chances))
    read = cases.questions if cases.answers is None else cases.answers
    lengths = np.array([len(read[row]) for row in cases.first])
    length = Length.half / (Length.half + lengths / _TOKEN)
    none = np.full(len(told), np.nan)
    signals = (
        evaluate(
            {"learned": told[:, place], "length": length},
            Side(name=name, correct=correct[:, place], cost=none, tokens=none),
            seed=seed,
        )
        for place, name in enumerate(cases.models)
    )
    gain = correct[:, -1] - correct[:, 0]
    orders = {"learned": (1 + told[:, 0] - told[:, -1]) / 2, "length": length, "hindsight": (1 - gain) / 2}
    areas, ahead = _areas(orders, correct[:, 0], gain, seed) if gain.sum() > 0 else ({}, None)
    rows = _rows(cases.models, correct, cost, told, asked=cases.answers is not None)
    return Judged(signals=tuple(signals), rows=tuple(rows), areas=areas, ahead=ahead)


def _areas(
    orders: Mapping[str, Floats], correct: Floats, gain: Floats, seed: int
) -> tuple[dict[str, Interval], Interval | None]:
    counts = resample(gain.size, seed=seed)
    areas = {name: metrics.apgr(*metrics.climb(order, gain)) for name, order in orders.items()}
    drawn = {name: statistics(order, correct, counts, gain)["apgr"] for name, order in orders.items()}
    found = {name: interval(area, drawn[name]) for name, area in areas.items()}
    ahead = interval(areas["learned"] - areas["length"], drawn["learned"] - drawn["length"])
    return {name: area for name, area in found.items() if area is not None}, ahead


def _rows(models: tuple[str, ...], correct: Floats, cost: Floats, told: Floats, *, asked: bool) -> Iterator[Row]:
    """`asked`: the first model is asked, and paid, before anything is chosen: its answer is kept, or the last asked."""
    if asked:
        models, (correct, cost, told) = (models[0], models[-1]), (a[:, [0, -1]] for a in (correct, cost, told))
    last, free = len(models) - 1, (0.0,) * len(models)
    seen = tuple(map(tuple, told.tolist()))

    def row(name: str, chosen: NDArray[np.intp], *, alone: bool = False) -> Row:
        up = float((chosen == last).mean())
        first, end = (1 - up) * correct[:, 0].mean(), up * correct[:, last].mean()
        accuracy = metrics.share(_of(correct, chosen))
        assert accuracy is not None  # evaluate() refuses to judge nothing
        paid = _of(cost, chosen) + (cost[:, 0] if asked and not alone else 0) * (chosen > 0)
        return Row(
            name=name,
            last=up,
            accuracy=accuracy,
            cost=metrics.known(float(paid.mean())),
            random=None if alone else float(first + end),
        )

    for place, model in enumerate(models):
        yield row(f"always {model}", np.full(len(told), place), alone=True)
    for share in SHARES:
        bar = threshold(seen, tuple(range(len(models))), free, share)
        yield row(f"learned, {100 * share:.0f} % up", np.array([pick(chances, free, bar) for chances in seen]))
    yield row("likeliest right", told.argmax(axis=1))
    yield row("hindsight", correct.argmax(axis=1))


def _of(values: Floats, chosen: NDArray[np.intp]) -> Floats:
    """The values (problems by models) of the models chosen."""
    return np.take_along_axis(values, chosen[:, None], axis=1)[:, 0]
