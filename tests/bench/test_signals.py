"""Signals of known worth get the figures they are worth."""

from __future__ import annotations

import numpy as np
import pytest

from delegate.bench.evaluation import Evaluation
from delegate.bench.signals import CONSTANT, CURVE, Side, evaluate
from delegate.errors import SpecError
from delegate.plain import build, plain


def side(name, correct, cost=1.0, tokens=10.0):
    correct = np.asarray(correct, dtype=float)
    return Side(
        name=name, correct=correct, cost=np.full(correct.size, cost), tokens=np.full(correct.size, float(tokens))
    )


DICE = np.random.default_rng(0)
RIGHT = DICE.integers(0, 2, 400).astype(float)
STRONG = np.maximum(RIGHT, DICE.integers(0, 2, 400))
SCORES = {
    "perfect": RIGHT,
    "upside down": 1 - RIGHT,
    "length": np.clip(0.5 + 0.2 * (RIGHT - 0.5) + DICE.normal(0, 0.2, 400), 0, 1),
    "noise": DICE.random(400),
}


@pytest.fixture(scope="module")
def found():
    return evaluate(SCORES, side("small", RIGHT), side("large", STRONG, cost=5.0, tokens=40), seed=3)


def named(found: Evaluation, name: str):
    return next(signal for signal in found.signals if signal.name == name)


def test_a_perfect_signal_is_perfect_and_the_constant_says_nothing(found):
    perfect, constant = named(found, "perfect"), named(found, CONSTANT)

    assert (perfect.auroc.value, perfect.ece.value, perfect.brier.value, perfect.accuracy.value) == (1, 0, 0, 1)
    assert perfect.recovered.value <= found.oracle.value
    assert (constant.auroc.value, constant.recovered.value) == (0.5, 0.5)
    assert constant.accuracy.value == constant.handoff[0].alone == RIGHT.mean()
    assert (constant.area.value, constant.ece.value) == pytest.approx((1 - RIGHT.mean(),) * 2)


def test_estimates_lie_in_their_intervals(found):
    for signal in found.signals:
        for interval in (signal.auroc, signal.ece, signal.brier, signal.area, signal.recovered, *signal.ahead.values()):
            assert interval.low <= interval.value <= interval.high


def test_a_signal_that_does_not_surely_beat_a_baseline_is_said_to_lose(found):
    assert named(found, "perfect").loses == ()
    said = named(found, "noise").loses
    assert [sentence for sentence in said if sentence.startswith("noise loses to length: AUROC \N{MINUS SIGN}0.")]
    assert any("always confident" in sentence and "points" in sentence for sentence in said)
    assert named(found, "upside down").ahead["length"].high < 0
    assert named(found, "length").loses == named(found, CONSTANT).loses == ()


def test_what_is_kept_and_what_goes_up_adds_up(found):
    kept, sent = named(found, "upside down").handoff

    assert (kept.model, sent.model, kept.problems + sent.problems) == ("small", "large", 400)
    assert (kept.accuracy.value, sent.alone) == (0.0, 1.0)
    assert sent.accuracy.value == 1.0
    assert kept.cost == kept.problems * 1.0
    assert sent.cost == sent.problems * 6.0
    assert sent.output_tokens == sent.problems * 50


def test_curves_are_thinned_and_keep_their_ends(found):
    noise = named(found, "noise")

    assert len(noise.risk_coverage) <= CURVE + 1
    assert noise.risk_coverage[-1] == (1.0, pytest.approx(1 - RIGHT.mean()))
    assert (noise.climb[0], noise.climb[-1]) == ((0.0, 0.0), (1.0, 1.0))


def test_answers_in_another_order_are_the_same_answers(found):
    order = np.random.default_rng(1).permutation(400)
    tied = {"length": np.round(SCORES["length"], 1)}

    one = evaluate(tied, side("small", RIGHT), side("large", STRONG))
    two = evaluate({"length": tied["length"][order]}, side("small", RIGHT[order]), side("large", STRONG[order]))

    for name in ("auroc", "ece", "brier", "area", "recovered"):
        values = [getattr(named(some, "length"), name).value for some in (one, two)]
        assert values[0] == pytest.approx(values[1])


def test_what_a_signal_cannot_be_read_off_is_left_out_of_it_alone():
    gaps = np.where(np.arange(400) < 100, np.nan, RIGHT)

    found = evaluate({"token": gaps, "length": SCORES["length"]}, side("small", RIGHT))

    token = named(found, "token")
    assert (token.problems, token.missing, token.auroc.value) == (300, 100, 1.0)
    assert named(found, "length").problems == 400
    assert token.handoff[1].problems == 100 + (RIGHT[100:] == 0).sum()  # what cannot be scored goes up


def test_money_for_asking_is_on_the_bill():
    spent = {"agreement": (np.full(400, 0.5), np.full(400, 7.0))}

    signal = named(evaluate({"agreement": RIGHT}, side("small", RIGHT), spent=spent), "agreement")

    assert signal.cost == 0.5
    assert signal.handoff[0].cost == signal.handoff[0].problems * 1.5
    assert signal.handoff[0].output_tokens == signal.handoff[0].problems * 17
    assert (signal.handoff[1].model, signal.handoff[1].accuracy) == ("", None)


@pytest.mark.parametrize(
    ("scores", "right", "note"),
    [
        (SCORES["noise"], np.ones(400), "all 400 answers are right: no signal can tell"),
        (SCORES["noise"], np.zeros(400), "all 400 answers are wrong: no signal can tell"),
        (np.full(400, np.nan), RIGHT, "odd cannot be read off any answer and is left out"),
        (np.full(400, 0.25), RIGHT, "odd is 0.25 for every answer: it tells none apart"),
        (np.full(400, 3.5), RIGHT, "odd is left out: a confidence is a number in [0, 1], and this one is 3.5"),
    ],
)
def test_what_is_odd_is_said_in_a_sentence(scores, right, note):
    found = evaluate({"odd": scores}, side("small", right))

    assert any(note in said for said in found.notes)


def test_where_every_answer_is_right_there_is_no_auroc():
    signal = named(evaluate({"token": SCORES["noise"]}, side("small", np.ones(400))), "token")

    assert signal.auroc is None
    assert signal.brier is not None


def test_a_strong_model_that_is_no_better_leaves_no_gap():
    found = evaluate({"token": RIGHT}, side("small", RIGHT), side("large", RIGHT))

    assert named(found, "token").recovered is None
    assert "large is no better than small on these problems: there is no gap to recover" in found.notes


def test_nothing_answered_is_said():
    with pytest.raises(SpecError, match="'small' has no graded answer"):
        evaluate({}, side("small", []))


def test_an_evaluation_survives_json(found):
    assert build(Evaluation, plain(found)) == found
