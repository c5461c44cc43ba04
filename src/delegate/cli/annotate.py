"""`delegate annotate`: graded records as examples of a confidence tag."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from delegate.cli.setting import json_option, run_argument, show
from delegate.errors import SpecError
from delegate.store import read_json


@click.command("annotate")
@run_argument
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of examples to make.")
@click.option("--model", help="Whose answers; a single model of RUN. [the only one]")
@click.option("--domain", default="", help="Names the tags: `math` makes them <|c_math|> and <|u_math|>.")
@click.option("--confident", help="The tag of a right answer. [<|c|>]")
@click.option("--unsure", help="The tag of a wrong answer. [<|u|>]")
@click.option(
    "--mix",
    type=click.Choice(["natural", "balanced"]),
    default="natural",
    show_default=True,
    help="Train on every answer, or on as many right as wrong ones.",
)
@click.option("--held-out", type=float, default=0.2, show_default=True, help="Share of the questions not trained on.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Decides every chance.")
@click.option("--push", metavar="OWNER/NAME", help="Put them on the Hugging Face hub, too; its token is in HF_TOKEN.")
@click.option("--public", is_flag=True, help="Let everybody see what is pushed.")
@click.option("--force", is_flag=True, help="Replace examples that are there.")
@json_option
def annotate_(
    folder: Path,
    out: Path,
    domain: str,
    confident: str | None,
    unsure: str | None,
    push: str | None,
    public: bool,
    force: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Turn the graded answers of RUN into examples of a confidence tag, some of them held out."""
    from delegate.train import example
    from delegate.train.annotate import annotate, counted
    from delegate.train.publish import publish

    if domain and (confident or unsure):
        raise SpecError("--domain names both tags; say either it, or --confident and --unsure")
    if not re.fullmatch(r"[\w-]*", domain):
        raise SpecError(f"--domain is a word of letters, digits, - and _, found {domain!r}")
    known = example.Tags.of(domain)
    tags = example.Tags(confident=confident or known.confident, unsure=unsure or known.unsure)
    made, left_out = annotate(folder, tags=tags, **options)
    about = {
        "kind": "examples",
        "run": {"name": folder.resolve().name, "digest": _digest(folder)},
        "settings": {name: options[name] for name in ("mix", "held_out", "seed")},
        "left_out": left_out,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"delegate": version("delegate")},
    }
    written = example.write(made, out, about, force=force)
    page = publish(out, push, public=public) if push else None
    found = {**read_json(out / example.MANIFEST), "folder": str(out), "page": page}
    if as_json:
        show(found)
        return
    click.echo(f"{out}: answers of {written.model}, each with {tags.confident} or {tags.unsure}")
    for name, count in found["counts"].items():
        click.echo(f"  {name.replace('_', ' ')}: {count['right']} right, {count['wrong']} wrong")
    if left_out:
        click.echo(f"  left out: {counted(left_out)}")
    if page:
        click.echo(f"Published: {page}")


def _digest(run: Path) -> str | None:
    """What the run was, where it says so."""
    path = run / "spec.json"
    return read_json(path).get("digest") if path.is_file() else None
