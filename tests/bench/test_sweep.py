from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from delegate.bench import draws as recorded
from delegate.bench.cascades import Field
from delegate.bench.choice import Aim, bound
from delegate.bench.moves import Parts, Pool, Scale, Scored, cuts
from delegate.bench.sweep import sweep
from delegate.confidences.length import Length
from delegate.confidences.logprob import Logprob
from delegate.confidences.token import Token
from delegate.errors import SpecError
from delegate.policies.cascade import Cascade
from delegate.policies.fallback import Fallback
from delegate.routes.length import Length as QuestionLength
from delegate.spec import parse
from recorded import MODELS, record

READ = {"token": Token(), "length": Length(), "logprob:mean": Logprob()}
SMALL = Scale(size=2, others=1, cuts=2)
PROBLEMS = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return record(tmp_path_factory.mktemp("recorded"), seed=5, problems=PROBLEMS, holes=False)


@pytest.fixture(scope="module")
def draws(made):
    return recorded.load(made.folder, confidences=READ)


def parts(made, names=MODELS, **more):
    models = {name: model for name, model in made.models().items() if name in names}
    return Parts(models=models, confidences=READ, answers="number", **more)


def by_length(made):
    lengths = np.array([float(len(made.task.request(sample).question)) for sample in made.samples])
    return Scored(name="question", values=lengths, route=lambda thresholds: QuestionLength(thresholds=thresholds))


def names(found):
    return {point.name for point in found.points}


def test_every_point_is_a_spec_that_does_call_by_call_what_the_sweep_says(made, draws):
    found = sweep(draws, parts(made, scored=[by_length(made)]), scale=replace(SMALL, levels=3), split=None)
    leaves = {name: {"kind": "replay", "run": str(made.folder)} for name in MODELS}

    policies = [point for point in found.points if point.part]

    assert {"vote", "mux", "route", "agreement cascade", "share cascade"} <= {point.family for point in policies}
    for point in policies:
        played = made.play(parse({**leaves, "best": point.part}).models["best"])
        assert np.mean(made.correct(played)) == point.held_out.accuracy.value
        assert sum(one.outcome.usage.cost for one in played) == pytest.approx(point.held_out.cost, rel=1e-12)


def enumerated(made, draws, levels):
    """A small pool, its engine, and (right, cost) of every policy in it, one after the other."""
    some = draws.take(np.arange(PROBLEMS), ["a", "d"], 2)
    seen = np.arange(PROBLEMS) % 3 > 0
    pool = Pool(draws=some, parts=parts(made, "ad"), seen=seen, scale=SMALL)
    sources = list(pool.sources())
    steps = list(pool.steps(sources))
    every = [
        figures(pool, sources, steps, chosen, source)
        for level in range(levels)
        for *chosen, source in product(*[range(len(steps))] * level, range(len(sources)))
        if not repeats([*(steps[step].source for step in chosen), sources[source]])
    ]
    bar = some.correct[:, 1, 0]
    field = Field(
        sources=sources, ends=len(sources), steps=steps, seen=seen, bar=bar, doubt=lambda level: level, limit=10**6
    )
    return pool, field, every


def repeats(asked):
    return any(one is other for one, other in pairwise(asked))


def figures(pool, sources, steps, chosen, source):
    policy = sources[source].policy
    for step in reversed(chosen):
        policy = steps[step].then(policy)
    played = pool.player.play(policy)
    return len(chosen) + 1, played.correct[pool.seen], played.spent.cost[pool.seen].sum()


def undominated(pairs):
    return {one for one in pairs if not any(o != one and o[0] >= one[0] and o[1] <= one[1] for o in pairs)}


def test_what_stays_is_what_a_plain_enumeration_finds(made, draws):
    pool, field, every = enumerated(made, draws, levels=3)
    bar = field.bar[pool.seen]

    looked = list(field.search(3))

    many, steps = len(field.sources), len(field.steps)
    assert [one.looked_at for one in looked] == [many, many * steps, many * steps**2]
    stayed = [
        figures(pool, field.sources, field.steps, one.steps, one.source) for level in looked for one in level.found
    ]
    for of in (
        lambda level, right: right.sum(),
        lambda level, right: bound((right > bar).sum(), (bar > right).sum(), right.size, level).round(6),
    ):
        assert undominated({(of(n, r), round(c, 9)) for n, r, c in stayed}) == undominated(
            {(of(n, r), round(c, 9)) for n, r, c in every}
        )


def test_beyond_the_limit_the_cheapest_of_each_accuracy_go_on(made, draws):
    whole = sweep(draws, parts(made), scale=replace(SMALL, levels=3))
    less = sweep(draws, parts(made), scale=replace(SMALL, levels=3, limit=5_000))

    assert whole.exhaustive
    assert not less.exhaustive
    assert all(level.looked_at <= 5_000 for level in less.levels)
    assert [level.existing for level in less.levels] == [level.existing for level in whole.levels]


def test_the_choice_is_made_on_one_half_and_reported_on_the_other(made, draws):
    found = sweep(draws, parts(made), scale=SMALL, split=3)
    again = sweep(draws, parts(made), scale=SMALL, split=3)
    whole = sweep(draws, parts(made), scale=SMALL, split=None)

    assert (found.searched, found.held_out, whole.searched, whole.held_out) == (20, 20, 40, 0)
    assert found == again
    assert {point.held_out.problems for point in found.points} == {20}
    assert all(point.searched == point.held_out for point in whole.points)
    both = [(p.searched.accuracy.value + p.held_out.accuracy.value) / 2 for p in found.points if p.family == "model"]
    assert sorted(both) == pytest.approx(sorted(p.held_out.accuracy.value for p in whole.points if p.family == "model"))


def test_a_budget_is_kept_and_the_surest_is_taken(made, draws):
    found = sweep(draws, parts(made), scale=SMALL, aim=Aim(share=0.5), split=None)
    rows = {point.name: point.held_out for point in found.points}

    assert rows[found.chosen].cost < 0.5 * rows["d"].cost
    assert rows[found.chosen].accuracy.value == max(
        r.accuracy.value for r in rows.values() if r.cost < 0.4 * rows["d"].cost
    )
    assert "50% of d" in found.why


def test_without_a_budget_the_cheapest_that_suffices_is_taken(made, draws):
    plain = sweep(draws, parts(made), scale=SMALL, split=None)
    loose = sweep(draws, parts(made), scale=SMALL, aim=Aim(within=0.3), split=None)
    low = sweep(draws, parts(made), scale=SMALL, aim=Aim(at_least="a"), split=None)

    assert plain.low >= 0
    assert loose.low >= -0.3
    assert loose.best.held_out.cost < plain.best.held_out.cost
    assert low.bar == "a"
    assert low.best.held_out.cost <= loose.best.held_out.cost


def test_a_dominated_point_says_by_what(made, draws):
    found = sweep(draws, parts(made), scale=SMALL, split=None)
    rows = {point.name: point.held_out for point in found.points}

    beaten = [row for row in rows.values() if row.dominated_by]
    assert beaten
    for row in beaten:
        other = rows[row.dominated_by]
        assert other.accuracy.value >= row.accuracy.value
        assert other.cost <= row.cost
    assert not any(p.held_out.dominated_by for p in found.points if p.frontier)


def test_policies_of_ones_own_take_part(made, draws):
    a, b, _, d = made.models().values()
    mine = Cascade(models=(a, d), confidence=Length(), thresholds=(0.992,), name="mine")
    other = Fallback(models=(a, b), name="other")

    found = sweep(draws, parts(made, own={"mine": mine, "other": other}), scale=SMALL)

    assert "mine" in names(found)
    assert any("other is left out" in note for note in found.notes)


def test_a_signal_that_tells_nothing_apart_is_named(made, draws):
    same = replace(draws, signals={**draws.signals, "length": np.full_like(draws.signals["length"], 0.5)})
    unread = replace(draws, signals={**draws.signals, "length": np.full_like(draws.signals["length"], np.nan)})

    assert sweep(draws, parts(made), scale=SMALL).mute == ()
    assert sweep(same, parts(made), scale=SMALL).mute == ("length",)
    assert sweep(unread, parts(made), scale=SMALL).mute == ("length",)


def test_problems_that_lack_a_draw_are_left_out(made, draws):
    correct = draws.correct.copy()
    correct[:3, 1, 2] = np.nan

    found = sweep(replace(draws, correct=correct), parts(made, scored=[by_length(made)]), scale=SMALL)

    assert found.left_out == 3
    assert found.searched + found.held_out == PROBLEMS - 3


@pytest.mark.parametrize(
    ("change", "aim", "complaint"),
    [
        ({}, Aim(at_least="e"), "nothing is recorded of 'e'"),
        ({}, Aim(reference="e"), "nothing is recorded of 'e'"),
        ({}, Aim(share=0.0001), "nothing surely keeps to the budget, not even a"),
        ({"cost": lambda cost: np.where(cost > 0, np.nan, cost)}, Aim(), "what 160 answers of 'a' cost is unknown"),
        (
            {"cost": lambda cost: cost * np.nan, "length": lambda length: length * np.nan},
            Aim(),
            "answers of 'a' failed or lack a count of tokens",
        ),
        ({"cost": lambda cost: cost * 0}, Aim(), "costs nothing"),
        ({"correct": lambda right: np.where(np.eye(40, 4)[:, :, None] > 0, right, np.nan)}, Aim(), "have every draw"),
    ],
)
def test_what_cannot_be_swept_is_said(made, draws, change, aim, complaint):
    changed = replace(draws, **{name: make(getattr(draws, name)) for name, make in change.items()})
    with pytest.raises(SpecError, match=complaint):
        sweep(changed, parts(made), scale=SMALL, aim=aim)


def test_an_aim_has_one_budget():
    for wrong in ({"share": 0.5, "dollars": 1.0}, {"share": 0.0}, {"within": -0.1}):
        with pytest.raises(SpecError):
            Aim(**wrong)


def test_thresholds_lie_between_scores_that_occur():
    assert cuts(np.array([0.5, 0.5]), 9) == []
    assert cuts(np.array([np.nan, 0.0, 1.0, 1.0]), 9) == [0.5]
    assert cuts(np.array([1 / 3, 2 / 3, 1.0]), 9) == [0.5, 0.8]
    assert cuts(np.arange(1000) / 1000, 4) == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.002)


def test_more_doubt_lowers_the_bound():
    low = [bound(np.array([9.0]), np.array([4.0]), 100, errors)[0] for errors in (0.0, 1.0, 2.0)]
    assert low[0] == pytest.approx(5 / 102)
    assert low[0] > low[1] > low[2]
