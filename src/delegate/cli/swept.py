"""What `delegate sweep` says: points on problems held out, what the search promised of them, and the choice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.table import Table
from rich.text import Text

from delegate.bench.comparison import Comparison, Row
from delegate.bench.swept import Sweep
from delegate.bench.tables import ComparisonTable
from delegate.bench.wording import percent, points, spread
from delegate.cli.show import console


def tell(found: Sweep, compared: Comparison, report: Path, written: Path | None) -> None:
    """Print it."""
    console.print(ComparisonTable(compared))
    if found.held_out:
        console.print(Text())
        console.print(_both(found))
    console.print(Text())
    for sentence in _sentences(found):
        console.print(Text(sentence))
    console.print(Text(f"Chosen: {found.chosen}", style="bold"))
    for sentence in _choice(found):
        console.print(Text(sentence))
    console.print(Text(f"Report: {report}", style="dim"))
    if written is not None:
        console.print(Text(f"Spec: {written}", style="dim"))


def _both(found: Sweep) -> Table:
    """Accuracies where policies were looked for, and on the other problems."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(
        f"accuracy %, on the {found.searched:,} problems looked at and on the {found.held_out:,} held out",
        overflow="fold",
    )
    for title in ("looked at", "held out", ""):
        table.add_column(title, justify="right", no_wrap=True)
    for point in sorted(found.points, key=lambda point: point.searched.cost or 0.0):
        before, after = (row.accuracy.value for row in (point.searched, point.held_out) if row.accuracy)
        style = "bold" if point.name == found.chosen else ""
        table.add_row(Text(point.name, style), percent(before), percent(after), points(after - before))
    return table


def _sentences(found: Sweep) -> Iterator[str]:
    there = sum(level.existing for level in found.levels)
    whole = (
        "all there are" if found.exhaustive else f"of {there:,}, from the cheapest of each number of right answers on"
    )
    levels = f"up to {len(found.levels)} levels" if len(found.levels) > 1 else "one level"
    yield f"{found.policies:,} policies of {levels} were looked at, {whole}."
    if found.left_out:
        yield f"{found.left_out:,} problems lack a draw of a model and are left out."
    if found.mute:
        yield f"No threshold on {', '.join(found.mute)}: the same for all answers, or not known of them."
    yield from (f"{note}." for note in found.notes)


def _choice(found: Sweep) -> Iterator[str]:
    best = found.best
    low = "" if found.chosen == found.bar else f", and {points(found.low)} points from {found.bar} at the lower end"
    yield f"It is {found.why}{low}."
    yield _figures(f"On the {found.searched:,} problems it was chosen on", best.searched, found, searched=True)
    if found.held_out:
        yield _figures(f"On the {found.held_out:,} others", best.held_out, found, searched=False)


def _figures(where: str, row: Row, found: Sweep, *, searched: bool) -> str:
    reference = next(point for point in found.points if point.name == found.reference)
    whole = (reference.searched if searched else reference.held_out).cost or 0.0
    apart = f", {spread(row.difference, signed=True)} points from {found.reference}" if row.difference else ""
    return f"{where}: {spread(row.accuracy)} %{apart}, at {percent((row.cost or 0.0) / whole)} % of its cost."
