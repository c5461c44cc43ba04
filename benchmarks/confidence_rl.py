"""GRPO of a confidence token with two rewards, from a model that was never taught its tags and from one that was.

    python benchmarks/confidence_rl.py [--problems 1500] [--steps 80] [--out build/confidence_rl] [--json]

Small-a's greedy answers to problems it was not trained on are recorded once; only the tag after them is drawn and
trained. `step`: a confident tag earns +1 when right and -1 when wrong. `proper`: it earns right minus its probability.
"""

from __future__ import annotations

import asyncio
import copy
import json
import shutil
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from delegate.bench.grade import grade, write
from delegate.bench.metrics import auroc, bootstrap, brier
from delegate.bench.run import run
from delegate.message import Sampling
from delegate.models.pocket import Pocket as Model
from delegate.tasks.pocket import Pocket
from delegate.train import example, held_out
from delegate.train.annotate import annotate
from delegate.train.confidence import MERGED, Settings, load, train
from delegate.train.example import Examples
from delegate.train.grpo import Settings as Grpo
from delegate.train.grpo import learn
from delegate.train.grpo_confidence import Draws, Reward
from delegate.train.tagged import tagged
from delegate.train.unpack import shipped, unpack
from delegate.train.weights import Weights

MODEL = "pocket-small-a"
TAUGHT = Settings(epochs=1, rate=1e-3, rank=32, alpha=32, dropout=0.0, modules=("all-linear",), batch=16)
REWARDS: tuple[Reward, ...] = ("step", "proper")


async def answers(task: Pocket, folder: Path) -> None:
    """Ask, grade and write down."""
    model = Model(model=MODEL, sampling=Sampling(temperature=0.0, max_tokens=200), batch=64)
    samples = list(task.samples())
    found = await run({MODEL: model}, task, samples, folder, concurrency=64)
    write(await grade(found.values(), task, {sample.id: sample for sample in samples}), folder)


def read(made: Any, network: Any, found: Any) -> dict[str, Any]:
    """What the tag says after held-out answers."""
    readings = held_out.read(network.eval(), found, made.ids, lambda: None)
    sure = np.array([one.confidence for one in readings])
    right = np.array([float(one.example.correct) for one in found])
    earned = np.where(sure >= 0.5, 2 * right - 1, 0.0)
    return {
        "accuracy": float(right.mean()),
        "mean confidence": float(sure.mean()),
        "sure of": float((sure >= 0.5).mean()),
        "Brier": brier(sure, right),
        "Brier, 95 %": bootstrap((sure - right) ** 2),
        "AUROC": auroc(sure, right),
        "reward of the likelier tag": float(earned.mean()),
    }


def trained(made: Any, parts: dict[str, Any], reward: Reward, settings: Grpo, out: Path) -> dict[str, Any]:
    """GRPO with one reward."""
    weights = Weights(copy.deepcopy(made.weights.network), made.weights.tokens)
    network, rows = learn(weights, out, Draws(parts["train"], made.ids, settings, reward), settings)
    curve = [round(row["tag/confident"], 3) for row in rows[:: max(1, len(rows) // 8)]]
    return {**read(made, network, parts["held_out"]), "mean confidence while training": curve}


def measure(found: Examples, model: str, settings: Grpo, out: Path) -> dict[str, Any]:
    """Before, and after GRPO with either reward."""
    made = load(model, found.tags)
    parts = {
        name: tagged(getattr(found, name), made.weights.tokens, made.ids, made.end) for name in ("train", "held_out")
    }
    before = read(made, made.weights.network, parts["held_out"])
    return {"before": before, **{reward: trained(made, parts, reward, settings, out / reward) for reward in REWARDS}}


@click.command()
@click.option("--problems", default=1500, show_default=True, help="Recorded; a fifth is held out.")
@click.option("--steps", default=80, show_default=True)
@click.option("--rate", default=5e-4, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/confidence_rl"), show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(problems: int, steps: int, rate: float, out: Path, as_json: bool) -> None:
    """Record, annotate, teach, and train with either reward; whatever the folder held is made anew."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    shutil.rmtree(out, ignore_errors=True)
    began = time.monotonic()
    asyncio.run(answers(Pocket(split="validation", size=problems), out / "recorded"))
    made, _ = annotate(out / "recorded", mix="natural")
    made = example.write(made, out / "examples", {})
    train(made, MODEL, out / "taught", TAUGHT)
    member = shipped(MODEL)
    assert member is not None
    starts = {"never taught": str(unpack(member, out / "base")), "taught": str(out / "taught" / MERGED)}
    settings = Grpo(steps=steps, prompts=24, group=4, rate=rate, lora=0, batch=32, save=steps + 1)
    found = {name: measure(made, model, settings, out / name) for name, model in starts.items()}
    minutes = round((time.monotonic() - began) / 60, 1)
    if as_json:
        click.echo(json.dumps({**found, "minutes": minutes}))
        return
    for start, rows in found.items():
        for name, figures in rows.items():
            said = (
                f"{what} {round(value, 3) if isinstance(value, float) else value}" for what, value in figures.items()
            )
            click.echo(f"{start}, {name}: {'; '.join(said)}")
    click.echo(f"{minutes} minutes")


if __name__ == "__main__":
    main()
