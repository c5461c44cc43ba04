"""How plots are drawn: colours, style, canvas and the strokes they share, for light and dark pages alike."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, cycle, pairwise
from typing import TYPE_CHECKING, Any

from delegate.bench.comparison import Comparison, Row
from delegate.bench.evaluation import Evaluation
from delegate.bench.wording import HEADINGS, excerpt, marked

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT = "#76808b", "#a3abb4"
"""Text and lines: dark enough for a white page and light enough for a black one."""
BLUE, ORANGE, GREEN, PLUM, GREY = "#3b8bc9", "#e08a2c", "#2fa58b", "#b9709f", "#8f98a2"
"""After Okabe and Ito: told apart with any kind of colour vision, at the brightness of mid-tones."""
PALE, HATCH = 0.45, "/////"
"""The alpha of what is secondary; the stripes of reasoning."""
LOOKS = {"model": ("o", BLUE), "policy": ("D", ORANGE), "baseline": ("^", GREY)}
"""Marker and colour of each kind of row."""
NAME = 36
"""Characters of a name beside a point or an axis."""

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,
    "axes.facecolor": "none",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "hatch.color": "#ffffff",
    "hatch.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "legend.title_fontsize": 10,
    "svg.fonttype": "none",
}


def svg(figure: Figure, salt: str) -> str:
    """A figure as an `<svg>` element with live text; `salt` keeps its ids apart from those of other figures."""
    file = io.StringIO()
    with style(salt):
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = file.getvalue()
    text = re.sub(r"<style.*?</style>", "", text[text.index("<svg") :], count=1, flags=re.DOTALL)
    return re.sub(r'<g id="[^"]*"', "<g", text).replace("<svg ", '<svg stroke-linejoin="round" ', 1)


@contextmanager
def style(salt: str = "") -> Iterator[None]:
    """Our settings of matplotlib for as long as it lasts; `salt` is what ids in SVG are made from."""
    import matplotlib as mpl

    settings: Any = {**_STYLE, "svg.hashsalt": f"delegate {salt}"}
    with mpl.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # what our font lacks, the reader's own may have
        yield


@contextmanager
def canvas(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure and its axes in our style; without pyplot there is no global state and no window."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.add_subplot()


def head(figure: Figure, title: str, about: Comparison | Evaluation, handles: Sequence[Any]) -> None:
    """The title of a figure with its legend beneath, in as many columns as there is room for."""
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    room = int(15 * figure.get_figwidth()) // (longest + 6)  # about fifteen characters to an inch
    figure.legend(
        handles=list(handles),
        title=f"{title} · {about.task}, {about.problems:,} problems",
        loc="outside upper left",
        alignment="left",
        ncols=max(1, min(5, len(handles), room)),
        handlelength=1.6,
        handletextpad=0.5,
        borderpad=0.2,
    )


def rungs(axes: Axes, rows: Sequence[Row], comparison: Comparison) -> Iterator[tuple[float, Row]]:
    """The height of each row, first on top, a gap between kinds; the axis is labelled with their names."""
    steps = (1.6 if above.kind != below.kind else 1.0 for above, below in pairwise(rows))
    heights = [-y for y in accumulate(steps, initial=0.0)]
    axes.set_yticks(heights, [excerpt(marked(row, comparison), NAME) for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_ylim(heights[-1] - 0.6, 0.6)
    yield from zip(heights, rows, strict=True)


def beside(axes: Axes, y: float, text: str) -> None:
    """Write a row's numbers right of the axes."""
    axes.text(1.015, y, text, transform=axes.get_yaxis_transform(), va="center_baseline", fontsize=8)


def mark(axes: Axes, x: float, y: float, row: Row, size: float) -> None:
    """Draw a row's mark, hollow when the row is dominated."""
    marker, colour = LOOKS[row.kind]
    inside = "none" if row.dominated_by else colour
    axes.plot(x, y, marker, color=colour, markerfacecolor=inside, markersize=size, markeredgewidth=1.4, zorder=3)


def kinds(rows: Sequence[Row]) -> list[Any]:
    """What a legend says of the marks in use."""
    from matplotlib.lines import Line2D

    marks = [(HEADINGS[kind], *LOOKS[kind], LOOKS[kind][1]) for kind in dict.fromkeys(row.kind for row in rows)]
    if any(row.dominated_by for row in rows):
        marks.append(("dominated", "o", INK, "none"))
    return [
        Line2D([], [], marker=marker, color=edge, markerfacecolor=inside, linestyle="", markersize=6, label=name)
        for name, marker, edge, inside in marks
    ]


def curves(axes: Axes, points: Mapping[str, Sequence[tuple[float, float]]]) -> list[Any]:
    """Draw a line of percentages through shares for each name, few points with dots; what a legend says of them."""
    looks = cycle((c, s) for s in ("-", (0, (5, 2)), (0, (1, 1.5))) for c in (BLUE, ORANGE, GREEN, PLUM, GREY))
    lines: list[Any] = []
    for (name, line), (colour, dashes) in zip(points.items(), looks, strict=False):
        x, y = ([100 * share for share in axis] for axis in zip(*line, strict=True))
        lines += axes.plot(x, y, color=colour, linestyle=dashes, linewidth=1.8, label=excerpt(name, NAME))
        dots = slice(None) if len(x) <= 16 else slice(-1, None)
        axes.plot(x[dots], y[dots], "o", color=colour, markersize=4, clip_on=False)
    axes.grid()
    return lines


def patches(looks: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """What a legend says of coloured bars."""
    from matplotlib.patches import Patch

    return [Patch(label=name, linewidth=0, **look) for name, look in looks.items()]


def dollars(axes: Axes, values: Sequence[float]) -> None:
    """A scale for dollars: logarithmic when they span more than a factor of ten, with room for what costs nothing."""
    from matplotlib.ticker import FuncFormatter, LogLocator, SymmetricalLogLocator

    paid = [x for x in values if x > 0]
    if paid and max(paid) > 10 * min(paid):
        near = (1, 2, 5) if max(paid) < 500 * min(paid) else (1,)
        if len(paid) < len(values):
            axes.set_xscale("symlog", linthresh=min(paid), linscale=0.5)
            axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=min(paid), subs=near))
        else:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=near))
        axes.minorticks_off()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"${x:g}"))
