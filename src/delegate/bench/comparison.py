"""The comparison: what the table, the plots and the report say, as plain values; made once, shown many ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from delegate.bench import metrics
from delegate.bench.baselines import baselines
from delegate.bench.doubts import doubted, evaluations, handoffs
from delegate.bench.evaluation import Evaluation, HandOff
from delegate.bench.metrics import Interval
from delegate.bench.tally import TOKENS, Kind, Tally, tallies
from delegate.errors import SpecError
from delegate.registry import suggest
from delegate.store import Key, Record
from delegate.task import Grade


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens over all problems; `None` where any of them is unknown."""

    input: int | None = 0
    cached: int | None = 0
    """Inside `input`."""
    output: int | None = 0
    reasoning: int | None = 0
    """Inside `output`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model, policy or baseline."""

    name: str
    kind: Kind
    problems: int
    """Graded; a failed call is graded wrong, a problem its recording lacks is not graded."""
    missing: int = 0
    """Problems left out because a recording lacks them, or the run did not get to them."""
    failures: int = 0
    """Of `problems`, those without an answer because a call failed."""
    accuracy: Interval | None = None
    """Wilson interval; of a baseline left to chance the bootstrap of its expectation; `None` without problems."""
    difference: Interval | None = None
    """Accuracy minus the reference's on the same problems, Bonett-Price interval (of a baseline left to chance the
    paired bootstrap); `None` for the reference itself."""
    p_value: float | None = None
    """Exact McNemar test against the reference; `None` where there is no difference, and for chance."""
    cost: float | None = None
    """US dollars over all problems; `None` when any part of it is unknown."""
    known_cost: float = 0.0
    """The part of it that is known: a lower bound."""
    large: Tokens = Tokens()
    """Of the reference: every leaf it consists of, whoever asked it."""
    small: Tokens = Tokens()
    """Of every other model."""
    calls: float = 0.0
    """Mean calls of leaves a problem."""
    escalated: float | None = None
    """Share of problems that went up; `None` for what does not escalate."""
    delegated: float | None = None
    """Share of problems in which a worker was asked; `None` for what does not delegate."""
    latency_p50: float | None = None
    """Seconds; `None` when unknown for any problem."""
    latency_p95: float | None = None
    recovered: float | None = None
    """Share of the gap between the weak model and the reference that is recovered (PGR); `None` without a gap."""
    dominated_by: str | None = None
    """Something real that is at least as accurate and at most as dear, and better in one of them, on their common
    problems: a model alone when one is, else a policy; the most accurate, then the cheapest of them."""
    unanswered: int = 0
    """Of `problems`, those whose text commits to no answer."""
    truncated: int = 0
    """Of `problems`, those cut off by a token limit."""
    doubtful: int = 0
    """Of `problems`, those whose grading ended in doubt, a timeout or a crash; counted wrong."""
    methods: Mapping[str, int] = field(default_factory=dict)
    """How the answers were found."""
    risk_coverage: tuple[tuple[float, float], ...] = ()
    """(coverage, error rate among the answers kept) by falling confidence, of a policy that escalates among the weak
    model's own answers; empty unless there is a confidence in every answer."""
    note: str = ""
    """One sentence where a row needs one, such as how a baseline was computed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What somebody else reported of a row; stands beside ours."""

    accuracy: float | None = None
    """In percent."""
    cost: float | None = None
    """US dollars over all problems."""
    why: str = ""
    """One sentence on why ours differs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Every row on the same problems."""

    task: str
    problems: int
    """Problems asked for."""
    seed: int
    reference: str
    """The model every row is held against: the large one."""
    weak: str
    """The cheapest model: where the gap begins."""
    rows: tuple[Row, ...]
    grader: str
    """Version of the grading rules."""
    spec: str = ""
    """Digest of the spec."""
    created: str = ""
    """ISO 8601, UTC."""
    published: Mapping[str, Published] = field(default_factory=dict)
    """By the row's name."""
    signals: tuple[Evaluation, ...] = ()
    """What the confidences of the policies are worth, by the model whose answers they are about."""
    handoffs: Mapping[str, tuple[HandOff, ...]] = field(default_factory=dict)
    """By name of a policy that escalates: who answered what."""
    versions: Mapping[str, str] = field(default_factory=dict)


OVERLAP = 0.9
"""The share of a row's problems another must have answered to be said to dominate it."""


def compare(
    records: Mapping[Key, Record],
    grades: Mapping[Key, Grade],
    rows: Mapping[str, Literal["model", "policy"]],
    *,
    samples: Sequence[str] | None = None,
    reference: str | None = None,
    weak: str | None = None,
    seed: int = 0,
    draw: int = 0,
    **facts: Any,
) -> Comparison:
    """Hold rows against each other on the same problems, and add the baselines.

    Args:
        records: the run.
        grades: of every answer among the records.
        rows: names of models and policies, in the order of the table; a recorded policy may be called a model.
        samples: the problems asked for; `None` means all that any row has a record of.
        reference: the large model; `None`: the dearest model of known price that answered, or the last.
        weak: where the gap begins; `None`: the cheapest model of known price that answered, or the first.
        seed: of the bootstrap.
        draw: which draw of every row.
        facts: further fields of `Comparison`: task, grader, spec, created, versions.

    Raises:
        SpecError: an unknown name, or no row at all.
        DataError: an answer has no grade.
    """
    if not rows:
        raise SpecError("there is nothing to compare; name at least one model or policy")
    if samples is None:
        samples = list(dict.fromkeys(sample for sample, policy, _ in records if policy in rows))
    real = tallies(rows, samples, records, grades, draw)
    small, large = _anchors(real, weak, reference)
    everything = [*real, *baselines(real)]
    return Comparison(
        problems=len(samples),
        seed=seed,
        reference=large.name,
        weak=small.name,
        rows=tuple(_row(one, real, small, large, seed) for one in everything),
        signals=evaluations(real, seed=seed),
        handoffs={row.name: parts for row in real if (parts := handoffs(row, real))},
        **facts,
    )


def _anchors(rows: Sequence[Tally], weak: str | None, reference: str | None) -> tuple[Tally, Tally]:
    """The weak row and the reference."""
    named = {row.name: row for row in rows}
    for argument, name in (("weak", weak), ("reference", reference)):
        if name is not None and name not in named:
            raise SpecError(f"{argument} names no row of this comparison: {name!r}{suggest(name, named)}")
    answered = [row for row in rows if (row.graded & ~(row.failed > 0)).any()]
    by_cost = [row for row in answered if row.kind == "model"] or list(answered) or list(rows)
    costs = {row.name: float(np.mean(row.cost[row.graded])) for row in by_cost if row.graded.any()}
    known = [row for row in by_cost if not np.isnan(costs.get(row.name, np.nan))]
    by_cost = sorted(known, key=lambda row: costs[row.name]) or by_cost
    return (
        by_cost[0] if weak is None else named[weak],
        by_cost[-1] if reference is None else named[reference],
    )


def _row(row: Tally, real: Sequence[Tally], weak: Tally, reference: Tally, seed: int) -> Row:
    graded = row.graded
    shared = graded & reference.graded
    gap = shared & weak.graded
    difference = row.correct[shared] - reference.correct[shared]
    chance = not np.isin(row.correct[graded], (0.0, 1.0)).all()
    counts = {name: round(getattr(row, name)[graded].sum()) for name in ("unanswered", "truncated", "doubtful")}
    itself, great = row is reference, {reference.name, *reference.tokens}
    return Row(
        name=row.name,
        kind=row.kind,
        problems=int(graded.sum()),
        missing=int((~graded).sum()),
        failures=round(row.failed[graded].sum()),
        accuracy=_expectation(row.correct[graded], seed) if chance else metrics.share(row.correct[graded]),
        difference=None if itself else _expectation(difference, seed) if chance else _apart(difference),
        p_value=None if itself or chance else metrics.mcnemar(int((difference > 0).sum()), int((difference < 0).sum())),
        cost=metrics.known(row.cost[graded].sum()),
        known_cost=float(row.known_cost[graded].sum()),
        large=_tokens(row, [leaf for leaf in row.tokens if leaf in great]),
        small=_tokens(row, [leaf for leaf in row.tokens if leaf not in great]),
        calls=float(row.calls[graded].mean()) if graded.any() else 0.0,
        escalated=_mean(row.escalated[graded]),
        delegated=_mean(row.delegated[graded]),
        latency_p50=metrics.percentile(row.seconds[graded], 50),
        latency_p95=metrics.percentile(row.seconds[graded], 95),
        recovered=metrics.recovered(row.accuracy(gap), weak.accuracy(gap), reference.accuracy(gap)),
        dominated_by=None if row.kind == "baseline" else _dominator(row, real),
        **counts,
        methods=row.methods,
        risk_coverage=_curve(row, real),
        note=row.note,
    )


def _apart(difference: metrics.Floats) -> Interval | None:
    if not difference.size:
        return None
    low, high = metrics.paired(int((difference > 0).sum()), int((difference < 0).sum()), difference.size)
    return Interval(value=float(difference.mean()), low=low, high=high)


def _expectation(values: metrics.Floats, seed: int) -> Interval | None:
    bounds = metrics.bootstrap(values, seed=seed)
    return None if bounds is None else Interval(value=float(values.mean()), low=bounds[0], high=bounds[1])


def _mean(noted: metrics.Floats) -> float | None:
    """Over the problems that have the note; `None` when none has."""
    return None if np.isnan(noted).all() else float(np.nanmean(noted))


def _tokens(row: Tally, leaves: Sequence[str]) -> Tokens:
    total = np.sum([row.tokens[leaf][row.graded].sum(axis=0) for leaf in leaves], axis=0) + np.zeros(len(TOKENS))
    entered, cached, left, reasoning = (None if np.isnan(n) else round(n) for n in total)
    return Tokens(input=entered, cached=cached, output=left, reasoning=reasoning)


def _curve(row: Tally, real: Sequence[Tally]) -> tuple[tuple[float, float], ...]:
    """Risk and coverage of the answers the confidence is about."""
    judged = doubted(row, real)
    if judged is None:
        return ()
    answered = row.graded & judged.graded & (judged.failed == 0)
    confidence = row.confidence[answered]
    return () if np.isnan(confidence).any() else metrics.risk_coverage(confidence, judged.correct[answered])


def _dominator(row: Tally, real: Sequence[Tally]) -> str | None:
    """The best of what dominates a row, among those that answered nearly all of its problems."""
    found: list[tuple[bool, float, float, str]] = []
    for other in real:
        both: NDArray[np.bool_] = row.graded & other.graded
        if other is row or not both.any() or both.sum() < OVERLAP * row.graded.sum():
            continue
        accuracy, cost = other.accuracy(both), float(other.cost[both].sum())
        if metrics.dominates(accuracy, cost, row.accuracy(both), float(row.cost[both].sum())):
            found.append((other.kind != "model", -accuracy, cost, other.name))
    return min(found)[-1] if found else None
