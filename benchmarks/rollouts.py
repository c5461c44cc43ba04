"""The delegation environment: a group's time against its critical path, and memory over a thousand rollouts."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from delegate.message import Request
from delegate.models.function import FunctionModel
from delegate.policies.decompose import Decompose
from delegate.tasks.pocket import Pocket
from delegate.train.environment import Environment
from delegate.train.rollouts import collect

GROUP, WORKERS, LATENCY = 8, 5, 0.2
PLAN = json.dumps([f"Work out part number {i} of the matter" for i in range(WORKERS)])
TEXT = "A paragraph about the matter, as long as answers of small models are. " * 30


def environment(latency: float) -> Environment:
    async def work(_: Request) -> str:
        await asyncio.sleep(latency)
        return TEXT

    def judge(request: Request) -> str:
        return "SCORES: first=70 second=60" if len(request.question) % 2 else "SCORES: first=60 second=70"

    def boss(request: Request) -> str:
        return PLAN if "JSON list" in request.question else TEXT

    return Environment(
        task=Pocket(size=25),
        policy=Decompose(
            delegator=FunctionModel(function=boss, name="delegator"),
            workers=(FunctionModel(function=work, name="worker"),),
            name="main",
        ),
        judge=FunctionModel(function=judge, name="judge"),
        single=FunctionModel(function=lambda _: "Alone. " * 100, name="single"),
    )


async def group() -> tuple[float, float]:
    """Seconds of a group, and of the longest critical path in it."""
    where = environment(LATENCY)
    sample = next(iter(where.task.samples()))
    start = time.perf_counter()
    found = await where.group(sample, GROUP)
    return time.perf_counter() - start, max(one.seconds or 0.0 for one in found)


def memory(rollouts: int) -> float:
    """Most MiB that a process has which plays so many rollouts."""
    command = [sys.executable, __file__, "--only", str(rollouts)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def only(rollouts: int) -> None:
    """Play, and print the most memory that was in use."""
    where = environment(0.0)
    samples = list(where.task.samples())
    with tempfile.TemporaryDirectory() as folder:
        path, each = Path(folder, "out.jsonl"), rollouts // len(samples)
        asyncio.run(collect(where, samples, path, path.with_suffix(""), group=each))
    click.echo(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # Linux counts in KiB


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.option("--only", "rollouts", type=int, hidden=True)
def main(as_json: bool, rollouts: int | None) -> None:
    """Measure."""
    if rollouts is not None:
        only(rollouts)
        return
    timed = [asyncio.run(group()) for _ in range(5)]
    took, path = (statistics.median(column) for column in zip(*timed, strict=True))
    sizes = {many: memory(many) for many in (100, 1_000, 5_000)}
    found = {
        f"a group of {GROUP} rollouts with {WORKERS} workers of {LATENCY:g} s each, seconds": round(took, 3),
        "its critical path, seconds": round(path, 3),
        "the first over the second": round(took / path, 2),
        **{f"most memory over {many:,} rollouts, MiB": round(most, 1) for many, most in sizes.items()},
    }
    click.echo(json.dumps(found) if as_json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
