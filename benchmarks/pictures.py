"""The pictures of `make demo` in the README: what it prints, and the plot of its report.

    python benchmarks/pictures.py [--run runs/demo] [--policy tool] [--problem 1]

The run is the one that `make demo` leaves behind.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

from delegate.bench.compare import saved
from delegate.cli import show as screen
from delegate.store import records, values
from delegate.task import Sample

DOCS = Path(__file__).parents[1] / "docs"


def picture(name: str, title: str, draw: Callable[[], None], width: int) -> None:
    """Draw into a console that keeps what it is told, and write it as a picture."""
    screen.console = Console(record=True, width=width, markup=False, highlight=False)
    draw()
    screen.console.save_svg(str(DOCS / name), title=title)


@click.command()
@click.option("--run", "folder", type=click.Path(path_type=Path, exists=True), default="runs/demo", show_default=True)
@click.option("--policy", default="tool", show_default=True, help="Whose way is shown, call by call.")
@click.option("--problem", default=1, show_default=True, help="On which problem of the run.")
def main(folder: Path, policy: str, problem: int) -> None:
    """Write docs/demo-table.svg, docs/demo-steps.svg and docs/demo-frontier.svg."""
    compared = saved(folder)
    picture("demo-table.svg", "make demo", lambda: screen.comparison(compared, folder), 150)
    sample = list(values(folder / "samples.jsonl", Sample))[problem]
    span = records(folder)[sample.id, policy, 0].span
    asked = f"{sample.question}  [right: {sample.target}]"
    picture("demo-steps.svg", f"delegate demo --policy {policy}", lambda: screen.steps(asked, [span]), 110)
    shutil.copyfile(folder / "plots" / "frontier.svg", DOCS / "demo-frontier.svg")


if __name__ == "__main__":
    main()
