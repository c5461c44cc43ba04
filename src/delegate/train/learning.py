"""What a seat has learnt: each figure before and after on the same held-out problems, and the curve between; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from delegate.bench.drawing import BLUE, FAINT, GREEN, GREY, ORANGE, PLUM, canvas
from delegate.bench.metrics import Interval, bootstrap
from delegate.bench.plots import Plot
from delegate.bench.plots import write as write_plots
from delegate.train.rollout import Rollout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMOOTH = 9
"""Steps that a point of the curve is the mean of."""


def by_problem(found: Iterable[Rollout]) -> dict[str, dict[str, float]]:
    """The mean of each figure, by problem, over the rollouts of which it is known."""
    columns: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in found:
        figures: dict[str, float | None] = {
            "reward": one.reward,
            "cost": one.cost,
            "seconds": one.seconds,
            "subtasks": float(len(one.work)),
            "faultless": float(not one.faults),
            **({f"part {name}": value for name, value in one.parts.items()} if one.reward is not None else {}),
            **({"right": float(one.scores[0] == 100.0)} if one.scores and not one.verdicts else {}),
        }
        for name, value in figures.items():
            if value is not None:
                columns[one.sample][name].append(value)
    return {
        sample: {name: sum(values) / len(values) for name, values in rows.items()} for sample, rows in columns.items()
    }


def gained(before: Iterable[Rollout], after: Iterable[Rollout], *, seed: int = 0) -> dict[str, Interval]:
    """The mean of each figure after less that before, over problems that have both; a paired bootstrap."""
    first, second = by_problem(before), by_problem(after)
    names = dict.fromkeys(name for figures in second.values() for name in figures)
    found = {}
    for name in names:
        pairs = [
            (first[sample][name], figures[name])
            for sample, figures in second.items()
            if name in figures and name in first.get(sample, {})
        ]
        differences = np.array([after - before for before, after in pairs])
        if (bounds := bootstrap(differences, seed=seed)) is not None:
            found[name] = Interval(value=float(differences.mean()), low=bounds[0], high=bounds[1])
    return found


def smooth(values: Sequence[float], width: int = SMOOTH) -> list[float]:
    """The mean of each value and those around it, fewer at the ends."""
    half = width // 2
    around = (values[max(0, place - half) : place + half + 1] for place in range(len(values)))
    return [sum(some) / len(some) for some in around]


def curve(said: Mapping[str, Any]) -> Figure | None:
    """The reward of each step's rollouts and the parts it is made of, between the held-out rewards."""
    steps = [row for row in said["steps"] if "rollout/reward" in row]
    if len(steps) < 2:
        return None
    names = [name for name in steps[0] if name.startswith("part/") and any(row.get(name) for row in steps)]
    with canvas(7.0, 4.2) as (figure, axes):
        x = [row["step"] for row in steps]
        rewards = [row["rollout/reward"] for row in steps]
        axes.plot(x, rewards, color=FAINT, linewidth=0.8)
        axes.plot(x, smooth(rewards), color=BLUE, linewidth=2.2, label="reward")
        for name, colour in zip(names, (GREEN, ORANGE, PLUM, GREY), strict=False):
            line = smooth([row.get(name, 0.0) for row in steps])
            axes.plot(x, line, color=colour, linewidth=1.3, label=name.removeprefix("part/"))
        for place, name in ((0, "before"), (x[-1], "after")):
            if (held := said[name]["reward"]) is not None:
                bars = [[held["value"] - held["low"]], [held["high"] - held["value"]]]
                label = "held out" if name == "after" else None
                axes.errorbar([place], [held["value"]], bars, fmt="D", color=BLUE, markersize=6, label=label)
        axes.set(xlabel="steps", ylabel="reward a rollout")
        axes.grid()
        title = f"Learning · {said['task']}, {said['problems']['held_out']:,} held-out problems"
        figure.legend(title=title, loc="outside upper left", alignment="left", ncols=5, borderpad=0.2)
    return figure


def write(said: Mapping[str, Any], folder: Path) -> list[Path]:
    """Save the curve as SVG and PNG."""
    caption = "Lines are means over the training problems of nine steps, marks the held-out problems with 95 %."
    return write_plots(said, folder, [Plot(name="learning", draw=curve, caption=caption)])
