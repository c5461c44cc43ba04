"""A confidence token taught to the small pocket model, from nothing but what the package ships.

    python benchmarks/confidence_token.py [--problems 12000] [--out build/token] [--json]

Records the model's greedy answers to problems of the validation split, which it was not trained on; makes examples of
them; tunes; judges the token on held-out problems; serves the tuned model on the test split. A model of less than a
million parameters needs another recipe than one of billions (`RECIPE`). Intervals are of 95 %.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from delegate.bench.evaluation import Evaluation
from delegate.bench.grade import grade, write
from delegate.bench.metrics import auroc, paired
from delegate.bench.run import run
from delegate.completion import Completion
from delegate.confidences.token import Token
from delegate.message import Sampling
from delegate.model import Model
from delegate.models.local import Local
from delegate.models.pocket import Pocket
from delegate.plain import build
from delegate.scope import Scope
from delegate.store import Record
from delegate.task import Grade
from delegate.tasks.pocket import Pocket as Task
from delegate.train import example
from delegate.train.annotate import annotate
from delegate.train.confidence import ADAPTER, BASE, MERGED, Settings, train

MODEL = "pocket-small-a"
RECIPE = Settings(
    epochs=2, rate=1e-3, rank=32, alpha=32, dropout=0.0, modules=("all-linear",), keep=0.3, batch=8, seed=0
)
"""So small a model holds little in its last layer, so every matrix is adapted, at a rate like that of its training; and
that would change its answers, were a part of them not learnt along."""


async def answers(model: Model, task: Task, folder: Path, concurrency: int) -> dict[str, tuple[Record, Grade]]:
    """Ask, grade and write down; by problem."""
    samples = list(task.samples())
    found = await run({MODEL: model}, task, samples, folder, concurrency=concurrency)
    grades = await grade(found.values(), task, {sample.id: sample for sample in samples})
    write(grades, folder)
    return {key[0]: (record, grades[key]) for key, record in found.items()}


def served(out: Path, size: int) -> dict[str, Any]:
    """The model before and after, on the test split."""
    task, greedy = Task(size=size), Sampling(temperature=0.0, logprobs=4)
    before = asyncio.run(answers(Pocket(model=MODEL, sampling=greedy), task, out / "before", 64))
    tuned = Local(model=str(out / "tuned" / MERGED), device="cpu", batch=64, sampling=greedy, name=MODEL)
    beside = Local(
        model=str(out / "tuned" / BASE), adapter=str(out / "tuned" / ADAPTER), device="cpu", batch=64, sampling=greedy
    )
    after = asyncio.run(answers(tuned, task, out / "after", 64))
    some = Task(size=min(size, 32))
    adapted = asyncio.run(answers(beside, some, out / "adapter", 32))
    scores = {name: confidence(record) for name, (record, _) in after.items()}
    right = {name: (float(bool(before[name][1].correct)), float(bool(after[name][1].correct))) for name in after}
    pairs = list(right.values())
    low, high = paired(pairs.count((0.0, 1.0)), pairs.count((1.0, 0.0)), len(pairs))
    return {
        "accuracy before": float(np.mean([old for old, _ in pairs])),
        "accuracy after": float(np.mean([new for _, new in pairs])),
        "difference": [float(np.mean([new - old for old, new in pairs])), low, high],
        "answers unchanged": float(np.mean([bare(after[name][0]) == bare(before[name][0]) for name in after])),
        "answers with a tag": float(np.mean([bare(after[name][0]) != after[name][0].text for name in after])),
        "token AUROC": auroc(np.array(list(scores.values())), np.array([new for _, new in pairs])),
        "adapter against merged, largest difference of confidence": max(
            abs(confidence(record) - scores[name]) for name, (record, _) in adapted.items()
        ),
    }


def bare(record: Record) -> str:
    """The answer without its tag."""
    text = record.text or ""
    for tag in example.Tags():
        text = text.removesuffix(tag)
    return text


def confidence(record: Record) -> float:
    """What `kind = "token"` makes of an answer."""
    assert isinstance(record.outcome, Completion)
    return asyncio.run(Token().score(record.span.request, record.outcome, Scope()))


def moved(tuned: Path) -> dict[str, Any]:
    """Which weights are not what they were."""
    from safetensors.numpy import load_file

    before, after = (load_file(tuned / name / "model.safetensors") for name in (BASE, MERGED))
    embedding = "model.embed_tokens.weight"
    rows = len(before[embedding])
    return {
        "matrices": sum(
            not np.array_equal(after[name], before[name]) for name in before if name.endswith("_proj.weight")
        ),
        "rows of tags": int(len(after[embedding]) - rows),
        "anything else": [
            name for name in before if not name.endswith("_proj.weight") and differs(before, after, name)
        ],
    }


def differs(before: dict[str, Any], after: dict[str, Any], name: str) -> bool:
    """Whether anything of what was there has changed; rows that are new are no change."""
    return not np.array_equal(after[name][: len(before[name])], before[name])


def measure(problems: int, test: int, out: Path) -> dict[str, Any]:
    """Everything, with the seconds each part took."""
    seconds: dict[str, float] = {}

    def timed(what: str, start: float) -> float:
        seconds[what] = round(time.monotonic() - start, 1)
        return time.monotonic()

    start = time.monotonic()
    recorded = Pocket(model=MODEL, sampling=Sampling(temperature=0.0, logprobs=0), batch=64)
    asyncio.run(answers(recorded, Task(split="validation", size=problems), out / "recorded", 64))
    start = timed("record", start)
    made, _ = annotate(out / "recorded", held_out=0.1)
    made = example.write(made, out / "examples", {})
    start = timed("annotate", start)
    manifest = train(made, MODEL, out / "tuned", RECIPE)
    start = timed("train and judge", start)
    after = served(out, test)
    timed("serve", start)
    judged = manifest["held_out"]
    return {
        "examples": manifest["examples"],
        "trained": manifest["trained"],
        "held out": judged["evaluation"],
        "held-out answers kept": judged["kept"],
        "served": after,
        "moved": moved(out / "tuned"),
        "seconds": seconds,
    }


@click.command()
@click.option("--problems", default=12_000, show_default=True, help="Recorded; a tenth of them is held out.")
@click.option("--test", default=500, show_default=True, help="Problems the tuned model is served on.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/token"), show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(problems: int, test: int, out: Path, as_json: bool) -> None:
    """Record, annotate, train, judge and serve; whatever the folder held is made anew."""
    shutil.rmtree(out, ignore_errors=True)
    found = measure(problems, test, out)
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    from delegate.bench.tables import SignalTables
    from delegate.cli.show import console

    console.print(SignalTables([build(Evaluation, found.pop("held out"))]))
    for name, value in found.items():
        click.echo(f"{name}: {value}")


if __name__ == "__main__":
    main()
