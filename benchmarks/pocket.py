"""How good and how fast the pocket models are: accuracy, roles and throughput, on problems of the test split.

    python benchmarks/pocket.py [--problems 500] [--folder FOLDER] [--json] [--docs [--run RUN]]

Accuracy is that of greedy answers. A tool call is valid when it has the tool's name and its argument, a plan when the
policy reads three to five subtasks out of it; each is right when its calculations are those of the problem. The workers
are asked the bare calculations that a delegator's calls hold. Intervals are Wilson's, of 95 %. `--run` names a finished
`delegate compare pocket`, whose table goes into the page as well.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click
from pages import put

from delegate.bench.metrics import wilson
from delegate.completion import Completion
from delegate.message import Request, Sampling
from delegate.model import Model
from delegate.models.function import FunctionModel
from delegate.models.pocket import Pocket
from delegate.policies import toolbox
from delegate.policies.decompose import Decompose
from delegate.policies.plan import read_plan
from delegate.policies.tool import ToolDelegation
from delegate.tasks.pocket import LEVELS, SHARES, Problem, problems
from delegate.tasks.pocket import Pocket as Task
from delegate.tasks.working import recipe
from recorded import table as compared

MEMBERS = ("pocket-small-a", "pocket-small-b", "pocket-large")
DOCS = Path(__file__).parents[1] / "docs" / "pocket.md"
SILENT = FunctionModel(name="worker", function=lambda request: "")
"""A worker for those who only want to see what the delegator asks it."""


def share(right: Sequence[bool]) -> dict[str, Any]:
    low, high = wilson(sum(right), len(right))
    return {"share": round(sum(right) / len(right), 4), "low": round(low, 4), "high": round(high, 4), "n": len(right)}


async def answers(model: Model, requests: Sequence[Request]) -> list[Completion]:
    return list(await asyncio.gather(*[model.complete(request) for request in requests]))


async def accuracy(model: Model, task: Task, found: Sequence[Problem]) -> tuple[dict[str, Any], list[bool]]:
    samples = list(task.samples())
    texts = [answer.text for answer in await answers(model, [task.request(sample) for sample in samples])]
    right = [task.grade(sample, text).correct is True for sample, text in zip(samples, texts, strict=True)]
    bare = [Request.of(recipe(problem.start, problem.steps)) for problem in found]
    told = [answer.text for answer in await answers(model, bare)]
    done = [f"\\boxed{{{problem.answer}}}" in text for problem, text in zip(found, told, strict=True)]

    def part(key: str, value: object) -> dict[str, Any]:
        return share([ok for ok, sample in zip(right, samples, strict=True) if sample.metadata[key] == value])

    report = {
        "all": share(right),
        "levels": {level: part("level", level) for level in LEVELS},
        "kinds": {kind: part("subject", kind) for kind in SHARES},
        "bare": share(done),
    }
    return report, right


async def roles(large: Model, task: Task, found: Sequence[Problem]) -> dict[str, Any]:
    """How well the large one delegates: the first call of each policy's trace."""
    tool = ToolDelegation(delegator=large, worker=SILENT, max_turns=2)
    split = Decompose(delegator=large, workers=(SILENT,))
    requests = [task.request(sample) for sample in task.samples()]
    first = [answer.trace[0].outcome for answer in await answers(tool, requests)]
    calls = [outcome.message.tool_calls for outcome in first if isinstance(outcome, Completion)]
    plans = [read_plan(answer.trace[0].outcome.text) for answer in await answers(split, requests)]
    chains = [recipe(problem.start, problem.steps) for problem in found]
    asked = [[_task(call) for call in each] for each in calls]
    return {
        "calls valid": share([bool(each) and all(each) for each in asked]),
        "calls right": share([each == [chain] for each, chain in zip(asked, chains, strict=True)]),
        "plans valid": share([3 <= len(plan) <= 5 for plan in plans]),
        "plans right": share([any(x.endswith(c) for x in plan) for plan, c in zip(plans, chains, strict=True)]),
    }


def _task(call: Any) -> str:
    try:
        return toolbox.argument(call, {toolbox.WORKER.name: toolbox.WORKER})
    except ValueError:
        return ""


async def throughput(model: Model, task: Task, at_once: int) -> float:
    """Tokens written a second with so many requests under way."""
    requests = [task.request(sample) for sample in islice(task.samples(), max(2 * at_once, 8))]
    gate = asyncio.Semaphore(at_once)

    async def one(request: Request) -> int:
        async with gate:
            return (await model.complete(request)).usage.output_tokens or 0

    start = time.perf_counter()
    tokens = await asyncio.gather(*map(one, requests))
    return sum(tokens) / (time.perf_counter() - start)


async def measure(size: int, folder: Path | None) -> dict[str, Any]:
    task, found = Task(size=size), list(islice(problems("test"), size))
    models = {name: Pocket(model=name, folder=folder, sampling=Sampling(temperature=0.0)) for name in MEMBERS}
    report: dict[str, Any] = {}
    right: dict[str, list[bool]] = {}
    for name, model in models.items():
        report[name], right[name] = await accuracy(model, task, found)
        report[name]["tokens/s"] = {at_once: round(await throughput(model, task, at_once)) for at_once in (1, 8, 32)}
    pair = zip(right[MEMBERS[0]], right[MEMBERS[1]], strict=True)
    report["oracle of the small ones"] = {"all": share([one or other for one, other in pair])}
    report["roles"] = await roles(models[MEMBERS[2]], task, found)
    return report


@click.command()
@click.option("--problems", "size", default=500, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Members trained elsewhere; those of the package.")
@click.option("--docs", is_flag=True, help="Write the table into docs/pocket.md.")
@click.option("--run", type=click.Path(path_type=Path, exists=True), help="A comparison to write there, too.")
@click.option("--json", "as_json", is_flag=True)
def main(size: int, folder: Path | None, docs: bool, run: Path | None, as_json: bool) -> None:
    """Measure all three."""
    found = asyncio.run(measure(size, folder))
    if docs:
        put(DOCS, "pocket", table(found))
        if run is not None:
            put(DOCS, "policies", "\n".join(compared(run)))
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    for name, part in found.items():
        click.echo(name)
        for key, value in part.items():
            click.echo(f"  {key}: {_line(value)}")


def table(found: dict[str, Any]) -> str:
    """The figures as a page shows them."""
    members = [found[name] for name in MEMBERS]

    def percent(one: dict[str, Any]) -> str:
        return "{:.1f} [{:.1f}, {:.1f}]".format(*(100 * one[key] for key in ("share", "low", "high")))

    rows = [("problems right, %", [percent(one["all"]) for one in members])]
    rows += [(f"level {level}", [percent(one["levels"][level]) for one in members]) for level in LEVELS]
    rows += [(f"`{kind}`", [percent(one["kinds"][kind]) for one in members]) for kind in SHARES]
    rows += [("the bare calculation", [percent(one["bare"]) for one in members])]
    speeds = [f"tokens a second, {at_once} at once" for at_once in (1, 8, 32)]
    rows += [(said, [f"{one['tokens/s'][n]:,}" for one in members]) for said, n in zip(speeds, (1, 8, 32), strict=True)]
    head = ["| " + " | ".join([f"n = {members[0]['all']['n']}", *MEMBERS]) + " |", "|---|---:|---:|---:|"]
    body = ["| " + " | ".join([name, *cells]) + " |" for name, cells in rows]
    ends = [f"{name}: {percent(one)} %" for name, one in found["roles"].items()]
    both = percent(found["oracle of the small ones"]["all"])
    return "\n".join(
        [*head, *body, "", f"At least one of the small ones right: {both} %. Of pocket-large, {'; '.join(ends)}."]
    )


def _line(value: Any) -> str:
    if "share" in value:
        return "{share:.1%} [{low:.1%}, {high:.1%}] n={n}".format(**value)
    return ", ".join(f"{key}: {_line(one) if isinstance(one, dict) else one}" for key, one in value.items())


if __name__ == "__main__":
    main()
