"""A comparison and a trace for the terminal and for Markdown; as wide as there is room."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from delegate.bench.columns import PUBLISHED, Column, columns, published, verdict
from delegate.bench.comparison import Comparison, Row
from delegate.bench.evaluation import Evaluation, HandOff
from delegate.bench.signal_columns import Grid, grids
from delegate.bench.wording import REFERENCE, UNKNOWN, WEAK, answered, asked, excerpt, facts, marked, sections
from delegate.completion import Failure, Span

NARROWEST = 18
"""Cells a name keeps when columns are many; longer names are folded."""
WIDEST = 44


@dataclass(frozen=True, slots=True)
class ComparisonTable:
    """Prints itself in as many stacked tables as the width of the console asks for."""

    comparison: Comparison

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The tables and a legend."""
        about = self.comparison
        yield Text(f"{about.task} · {about.problems:,} problems · seed {about.seed}", style="bold")
        for number, group in enumerate(_packed(about, options.max_width)):
            yield Text()
            yield _table(about, group, options.max_width, verdicts=number == 0)
        yield Text()
        yield from _legend(about)
        if about.published:
            yield Text()
            yield _published(about)
        yield SignalTables(about.signals, about.handoffs)


@dataclass(frozen=True, slots=True)
class SignalTables:
    """Prints what signals are worth and who answered what; nothing where there is nothing to say."""

    evaluations: Sequence[Evaluation]
    parts: Mapping[str, Sequence[HandOff]] | None = None
    """As `grids` takes it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The tables, each with how to read it and what must not be overlooked."""
        for grid in grids(self.evaluations, self.parts):
            yield from _grid(grid, options.max_width)


def _grid(grid: Grid, width: int) -> Iterator[RenderableType]:
    """One table; where they do not fit intervals go, the last column's first."""
    columns = [list(column) for column in zip(grid.titles, *grid.rows, strict=True)]
    for column in reversed(columns[1:]):
        if sum(2 + max(map(cell_len, cells)) for cells in columns) > width:
            column[:] = [cell.partition(" [")[0] for cell in column]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1), header_style="dim")
    for place, (title, *_) in enumerate(columns):
        figures = place >= grid.words
        table.add_column(title, justify="right" if figures else "left", no_wrap=figures, overflow="fold")
    for row in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*map(Text, row))
    yield from (Text(), Text(grid.about, style="bold"), table)
    yield from (Text(line, style="dim") for line in grid.below)
    yield from (Text(warning, style="yellow") for warning in grid.warnings)


def _published(comparison: Comparison) -> Table:
    """What others reported beside what is found here."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1), header_style="dim")
    table.add_column("published beside ours")
    for title in PUBLISHED[1:-1]:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column(PUBLISHED[-1], overflow="fold", style="dim")
    for cells in published(comparison):
        table.add_row(*map(Text, cells))
    return table


def _packed(comparison: Comparison, width: int) -> list[list[Column]]:
    """Columns in tables that fit the width: a subject each, or more where they fit; what is over goes where room is."""
    tables: list[list[Column]] = []
    over: list[Column] = []
    for group in filter(None, columns(comparison).values()):
        if tables and _names(comparison) + _widths(comparison, [*tables[-1], *group]) <= width:
            tables[-1] += group
            continue
        tables.append([])
        for column in group:
            (tables[-1] if _fits(comparison, [*tables[-1], column], width) else over).append(column)
    for column in over:
        next((t for t in tables if _fits(comparison, [*t, column], width)), tables[-1]).append(column)
    return tables


def _fits(comparison: Comparison, group: Sequence[Column], width: int) -> bool:
    told = max((cell_len(verdict(row)) for row in comparison.rows), default=0)  # stands below a name when not beside it
    return min(NARROWEST, max(_names(comparison), told)) + _widths(comparison, group) <= width


def _names(comparison: Comparison) -> int:
    return min(WIDEST, max((cell_len(marked(row, comparison)) for row in comparison.rows), default=0))


def _widths(comparison: Comparison, group: Sequence[Column]) -> int:
    return sum(2 + max(cell_len(text) for text in (c.title, *map(c.cell, comparison.rows))) for c in group)


def _table(comparison: Comparison, group: Sequence[Column], width: int, *, verdicts: bool) -> Table:
    room, names = width - _widths(comparison, group), _names(comparison)
    wanted = 2 + max((cell_len(verdict(row)) for row in comparison.rows if verdicts), default=0)
    beside = 2 < wanted <= room - names
    room = min(room, names if beside else max(names, wanted))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 0, 0, 1), header_style="dim")
    table.add_column("", min_width=len("baselines"), max_width=max(room, len("baselines")), overflow="fold")
    for column in group:
        table.add_column(column.title, justify="right", no_wrap=True)
    if beside:
        table.add_column("", no_wrap=True)
    for heading, rows in _told(comparison, group):
        table.add_row(Text(heading, style="italic dim"))
        for row in rows:
            style = "bold" if row.name == comparison.reference else "dim" if row.kind == "baseline" else ""
            name = Text(marked(row, comparison), style)
            if verdicts and not beside:
                name.append_text(_beaten(row, room))
            cells = [Text(column.cell(row), style) for column in group]
            table.add_row(name, *cells, *([_beaten(row)] if beside else []))
        table.add_section()
    return table


def _told(comparison: Comparison, group: Sequence[Column]) -> Iterator[tuple[str, list[Row]]]:
    """The sections, with the rows of which these columns have something to say."""
    for heading, rows in sections(comparison).items():
        told = [row for row in rows if any(column.cell(row) for column in group)]
        if told:
            yield heading, told


def _beaten(row: Row, room: int | None = None) -> Text:
    """The verdict; with `room` as lines of their own, indented, for a column so wide."""
    said = verdict(row)
    if said and room is not None:
        break_at = " " if cell_len(said) + 2 <= room else "\n  "
        said = "\n  " + said.removesuffix(f" {row.dominated_by}") + f"{break_at}{row.dominated_by}"
    return Text(said, style="bold yellow" if row.kind == "policy" else "not bold dim yellow")


def _legend(comparison: Comparison) -> Iterator[Text]:
    marks = f"{REFERENCE} reference, the large model · {WEAK} weak model · [ ] 95 % interval"
    notes = [marks, "Δ points: paired difference to the reference · gap: share of weak-to-reference recovered (PGR)"]
    if columns(comparison)["tokens"]:
        notes.append(
            "tokens over all problems; in parentheses the cached of the input, the reasoning of the output, where known"
        )
    if any(row.cost is None for row in comparison.rows):
        notes.append(f"≥ and {UNKNOWN}: the price of some calls is not known, and never counted as zero")
    for note in notes:
        yield Text(note, style="dim")


def markdown(comparison: Comparison) -> str:
    """A table a subject in GitHub's Markdown; the first says what is dominated."""
    tables = []
    for number, group in enumerate(filter(None, columns(comparison).values())):
        lines = [["", *(column.title for column in group)], ["---", *("---:" for _ in group)]]
        for heading, rows in _told(comparison, group):
            lines.append([f"*{heading}*", *("" for _ in group)])
            for row in rows:
                beaten = f" **{verdict(row)}**" if row.dominated_by and number == 0 else ""
                lines.append([marked(row, comparison) + beaten, *(column.cell(row) for column in group)])
        tables.append("".join(_line(cells) for cells in lines))
    return "\n".join([*tables, *signal_markdown(comparison.signals, comparison.handoffs)])


def signal_markdown(evaluations: Sequence[Evaluation], parts: Mapping[str, Sequence[HandOff]]) -> Iterator[str]:
    """What signals are worth, and who answered, in GitHub's Markdown."""
    for grid in grids(evaluations, parts):
        head = [[grid.about, *grid.titles[1:]], ["---", *("---:" for _ in grid.titles[1:])]]
        said = "".join(f"\n{sentence}\n" for sentence in grid.warnings)
        yield "".join(map(_line, [*head, *grid.rows])) + said


def _line(cells: Sequence[str]) -> str:
    safe = (re.sub(r"([|<`\\])", r"\\\1", cell) for cell in cells)
    return f"| {' | '.join(safe)} |\n"


def trace_tree(span: Span) -> Tree:
    """Who asked whom for what, with tokens, cost and seconds of each call."""
    tree = Tree(_node(span), guide_style="dim")
    _grow(tree, span)
    return tree


def _grow(tree: Tree, span: Span) -> None:
    for child in span.outcome.trace:
        _grow(tree.add(_node(child)), child)


def _node(span: Span) -> Text:
    failed = isinstance(span.outcome, Failure)
    notes = " · ".join(f"{key} {excerpt(str(value), 40)}" for key, value in span.outcome.notes.items())
    text = Text(f"{span.role} ", style="dim").append(span.model, style="not dim bold").append(f"  {facts(span)}")
    text.append(f"\n← {excerpt(asked(span), 100)}")
    text.append(f"\n→ {excerpt(answered(span), 100)}", style="not dim red" if failed else "not dim")
    return text.append(f"\n{notes}", style="italic") if notes else text
