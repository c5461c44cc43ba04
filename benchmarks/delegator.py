"""A delegator of a million parameters, trained: held-out reward, its parts and its cost, before and after GRPO.

    python benchmarks/delegator.py --out build/delegator --plots docs

The policy is `decompose` over the pocket models: small-a and small-b work, and small-a delegates, which was never
taught to. It imitates good rollouts of pocket-large in its seat, then goes on by GRPO; once for each seed. Problems to
judge it on are of the task's test split, and share no chain of steps with those it was trained on.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from delegate.bench.metrics import Interval
from delegate.bench.plots import Plot, write
from delegate.message import Sampling
from delegate.models.local import Local
from delegate.models.pocket import Pocket as Model
from delegate.plain import plain
from delegate.policies.decompose import Decompose
from delegate.store import write_json
from delegate.tasks.pocket import Pocket
from delegate.train import delegator, grpo, learning, sft
from delegate.train.environment import Environment
from delegate.train.rewards import Rubric
from delegate.train.rollouts import read

LEVELS = (1, 2, 3)
FRESH = 1
"""The settings were found with other problems of the test split, those of seed 0."""
LONGEST = 160
"""Most tokens of a turn, in training and when it is served."""
SAMPLING = Sampling(temperature=0.7)
RUBRIC = Rubric(cost=6e4)
"""A rollout costs some millionths of a dollar; so what it costs counts about a third of what a right answer does."""


def course(seed: int, *, steps: int, held_out: int, taught: int) -> delegator.Course:
    def model(name: str) -> Model:
        return Model(model=f"pocket-{name}", sampling=SAMPLING, batch=64)

    policy = Decompose(delegator=model("large"), workers=(model("small-a"), model("small-b")))
    return delegator.Course(
        environment=Environment(task=Pocket(split="train", levels=LEVELS), policy=policy, rubric=RUBRIC),
        model=Local(
            model="pocket-small-a", sampling=Sampling(temperature=0.7, max_tokens=LONGEST), batch=64, name="small-a"
        ),
        teacher=model("large"),
        train=list(Pocket(split="train", size=3000, levels=LEVELS).samples()),
        test=list(Pocket(split="test", size=held_out, levels=LEVELS, seed=FRESH).samples()),
        sft=taught,
        imitate=sft.Settings(share=0.6, epochs=4, rate=3e-3, lora=0, seed=seed),
        settings=grpo.Settings(
            steps=steps, prompts=6, group=8, rate=3e-4, lora=0, longest=LONGEST, batch=16, seed=seed, save=20
        ),
    )


def only(seed: int, out: Path, **sizes: int) -> None:
    """Train one."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    delegator.train(course(seed, **sizes), out)


def gained(folders: Sequence[Path], resamples: int = 10_000) -> dict[str, Interval]:
    """What each figure gained: means over problems and seeds, both drawn again together."""
    seeds = []
    for folder in folders:
        first, second = (learning.by_problem(read(folder / f"{name}.jsonl")) for name in ("before", "after"))
        seeds.append((first, second))
    samples = sorted(seeds[0][0])
    rng, found = np.random.default_rng(0), {}
    drawn = rng.integers(len(samples), size=(resamples, len(samples)))
    runs = rng.integers(len(seeds), size=(resamples, len(seeds)))
    for name in seeds[0][1][samples[0]]:
        table = np.array([[b[s].get(name, np.nan) - a[s].get(name, np.nan) for s in samples] for a, b in seeds])
        weights = np.zeros((resamples, len(seeds)))
        np.add.at(weights, (np.arange(resamples)[:, None], runs), 1 / len(seeds))
        counts = np.zeros((resamples, len(samples)))
        np.add.at(counts, (np.arange(resamples)[:, None], drawn), 1 / len(samples))
        means = np.einsum("rs,sp,rp->r", weights, table, counts)
        low, high = np.quantile(means, [0.025, 0.975])
        found[name] = Interval(value=float(table.mean()), low=float(low), high=float(high))
    return found


def means(folders: Sequence[Path], name: str) -> dict[str, float]:
    """The mean of each figure over problems and seeds."""
    tables = [learning.by_problem(read(folder / f"{name}.jsonl")).values() for folder in folders]
    rows = [row for table in tables for row in table]
    return {figure: float(np.mean([row[figure] for row in rows])) for figure in rows[0]}


def together(folders: Sequence[Path]) -> dict[str, Any]:
    """The seeds as one: what their steps came to on average, and the held-out figures."""
    runs = [json.loads((folder / delegator.MANIFEST).read_text()) for folder in folders]
    steps = [
        {name: float(np.mean([row[name] for row in rows])) for name in rows[0] if all(name in row for row in rows)}
        for rows in zip(*(run["steps"] for run in runs), strict=True)
    ]
    sides: dict[str, Any] = {}
    for name in ("before", "after"):
        tables = [learning.by_problem(read(folder / f"{name}.jsonl")) for folder in folders]
        rewards = [np.mean([table[sample]["reward"] for table in tables]) for sample in tables[0]]
        bounds = learning.bootstrap(np.array(rewards))
        sides[name] = {"reward": {"value": float(np.mean(rewards)), "low": bounds[0], "high": bounds[1]}}
    return {**runs[0], "steps": steps, **sides}


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/delegator"), show_default=True)
@click.option("--plots", type=click.Path(path_type=Path), help="Where the learning curve is written as well.")
@click.option("--seeds", default=3, show_default=True)
@click.option("--jobs", default=2, show_default=True, help="Seeds at the same time, a core each.")
@click.option("--steps", default=40, show_default=True)
@click.option("--held-out", default=200, show_default=True)
@click.option("--taught", default=300, show_default=True, help="Rollouts of the teacher.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--only", "seed", type=int, hidden=True)
def main(out: Path, plots: Path | None, seeds: int, jobs: int, as_json: bool, seed: int | None, **sizes: int) -> None:
    """Train, and measure."""
    if seed is not None:
        only(seed, out / str(seed), **sizes)
        return
    began = time.monotonic()
    first = course(0, **sizes)
    delegator.teach(first, out)
    for number in range(seeds):
        (out / str(number)).mkdir(exist_ok=True)
        shutil.copy(out / "teacher.jsonl", out / str(number))
    options = [word for name, size in sizes.items() for word in (f"--{name.replace('_', '-')}", str(size))]
    command = [sys.executable, __file__, "--out", str(out), *options, "--only"]
    quiet = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    waiting, running = list(range(seeds)), list[subprocess.Popen[bytes]]()
    while waiting or running:
        while waiting and len(running) < jobs:
            running.append(subprocess.Popen([*command, str(waiting.pop(0))], env=quiet))
        done = running.pop(0)
        if done.wait():
            raise click.ClickException(f"{' '.join(map(str, done.args))} failed")  # type: ignore[union-attr]
    folders = [out / str(number) for number in range(seeds)]
    found: Mapping[str, Any] = {
        "before": means(folders, "before"),
        "after": means(folders, "after"),
        "gained": plain(gained(folders)),
        "minutes": round((time.monotonic() - began) / 60, 1),
        "load": os.getloadavg()[1],
        **sizes,
    }
    write_json(out / "delegator.json", found)
    for place in filter(None, (out, plots)):
        write(together(folders), place, [Plot(name="learning", draw=learning.curve, caption="")])
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, change in found["gained"].items():
        before, after = (found[side][name] for side in ("before", "after"))
        moved = f"{change['value']:+.4g} [{change['low']:+.4g}, {change['high']:+.4g}]"
        click.echo(f"{name:14} {before:12.6g} {after:12.6g} {moved}")
    click.echo(f"{found['minutes']} minutes, load {found['load']:.1f}")


if __name__ == "__main__":
    main()
