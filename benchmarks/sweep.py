"""What `delegate sweep` finds on MATH-500, chosen on one half and seen on the other; by which rule; and how fast."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from pages import put

from delegate.bench.choice import Aim
from delegate.bench.draws import Draws
from delegate.bench.moves import Parts, Scale
from delegate.bench.sweep import sweep
from delegate.bench.swept import Sweep
from delegate.cli.pool import Run
from delegate.confidences.length import Length
from delegate.confidences.token import Token
from delegate.models.replay import Replay

HERE = Path(__file__).parent
RUN = HERE.parent / "runs" / "math500"
PAGE = HERE.parent / "docs" / "sweep.md"
MODELS = ("slm-1.5b", "slm-1.5b-conf", "slm-7b", "flash-lite", "flash")
"""All but `pro`, of which 18 problems are missing."""
RESPLITS = 50


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a found policy is to reach on the half it was not chosen on."""

    said: str
    aim: Aim
    points: float
    """At most so many below Flash."""
    share: float
    """Of Flash's cost, at most."""


TARGETS = (
    Target(said="as good as Flash at ≤ 50 % of its cost", aim=Aim(share=0.5), points=0.0, share=0.5),
    Target(said="within 1 point of Flash at ≤ 40 %", aim=Aim(share=0.4), points=1.0, share=0.4),
)


@dataclass(kw_only=True)
class Held:
    """What was chosen on one half did on the other, resplit by resplit."""

    target: Target
    difference: list[float] = field(default_factory=list)
    """Points."""
    promised: list[float] = field(default_factory=list)
    """Points, on the half it was chosen on."""
    share: list[float] = field(default_factory=list)
    """Of Flash's cost."""
    beaten: int = 0
    """How often Flash-Lite alone was as accurate on that half, and cheaper."""
    names: Counter[str] = field(default_factory=Counter)

    def add(self, found: Sweep) -> None:
        """One more resplit."""
        rows = {point.name: point.held_out for point in found.points}
        best, flash, lite = rows[found.chosen], rows["flash"], rows["flash-lite"]
        self.difference.append(100 * (best.accuracy.value - flash.accuracy.value))
        before = {point.name: point.searched.accuracy.value for point in found.points}
        self.promised.append(100 * (before[found.chosen] - before["flash"]))
        self.share.append(best.cost / flash.cost)
        self.beaten += best.accuracy.value <= lite.accuracy.value and best.cost >= lite.cost
        self.names[found.chosen] += 1

    @property
    def figures(self) -> dict[str, Any]:
        """Means and intervals over the resplits, and how often the target was met."""
        good = np.array(self.difference) >= -self.target.points - 1e-9
        cheap = np.array(self.share) <= self.target.share
        return {
            "difference": float(np.mean(self.difference)),
            "difference_interval": np.quantile(self.difference, [0.025, 0.975]).tolist(),
            "promised": float(np.mean(self.promised)),
            "share": float(np.mean(self.share)),
            "share_interval": np.quantile(self.share, [0.025, 0.975]).tolist(),
            "good": float(good.mean()),
            "cheap": float(cheap.mean()),
            "met": float((good & cheap).mean()),
            "beaten_by_flash_lite": self.beaten / len(self.share),
            "most_often": self.names.most_common(3),
        }


def recorded() -> tuple[Draws, Parts]:
    """MATH-500, and what policies may be made of: as the command has it."""
    run = Run.load(RUN, token=Token(confident="<|c_math|>", unsure="<|u_math|>"), prices={})
    draws = run.draws(MODELS)
    return draws, run.parts(draws)


def resplit(draws: Draws, parts: Parts, target: Target, aim: Aim, scale: Scale) -> Held:
    """Choose on a half, look at the other, again and again."""
    held = Held(target=target)
    for seed in range(RESPLITS):
        held.add(sweep(draws, parts, aim=aim, scale=scale, split=seed))
    return held


def synthetic(problems: int = 500, models: int = 6, draws: int = 5, seed: int = 0) -> tuple[Draws, Parts]:
    """Answers of chance: problems are hard or easy, models weak or strong, wrong answers scattered, long when lost."""
    dice = np.random.default_rng(seed)
    names = tuple(f"model-{i}" for i in range(models))
    shape = (problems, models, draws)
    ability = dice.normal(size=(problems, 1, 1)) + np.linspace(-0.5, 2.0, models)[None, :, None]
    right = dice.random(shape) < 1 / (1 + np.exp(-1.5 * ability))
    length = np.exp(6 - 0.4 * ability + 0.4 * dice.normal(size=shape)).round()
    price = 10.0 ** np.linspace(-7.5, -5.5, models)[None, :, None]
    found = Draws(
        problems=tuple(map(str, range(problems))),
        models=names,
        correct=right.astype(float),
        answer=np.where(right, 0, dice.integers(1, 6, shape)),
        cost=length * price,
        seconds=length / 100,
        length=length,
        signals={"length": 400 / (400 + length), "token": 1 / (1 + np.exp(-ability - dice.normal(size=shape)))},
    )
    confidences = {"length": Length(), "token": Token()}
    return found, Parts(models={name: Replay(run=RUN, name=name) for name in names}, confidences=confidences)


def timed(draws: Draws, parts: Parts, levels: int) -> dict[str, Any]:
    """How many policies a second, from arrays to the result, the fastest of three; and the most memory it took."""
    seconds = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        found = sweep(draws, parts, scale=Scale(levels=levels), split=None)
        seconds = min(seconds, time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
    return {
        "problems": found.searched,
        "models": len(parts.models),
        "draws": draws.correct.shape[2],
        "levels": levels,
        "policies": found.policies,
        "exhaustive": found.exhaustive,
        "seconds": round(seconds, 2),
        "policies a second": round(found.policies / seconds),
        "largest memory, MB": round(peak),
    }


RULES: tuple[tuple[str, bool, float, int], ...] = (
    ("the cheapest whose estimate suffices", False, 0.0, 2),
    ("the cheapest whose lower end suffices", False, 0.5, 2),
    ("within the budget, the best estimate", True, 0.0, 2),
    ("within the budget, the best lower end (default)", True, 0.5, 2),
    ("the same, twice as far down", True, 1.0, 2),
    ("up to three levels, the best estimate", True, 0.0, 3),
    ("up to three levels, the best lower end", True, 0.5, 3),
)
"""What is chosen, whether the budget is said, standard errors of doubt a level, levels."""


def rules(draws: Draws, parts: Parts) -> list[dict[str, Any]]:
    """What each way to choose comes to on the half it was not made on."""
    found = []
    for said, budget, errors, levels in RULES:
        for target in TARGETS:
            aim = replace(target.aim, errors=errors) if budget else Aim(within=target.points / 100, errors=errors)
            held = resplit(draws, parts, target, aim, Scale(levels=levels))
            found.append({"rule": said, "target": target.said, **held.figures})
    return found


def whole(draws: Draws, parts: Parts) -> list[dict[str, Any]]:
    """The frontier of all 500 problems at once: where to look, not what to expect."""
    found = sweep(draws, parts, split=None)
    flash = next(point.held_out for point in found.points if point.name == "flash")
    rows = sorted((p.held_out for p in found.points if not p.held_out.dominated_by), key=lambda row: row.cost)
    return [{"policy": r.name, "accuracy": r.accuracy.value, "share": r.cost / flash.cost} for r in rows]


def points(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}".replace("-", "\N{MINUS SIGN}")


def spread(mean: float, interval: list[float]) -> str:
    return f"{points(mean)} [{points(interval[0])}, {points(interval[1])}]"


def percents(mean: float, interval: list[float]) -> str:
    return f"{100 * mean:.0f} % [{100 * interval[0]:.0f}, {100 * interval[1]:.0f}]"


def targets_table(rows: list[dict[str, Any]]) -> str:
    titles = ["points from Flash, promised", "held out", "cost, of Flash's", "good enough", "cheap enough", "both"]
    lines = [f"| target | {' | '.join(titles)} | dominated by Flash-Lite |", "|---|" + 7 * "---:|"]
    for row in rows:
        held = spread(row["difference"], row["difference_interval"])
        cells = [points(row["promised"]), held, percents(row["share"], row["share_interval"])]
        cells += [f"{100 * row[name]:.0f} %" for name in ("good", "cheap", "met", "beaten_by_flash_lite")]
        lines.append(f"| {row['target']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def rules_table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| chosen | target | points from Flash, promised | held out | cost | both met |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        held = spread(row["difference"], row["difference_interval"])
        cells = [
            points(row["promised"]),
            held,
            percents(row["share"], row["share_interval"]),
            f"{100 * row['met']:.0f} %",
        ]
        lines.append(f"| {row['rule']} | {row['target']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def frontier_table(rows: list[dict[str, Any]]) -> str:
    body = [f"| {row['policy']} | {100 * row['accuracy']:.1f} | {100 * row['share']:.1f} % |" for row in rows]
    return "\n".join(["| policy | accuracy % | cost, of Flash's |", "|---|---:|---:|", *body])


def speed_table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| problems, models, draws | levels | policies | seconds | policies a second | MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        size = f"{row['problems']}, {row['models']}, {row['draws']}"
        many = f"{row['policies']:,}" + ("" if row["exhaustive"] else " (not all)")
        pace = f"{row['seconds']} | {row['policies a second']:,} | {row['largest memory, MB']}"
        lines.append(f"| {size} | {row['levels']} | {many} | {pace} |")
    return "\n".join(lines)


@click.command()
@click.argument("what", type=click.Choice(["targets", "rules", "frontier", "speed", "all"]))
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), help="Folder of recordings, to make the run from."
)
@click.option("--docs", is_flag=True, help="Write the tables into docs/sweep.md.")
@click.option("--json", "as_json", is_flag=True)
def main(what: str, data: Path | None, docs: bool, as_json: bool) -> None:
    """Measure; the recordings are compared first when they are not yet."""
    if not RUN.exists():
        if data is None:
            raise click.UsageError("say --data: MATH-500 is not compared yet")
        subprocess.run([sys.executable, HERE / "recorded.py", "math500", "--data", data], check=True)
    draws, parts = recorded()
    measured = {
        "targets": (
            lambda: [{"target": t.said, **resplit(draws, parts, t, t.aim, Scale()).figures} for t in TARGETS],
            targets_table,
        ),
        "rules": (lambda: rules(draws, parts), rules_table),
        "frontier": (lambda: whole(draws, parts), frontier_table),
        "speed": (
            lambda: [timed(*made, levels) for made in ((draws, parts), synthetic()) for levels in (2, 3)],
            speed_table,
        ),
    }
    for name in measured if what == "all" else [what]:
        measure, table = measured[name]
        rows = measure()
        click.echo(json.dumps(rows) if as_json else f"{table(rows)}\n")
        if docs:
            put(PAGE, name, f"\n{table(rows)}\n")


if __name__ == "__main__":
    main()
