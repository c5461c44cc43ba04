"""What commands share: their options, how a task is named, where a run goes, progress, and output as JSON."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from platform import python_version
from typing import Any, TypeVar

import click
import orjson
from rich.console import Console

from delegate.errors import SpecError
from delegate.models.shared import Meter
from delegate.plain import digest, plain
from delegate.registry import part
from delegate.spec import Spec, load, parse_task
from delegate.store import Record
from delegate.task import Sample, Task

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
data_option = click.option(
    "--data",
    envvar="DELEGATE_DATA",
    type=click.Path(path_type=Path),
    help="Folder of benchmark files [env: DELEGATE_DATA].",
)
spec_argument = click.argument("spec_path", metavar="SPEC", type=click.Path(path_type=Path))
run_argument = click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))


def problem_options(command: F) -> F:
    """The options that say which problems, and where the run goes."""
    for option in reversed(
        [
            click.option("--task", help="A task's name (`gsm8k`, `mmlu:validation`), or your own .jsonl file."),
            data_option,
            click.option("-n", "--samples", type=click.IntRange(min=1), help="How many problems; all when not said."),
            click.option("--seed", type=click.IntRange(min=0), help="Which problems, and every other chance. [0]"),
            click.option("--out", type=click.Path(path_type=Path), help="Run folder; the same one goes on. [runs/...]"),
            click.option("--concurrency", type=click.IntRange(min=1), default=32, show_default=True),
            click.option(
                "--max-cost",
                type=click.FloatRange(min=0),
                help="Dollars after which no more is begun.",
            ),
            json_option,
        ]
    ):
        command = option(command)
    return command


def resolve(options: Mapping[str, Any], spec: Spec) -> dict[str, Any]:
    """The options, and what the spec's `[compare]` table says where they say nothing."""
    return {name: getattr(spec.settings, name, None) if said is None else said for name, said in options.items()}


def open_task(named: str | Mapping[str, Any] | None, data: Path | None, base: Path) -> Task:
    """The task an option or a spec's `[compare]` table names.

    Raises:
        SpecError: none is named, or it is unknown.
    """
    if named is None:
        raise SpecError("no task is named; say --task, or `task` in the spec's [compare] table")
    if isinstance(named, Mapping):
        return parse_task({"data": str(data.absolute()), **named} if data and "data" not in named else named, base=base)
    if named.endswith((".jsonl", ".jsonl.gz")):
        task: Task = part("tasks", "jsonl")(path=Path(named))
        return task
    name, _, split = named.replace("-", ":", 1).partition(":")  # a task calls its split mmlu-validation
    maker = part("tasks", name)
    given = {"data": data, "split": split or None}
    known = inspect.signature(maker).parameters
    if split and "split" not in known:
        raise SpecError(f"task {name!r} has no splits; say --task {name}")
    return maker(**{key: value for key, value in given.items() if key in known and value is not None})  # type: ignore[no-any-return]


def problems(task: Task, count: int | None, seed: int) -> list[Sample]:
    """The problems of a run.

    Raises:
        DataError: the task has none.
    """
    from delegate.tasks.source import choose

    samples = choose(list(task.samples()), count, seed)
    if not samples:
        raise SpecError(f"task {task.name!r} has no problems")
    return samples


def manifest(kind: str, spec: Spec, task: str | Mapping[str, Any], seed: int, **asked: Any) -> dict[str, Any]:
    """What a run folder's `spec.json` says; `asked` is what must be the same for the run to go on."""
    return {
        "kind": kind,
        "asked": {"kind": kind, "spec": plain(spec.resolved), "task": plain(task), "seed": seed, **asked},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"delegate": version("delegate"), "python": python_version()},
    }


def place(out: Path | None, stem: str, asked: Any) -> Path:
    """The run folder: as asked, or named for what it is, so that the same command finds it again."""
    return out or Path("runs") / f"{stem}-{digest(asked)[:8]}"


def show(value: Any) -> None:
    """Print a value as JSON."""
    sys.stdout.write(orjson.dumps(plain(value), option=orjson.OPT_INDENT_2).decode() + "\n")


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[Record, Meter], None]]:
    """A bar on the standard error stream: done, what was really spent so far, time left."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[spent]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, spent="")

        def advance(_record: Record, meter: Meter) -> None:
            unknown = f" + {meter.unknown} unknown" if meter.unknown else ""
            bar.update(task, advance=1, spent=f"${meter.cost:.4f}{unknown}")

        yield advance


POCKET = Path(str(files("delegate.cli").joinpath("pocket.toml")))
"""The spec of the embedded models, and every policy over them; `pocket` stands for it."""


def load_spec(path: Path, names: Sequence[str] | None = None) -> tuple[Spec, dict[str, Any]]:
    """A spec file and the models of it that are asked for, in order (all by default).

    Raises:
        SpecError: a name that is not in the file.
    """
    spec = load(POCKET if path == Path("pocket") and not path.exists() else path)
    wanted = names or spec.settings.models or list(spec.models)
    unknown = [name for name in wanted if name not in spec.models]
    if unknown:
        raise SpecError(f"{path}: no table named {unknown[0]!r}; there are: {', '.join(spec.models)}")
    return spec, {name: spec.models[name] for name in wanted}
