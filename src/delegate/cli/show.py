"""Results on the terminal: small tables for everything that is not a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from delegate.bench.comparison import Comparison
from delegate.bench.evaluation import Evaluation
from delegate.bench.wording import count, headline, money

console = Console(markup=False, highlight=False)
"""Without markup: what is printed holds names and texts of others, brackets among them."""


def comparison(compared: Comparison, folder: Path) -> None:
    """The comparison, and where the rest of it lies."""
    from delegate.bench.tables import ComparisonTable

    console.print(ComparisonTable(compared))
    report = folder / "report.html"
    console.print(Text(headline(compared), style="bold"))
    console.print(Text(f"Report: {report}" if report.exists() else f"Run: {folder}", style="dim"))


def signals(found: Evaluation, folder: Path) -> None:
    """What signals are worth, and where the rest of it lies."""
    from delegate.bench.tables import SignalTables

    console.print(SignalTables([found]))
    console.print(Text(f"Report: {folder / 'report.html'}", style="dim"))


def rows(title: str, found: Sequence[Mapping[str, Any]]) -> None:
    """A list of like things, a row each."""
    if not found:
        console.print(f"{title}: none")
        return
    _table(title, found[0].keys(), ([_cell(row.get(key)) for key in found[0]] for row in found))


def summary(found: Mapping[str, Any]) -> None:
    """What a run came to."""
    body = []
    for row in found["models"]:
        right = f"{row['correct']} of {row['graded']}" if row["graded"] else "not graded"
        tokens = "unknown" if row["input_tokens"] is None else f"{count(row['input_tokens'])} in"
        left = "" if row["output_tokens"] is None else f", {count(row['output_tokens'])} out"
        trouble = ", ".join(f"{row[what]} {what}" for what in ("failures", "missing") if row[what]) or "none"
        body.append([row["name"], str(row["answers"]), right, trouble, _cost(row["cost"]), tokens + left])
    _table(found["run"], ("model", "answers", "right", "without answer", "cost", "tokens"), body)


def check(found: Mapping[str, Any]) -> None:
    """A spec that is right, and what a run of it would cost."""
    console.print(f"{found['spec']} is right: {', '.join(found['models'])}")
    for name in found["unready"]:
        console.print(Text(f"Not ready: {name}", style="yellow"))
    if not found["estimates"]:
        console.print(Text("Say --task to see what a run would cost.", style="dim"))
        return
    body = [
        [
            row.name,
            " to ".join(dict.fromkeys(f"{calls:.3g}" for calls in row.calls)),
            " to ".join(dict.fromkeys(_cost(cost) for cost in row.cost)),
        ]
        for row in found["estimates"]
    ]
    _table(f"Estimated for {found['problems']} problems; nothing was spent", ("model", "calls a problem", "cost"), body)


def findings(found: Iterable[Any]) -> None:
    """What the doctor found."""
    marks = {True: Text("✓", "green"), None: Text("·", "dim"), False: Text("✗", "red")}
    _table("", ("", "what", "found", "cure"), ([marks[f.ok], f.what, f.detail, f.cure] for f in found))


def subsets(found: Any, top: int) -> None:
    """The best subsets of a search."""
    body = [
        [
            " + ".join(subset.models),
            *(f"{value:.1%}" for value in (subset.union, subset.contradiction)),
            f"{subset.objective:.3f}",
            *(f"{value:.1%}" for value in (subset.accuracy, subset.single)),
        ]
        for subset in found.subsets[:top]
    ]
    where = f"chosen on {found.searched} problems, mux and best single on "
    where += f"{found.held_out} others" if found.held_out else "the same ones, which flatters them"
    head = ("models", "union", "contradiction", "objective", "mux", "best single")
    _table(f"{found.draws} draws of each; {where}", head, body)


def _table(title: str, head: Iterable[str], body: Iterable[Sequence[str | Text]]) -> None:
    table = Table(title=Text(title) if title else None, title_justify="left", box=None, pad_edge=False)
    for name in head:
        table.add_column(Text(name, "bold"), overflow="fold")
    for row in body:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    console.print(table)


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _cost(dollars: float | None) -> str:
    return "unknown" if dollars is None else money(dollars)


def imported(found: Iterable[Any], out: Path) -> None:
    """What became of other people's rows."""
    rows = list(found)
    known = ("records", "problems", "draws", "lost", "sparse", "unknown", "unpaired", "textless")
    wanted = [key for key in known if any(getattr(row, key) for row in rows)]
    body = [[row.name, row.model, *(str(getattr(row, key) or "") for key in wanted)] for row in rows]
    _table(f"Imported into {out}", ("name", "model", *wanted), body)


def steps(question: str, spans: Iterable[Any]) -> None:
    """One question through several models and policies, call by call."""
    from rich.panel import Panel
    from rich.text import Text

    from delegate.bench.tables import trace_tree

    console.print(Panel(Text(question), title="question", title_align="left", border_style="bold"))
    for span in spans:
        policy = bool(span.outcome.trace)
        style = "cyan" if policy else "dim"
        kind = "policy" if policy else "model"
        console.print(Panel(trace_tree(span), title=f"{span.model} ({kind})", title_align="left", border_style=style))
