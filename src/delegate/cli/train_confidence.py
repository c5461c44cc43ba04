"""`delegate train confidence`: a model learns to end its answers with a confidence tag."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from delegate.cli.setting import json_option, show
from delegate.errors import MissingExtraError
from delegate.plain import build
from delegate.train.example import read


@click.command("confidence")
@click.argument("folder", metavar="EXAMPLES", type=click.Path(path_type=Path))
@click.option("--model", required=True, help="What to tune: a folder, a name on the hub, or a pocket model.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the tuned model.")
@click.option("--epochs", type=float, default=5.0, show_default=True)
@click.option("--rate", type=float, default=5e-5, show_default=True, help="The highest learning rate.")
@click.option("--rank", type=int, default=8, show_default=True, help="Of the adapter.")
@click.option("--alpha", type=int, default=32, show_default=True, help="Of the adapter.")
@click.option("--dropout", type=float, default=0.05, show_default=True, help="Of the adapter.")
@click.option("--modules", default="q_proj,v_proj", show_default=True, help="Matrices to adapt; or all-linear.")
@click.option(
    "--keep",
    type=float,
    default=0.0,
    show_default=True,
    help="Share of the answers' own tokens learnt beside the tag; 1: the whole completion.",
)
@click.option("--batch", type=int, default=8, show_default=True, help="Examples a step.")
@click.option("--max-length", type=click.IntRange(min=1), help="Most tokens of an example. [what the model can read]")
@click.option("--too-long", type=click.Choice(["refuse", "drop"]), default="refuse", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--checkpointing", is_flag=True, help="Compute activations twice, to save memory.")
@click.option("--report-to", default="none", show_default=True, help="Where transformers sends its curves.")
@click.option("--force", is_flag=True, help="Replace a tuned model that is there.")
@json_option
def confidence_(folder: Path, model: str, out: Path, modules: str, force: bool, as_json: bool, **options: Any) -> None:
    """Teach a model, by EXAMPLES that `delegate annotate` made, to say how sure it is; and judge what it learnt."""
    examples = read(folder)
    try:
        from transformers.utils import logging

        from delegate.train.confidence import MERGED, Settings, train
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"`delegate train` ({error.name})", "train") from None
    logging.disable_progress_bar()
    settings = Settings(modules=tuple(each.strip() for each in modules.split(",") if each.strip()), **options)
    with _told() as progress:
        found = train(examples, model, out, settings, force=force, progress=progress)
    if as_json:
        show(found)
        return
    _say(found, out / MERGED)


def _say(found: Mapping[str, Any], merged: Path) -> None:
    """What was trained, and what it is worth."""
    from delegate.bench.evaluation import Evaluation
    from delegate.bench.tables import SignalTables
    from delegate.cli.show import console

    trained, judged = found["trained"], found["held_out"]
    click.echo(f"Trained {trained['parameters']:,} parameters in {trained['steps']} steps.")
    if long := found["examples"]["too_long"]:
        click.echo(f"Left out: {long} examples that are too long.")
    console.print(SignalTables([build(Evaluation, judged["evaluation"])]))
    kept, tagged = judged["kept"], judged["tagged"]
    click.echo(f"Answers that stay word for word as they were: {kept:.1%}; that end with a tag: {tagged:.1%}.")
    click.echo(f"The model: {merged}")


@contextmanager
def _told() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each thing that is done, on the standard error stream."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, many: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=many)
            bar.update(tasks[what], completed=done, total=many)

        yield tell
