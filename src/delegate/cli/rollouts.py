"""Command rollouts: the delegation environment by hand."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import click

from delegate.bench.compare import execute, fingerprints
from delegate.bench.prompts import Prompts
from delegate.bench.run import check, claim
from delegate.cli.setting import (
    load_spec,
    manifest,
    open_task,
    place,
    problem_options,
    problems,
    progress,
    resolve,
    show,
    spec_argument,
)
from delegate.errors import DataError, SpecError
from delegate.model import Model
from delegate.models.shared import Meter
from delegate.plain import build, plain
from delegate.spec import Spec
from delegate.store import Record, lines, write_json
from delegate.task import Sample, Task
from delegate.train.described import described
from delegate.train.environment import Environment
from delegate.train.rewards import Rubric
from delegate.train.rollout import Rollout
from delegate.train.seat import Seat
from delegate.train.split import split
from delegate.train.summary import Summary


@click.command("rollouts")
@spec_argument
@problem_options
@click.option("--policy", help="Policy of SPEC to play, of kind decompose. [the last one]")
@click.option("--judge", metavar="@NAME", help="Model of SPEC that compares the answers. [none: the task grades]")
@click.option("--single", metavar="@NAME", help="Model of SPEC that answers alone. [the policy's delegator]")
@click.option(
    "--seat", type=click.Choice(get_args(Seat)), default="delegator", show_default=True, help="Who is trained."
)
@click.option("--group", type=click.IntRange(min=1), default=1, show_default=True, help="Rollouts of each problem.")
@click.option("--side", type=click.Choice(["train", "test"]), help="Only the problems to train on, or those held out.")
@click.option("--rubric", type=click.Path(path_type=Path), help="TOML file with settings of the reward.")
def rollouts_(spec_path: Path, as_json: bool, **options: Any) -> int:
    """Play a policy of SPEC on a task and reward it: a JSON line a rollout, and a page of the best and the worst.

    A file of your own prompts as --task (a `prompt` a line) has no right answers, and so needs --judge.
    """
    from delegate.cli import show as screen
    from delegate.train import page, rollouts
    from delegate.train.summary import summary

    spec, _ = load_spec(spec_path)
    options = resolve(options, spec)
    environment = environment_of(spec, spec_path, options)
    samples = _samples(environment.task, options)
    path = _prepare(spec, spec_path, environment, samples, options)
    with progress(len(samples) * options["group"], environment.task.name) as advance:

        def tell(one: Rollout, meter: Meter) -> None:
            advance(Record(sample=one.sample, policy=environment.policy.name, draw=one.draw, span=one.span), meter)

        limits = {name: options[name] for name in ("group", "concurrency", "max_cost")}
        work = rollouts.collect(environment, samples, path, path.with_suffix(""), progress=tell, **limits)
        execute(_models(environment), work)
    asked = {(sample.id, draw) for sample in samples for draw in range(options["group"])}

    def played() -> Iterator[Rollout]:
        return (one for one in rollouts.read(path) if (one.sample, one.draw) in asked)

    found = summary(played(), seed=options["seed"])
    write_json(path.with_suffix("") / "summary.json", plain(found))
    title = f"{environment.policy.name} on {environment.task.name}"
    page.write(found, played(), path.with_suffix(".html"), title=title)
    if as_json:
        show({"rollouts": str(path), **plain(found)})
    else:
        screen.rows(title, [{"": name, "mean": value} for name, value in page.figures(found)])
        click.echo(f"Rollouts: {path}\nPage: {path.with_suffix('.html')}")
    return _complain(found, environment.rubric)


def environment_of(spec: Spec, spec_path: Path, options: Mapping[str, Any]) -> Environment:
    """What the options describe.

    Raises:
        SpecError: a name that is not in the spec, no policy to play, or nothing that could say what an answer is worth.
    """
    roles = {role: options[role] for role in ("policy", "judge", "single", "seat")}
    task, rubric = _task(options["task"], options["data"], spec_path.parent), _rubric(options["rubric"])
    return described(spec, str(spec_path), task, rubric=rubric, setting=lambda role: f"--{role}", **roles)


def _task(named: Any, data: Path | None, base: Path) -> Task:
    """As other commands open it, or a file of prompts without answers."""
    if isinstance(named, str) and named.endswith(".jsonl"):
        first = next((row for _, row in lines(Path(named))), None)
        if isinstance(first, dict) and "question" not in first:
            return Prompts(path=Path(named))
    return open_task(named, data, base)


def _rubric(path: Path | None) -> Rubric:
    if path is None:
        return Rubric()
    try:
        return build(Rubric, tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(str(path), f"cannot be read ({error.strerror})") from None
    except (ValueError, SpecError) as error:  # no TOML is a ValueError, too
        raise DataError(str(path), f"is no rubric ({error})") from None


def _samples(task: Task, options: Mapping[str, Any]) -> list[Sample]:
    """The problems; a side is told apart before any are chosen, so that no choice mixes the two."""
    from delegate.tasks.source import choose

    if options["side"] is None:
        return problems(task, options["samples"], options["seed"])
    return choose(split(task.samples())[options["side"]], options["samples"], options["seed"])


def _models(environment: Environment) -> dict[str, Model]:
    found = {"policy": environment.policy, "judge": environment.judge, "single": environment.single}
    return {name: model for name, model in found.items() if model is not None}


def _prepare(
    spec: Spec, spec_path: Path, environment: Environment, samples: list[Sample], options: Mapping[str, Any]
) -> Path:
    """See that everything is ready, and make the file of rollouts ours."""
    models = _models(environment)
    check(models.values())
    asked = {
        **{name: options[name] for name in ("policy", "judge", "single", "seat", "side")},
        "rubric": environment.rubric,
        "recordings": fingerprints(models),
    }
    said = manifest("rollouts", spec, options["task"], options["seed"], **plain(asked))
    path = place(options["out"], f"rollouts-{spec_path.stem}-{environment.task.name}", said["asked"])
    path = path if path.suffix == ".jsonl" else path.with_name(f"{path.name}.jsonl")
    claim(path.with_suffix(""), said, samples)
    return path


def _complain(found: Summary, rubric: Rubric) -> int:
    """Say what is not as it should be; the exit code: 1 when nothing could be scored."""
    lost = sum(found.unscored.values())
    if lost:
        click.echo(f"Warning: {lost} rollouts are not scored; the same command plays them again.", err=True)
    if found.cost is None and rubric.cost:
        cure = "give a `price`, or set cost = 0 in --rubric"
        click.echo(f"Warning: a cost that is unknown is charged as the highest there is; {cure}.", err=True)
    return int(lost == found.rollouts)
