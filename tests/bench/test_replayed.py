from __future__ import annotations

import random

import numpy as np
import pytest

from delegate.bench import draws
from delegate.bench.replayed import Player
from delegate.confidences.agreement import Agreement
from delegate.confidences.consistency import Consistency
from delegate.confidences.length import Length
from delegate.confidences.logprob import Logprob
from delegate.confidences.noted import Noted
from delegate.confidences.token import Token
from delegate.errors import SpecError
from delegate.models.function import FunctionModel
from delegate.policies.cascade import Cascade
from delegate.policies.fallback import Fallback
from delegate.policies.mux import Mux
from delegate.policies.router import Router
from delegate.policies.vote import Vote
from delegate.routes.asking import Asking
from recorded import DRAWS, record

KIND = "number"
READ = {"token": Token(), "length": Length(), "logprob": Logprob()}


def policy(dice, leaves, depth):
    """Any policy over the leaves, nested up to `depth`."""
    kind = dice.choice(["cascade", "cascade", "vote", "mux", "leaf"]) if depth else "leaf"
    if kind == "leaf":
        return dice.choice(leaves)
    if kind == "cascade":
        first, then = policy(dice, leaves, depth - 1), policy(dice, leaves, depth - 1)
        about, thresholds = confidence(dice, leaves, first)
        return Cascade(models=(first, then), confidence=about, thresholds=(dice.choice(thresholds),))
    inner = [policy(dice, leaves, 0) for _ in range(dice.randrange(1, 4))]
    members = tuple({id(one): one for one in inner}.values())
    if kind == "vote":
        return Vote(models=members, draws=dice.randrange(1, DRAWS + 1), answers=KIND)
    weights = {one.name: dice.randrange(3) / 2 for one in members}
    return Mux(
        models=members, draws=dice.randrange(1, DRAWS + 1), validation=dice.choice([None, weights]), answers=KIND
    )


def confidence(dice, leaves, first):
    """One that knows what to say of the first model's answers, and thresholds that mean something to it."""
    others = [one for one in leaves if one is not first]
    some = tuple(dice.sample(others, dice.randrange(1, 3)))
    choices = [(Agreement(models=some, answers=KIND), [0.25, 0.5, 0.75, 1.0])]
    if first in leaves:
        draws = dice.randrange(2, DRAWS + 1)
        choices.append((Consistency(model=first, draws=draws, answers=KIND), [0.3, 0.5, 2 / 3, 1.0]))
        choices.append((dice.choice(list(READ.values())), [0.5, 0.7, 0.9925, 0.995]))
    if isinstance(first, (Vote, Mux)):
        choices.append((Noted(), [0.3, 0.5, 2 / 3, 1.0]))
    return dice.choice(choices)


@pytest.mark.parametrize("seed", range(6))
def test_policies_do_at_once_what_they_do_call_by_call(tmp_path, seed):
    made = record(tmp_path, seed, holes=seed < 4)
    player = Player(draws=draws.load(made.folder, confidences=READ), confidences=READ)
    leaves, dice = list(made.models().values()), random.Random(seed)

    for _ in range(16):
        one = policy(dice, leaves, 3)
        played, found = player.play(one), made.play(one)

        graded = ~np.isnan(played.graded)
        np.testing.assert_array_equal(played.graded, made.correct(found))
        for mine, what in (
            (played.spent.cost, lambda r: r.outcome.usage.cost),
            (played.spent.calls, lambda r: r.outcome.usage.calls),
            (played.spent.seconds, lambda r: r.span.seconds),
            (played.escalated, lambda r: r.outcome.notes.get("escalated")),
        ):
            theirs = np.array([what(r) for r in found], dtype=float)
            np.testing.assert_array_equal(mine[graded], theirs[graded])


def test_a_cascade_of_three_levels_has_one_confidence(tmp_path):
    made = record(tmp_path, 1)
    a, b, c, d = made.models().values()
    one = Cascade(models=(a, b, c), confidence=Agreement(models=(d,), answers=KIND), thresholds=(1.0, 0.5))
    player = Player(draws=draws.load(made.folder))

    played, found = player.play(one), made.play(one)

    np.testing.assert_array_equal(played.graded, made.correct(found))


def test_draws_of_a_policy_take_draws_of_their_own(tmp_path):
    made = record(tmp_path, 2)
    a, b, c, _ = made.models().values()
    inner = Cascade(models=(a, b), confidence=Agreement(models=(c,), answers=KIND), thresholds=(1.0,))
    one = Vote(models=(inner, c), draws=2, answers=KIND)
    player = Player(draws=draws.load(made.folder))

    np.testing.assert_array_equal(player.play(one).graded, made.correct(made.play(one)))


def test_a_route_is_what_it_is_said_to_choose(tmp_path):
    made = record(tmp_path, 3, holes=False)
    a, d = made.models()["a"], made.models()["d"]
    one = Router(models=(a, d), route=Asking(model=FunctionModel(function=lambda _: "2", name="chooser")))
    found = draws.load(made.folder)
    played = Player(draws=found, routes=[(one.route, np.ones(30, dtype=int))]).play(one)

    np.testing.assert_array_equal(played.correct, found.correct[:, 3, 0])
    np.testing.assert_array_equal(played.spent.cost, found.cost[:, 3, 0])
    assert (played.escalated == 1).all()


def test_what_is_not_in_the_draws_is_refused(tmp_path):
    made = record(tmp_path, 4)
    a, b, _, _ = made.models().values()
    player = Player(draws=draws.load(made.folder))

    for one, complaint in (
        (Fallback(models=(a, b)), "cannot be worked out"),
        (Vote(models=(a,), draws=DRAWS + 1), "is recorded of no problem"),
        (Mux(models=(a, b), early_stop=True), "stops early"),
        (Router(models=(a, b), route=Asking(model=a)), "is not known"),
        (Cascade(models=(a, b), confidence=Length(), thresholds=(0.5,)), "Length"),
        (Cascade(models=(a, b), confidence=Consistency(model=a, temperature=1.0), thresholds=(0.5,)), "temperature"),
        (FunctionModel(function=lambda _: "", name="e"), "nothing is recorded of 'e'"),
    ):
        with pytest.raises(SpecError, match=complaint):
            player.play(one)
