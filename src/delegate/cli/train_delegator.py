"""`delegate train delegator`: a model learns to delegate, in the seat of a policy, by what the policy then earns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click

from delegate.bench.run import check, claim
from delegate.cli.rollouts import environment_of
from delegate.cli.setting import data_option, json_option, load_spec, manifest, place, resolve, show, spec_argument
from delegate.cli.stages import stages
from delegate.errors import MissingExtraError, SpecError
from delegate.model import Model
from delegate.models.local import Local
from delegate.models.pocket import Pocket
from delegate.plain import plain
from delegate.spec import Spec
from delegate.train.described import named
from delegate.train.environment import Environment
from delegate.train.seat import Seat
from delegate.train.split import split


@click.command("delegator")
@spec_argument
@click.option("--policy", help="Policy of SPEC to train in, of kind decompose. [the last one]")
@click.option("--task", help="A task's name, or your own .jsonl file.")
@data_option
@click.option("--model", help="Whom to train: a folder, a name on the hub, or a pocket model. [who sits there]")
@click.option("--seat", type=click.Choice(get_args(Seat)), default="delegator", show_default=True)
@click.option("--judge", metavar="@NAME", help="Model of SPEC that compares the answers. [none: the task grades]")
@click.option("--single", metavar="@NAME", help="Model of SPEC that answers alone. [with a judge: the delegator]")
@click.option("--rubric", type=click.Path(path_type=Path), help="TOML file with settings of the reward.")
@click.option("--teacher", metavar="@NAME", help="Model of SPEC whose good rollouts are imitated first. [the model]")
@click.option("--sft", type=click.IntRange(min=0), default=200, show_default=True, help="How many it plays; 0: none.")
@click.option("--sft-rate", type=float, default=1e-4, show_default=True, help="Learning rate of the imitation.")
@click.option("--epochs", type=float, default=3.0, show_default=True, help="Of the imitation.")
@click.option("--keep", type=float, default=0.5, show_default=True, help="Best part of the rollouts to imitate.")
@click.option("--steps", type=click.IntRange(min=1), default=100, show_default=True, help="Of GRPO.")
@click.option("--prompts", type=click.IntRange(min=1), default=8, show_default=True, help="Problems a step.")
@click.option("--group", type=click.IntRange(min=2), default=8, show_default=True, help="Rollouts of each problem.")
@click.option("--rate", type=float, default=1e-5, show_default=True, help="Learning rate of GRPO.")
@click.option("--lora", type=click.IntRange(min=0), default=16, show_default=True, help="Rank of the adapter.")
@click.option("--full", is_flag=True, help="Train all weights, without an adapter.")
@click.option("--beta", type=float, default=0.0, show_default=True, help="Weight of the distance from the start.")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Of the rollouts trained on.")
@click.option("--longest", type=click.IntRange(min=1), default=512, show_default=True, help="Most tokens of a turn.")
@click.option("--batch", type=click.IntRange(min=1), default=16, show_default=True, help="Sequences at once.")
@click.option(
    "--loop",
    type=click.Choice(["own", "trl"]),
    default="own",
    show_default=True,
    help="Who plays: all rollouts of a step at once, a turn a sequence; or TRL, by tools, a conversation a sequence.",
)
@click.option("--held-out", type=float, default=0.2, show_default=True, help="Share of the problems to judge it on.")
@click.option("--most", type=click.IntRange(min=1), help="Most problems to judge it on. [all of them]")
@click.option("--save", type=click.IntRange(min=1), default=25, show_default=True, help="Steps between checkpoints.")
@click.option(
    "--max-cost", type=click.FloatRange(min=0), help="Dollars of all others' calls after which no more is begun."
)
@click.option("--seed", type=click.IntRange(min=0), help="Of every chance. [0]")
@click.option("--report-to", default="none", show_default=True, help="Where transformers sends its curves.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder; the same one goes on. [runs/...]")
@json_option
def delegator_(spec_path: Path, as_json: bool, **options: Any) -> None:
    """Train who sits in a seat of a policy of SPEC by what the policy earns on a task (GRPO); then judge it.

    The problems it is judged on are never trained on. What comes of it is served in the same policy, by
    `{ kind = "local", model = ".../merged" }`.
    """
    try:
        from transformers.utils import logging

        from delegate.train.delegator import MERGED, Course, train
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"`delegate train` ({error.name})", "train") from None
    logging.disable_progress_bar()
    spec, _ = load_spec(spec_path)
    options = resolve(options, spec)
    where = _environment(spec, spec_path, options)
    sides = split(where.task.samples(), options["held_out"])
    course = Course(
        environment=where,
        model=_model(where, options["model"]),
        teacher=named(spec, options["teacher"], "--teacher"),
        train=sides["train"],
        test=sides["test"][: options["most"]],
        loop=options["loop"],
        max_cost=options["max_cost"],
        **_settings(options),
    )
    check([where.policy, course.model, *filter(None, (where.judge, where.single, course.teacher))])
    free = ("out", "data", "report_to", "task", "seed", "max_cost")
    asked = {name: value for name, value in options.items() if name not in free}
    said = manifest("train", spec, options["task"], options["seed"], **plain({**asked, "rubric": where.rubric}))
    out = place(options["out"], f"train-{spec_path.stem}-{where.policy.name}", said["asked"])
    claim(out, said, [*course.train, *course.test])
    with stages() as progress:
        found = train(course, out, progress)
    if as_json:
        show(found)
        return
    _say(found, out / MERGED)


def _environment(spec: Spec, spec_path: Path, options: Mapping[str, Any]) -> Environment:
    """As `delegate rollouts` plays it; where nobody compares, nobody needs to answer alone."""
    found = environment_of(spec, spec_path, options)
    return found if options["judge"] or options["single"] else replace(found, single=None)


def _model(where: Environment, named: str | None) -> Local:
    """Whom to train, by default who sits there; with the price and the sampling of that one.

    Raises:
        SpecError: nobody is named, and who sits there has no weights to train.
    """
    seat: Model = {
        "delegator": where.policy.delegator,
        "worker": where.policy.workers[0],
        "synthesiser": where.policy.synthesiser or where.policy.delegator,
    }[where.seat]
    if isinstance(seat, Local):
        return replace(seat, model=named, name="") if named else seat
    named = named or (seat.model if isinstance(seat, Pocket) else None)
    if named is None:
        raise SpecError(f"the {where.seat} {seat.name!r} has no weights here; say --model, or seat a local one")
    kept = {key: getattr(seat, key) for key in ("price", "sampling") if getattr(seat, key, None) is not None}
    return Local(model=named, **kept)


def _settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the stages' settings."""
    from delegate.train import grpo, sft

    rank = 0 if options["full"] else options["lora"]
    shared = {"seed": options["seed"], "report_to": options["report_to"], "lora": rank}
    kept = ("steps", "prompts", "group", "rate", "beta", "temperature", "longest", "batch", "save")
    return {
        "sft": options["sft"],
        "imitate": sft.Settings(
            share=options["keep"], epochs=options["epochs"], rate=options["sft_rate"], batch=options["batch"], **shared
        ),
        "settings": grpo.Settings(**{name: options[name] for name in kept}, **shared),
    }


def _say(found: Mapping[str, Any], merged: Path) -> None:
    """What was gained on the problems held out."""
    from delegate.bench.metrics import Interval
    from delegate.cli import show as screen
    from delegate.plain import build
    from delegate.train.page import figures
    from delegate.train.summary import Summary

    before, after = (dict(figures(build(Summary, found[side]))) for side in ("before", "after"))
    title = f"{found['policy']} on {found['problems']['held_out']:,} held-out problems of {found['task']}"
    screen.rows(title, [{"": name, "before": before.get(name), "after": value} for name, value in after.items()])
    gained = {name: build(Interval, value) for name, value in found["gained"].items()}
    words = {name: f"{one.value:+.4g} [{one.low:+.4g}, {one.high:+.4g}]" for name, one in gained.items() if one.value}
    screen.rows("after - before", [{"": name, "mean": said} for name, said in words.items()])
    click.echo(f"The model: {merged}\nCurve: {merged.with_name('learning.svg')}")
