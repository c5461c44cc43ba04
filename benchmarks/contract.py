"""Do contracts hold, and what are they worth: a thousand contracts on each set of recorded answers; and what one takes.

Each set of recorded answers is taken for the whole world, so that the error and the loss of every threshold are known.
A contract is made on a sample of half its size and is violated when the policy breaks the limit in that world:

- fresh: the sample is drawn from the world problem by problem, which is what the promise speaks of;
- halves: it is one random half of the world. The other half, held out, is told of, too: it is itself only a sample, and
  where the first was lucky it is unlucky, so it can break a limit that the world keeps.
"""

from __future__ import annotations

import gzip
import json
import time
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from pages import put

from delegate.bench.contract import Terms, certify
from delegate.bench.draws import load
from delegate.bench.exact import errors_allowed, loss_holds, upper
from delegate.bench.ladder import Figures, Ladder
from delegate.bench.readings import Readings, confidences
from delegate.bench.rungs import of_signal
from delegate.confidences.token import Token

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "contracts.md"
RUN = HERE.parent / "runs" / "math500"
TERMS = [
    Terms(promise=promise, limit=limit, delta=delta)
    for promise, limit, delta in product(("error", "loss"), (0.02, 0.05), (0.1, 0.05))
]
BY_HAND = (0.5, 0.8)
SIGNALS = (
    ("token", "slm-1.5b-conf", "token"),
    ("length", "slm-1.5b-conf", "length"),
    ("agree", "slm-1.5b-conf", "agreement:slm-7b"),
    ("agree with lite", "slm-7b", "agreement:flash-lite"),
)
"""Of MATH-500: whose answers, and by what they are accepted; the others go to Flash."""

COLUMNS = {
    "certified": ("fresh", "certified"),
    "violated: fresh": ("fresh", "violated"),
    "halves": ("halves", "violated"),
    "held-out half above": ("halves", "above"),
    "refutes": ("halves", "refutes"),
    "limit used": ("fresh", "used"),
    "saved (at best)": ("fresh", "saved"),
}
"""Of the page's first table: how the samples were drawn, and what is told of them."""


def worlds(data: Path) -> dict[str, Ladder]:
    """The sets by name."""
    found = {"MMLU, learned": learned(data), "MMLU, logprob": recorded(data)}
    token = Token(confident="<|c_math|>", unsure="<|u_math|>")
    draws = load(RUN, confidences=confidences(token))
    for name, small, signal in SIGNALS:
        readings = Readings(draws=draws, model=small, token=token)
        found[f"MATH, {name}"] = of_signal(readings, signal, "flash", "flash")
    return found


def learned(data: Path) -> Ladder:
    """One of two models by a score of the question, learned on other problems; costs are calls of the dear one."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    questions = rows(data / "benchmarks" / "mmlu_test.jsonl.gz")
    ids, small, large = pair(data / "recordings" / "mmlu_test", "*mixtral*", "*gpt-4*")
    texts = [" ".join([q["subject"].replace("_", " "), q["question"], *q["choices"]]) for q in map(questions.get, ids)]
    right = np.array([[row["source_is_correct"] for row in both] for both in zip(small, large, strict=True)])
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    model = make_pipeline(words, LogisticRegression(C=2, max_iter=300))
    folds = KFold(5, shuffle=True, random_state=0)
    score = cross_val_predict(model, texts, right[:, 0], cv=folds, method="predict_proba")[:, 1]
    return ladder(ids, score, right, np.tile([0.0, 1.0], (len(ids), 1)), np.ones(len(ids)))


def recorded(data: Path) -> Ladder:
    """A cascade by the probability that the small model gave the letter it chose."""
    ids, small, large = pair(data / "recordings" / "mmlu_val", "*8b__*", "*405b__*")
    right, cost = (
        np.array([[row[key] for row in both] for both in zip(small, large, strict=True)])
        for key in ("source_is_correct", "cost_usd")
    )
    return ladder(ids, np.array([row["confidence"] for row in small]), right, np.cumsum(cost, axis=1), cost[:, 1])


def rows(path: Path) -> dict[str, dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return {row["id"]: row for row in map(json.loads, file)}


def pair(folder: Path, *patterns: str) -> tuple[list[str], list[dict[str, Any]], list[dict[str, Any]]]:
    small, large = (rows(next(folder.glob(pattern))) for pattern in patterns)
    ids = [name for name in small if name in large]
    return ids, [small[name] for name in ids], [large[name] for name in ids]


def ladder(ids: list[str], score: NDArray[Any], right: NDArray[Any], cost: NDArray[Any], dear: NDArray[Any]) -> Ladder:
    return Ladder(
        problems=tuple(ids), score=score[:, None], correct=right, cost=cost, reference=right[:, 1], reference_cost=dear
    )


def risk(figures: Figures, terms: Terms) -> float:
    return figures.loss if terms.promise == "loss" else figures.error or 0.0


def saving(figures: Figures) -> float:
    assert figures.cost is not None
    assert figures.reference_cost is not None
    return 1 - figures.cost.value / figures.reference_cost.value


def refutes(half: Ladder, threshold: float, terms: Terms) -> bool:
    """Whether a sample shows, at level delta, that the policy breaks the limit."""
    level = half.level(threshold)
    right, accepted = half.correct[np.arange(level.size), level], level == 0
    if terms.promise == "loss":
        won, lost = int((right & ~half.reference).sum()), int((half.reference & ~right).sum())
        return loss_holds(won, lost, level.size, -terms.limit, terms.delta)
    return 1 - upper(int(right[accepted].sum()), int(accepted.sum()), terms.delta) > terms.limit


def study(world: Ladder, resplits: int, seed: int = 0) -> list[dict[str, Any]]:
    """What became of the contracts, a line for each way of sampling and terms."""
    dice, many = np.random.default_rng(seed), len(world.problems)
    known: dict[float, Figures] = {}
    made: dict[tuple[str, Terms], list[tuple[float, ...]]] = {key: [] for key in product(("halves", "fresh"), TERMS)}
    for _ in range(resplits):
        order = dice.permutation(many)
        rest = world.take(order[many // 2 :])
        for how, chosen in (("halves", order[: many // 2]), ("fresh", dice.integers(many, size=many // 2))):
            sample = world.take(chosen)
            family, thresholds = sample.family(), sample.thresholds
            for terms in TERMS:
                if (held := certify(family, terms)) is None:
                    continue
                threshold = float(thresholds[held.place])
                if threshold not in known:
                    known[threshold] = world.figures(threshold)
                true, above, refuted = known[threshold], False, False
                if how == "halves":
                    above = risk(rest.figures(threshold), terms) > terms.limit
                    refuted = refutes(rest, threshold, terms)
                made[how, terms].append((risk(true, terms), saving(true), above, refuted))
    return [summary(how, terms, found, resplits) for (how, terms), found in made.items()]


def summary(how: str, terms: Terms, found: list[tuple[float, ...]], resplits: int) -> dict[str, Any]:
    """Shares of all contracts asked for; means over those certified."""
    risks, savings, above, refuted = np.array(found).reshape(-1, 4).T
    return {
        "how": how,
        "promise": terms.promise,
        "limit": terms.limit,
        "delta": terms.delta,
        "certified": len(found) / resplits,
        "violated": float((risks > terms.limit).sum()) / resplits,
        "above": float(above.sum()) / resplits,
        "refutes": float(refuted.sum()) / resplits,
        "used": float(risks.mean() / terms.limit) if found else None,
        "saved": float(savings.mean()) if found else None,
    }


def best(world: Ladder, terms: Terms) -> float:
    """What could be saved by who knew the world."""
    family, thresholds = world.family(), world.thresholds
    bad = family.wrong / np.maximum(family.accepted, 1)
    if terms.promise == "loss":
        bad = (family.worse - family.better) / family.problems
    kept = np.flatnonzero((bad <= terms.limit) & (family.accepted > 0))
    return max(0.0, saving(world.figures(float(thresholds[kept[-1]])))) if kept.size else 0.0


def by_hand(world: Ladder) -> list[dict[str, Any]]:
    """What thresholds that nobody tested come to."""
    found = [(threshold, world.figures(threshold)) for threshold in BY_HAND]
    return [
        {"threshold": threshold, "error": f.error, "loss": f.loss, "accepted": f.accepted, "saved": saving(f)}
        for threshold, f in found
    ]


def seconds(world: Ladder) -> float:
    """The longest that any of the contracts takes on all of a world."""
    taken = []
    for terms in TERMS:
        start = time.perf_counter()
        certify(world.family(), terms)
        taken.append(time.perf_counter() - start)
    return max(taken)


def worst(limit: float, delta: float, start: int) -> float:
    """How often a promise of error fails at most, as a share of delta, where the highest scores are the worst ones.

    Above some score errors are above the limit, below it they are rarer, and all together they are at the limit again:
    two thresholds from which on a contract is wrong. Which of them is met first depends on how many answers are above
    the first one. Counts are Poisson; every rate and size on a grid is tried.
    """
    from scipy.stats import binom, poisson

    allowed = np.array([errors_allowed(n, limit, delta) for n in range(9 * start)])
    found = 0.0
    for top, rest, times in product(np.linspace(0.05, 1.8, 15), (0.1, 0.3, 1.0, 2.0, 4.0), np.linspace(1, 4, 10)):
        rate = limit * times
        low = (limit * (top + rest) - top * rate) / rest
        if not 0 <= low <= limit:
            continue
        above, below = np.arange(int(4 * start)), np.arange(int(5 * start))
        many, more = poisson.pmf(above, top * start), poisson.pmf(below, rest * start)
        first = (many * binom.cdf(allowed[above], above, rate))[start:].sum()
        second = 0.0
        for n in np.flatnonzero(many[:start] > 1e-9):
            errors = np.arange(allowed[start] + 1)  # those it may have where the test begins
            total = n + below
            room = allowed[total][:, None] - errors
            passed = (binom.cdf(room, below[:, None], low) * binom.pmf(errors, n, rate)).sum(axis=1)
            second += many[n] * (more * passed)[total >= start].sum()
        found = max(found, first + second)
    return float(found / delta)


def percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.{0 if abs(value) >= 0.0995 or not value else 1}f}"


def tables(found: dict[str, Any]) -> list[str]:
    """The page's tables: what became of the contracts, and what thresholds set by hand come to."""
    lines = ["| | promise | " + " | ".join(COLUMNS) + " |", "|---|---|" + "---:|" * len(COLUMNS)]
    for name, world in found["worlds"].items():
        for (promise, limit), most in world["best"].items():
            some = [line for line in world["contracts"] if (line["promise"], line["limit"]) == (promise, limit)]
            cells = [
                ", ".join(percent(line[key]) for line in some if line["how"] == how) for how, key in COLUMNS.values()
            ]
            cells[-1] += f" ({percent(most)})"
            if not any(line["certified"] for line in some):
                cells[1:] = [""] * len(cells[1:])
            lines.append(f"| {name} | {promise} {percent(limit)} | " + " | ".join(cells) + " |")
    heads = [f"{what} at {threshold}" for threshold in BY_HAND for what in ("accepted", "error", "loss", "saved")]
    lines += ["", "| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    for name, world in found["worlds"].items():
        cells = [percent(line[key]) for line in world["by_hand"] for key in ("accepted", "error", "loss", "saved")]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    largest = max(found["worlds"].values(), key=lambda world: world["problems"])
    return [*lines, "", f"A contract on {largest['problems']:,} problems takes {largest['seconds']:.1f} s."]


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True), help="Folder of recordings.")
@click.option("--resplits", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--worst", "hardest", is_flag=True, help="Instead: the worst case for a promise of error.")
@click.option("--docs", is_flag=True, help="Write the tables into docs/contracts.md.")
@click.option("--json", "as_json", is_flag=True)
def main(data: Path, resplits: int, hardest: bool, docs: bool, as_json: bool) -> None:
    """Make contracts again and again; MATH-500 is taken from the run that `recorded.py math500` leaves behind."""
    if hardest:
        for limit, delta, start in ((0.05, 0.1, 46), (0.05, 0.05, 60), (0.02, 0.1, 115), (0.05, 0.1, 150)):
            click.echo(f"limit {limit}, delta {delta}, from {start}: at most {worst(limit, delta, start):.2f} delta")
        return
    found: dict[str, Any] = {"resplits": resplits, "worlds": {}}
    for name, world in worlds(data).items():
        found["worlds"][name] = {
            "problems": len(world.problems),
            "seconds": seconds(world),
            "best": {(terms.promise, terms.limit): best(world, terms) for terms in TERMS},
            "contracts": study(world, resplits),
            "by_hand": by_hand(world),
        }
        click.echo(f"{name}: {len(world.problems)} problems", err=True)
    lines = tables(found)
    if as_json:
        for world in found["worlds"].values():
            world["best"] = [{"promise": p, "limit": limit, "saved": s} for (p, limit), s in world["best"].items()]
        click.echo(json.dumps(found))
    else:
        click.echo("\n".join(lines))
    if docs:
        put(PAGE, "contracts", "\n".join(lines))


if __name__ == "__main__":
    main()
