"""`delegate train route`: learn which model will be right, from a graded run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from delegate.cli.setting import json_option, run_argument, show
from delegate.errors import MissingExtraError

if TYPE_CHECKING:
    from delegate.train.routed import Judged


@click.command("route")
@run_argument
@click.option(
    "--models", help="Names separated by commas, the weakest first. [every single model of RUN, as they come]"
)
@click.option("--post", is_flag=True, help="Read the first model's answer, too: a confidence for a cascade.")
@click.option("--kind", type=click.Choice(["logistic", "boosting"]), default="logistic", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of folds and resamples.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write. [RUN/route.json, RUN/confidence.json]",
)
@json_option
def route_(folder: Path, models: str | None, post: bool, out: Path | None, as_json: bool, **options: Any) -> None:
    """Learn from the graded answers in RUN which model will be right on a question; judged by cross-validation."""
    try:
        from delegate.train.route import fit
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"`delegate train route` ({error.name})", "learn") from None
    from delegate.store import write_lines
    from delegate.train.cases import gather
    from delegate.train.routed import judge

    named = None if models is None else [name.strip() for name in models.split(",") if name.strip()]
    cases = gather(folder, named, answers=post)
    fitted = fit(cases, **options)
    judged = judge(cases, fitted.chances, seed=options["seed"])
    target = out or folder / ("confidence.json" if post else "route.json")
    write_lines(target, [fitted.predictor])
    show(judged) if as_json else _say(judged, target)


def _say(judged: Judged, target: Path) -> None:
    """What was learned, and where it is."""
    from rich.table import Table
    from rich.text import Text

    from delegate.bench.tables import SignalTables
    from delegate.bench.wording import UNKNOWN, money, percent, spread
    from delegate.cli.show import console

    console.print(SignalTables(judged.signals, parts={}))
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    for title in ("to the last %", "right %", "by chance %", "$ / 1,000"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in judged.rows:
        cost = UNKNOWN if row.cost is None else money(1000 * row.cost)
        chance = "" if row.random is None else percent(row.random)
        table.add_row(Text(row.name), percent(row.last), spread(row.accuracy), chance, cost)
    console.print(Text())
    console.print(Text("who answers, each fold as the others tell", style="bold"))
    console.print(table)
    areas = [f"{name} {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]" for name, area in judged.areas.items()]
    recovered = f"{', '.join(areas)}; by chance 0.5" if areas else "the last model is no better than the first"
    console.print(Text(f"Share of the gap recovered, over all shares sent up: {recovered}"))
    if judged.ahead is not None and judged.ahead.low <= 0:
        how = "loses to" if judged.ahead.value < 0 else "is not surely better than"
        console.print(Text(f"What was learned {how} length.", style="yellow"))
    console.print(Text(f"Written to {target}", style="bold"))
