"""A comparison as pictures: a pure function a plot, `None` where there is nothing to show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from delegate.bench import signal_plots
from delegate.bench.comparison import Comparison, Row
from delegate.bench.drawing import (
    BLUE,
    FAINT,
    GREEN,
    HATCH,
    INK,
    LOOKS,
    NAME,
    PALE,
    PLUM,
    beside,
    canvas,
    curves,
    dollars,
    head,
    kinds,
    mark,
    patches,
    rungs,
    style,
    svg,
)
from delegate.bench.labels import Point, label
from delegate.bench.wording import count, duration, excerpt, marked, rate, sections, spent, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CROWD = 6
"""More baselines than this are not named in full beside their marks."""


def frontier(comparison: Comparison) -> Figure | None:
    """Accuracy over dollars; the line joins what nothing dominates."""
    rows = [row for row in _ordered(comparison) if row.accuracy is not None and rate(row) is not None]
    if len(rows) < 2:
        return None
    with canvas(7.8, 4.9) as (figure, axes):
        spots = [(rate(row) or 0.0, 100 * row.accuracy.value if row.accuracy else 0.0) for row in rows]
        line = _rising([s for s, r in zip(spots, rows, strict=True) if r.kind != "baseline" and not r.dominated_by])
        axes.plot(*zip(*line, strict=True), color=FAINT, linewidth=1.3, zorder=1) if line else None
        for spot, row in zip(spots, rows, strict=True):
            mark(axes, *spot, row, size=7)
        axes.grid()
        axes.set(xlabel="US dollars per 1,000 problems", ylabel="accuracy, %")
        axes.margins(0.08, 0.1)
        dollars(axes, [x for x, _ in spots])
        head(figure, "Accuracy and cost", comparison, kinds(rows))
        unknown = [f"{r.name} ({spent(r, per=1000)})" for r in comparison.rows if r.accuracy and rate(r) is None]
        if unknown:
            said = f"not shown, cost unknown: {excerpt(', '.join(unknown), 90)}"
            figure.supxlabel(said, fontsize=8, x=0.99, ha="right")
        label(axes, spots, _names(comparison, rows), line)
    return figure


def accuracy(comparison: Comparison) -> Figure | None:
    """Each accuracy with its interval, and the reference's as a line."""
    rows = [row for row in _ordered(comparison) if row.accuracy is not None]
    if not rows:
        return None
    with canvas(5.8, _height(rows)) as (figure, axes):
        for y, row in rungs(axes, rows, comparison):
            low, mid, high = (100 * getattr(row.accuracy, name) for name in ("low", "value", "high"))
            if row.name == comparison.reference:
                axes.axvline(mid, color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
            axes.plot([low, high], [y, y], color=LOOKS[row.kind][1], linewidth=1.8, solid_capstyle="round")
            mark(axes, mid, y, row, size=6)
            beside(axes, y, spread(row.accuracy))
        axes.set_xlabel("accuracy, %")
        head(figure, "Accuracy with 95 % intervals", comparison, kinds(rows))
    return figure


def tokens(comparison: Comparison) -> Figure | None:
    """Tokens a problem, of the large model and of the small ones; reasoning is hatched."""
    rows = [row for row in _ordered(comparison) if row.problems and any(number != 0 for number, _ in _pieces(row))]
    if not rows:
        return None
    with canvas(5.8, _height(rows)) as (figure, axes):
        for y, row in rungs(axes, rows, comparison):
            left, unknown = 0.0, False
            for number, look in _pieces(row):
                unknown |= number is None
                axes.barh(y, (number or 0) / row.problems, 0.6, left=left, linewidth=0, **look)
                left += (number or 0) / row.problems
            beside(axes, y, " + ".join([count(left)] * (left > 0) + ["?"] * unknown))
        axes.set_xlabel("tokens, mean over the problems")
        axes.xaxis.set_major_formatter(lambda x, _: count(x))
        looks: dict[str, dict[str, Any]] = {
            "large in": {"color": BLUE, "alpha": PALE},
            "large out": {"color": BLUE},
            "small in": {"color": GREEN, "alpha": PALE},
            "small out": {"color": GREEN},
            "reasoning": {"facecolor": INK, "hatch": HATCH},
        }
        head(figure, "Tokens a problem", comparison, patches(looks))
    return figure


def latency(comparison: Comparison) -> Figure | None:
    """Median and 95th percentile of the seconds a problem takes."""
    rows = [row for row in _ordered(comparison) if row.latency_p50 is not None and row.latency_p95 is not None]
    if not rows:
        return None
    with canvas(5.8, _height(rows)) as (figure, axes):
        for y, row in rungs(axes, rows, comparison):
            axes.barh(y, row.latency_p95 or 0, 0.3, color=PLUM, alpha=PALE, linewidth=0)
            axes.barh(y, row.latency_p50 or 0, 0.6, color=PLUM, linewidth=0)
            beside(axes, y, f"{duration(row.latency_p50)} · {duration(row.latency_p95)}")
        axes.set_xlabel("seconds")
        looks: dict[str, dict[str, Any]] = {
            "median": {"color": PLUM},
            "95th percentile": {"color": PLUM, "alpha": PALE},
        }
        head(figure, "Seconds a problem", comparison, patches(looks))
    return figure


def risk(comparison: Comparison) -> Figure | None:
    """Errors among the answers kept, as more and more are kept by falling confidence."""
    rows = [row for row in _ordered(comparison) if row.risk_coverage]
    if not rows:
        return None
    with canvas(5.8, 3.6) as (figure, axes):
        lines = curves(axes, {row.name: row.risk_coverage for row in rows})
        axes.set(xlabel="answers kept, %", ylabel="errors among them, %", xlim=(0, 100))
        axes.set_ylim(bottom=0)
        head(figure, "Risk and coverage", comparison, lines)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One picture and how to read it."""

    name: str
    draw: Callable[[Any], Figure | None]
    """`None` when there is nothing to show."""
    caption: str


PLOTS = (
    Plot(
        name="frontier",
        draw=frontier,
        caption="Up is better, left is cheaper. The line joins what nothing dominates; hollow marks are dominated.",
    ),
    Plot(
        name="accuracy",
        draw=accuracy,
        caption="Marks are estimates, bars 95 % intervals, the dashed line is the reference. For differences trust the "
        "paired column of the table: these bars may overlap although the difference is sure.",
    ),
    Plot(
        name="tokens",
        draw=tokens,
        caption="Pale is input, full is output, hatched is reasoning; blue the large model, green all others.",
    ),
    Plot(
        name="latency",
        draw=latency,
        caption="Wide bars are the median, thin bars the 95th percentile; rows of unknown time are left out.",
    ),
    Plot(
        name="risk",
        draw=risk,
        caption="Answers are kept from the surest down. A useful confidence keeps the curve low until "
        "far to the right; its right end is the plain error rate. Of a policy that sends "
        "answers up, this is about the first answers it had, which its confidence speaks of.",
    ),
    Plot(
        name="reliability",
        draw=lambda comparison: signal_plots.reliability(comparison, comparison.signals),
        caption=signal_plots.RELIABILITY,
    ),
)

SIGNAL_PLOTS = (
    Plot(
        name="reliability",
        draw=lambda found: signal_plots.reliability(found, [found]),
        caption=signal_plots.RELIABILITY,
    ),
    Plot(
        name="risk",
        draw=signal_plots.risk,
        caption="Answers are kept from the surest down. A useful signal keeps the curve low until far to the right.",
    ),
    Plot(
        name="gap",
        draw=signal_plots.gap,
        caption="The least sure answers go up first. The diagonal is escalating at random, the dashes are hindsight; "
        "the area under a curve is its gap area.",
    ),
)
"""Of one evaluation of signals."""


def write(about: Any, folder: Path, plots: Sequence[Plot] = PLOTS) -> list[Path]:
    """Save every plot of something that has something to show as SVG and PNG; equal values make equal files."""
    paths = []
    for plot in plots:
        figure = plot.draw(about)
        if figure is None:
            continue
        path = folder / f"{plot.name}.svg"
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(svg(figure, plot.name), encoding="utf-8")
        with style():
            figure.savefig(path.with_suffix(".png"), dpi=160, metadata={"Software": None})
        paths += [path, path.with_suffix(".png")]
    return paths


def _ordered(comparison: Comparison) -> list[Row]:
    return [row for rows in sections(comparison).values() for row in rows]


def _names(comparison: Comparison, rows: Sequence[Row]) -> list[str]:
    """What to write beside the rows' marks: of many baselines the first word, for their crowd says more than each."""
    crowded = sum(row.kind == "baseline" for row in rows) > CROWD
    return [
        row.name.split(" ")[0] if crowded and row.kind == "baseline" else excerpt(marked(row, comparison), NAME)
        for row in rows
    ]


def _height(rows: Sequence[Row]) -> float:
    return 1.25 + 0.27 * len(rows)


def _pieces(row: Row) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """A row's tokens from left to right with the look of each piece; `None` where unknown."""
    for spent_by, colour in ((row.large, BLUE), (row.small, GREEN)):
        thought = spent_by.reasoning or 0
        yield spent_by.input, {"color": colour, "alpha": PALE}
        yield None if spent_by.output is None else spent_by.output - thought, {"color": colour}
        yield thought, {"facecolor": colour, "hatch": HATCH}


def _rising(spots: Sequence[Point]) -> list[Point]:
    """The corners of the staircase along the spots that beat every cheaper one."""
    line: list[Point] = []
    for x, y in sorted(spots, key=lambda s: (s[0], -s[1])):
        if not line or y > line[-1][1]:
            line += [(x, line[-1][1]), (x, y)] if line else [(x, y)]
    return line
