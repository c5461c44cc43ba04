"""Learned routes on the data of RouteLLM (Ong et al. 2024, arXiv:2406.18665), by its own metric.

The weak model is Mixtral 8x7B, the strong one GPT-4 (1106). GSM8K comes with both answers, so there are the source's
labels and corrected ones by our grader; MMLU comes with labels alone. Everything learned is held out by problem: five
folds, several seeds, equal questions in one fold. Nothing about a held-out problem is seen but its text, its subject
where a row says so, and the weak model's answer where a row says so. "Two draws": of the problems learned from, another
recording of the weak model (asked in other words, by ZeroEval) is learned from, too; it is judged on the same answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from pages import put
from threadpoolctl import threadpool_limits

from delegate import Request, Scope
from delegate.bench.metrics import Floats
from delegate.bench.rows import completion, usable
from delegate.routes.learned import Learned
from delegate.store import lines, write_lines
from delegate.task import Sample
from delegate.tasks.choice import mmlu
from delegate.tasks.math import gsm8k
from delegate.testing import scripted
from delegate.train.cases import Cases
from delegate.train.route import FOLDS, Kind, fit, held_out

PAGE = Path(__file__).parent.parent / "docs" / "routes.md"
FILES = {"gsm8k_test": "{}__routellm", "mmlu_test": "{}__routellm-correctness"}
WEAK, STRONG = "mixtral-8x7b-instruct", "gpt-4-1106-preview"
AGAIN = "mixtral-8x7b-instruct-v0.1__zeroeval-greedy"
LEAKED = frozenset({0, 1, 2, 18, 67, 147, 233, 269, 285, 364, 530, 932})
"""Places of the GSM8K problems that RouteLLM found in its training data and leaves out."""
PUBLISHED = {"RouteLLM, BERT": 0.53, "RouteLLM, matrix factorisation": 0.56, "RouteLLM, language model of 8B": 0.62}
"""APGR on GSM8K, read off RouteLLM's plot."""
RESAMPLES = 1_000
RANDOM = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One scorer on one benchmark: a figure a seed, and its 95 % interval over problems and seeds."""

    apgr: tuple[float, ...]
    interval: tuple[float, float] | None
    half: float | None = None
    """Share of calls to the strong model at half of the gap (CPT 50 %)."""
    most: float | None = None
    """At 80 % of it."""


def curve(score: Floats, weak: Floats, strong: Floats) -> tuple[Floats, Floats]:
    """RouteLLM's: shares of calls to the strong model and accuracies, with deciles of the score as thresholds."""
    thresholds = np.unique(np.quantile(score, np.linspace(0, 1, 11)))
    up = score >= thresholds[:, None]
    up[-1] = score > thresholds[-1]
    shares, accuracies = up.mean(axis=1), np.where(up, strong, weak).mean(axis=1)
    return shares[::-1], accuracies[::-1]


def measured(shares: Floats, accuracies: Floats, weak: float, strong: float) -> tuple[float, float, float]:
    """RouteLLM's APGR, and CPT at 50 and 80 %, as it interpolates them."""
    width = shares[-1] - shares[0]
    area = (np.trapezoid(accuracies, shares) - weak * width) / ((strong - weak) * width)
    half, most = (float(np.interp(weak + part * (strong - weak), accuracies, shares)) for part in (0.5, 0.8))
    return float(area), half, most


def judged(scores: list[Floats], weak: Floats, strong: Floats, *, resampled: bool = True) -> Found:
    """What a scorer is worth, a score a seed; higher goes to the strong model."""
    each = [measured(*curve(score, weak, strong), weak.mean(), strong.mean()) for score in scores]
    drawn = []
    dice = np.random.default_rng(0)
    for number in range(RESAMPLES * resampled):
        rows = dice.integers(weak.size, size=weak.size)
        score, low, high = scores[number % len(scores)][rows], weak[rows], strong[rows]
        drawn.append(measured(*curve(score, low, high), low.mean(), high.mean())[0])
    low, high = np.quantile(drawn, [0.025, 0.975]) if drawn else (0.0, 0.0)
    areas, halves, mosts = zip(*each, strict=True)
    return Found(
        apgr=areas,
        interval=(float(low), float(high)) if drawn else None,
        half=float(np.mean(halves)),
        most=float(np.mean(mosts)),
    )


def oracle(weak: Floats, strong: Floats) -> Found:
    """RouteLLM's best curve: only problems that the strong model alone gets right go up, and no accuracy is lost."""
    shares = np.linspace(0, 1, 11)
    accuracies = weak.mean() + np.minimum(shares, ((weak == 0) & (strong == 1)).mean())
    area, half, most = measured(shares, accuracies, weak.mean(), strong.mean())
    return Found(apgr=(area,), interval=None, half=half, most=most)


def baselines(cases: Cases) -> Iterator[tuple[str, Found]]:
    """What needs no learning."""
    weak, strong = cases.correct.T
    dice = np.random.default_rng(0)
    yield "random", judged([dice.random(weak.size) for _ in range(RANDOM)], weak, strong, resampled=False)
    yield "length of the question", judged([np.array([float(len(q)) for q in cases.questions])], weak, strong)


def learned(cases: Cases, seeds: int, kind: Kind = "logistic") -> Found:
    """The route of `delegate train route`: the strong model's chance minus the weak one's."""
    scores = []
    for seed in range(seeds):
        odds = held_out(cases, list(cases.folds(FOLDS, seed)), kind=kind, seed=seed)[cases.first]
        weak, strong = (1 / (1 + np.exp(-odds))).T
        scores.append(strong - weak)
    return judged(scores, *cases.correct[cases.first].T)


def subject_gap(cases: Cases, subjects: list[str], seeds: int) -> Found:
    """How much better the strong model is on the subject, on the other folds."""
    gain, codes = cases.correct[:, 1] - cases.correct[:, 0], np.unique(subjects, return_inverse=True)[1]
    scores = []
    for seed in range(seeds):
        score = np.empty(gain.size)
        for seen, held in cases.folds(FOLDS, seed):
            mean = np.bincount(codes[seen], weights=gain[seen]) / np.bincount(codes[seen])
            score[held] = mean[codes[held]]
        scores.append(score)
    return judged(scores, *cases.correct.T)


def recorded(data: Path, folder: str, model: str) -> dict[str, Mapping[str, Any]]:
    """The rows of one model by problem."""
    file = f"{FILES[folder].format(model)}.jsonl.gz"
    return {row["id"]: row for _, row in lines(data / "recordings" / folder / file)}


def arithmetic(data: Path, *, corrected: bool, draws: int = 1) -> Cases:
    """GSM8K, with the weak model's answers."""
    task, found = gsm8k(data=data), [recorded(data, "gsm8k_test", model) for model in (WEAK, STRONG)]
    samples = [sample for place, sample in enumerate(task.samples()) if place not in LEAKED]

    def right(sample: Sample, row: Mapping[str, Any], regraded: bool = True) -> float:
        return float(task.grade(sample, row["response"]).correct is True if regraded else row["source_is_correct"])

    correct = [[right(sample, rows[sample.id], corrected) for rows in found] for sample in samples]
    said = [found[0][sample.id]["response"] for sample in samples]
    if draws == 2:
        again = {row["id"]: row for _, row in lines(data / "recordings" / "gsm8k_test" / f"{AGAIN}.jsonl.gz")}
        correct += [[right(sample, again[sample.id]), np.nan] for sample in samples]
        said += [again[sample.id]["response"] for sample in samples]
    return Cases(
        models=(WEAK, STRONG),
        problems=tuple(sample.id for sample in samples) * draws,
        questions=tuple(task.request(sample).question for sample in samples) * draws,
        correct=np.array(correct),
        cost=np.full((len(said), 2), np.nan),
        answers=tuple(said),
    )


def others(data: Path, cases: Cases) -> tuple[str, Found]:
    """A score that no route can know: how often each problem went wrong in all other recordings."""
    task = gsm8k(data=data)
    samples = {sample.id: sample for sample in task.samples()}
    right: dict[str, list[bool]] = {problem: [] for problem in cases.problems}
    paths = [path for path in (data / "recordings" / "gsm8k_test").glob("*.jsonl.gz") if "routellm" not in path.name]
    for row in (row for path in paths for _, row in lines(path) if row["id"] in right and usable(row)):
        right[row["id"]].append(task.grade(samples[row["id"]], completion(row, "").text).correct is True)
    wrong = np.array([1 - np.mean(right[problem]) for problem in cases.problems])
    return f"{len(paths)} other recordings (hindsight)", judged([wrong], *cases.correct.T)


def relabelled(data: Path) -> str:
    """How many of the source's labels are not what our grader says."""
    theirs, ours = (arithmetic(data, corrected=corrected).correct for corrected in (False, True))
    up, down = (((theirs == label) & (ours != label)).sum(axis=0) for label in (0, 1))
    return (
        f"Of the answers the source marks wrong {up[1]} of GPT-4's and {up[0]} of Mixtral's are right by our grader; "
        f"of those it marks right {down[1]} and {down[0]} are wrong."
    )


def knowledge(data: Path) -> tuple[Cases, list[str]]:
    """MMLU as far as both models' labels are there, and the subject of each problem."""
    task, found = mmlu(data=data), [recorded(data, "mmlu_test", model) for model in (WEAK, STRONG)]
    samples = [sample for sample in task.samples() if all(sample.id in rows for rows in found)]
    cases = Cases(
        models=(WEAK, STRONG),
        problems=tuple(sample.id for sample in samples),
        questions=tuple(task.request(sample).question for sample in samples),
        correct=np.array([[float(rows[sample.id]["source_is_correct"]) for rows in found] for sample in samples]),
        cost=np.full((len(samples), 2), np.nan),
    )
    return cases, [sample.id.split("/")[2].replace("_", " ") for sample in samples]


def gsm8k_rows(data: Path, seeds: int, *, corrected: bool) -> tuple[Cases, Iterator[tuple[str, Found]]]:
    """The rows of GSM8K."""
    once, twice = (arithmetic(data, corrected=corrected, draws=draws) for draws in (1, 2))
    question = replace(once, answers=None)

    def rows() -> Iterator[tuple[str, Found]]:
        yield from baselines(question)
        yield "question", learned(question, seeds)
        yield "question, boosted trees", learned(question, seeds, "boosting")
        yield "question, two draws", learned(replace(twice, answers=None), seeds)
        yield "question and answer", learned(once, seeds)
        yield "question and answer, boosted trees", learned(once, seeds, "boosting")
        yield "question and answer, two draws", learned(twice, seeds)
        yield others(data, once)
        yield "oracle", oracle(*once.correct.T)
        if not corrected:
            yield from ((f"{name} (published)", Found(apgr=(area,), interval=None)) for name, area in PUBLISHED.items())

    return once, rows()


def mmlu_rows(data: Path, seeds: int) -> tuple[Cases, Iterator[tuple[str, Found]]]:
    """The rows of MMLU."""
    cases, subjects = knowledge(data)
    told = tuple(f"Subject: {name}\n\n{text}" for name, text in zip(subjects, cases.questions, strict=True))

    def rows() -> Iterator[tuple[str, Found]]:
        yield from baselines(cases)
        yield "subject", subject_gap(cases, subjects, seeds)
        yield "question", learned(cases, seeds)
        yield "subject and question", learned(replace(cases, questions=told), seeds)
        yield "oracle", oracle(*cases.correct.T)

    return cases, rows()


def speed(data: Path) -> str:
    """How long a fitted route takes to choose, reading and all."""
    cases = replace(arithmetic(data, corrected=False), answers=None)
    path = Path(__file__).parent.parent / "build" / "routellm.json"
    path.parent.mkdir(exist_ok=True)
    write_lines(path, [fit(cases).predictor])
    route, models = Learned(path=path, share=0.5), [scripted("", name=name) for name in cases.models]
    taken = []
    for question in cases.questions:
        start = time.perf_counter()
        call = route.choose(Request.of(question), models, Scope())
        try:
            call.send(None)
        except StopIteration:
            taken.append(time.perf_counter() - start)
    half, most = 1000 * np.percentile(taken, [50, 99])
    return (
        f"A fitted route is {path.stat().st_size / 1000:.0f} kB and chooses in {half:.1f} ms (median; 99 % {most:.1f})."
    )


def table(name: str, cases: Cases, rows: Iterator[tuple[str, Found]]) -> str:
    """A benchmark's rows as Markdown."""
    weak, strong = 100 * cases.correct.mean(axis=0)
    body = [
        f"{name}: {len(cases.problems):,} problems, {weak:.1f} → {strong:.1f} % right",
        "",
        "| goes by | APGR | 95 % interval | seeds | CPT 50 % | CPT 80 % |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for scorer, found in rows:
        interval = "" if found.interval is None else "{:.3f} to {:.3f}".format(*found.interval)
        seeds = f"{min(found.apgr):.3f} to {max(found.apgr):.3f}" if len(found.apgr) > 1 else ""
        calls = ("" if share is None else f"{100 * share:.1f}" for share in (found.half, found.most))
        body.append(f"| {scorer} | {np.mean(found.apgr):.3f} | {interval} | {seeds} | {' | '.join(calls)} |")
        click.echo(body[-1])
    return "\n".join(body)


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True), help="Folder of recordings.")
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Of the folds.")
@click.option("--docs", is_flag=True, help="Write the tables into docs/routes.md.")
def main(data: Path, seeds: int, docs: bool) -> None:
    """RouteLLM's metric on its own data: learned routes, and what needs no learning."""
    start = time.perf_counter()
    made: dict[str, Callable[[], tuple[Cases, Iterator[tuple[str, Found]]]]] = {
        "GSM8K, the source's labels": lambda: gsm8k_rows(data, seeds, corrected=False),
        "GSM8K, corrected labels": lambda: gsm8k_rows(data, seeds, corrected=True),
        "MMLU, the source's labels": lambda: mmlu_rows(data, seeds),
    }
    with threadpool_limits(limits=1):
        tables = [table(name, *make()) for name, make in made.items()]
        said = "\n\n".join([*tables, f"{seeds} seeds. {relabelled(data)} {speed(data)}"])
    click.echo(f"\n{said}\n\nTook {time.perf_counter() - start:.0f} s.")
    if docs:
        put(PAGE, "routellm", said)


if __name__ == "__main__":
    main()
