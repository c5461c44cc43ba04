"""The command `delegate sweep`: policies by the thousand over what is recorded, and the one to use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from delegate.bench import report
from delegate.bench.certificate import spec_file
from delegate.bench.choice import Aim
from delegate.bench.grade import graders
from delegate.bench.moves import Scale
from delegate.bench.sweep import sweep
from delegate.cli.pool import Run
from delegate.cli.setting import json_option, load_spec, run_argument, show
from delegate.confidences.token import Token
from delegate.errors import SpecError
from delegate.plain import plain
from delegate.price import Price
from delegate.store import write_json

_PRICE = re.compile(r"(.+)=([\d.]+)/([\d.]+)")
_BUDGET = re.compile(r"\$(?P<dollars>\d*\.?\d+)|(?P<percent>\d*\.?\d+)\s*%")


@click.command("sweep")
@run_argument
@click.option("--models", help="Names, separated by commas. [every single model of RUN]")
@click.option("--draws", type=click.IntRange(min=1), help="Draws of each model to use, the first ones. [all]")
@click.option("--price", "prices", multiple=True, metavar="NAME=IN/OUT", help="Dollars per million tokens; repeat.")
@click.option("--signal", "signals", multiple=True, metavar="NAME", help="Only this signal; repeat for more. [all]")
@click.option("--confident", default="<|c|>", show_default=True, help="The token of an answer that is sure.")
@click.option("--unsure", default="<|u|>", show_default=True, help="The token of one that is not.")
@click.option("--spec", "spec_path", type=click.Path(path_type=Path), help="Spec whose models and policies to use.")
@click.option("--reference", help="The large model. [that of the spec, else the dearest]")
@click.option("--at-least", metavar="MODEL", help="Choose what is as good as this model. [the reference]")
@click.option("--within", type=float, default=0.0, metavar="POINTS", help="Or worse by no more than this. [0]")
@click.option("--budget", metavar="40%|$1.20", help="Share of the reference's cost, or dollars per 1,000 problems.")
@click.option("--split", type=click.IntRange(min=0), default=0, help="Seed: choose on a half, report on the other. [0]")
@click.option("--no-split", is_flag=True, help="Choose and report on the same problems, which flatters.")
@click.option("--levels", type=click.IntRange(min=1), default=2, show_default=True, help="Most levels of a cascade.")
@click.option(
    "--size", type=click.IntRange(min=1), help="Most members of a vote or mux. [all of up to 6 models, else 3]"
)
@click.option("--limit", type=click.IntRange(min=1), default=10_000_000, help="Most policies a level. [10,000,000]")
@click.option("--write", type=click.Path(path_type=Path), help="Write what was chosen as a spec.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for sweep.json and report.html. [RUN/sweep]")
@click.option("--plots/--no-plots", default=True, help="Write plots and report.html.", show_default=True)
@json_option
def sweep_(
    folder: Path,
    signals: tuple[str, ...],
    spec_path: Path | None,
    write: Path | None,
    out: Path | None,
    plots: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Replay every cascade, vote, mux and route over the answers recorded in RUN, and choose one; no model is asked.

    Without --budget the cheapest policy is chosen that is credibly as good as --at-least and --within say; with it the
    surest of those that keep to it. The choice is made on one half of the problems and reported on the other.
    """
    from delegate.cli.swept import tell

    run = Run.load(
        folder,
        token=Token(confident=options["confident"], unsure=options["unsure"]),
        prices=dict(map(_price, options["prices"])),
        signals=signals,
        spec=load_spec(spec_path)[0] if spec_path else None,
        base=spec_path.parent if spec_path else Path(),
    )
    names = list(dict.fromkeys(map(str.strip, options["models"].split(",")))) if options["models"] else None
    draws = run.draws(names, options["draws"])
    said = run.spec.settings.reference if run.spec else None
    aim = _aim(options, said if said in draws.models else None)
    scale = Scale(levels=options["levels"], size=options["size"], limit=options["limit"])
    with _progress() as advance:
        split = None if options["no_split"] else options["split"]
        found = sweep(draws, run.parts(draws), aim=aim, scale=scale, split=split, advance=advance)
    for name in signals:
        if name in found.mute:
            raise SpecError(f"signal {name!r} is the same for all answers, or not known of them: leave it out")
    target = out or folder / "sweep"
    task = run.task if isinstance(run.task, str) else folder.name
    compared = found.comparison(task=task, grader=graders(folder))
    target.mkdir(parents=True, exist_ok=True)
    if plots:
        report.write(compared, target)
    write_json(target / "sweep.json", plain(found))
    if write is not None:
        write.write_text(spec_file(run.tables(found, write)), encoding="utf-8")
    show(found) if as_json else tell(found, compared, target / ("report.html" if plots else "sweep.json"), write)


def _aim(options: Mapping[str, Any], reference: str | None) -> Aim:
    return Aim(
        reference=options["reference"] or reference,
        at_least=options["at_least"],
        within=options["within"] / 100,
        **_budget(options["budget"]),
    )


def _price(text: str) -> tuple[str, Price]:
    """`NAME=IN/OUT`."""
    match = _PRICE.fullmatch(text)
    try:
        name, entered, left = match.groups() if match else ("", "", "")
        return name, Price(input=float(entered), output=float(left))
    except ValueError:
        raise SpecError(
            f"--price {text!r} is no NAME=IN/OUT in dollars per million tokens, as in large=2.5/10"
        ) from None


def _budget(text: str | None) -> Mapping[str, float]:
    """`40%` or `$1.20`, as a field of `Aim`."""
    match = _BUDGET.fullmatch(text or "")
    if text is None:
        return {}
    if match is None:
        raise SpecError(f"--budget {text!r} is neither a share of the reference's cost (40%) nor dollars ($1.20)")
    if match["dollars"]:
        return {"dollars": float(match["dollars"])}
    return {"share": float(match["percent"]) / 100}


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on the standard error stream for each number of levels."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns, console = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()), Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("policies", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
