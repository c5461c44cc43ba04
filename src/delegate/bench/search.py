"""Which small models go well together under mux: subset search over recorded draws (SLM-MUX, arXiv 2510.05077).

The paper's model selection search maximises, over subsets S of the pool, O(S) = UnionAccuracy(S) - lambda *
Contradiction(S): the share of problems at least one model of S gets right, minus the share where one model is
consistently wrong while another is right, for then confidence speaks against the right answer.

What the paper leaves open is settled here: a model is right when the most frequent of its answers is, the only one mux
could give; it is consistently wrong when that answer is wrong and has at least the share `consistent` of its draws
(by default all of them); lambda is 1. Beyond the paper, mux itself is replayed on every subset (Algorithm 1, ties by
accuracy on the problems searched, then by order), on held-out problems when asked. Up to `limit` subsets the search is
exhaustive, beyond it a beam: only the best `beam` subsets of each size grow on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import comb
from typing import cast

import numpy as np
from numpy.typing import NDArray

from delegate.answer import Kind, majority
from delegate.bench.halves import halves
from delegate.bench.metrics import Floats
from delegate.errors import SpecError
from delegate.registry import suggest
from delegate.store import Key, Record
from delegate.task import Grade

Members = tuple[int, ...]
Score = tuple[float, float, float]
"""Objective, union, contradiction."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Votes:
    """What each model's draws agree on; arrays are models by problems."""

    models: tuple[str, ...]
    samples: tuple[str, ...]
    """The problems of which every model has every draw."""
    draws: int
    right: NDArray[np.bool_]
    """Whether the model's most frequent answer is right; false when it has none."""
    share: Floats
    """Of all its draws, those that give this answer: its consistency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subset:
    """One set of models."""

    models: tuple[str, ...]
    union: float
    """Share of the problems searched that at least one model gets right."""
    contradiction: float
    """Share of them where a model is consistently wrong and another is right."""
    objective: float
    accuracy: float
    """Of mux over these models, on the problems held out; on those searched when none are."""
    single: float
    """Of the best of these models alone, by its own vote, on the same problems as `accuracy`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The outcome of a search."""

    subsets: tuple[Subset, ...]
    """By falling objective; of equals the smaller, then the earlier in the pool."""
    alone: Mapping[str, float]
    """Accuracy of each model's own vote on the problems searched."""
    draws: int
    searched: int
    """Problems the objective was computed on."""
    held_out: int
    """Problems the accuracy was computed on and nothing else; 0: those searched, so it flatters."""
    exhaustive: bool
    """Whether every subset was looked at."""


def votes(
    records: Mapping[Key, Record], grades: Mapping[Key, Grade], models: Sequence[str], draws: int | None = None
) -> Votes:
    """Count the votes of single models.

    Args:
        records: several draws of each model.
        grades: of every answer among them.
        models: the pool.
        draws: how many draws of each, the first ones; `None` means as many as every model has of some problem.

    Raises:
        SpecError: an unknown model, or no problem of which every model has these draws.
    """
    recorded = {key for key, record in records.items() if not record.missing}
    most = dict.fromkeys(models, 0)
    for _, policy, draw in recorded:
        if policy in most:
            most[policy] = max(most[policy], draw + 1)
    for model in models:
        if not most[model]:
            raise SpecError(f"nothing is recorded of {model!r}{suggest(model, {policy for _, policy, _ in recorded})}")
    wanted = min(most.values(), default=0) if draws is None else draws
    samples = tuple(
        sample
        for sample in dict.fromkeys(sample for sample, _, _ in records)
        if all((sample, model, draw) in recorded for model in models for draw in range(wanted))
    )
    if not samples or wanted < 1:
        raise SpecError(f"no problem has {wanted} recorded draws of each of: {', '.join(models)}; ask for fewer draws")
    ballots = [[_vote([grades.get((s, m, d)) for d in range(wanted)]) for s in samples] for m in models]
    counted = np.array(ballots, dtype=np.float64)
    return Votes(models=tuple(models), samples=samples, draws=wanted, right=counted[..., 0] > 0, share=counted[..., 1])


def _vote(grades: Sequence[Grade | None]) -> tuple[bool, float]:
    """Whether the most frequent answer is right, and its share; a failed call votes for nothing."""
    kinds = [grade.kind for grade in grades if grade is not None and grade.answer is not None]
    vote = majority(
        [None if grade is None else grade.answer for grade in grades], cast(Kind, kinds[0] if kinds else "auto")
    )
    winner = None if vote.winner is None else grades[vote.winner]
    return winner is not None and bool(winner.correct), vote.share


def search(
    pool: Votes,
    *,
    size: int = 3,
    weight: float = 1.0,
    consistent: float = 1.0,
    split: int | None = None,
    limit: int = 20_000,
    beam: int = 200,
) -> Found:
    """Rank the subsets of a pool.

    Args:
        pool: the votes of its models.
        size: the most models in a subset; the least is two.
        weight: lambda, what a contradiction costs against a problem won.
        consistent: the share of draws from which a wrong answer counts as consistent.
        split: seed of a split in halves, one searched and one held out; `None` searches and reports on everything.
        limit: up to how many subsets every one is looked at.
        beam: beyond it, how many subsets of each size grow on.

    Raises:
        SpecError: an argument out of its range.
    """
    _check(pool, size, weight, consistent, split)
    everything = np.arange(len(pool.samples))
    seen, held = (everything, everything[:0]) if split is None else map(np.flatnonzero, halves(everything.size, split))
    right, stubborn = pool.right[:, seen], (~pool.right & (pool.share >= consistent))[:, seen]
    alone = right.mean(axis=1)

    score = partial(_score, right, stubborn, weight)
    count, most = len(pool.models), min(size, len(pool.models))
    exhaustive = sum(comb(count, k) for k in range(2, most + 1)) <= limit
    scored = (
        {members: score(members) for members in _subsets(count, most)}
        if exhaustive
        else _beam(count, most, score, beam)
    )
    ranked = sorted(scored, key=lambda members: (-scored[members][0], len(members), members))
    report = held if held.size else seen
    return Found(
        subsets=tuple(_subset(pool, members, scored[members], alone, report) for members in ranked),
        alone=dict(zip(pool.models, alone.tolist(), strict=True)),
        draws=pool.draws,
        searched=int(seen.size),
        held_out=int(held.size),
        exhaustive=exhaustive,
    )


def mux(right: NDArray[np.bool_], share: Floats, validation: Floats) -> NDArray[np.bool_]:
    """Whether mux is right, by problem: the most consistent model answers (Algorithm 1).

    Args:
        right: models by problems, whether the most frequent answer is right.
        share: models by problems, the consistency of each model.
        validation: of each model, the accuracy that breaks ties; the earlier model breaks what is left.
    """
    order = np.argsort(-validation, kind="stable")
    chosen = order[np.argmax(share[order], axis=0)]
    picked: NDArray[np.bool_] = right[chosen, np.arange(right.shape[1])]
    return picked


def _check(pool: Votes, size: int, weight: float, consistent: float, split: int | None) -> None:
    if len(pool.models) < 2:
        raise SpecError("a subset search needs at least two models with recorded draws")
    if size < 2:
        raise SpecError(f"size must be 2 or more, found {size}")
    if weight < 0:
        raise SpecError(f"weight must not be below 0, found {weight}")
    if not 0 < consistent <= 1:
        raise SpecError(f"consistent is a share of the draws above 0 and up to 1, found {consistent}")
    if split is not None and len(pool.samples) < 2:
        raise SpecError("one problem cannot be split in halves; leave `split` out")


def _score(right: NDArray[np.bool_], stubborn: NDArray[np.bool_], weight: float, members: Members) -> Score:
    won, barred = right[list(members)].any(axis=0), stubborn[list(members)].any(axis=0)
    union, contradiction = float(won.mean()), float((won & barred).mean())
    return union - weight * contradiction, union, contradiction


def _subsets(count: int, most: int) -> Iterator[Members]:
    for k in range(2, most + 1):
        yield from combinations(range(count), k)


def _beam(count: int, most: int, score: Callable[[Members], Score], beam: int) -> dict[Members, Score]:
    """All pairs, and of each further size what the best subsets of the size before grow into."""
    level = {members: score(members) for members in _subsets(count, 2)}
    found = dict(level)
    for _ in range(3, most + 1):
        best = sorted(level, key=lambda members: (-level[members][0], members))[:beam]
        grown = {tuple(sorted((*members, more))) for members in best for more in range(count) if more not in members}
        level = {members: score(members) for members in sorted(grown)}
        found |= level
    return found


def _subset(pool: Votes, members: Members, scored: Score, alone: Floats, report: NDArray[np.int64]) -> Subset:
    chosen = list(members)
    right = pool.right[chosen][:, report]
    picked = mux(right, pool.share[chosen][:, report], alone[chosen])
    objective, union, contradiction = scored
    return Subset(
        models=tuple(pool.models[i] for i in members),
        union=union,
        contradiction=contradiction,
        objective=objective,
        accuracy=float(picked.mean()),
        single=float(right.mean(axis=1).max()),
    )
