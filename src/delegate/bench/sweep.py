"""Policies by the thousand, replayed over recorded draws: the frontier, and the one to use.

What is chosen on some problems looks better there than it is, and the more policies were looked at the more so: the
choice is made on one half of the problems and reported on the other, and both figures are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from delegate.bench import metrics
from delegate.bench.cascades import Advance, Field, Found
from delegate.bench.choice import Aim, Candidate, Choice
from delegate.bench.draws import Draws, Ints
from delegate.bench.halves import halves
from delegate.bench.moves import MODEL, Parts, Pool, Scale, Source, Step
from delegate.bench.replayed import Bools
from delegate.bench.spelled import spelled
from delegate.bench.swept import Level, Point, Sweep, rows
from delegate.confidence import Confidence
from delegate.errors import SpecError
from delegate.policy import Policy

MOST = 10
"""Points of the frontier that are kept."""


def sweep(
    draws: Draws,
    parts: Parts,
    *,
    aim: Aim | None = None,
    scale: Scale | None = None,
    split: int | None = 0,
    advance: Advance = lambda done, total: None,
) -> Sweep:
    """Look at every policy, keep the frontier, choose.

    Args:
        draws: what the models answered, scored by the confidences.
        parts: what policies may be made of.
        aim: what to choose; `None`: the cheapest that is as good as the dearest model.
        scale: how much to look at.
        split: seed of the halves, one to look on and one to report on; `None`: everything for both.
        advance: told of the progress of each number of levels.

    Raises:
        SpecError: an unknown name, an unknown cost, problems without the draws, or nothing within the budget.
    """
    aim, scale = aim or Aim(), scale or Scale()
    kept = _whole(draws, list(parts.models))
    whole, parts = draws.take(kept, list(parts.models)), parts.take(kept)
    weak, large = _anchors(whole, aim.reference)
    bar = large if aim.at_least is None else whole.models[whole.place(aim.at_least)]
    everything = np.ones(kept.size, dtype=np.bool_)
    seen, held = (everything, everything) if split is None else halves(kept.size, split)
    pool = Pool(draws=whole, parts=parts, seen=seen, scale=scale)
    right, cost = whole.correct[:, whole.place(bar), 0], whole.cost[:, whole.place(large), 0]
    choice = Choice(aim=aim, bar=bar, reference=large, right=right, cost=cost, seen=seen)
    found, steps, levels = _search(pool, choice, advance)
    chosen = choice.best(found)
    if chosen is None:
        cheapest = min(found, key=choice.dearness).policy.name
        raise SpecError(f"nothing surely keeps to the budget, not even {cheapest}, which is the cheapest")
    mine, notes = _own(parts.own, pool)
    front = _front(found, choice)
    shown = _shown(found, [*mine, chosen, *_spaced(front, choice)], choice)
    return Sweep(
        reference=large,
        weak=weak,
        bar=bar,
        points=tuple(_points(shown, front, (large, weak), seen, held)),
        chosen=chosen.policy.name,
        why=choice.why,
        low=choice.low(chosen),
        levels=levels,
        searched=int(seen.sum()),
        held_out=0 if split is None else int(held.sum()),
        left_out=len(draws.problems) - kept.size,
        seed=split,
        mute=_mute(parts.confidences, steps),
        notes=tuple(notes),
    )


def _search(pool: Pool, choice: Choice, advance: Advance) -> tuple[list[Candidate], Sequence[Step], tuple[Level, ...]]:
    """Every single model and what else stayed of all policies, the steps there are, and how many were looked at."""
    ends = list(pool.sources())
    sources, steps = [*ends, *pool.routed()], list(pool.steps(ends))
    field = Field(
        sources=sources,
        ends=len(ends),
        steps=steps,
        seen=pool.seen,
        bar=choice.right,
        doubt=choice.aim.doubt,
        limit=pool.scale.limit,
    )
    found = [Candidate(policy=s.policy, family=MODEL, levels=1, played=s.played) for s in ends if s.family == MODEL]
    levels = []
    for looked in field.search(pool.scale.levels, advance):
        found += [_candidate(one, sources, steps, pool) for one in looked.found]
        levels.append(Level(levels=looked.level, existing=looked.existing, looked_at=looked.looked_at))
    return found, steps, tuple(levels)


def _whole(draws: Draws, models: Sequence[str]) -> Ints:
    """The problems of which every model has every draw it ever has, by position.

    Raises:
        SpecError: there are fewer than two, or what an answer cost is unknown.
    """
    some = draws.take(np.arange(len(draws.problems)), models)
    ever = some.recorded.any(axis=0)
    kept = np.flatnonzero((some.recorded | ~ever).all(axis=(1, 2)))
    if kept.size < 2:
        many = ", ".join(f"{count} of {name}" for name, count in zip(models, ever.sum(axis=1), strict=True))
        raise SpecError(
            f"{kept.size} problems have every draw ({many}), and 2 are the least; "
            "ask for fewer --draws, or leave a model out with --models"
        )
    unknown = np.isnan(some.cost[kept]) & ever
    uncounted = unknown & np.isnan(some.length[kept])
    for name, dear, lost in zip(models, unknown.sum(axis=(0, 2)), uncounted.sum(axis=(0, 2)), strict=True):
        if lost:
            raise SpecError(
                f"{lost} answers of {name!r} failed or lack a count of tokens, so no price says what they cost; "
                "leave it out with --models"
            )
        if dear:
            raise SpecError(
                f"what {dear} answers of {name!r} cost is unknown; say --price {name}=IN/OUT in dollars per million "
                "tokens, or leave it out with --models"
            )
    return kept


def _anchors(draws: Draws, reference: str | None) -> tuple[str, str]:
    """The cheapest model and the reference."""
    cost = draws.cost[:, :, 0].sum(axis=0)
    large = int(cost.argmax()) if reference is None else draws.place(reference)
    if not cost[large] > 0:
        name = draws.models[large]
        raise SpecError(f"{name!r} is the reference and costs nothing, so nothing saves; say --price {name}=IN/OUT")
    return draws.models[int(cost.argmin())], draws.models[large]


def _candidate(one: Found, sources: Sequence[Source], steps: Sequence[Step], pool: Pool) -> Candidate:
    source = sources[one.source]
    policy = source.policy
    for step in reversed(one.steps):
        policy = steps[step].then(policy)
    played = pool.player.play(policy) if one.steps else source.played
    return Candidate(policy=policy, family=one.family, levels=len(one.steps) + source.levels, played=played)


def _own(policies: Mapping[str, Policy], pool: Pool) -> tuple[list[Candidate], list[str]]:
    """What was given, and a sentence for each policy that cannot be worked out."""
    mine, notes = [], []
    for name, policy in policies.items():
        try:
            mine.append(Candidate(policy=policy, family="yours", levels=1, played=pool.player.play(policy)))
        except SpecError as error:
            notes.append(f"{name} is left out: {error}")
    return mine, notes


def _front(found: Sequence[Candidate], choice: Choice) -> list[Candidate]:
    """What nothing beats on the problems looked at, by rising cost; of equals the first."""
    sums = {(float(one.played.correct[choice.seen].sum()), choice.dearness(one)[0]): one for one in reversed(found)}
    accuracy, cost = np.array(list(sums)).T
    best = metrics.frontier(accuracy, cost)
    return sorted((one for one, on in zip(sums.values(), best, strict=True) if on), key=choice.dearness)


def _spaced(front: Sequence[Candidate], choice: Choice) -> list[Candidate]:
    """At most `MOST` points of a frontier: the best for each of so many budgets, as far apart in ratio."""
    cost = np.array([choice.dearness(one)[0] for one in front])
    least = float(cost[cost > 0].min(initial=np.inf))
    budgets = np.geomspace(min(least, cost[-1]), cost[-1], MOST) if np.isfinite(least) else cost
    places = np.searchsorted(cost, budgets * (1 + 1e-9), side="right") - 1
    return [front[place] for place in np.unique(places)]


def _shown(found: Sequence[Candidate], wanted: Sequence[Candidate], choice: Choice) -> list[Candidate]:
    """Single models, what is wanted, and the choice of each family or what comes nearest to it; each name once."""
    single = [one for one in found if one.family == MODEL]
    families = dict.fromkeys(one.family for one in found)
    members = [[one for one in found if one.family == family] for family in families]
    alone = [choice.best(some) or max(some, key=choice.low) for some in members]
    return list({one.policy.name: one for one in (*single, *wanted, *alone)}.values())


def _points(
    kept: Sequence[Candidate], front: Sequence[Candidate], ends: tuple[str, str], seen: Bools, held: Bools
) -> Iterator[Point]:
    large, weak = ends
    played = {one.policy.name: one.played for one in kept}
    searched, reported = (rows(played, large, weak, where) for where in (seen, held))
    best = {one.policy.name for one in front}
    for one in kept:
        name = one.policy.name
        yield Point(
            family=one.family,
            levels=one.levels,
            searched=searched[name],
            held_out=reported[name],
            frontier=name in best,
            part=spelled(one.policy) if isinstance(one.policy, Policy) else {},
        )


def _mute(confidences: Mapping[str, Confidence], steps: Sequence[Step]) -> tuple[str, ...]:
    """The signals of which nothing came."""
    told = [step.confidence for step in steps]
    return tuple(name for name, one in confidences.items() if not any(one is known for known in told))
