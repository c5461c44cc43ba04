"""The report: plots, and one HTML page that needs nothing beside itself and says everything a comparison knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from typing import Any

from delegate.bench import disagreements, plots, wording
from delegate.bench.columns import PUBLISHED, columns, published, verdict
from delegate.bench.comparison import Comparison, Row
from delegate.bench.disagreements import Disagreement
from delegate.bench.drawing import FAINT, INK, svg
from delegate.bench.evaluation import Evaluation
from delegate.bench.signal_columns import grids
from delegate.completion import Failure
from delegate.store import Record

Differing = Sequence[Disagreement] | None
"""Where math-verify decides otherwise in one run; `None` when nobody looked."""


def write(
    compared: Comparison | Sequence[Comparison],
    folder: Path,
    *,
    examples: Sequence[Record] = (),
    differing: Sequence[Differing] | None = None,
) -> list[Path]:
    """Write `plots/` and `report.html` into a run folder; of several comparisons `plots/1/` and so on, and one page.

    Args:
        compared: one comparison or several.
        folder: where to.
        examples: records to show call by call.
        differing: of each comparison; `None` takes what the folder of a single one holds.
    """
    if differing is None and isinstance(compared, Comparison):
        differing = [disagreements.read(folder)]
    comparisons = [compared] if isinstance(compared, Comparison) else list(compared)
    places = ["plots"] if len(comparisons) == 1 else [f"plots/{number}" for number in range(1, len(comparisons) + 1)]
    paths = [path for one, place in zip(comparisons, places, strict=True) for path in plots.write(one, folder / place)]
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    page.write_text(render(comparisons, examples=examples, differing=differing or ()), encoding="utf-8")
    return [*paths, page]


def render(
    comparisons: Sequence[Comparison], *, examples: Sequence[Record] = (), differing: Sequence[Differing] = ()
) -> str:
    """One page for one or more comparisons; `examples` are shown call by call. Whatever models wrote is escaped."""
    parts = [
        {**_part(comparison, number), "differing": found}
        for number, (comparison, found) in enumerate(zip_longest(comparisons, differing[: len(comparisons)]))
    ]
    return _page(", ".join(comparison.task for comparison in comparisons), parts=parts, examples=examples)


def write_signals(found: Evaluation, folder: Path) -> list[Path]:
    """Write `plots/` and `report.html` about signals into a folder."""
    paths = plots.write(found, folder / "plots", plots.SIGNAL_PLOTS)
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "report.html"
    page.write_text(render_signals(found), encoding="utf-8")
    return [*paths, page]


def render_signals(found: Evaluation) -> str:
    """A page about signals alone."""
    about = {
        "about": found,
        "grids": grids([found]),
        "plots": _plots(found, 0, plots.SIGNAL_PLOTS),
    }
    return _page(f"{found.task} · signals", signals=about)


def _page(title: str, **facts: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(
        facts=wording.facts, asked=wording.asked, answered=wording.answered, excerpt=wording.excerpt, split=_split
    )
    environment.tests["failure"] = lambda outcome: isinstance(outcome, Failure)
    template = environment.from_string(files("delegate.bench").joinpath("report.html.j2").read_text(encoding="utf-8"))
    marks = {"reference": wording.REFERENCE, "weak": wording.WEAK}
    known = {"parts": (), "signals": None, "examples": (), "marks": marks}
    return template.render(title=title, **{**known, **facts})


def _part(comparison: Comparison, number: int) -> dict[str, Any]:
    """What the template needs to know of one comparison."""
    subjects, sections = columns(comparison), wording.sections(comparison)
    rows = [row for section in sections.values() for row in section]
    rest = (*subjects["tokens"], *subjects["work and time"])
    return {
        "about": comparison,
        "headline": wording.headline(comparison),
        "sections": sections,
        "tables": {"Quality and money": subjects["quality and money"], "Tokens, calls and time": rest},
        "names": {row.name: wording.marked(row, comparison) for row in comparison.rows},
        "verdicts": {row.name: verdict(row) for row in comparison.rows},
        "published": published(comparison),
        "published_titles": PUBLISHED,
        "plots": _plots(comparison, number),
        "grids": grids(comparison.signals, comparison.handoffs),
        "methods": _methods(rows),
        "graded": [row for row in rows if row.methods],
        "notes": [row for row in rows if row.note],
    }


def _plots(about: Any, number: int, wanted: Sequence[plots.Plot] = plots.PLOTS) -> list[dict[str, Any]]:
    """Every plot that has something to show, its greys left to the page's light and dark."""
    from markupsafe import Markup

    drawn = ((plot, plot.draw(about)) for plot in wanted)
    return [
        {
            "name": plot.name,
            "caption": plot.caption,
            "svg": Markup(  # matplotlib has escaped the names in it
                svg(figure, f"{plot.name} {number}").replace(INK, "var(--soft)").replace(FAINT, "var(--line)")
            ),
        }
        for plot, figure in drawn
        if figure is not None
    ]


def _methods(rows: Sequence[Row]) -> list[str]:
    """The ways answers were found, the commonest first."""
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row.methods)
    return [method for method, _ in total.most_common()]


def _split(text: str) -> tuple[str, str]:
    """What a cell says first, and what it says more quietly: intervals, parts, and nothing."""
    if text == "0":
        return "", text
    for bracket in (" [", " ("):
        head, found, tail = text.partition(bracket)
        if found:
            return head, found + tail
    return text, ""
