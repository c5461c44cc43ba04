from __future__ import annotations

import numpy as np
import pytest

from delegate.bench import metrics
from delegate.bench.fitting import fit, weigh
from delegate.confidences.calibrated import calibrate
from delegate.confidences.combined import combine
from delegate.errors import SpecError

pytest.importorskip("sklearn", reason="fitting needs the extra `learn`")


def shifted(answers=2000, seed=0):
    """Scores of which half is too much, and what is right accordingly."""
    dice = np.random.default_rng(seed)
    scores = dice.random(answers)
    return scores, (dice.random(answers) < scores / 2).astype(float)


@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_a_fitted_map_calibrates_answers_it_was_not_fitted_on(method):
    fields = fit(*shifted(), method)
    scores, correct = shifted(seed=1)

    mapped = np.array([calibrate(score, **fields) for score in scores])

    assert metrics.ece(scores, correct) > 0.2
    assert metrics.ece(mapped, correct) < 0.06


def test_the_isotonic_map_is_scikit_learns():
    from sklearn.isotonic import IsotonicRegression

    scores, correct = shifted(200)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(scores, correct)
    places = np.linspace(-0.1, 1.1, 50)

    ours = [calibrate(place, **fit(scores, correct)) for place in places]

    assert ours == pytest.approx(theirs.predict(places).tolist())


def test_platts_map_is_that_of_his_own_procedure():
    from sklearn.calibration import _SigmoidCalibration

    scores, correct = shifted(200)
    theirs = _SigmoidCalibration().fit(scores, correct)

    ours = fit(scores, correct, "platt")

    assert (ours["slope"], ours["intercept"]) == pytest.approx((-theirs.a_, -theirs.b_), abs=1e-3)


def test_answers_that_a_score_parts_cleanly_do_not_make_a_step():
    scores = np.repeat([0.1, 0.9], 20)

    fields = fit(scores, np.repeat([0.0, 1.0], 20), "platt")

    assert calibrate(0.9, **fields) == pytest.approx(21 / 22, abs=1e-3)


def test_weights_are_of_the_scores_as_they_are():
    dice = np.random.default_rng(0)
    sure, noise = dice.random(3000), dice.random(3000) / 1000
    correct = (dice.random(3000) < 1 / (1 + np.exp(-(6 * sure - 3)))).astype(float)

    fields = weigh(np.stack([sure, noise], axis=1), correct, ["sure", "noise"])

    assert fields["weights"][0] == pytest.approx(6, abs=0.7)
    assert combine([0.5, 0.0005], **fields) == pytest.approx(0.5, abs=0.05)


GOOD = (np.linspace(0, 1, 30), np.repeat([0.0, 1.0], 15))


@pytest.mark.parametrize(
    ("scores", "correct", "complaint"),
    [
        (GOOD[0], np.ones(30), "all 30 answers are right, so length cannot be fitted"),
        (GOOD[0], np.zeros(30), "all 30 answers are wrong"),
        (np.full(30, 0.5), GOOD[1], r"length is 0\.5 for every one of 30 answers"),
        (np.where(GOOD[0] > 0.9, np.nan, GOOD[0]), GOOD[1], "3 of 30 scores of length are nan"),
        (GOOD[0][:9], GOOD[1][:9], "9 answers are too few to fit length on; at least 20"),
    ],
)
def test_what_cannot_be_fitted_is_refused(scores, correct, complaint):
    for method in ("isotonic", "platt"):
        with pytest.raises(SpecError, match=complaint):
            fit(scores, correct, method, name="length")
    with pytest.raises(SpecError):
        weigh(np.stack([GOOD[0][: scores.size], scores], axis=1), correct, ["token", "length"])
