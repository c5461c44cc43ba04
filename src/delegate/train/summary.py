"""What many rollouts come to: rewards, scores of both sides, margin, wins, faults, cost and time; pure.

Rollouts of one problem are alike, so intervals are over problems: each counts with its mean, and whole problems are
drawn again (a cluster bootstrap).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from delegate.bench.metrics import Interval, bootstrap
from delegate.train.rewards import Fault
from delegate.train.rollout import Rollout

_POINTS = {"answer": 1.0, "tie": 0.5, "single": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Of all rollouts; `None` is unknown, or of nothing."""

    rollouts: int
    problems: int
    unscored: Mapping[str, int]
    """How many have no reward, by why."""
    reward: Interval | None
    parts: Mapping[str, float]
    """Mean of each part of the reward over those that are scored."""
    answer: float | None
    """Mean score of the policy's answers, from 0 to 100, over those of which both scores are known."""
    single: float | None
    """Of the single model's beside them."""
    margin: Interval | None
    """The first minus the second."""
    wins: Interval | None
    """Share won against the single model, a tie counted half; what is forfeited before the judge is lost."""
    faults: Mapping[str, float]
    """Share of rollouts with each fault; "none" is the share that keeps to everything."""
    subtasks: float | None
    """Mean number that was worked on."""
    failed: float | None
    """Share of them that came to nothing."""
    cost: float | None
    """Mean US dollars of the policy a rollout."""
    single_cost: float | None
    cost_ratio: float | None
    """The first over the second."""
    judge_cost: float | None
    """Mean US dollars of the judge a rollout."""
    seconds: float | None
    """Mean critical path of the policy."""
    single_seconds: float | None
    latency_ratio: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What counts of one rollout."""

    problem: str
    figures: Mapping[str, float | None]
    parts: Mapping[str, float | None]
    unscored: str | None
    faults: tuple[str, ...]


def summary(found: Iterable[Rollout], *, seed: int = 0) -> Summary:
    """Sum up rollouts; of each only its figures are kept."""
    rows = [_line(one) for one in found]
    subtasks, failed = (sum(row.figures[name] or 0.0 for row in rows) for name in ("subtasks", "failed"))
    cost, single_cost, judge_cost, seconds, single_seconds = (
        None if None in _column(rows, name) else _mean(rows, name)
        for name in ("cost", "single_cost", "judge_cost", "seconds", "single_seconds")
    )
    scored = [row.parts for row in rows if row.unscored is None]
    faults = Counter(fault for row in rows for fault in row.faults or ("none",))
    return Summary(
        rollouts=len(rows),
        problems=len({row.problem for row in rows}),
        unscored=dict(Counter(row.unscored for row in rows if row.unscored)),
        reward=_interval(rows, "reward", seed),
        parts={name: sum(one[name] or 0.0 for one in scored) / len(scored) for name in (scored[0] if scored else ())},
        answer=_mean(rows, "answer"),
        single=_mean(rows, "single"),
        margin=_interval(rows, "margin", seed),
        wins=_interval(rows, "wins", seed),
        faults={name: faults[name] / len(rows) for name in ("none", *get_args(Fault)) if rows},
        subtasks=_mean(rows, "subtasks"),
        failed=failed / subtasks if subtasks else None,
        cost=cost,
        single_cost=single_cost,
        cost_ratio=_ratio(cost, single_cost),
        judge_cost=judge_cost,
        seconds=seconds,
        single_seconds=single_seconds,
        latency_ratio=_ratio(seconds, single_seconds),
    )


def _line(one: Rollout) -> _Line:
    answer, single = one.scores or (None, None)
    figures = {
        "reward": one.reward,
        "answer": answer,
        "single": single,
        "margin": None if answer is None or single is None else answer - single,
        "wins": _POINTS[one.winner] if one.winner else None,
        "subtasks": float(len(one.work)),
        "failed": float(sum(work.answer is None for work in one.work)),
        "cost": one.cost,
        "single_cost": one.single_cost,
        "judge_cost": one.judge_cost,
        "seconds": one.seconds,
        "single_seconds": one.single_seconds,
    }
    return _Line(problem=one.sample, figures=figures, parts=one.parts, unscored=one.unscored, faults=one.faults)


def _column(rows: Iterable[_Line], name: str) -> list[float | None]:
    return [row.figures[name] for row in rows]


def _mean(rows: Iterable[_Line], name: str) -> float | None:
    """Over those that are known."""
    known = [value for value in _column(rows, name) if value is not None]
    return sum(known) / len(known) if known else None


def _interval(rows: Iterable[_Line], name: str, seed: int) -> Interval | None:
    problems = defaultdict[str, list[float]](list)
    for row in rows:
        if (value := row.figures[name]) is not None:
            problems[row.problem].append(value)
    means = np.array([sum(values) / len(values) for values in problems.values()])
    bounds = bootstrap(means, seed=seed)
    return None if bounds is None else Interval(value=float(means.mean()), low=bounds[0], high=bounds[1])


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None
