"""The command `delegate signals`: how far a model's recorded answers can be trusted, and by which signal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from delegate.cli.setting import json_option, run_argument, show


@click.command("signals")
@run_argument
@click.option("--of", "model", required=True, help="The model whose answers are doubted.")
@click.option("--to", help="The model that answers what is not trusted: says what escalating recovers.")
@click.option("--confident", default="<|c|>", show_default=True, help="The token of an answer that is sure.")
@click.option("--unsure", default="<|u|>", show_default=True, help="The token of one that is not.")
@click.option("--draws", type=click.IntRange(min=2), help="Draws that consistency is counted among. [all]")
@click.option("--signal", "names", multiple=True, metavar="NAME", help="Only this signal; repeat for more. [all]")
@click.option("--split", type=click.IntRange(min=0), help="Seed: fit on one half of the problems, judge on the other.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstrap.")
@click.option("--fit", metavar="NAME", help="Print this signal as TOML, fitted if it must be, and nothing else.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for plots and report.html. [RUN/signals]")
@json_option
def signals_(
    folder: Path,
    model: str,
    to: str | None,
    confident: str,
    unsure: str,
    draws: int | None,
    fit: str | None,
    out: Path | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Judge every signal of confidence about one model's answers in RUN; no model is asked.

    Signals: token, recorded, logprob:mean, logprob:min, logprob:entropy, length, consistency, agreement:MODEL and, with
    --split, isotonic:SIGNAL, platt:SIGNAL and combined:SIGNAL,SIGNAL.
    """
    from delegate.bench import report
    from delegate.bench.draws import load
    from delegate.bench.readings import Readings, confidences
    from delegate.bench.survey import parted, survey
    from delegate.bench.written import inline
    from delegate.cli import show as screen
    from delegate.confidences.token import Token
    from delegate.plain import plain
    from delegate.store import write_json

    token = Token(confident=confident, unsure=unsure)
    found = Readings(draws=load(folder, confidences=confidences(token)), model=model, token=token, many=draws)
    if fit is not None:
        table = found.table(fit, parted(found, to, asked["split"])[1])
        show(table) if as_json else click.echo(f"confidence = {inline(table)}")
        return
    names = asked.pop("names") or None
    evaluation = survey(found, names, to=to, task=_task(folder), **asked)
    target = out or folder / "signals"
    report.write_signals(evaluation, target)
    write_json(target / "signals.json", plain(evaluation))
    show(evaluation) if as_json else screen.signals(evaluation, target)


def _task(folder: Path) -> str:
    """What the run says it is of; nothing where it does not say."""
    from delegate.store import read_json

    path = folder / "spec.json"
    task = read_json(path).get("asked", {}).get("task") if path.exists() else None
    return task if isinstance(task, str) else ""
