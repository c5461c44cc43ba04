"""A resample is a set of problems, so its statistics are those `metrics` finds on that set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegate.bench import metrics
from delegate.bench.resampled import interval, resample, statistics

shares = st.integers(0, 8).map(lambda n: n / 8)
"""Few distinct values, so that ties are common."""
answers = st.lists(st.tuples(shares, st.booleans(), st.booleans(), st.integers(0, 3)), min_size=1, max_size=30)


def apgr(confidence, correct, strong):
    """By the definition: the curve through what is escalated at each threshold."""
    levels = [confidence <= level for level in np.unique(confidence)]
    gap = (strong - correct).sum()
    return metrics.apgr(
        np.array([up.mean() for up in levels]), np.array([(strong - correct)[up].sum() / gap for up in levels])
    )


@given(answers)
def test_the_statistics_are_those_of_the_problems_drawn(drawn):
    confidence, correct, strong, counts = (np.array(column, dtype=float) for column in zip(*drawn, strict=True))
    again = np.repeat(np.arange(len(drawn)), counts.astype(int))
    c, r, s = confidence[again], correct[again], strong[again]

    found = statistics(confidence, correct, counts[None].astype(np.uint16), strong - correct)

    for name in ("auroc", "ece", "brier", "risk_coverage_area"):
        expected = getattr(metrics, name)(c, r) if again.size else None
        assert found[name][0] == pytest.approx(np.nan if expected is None else expected, abs=1e-9, nan_ok=True)
    expected = apgr(c, r, s) if again.size and (s - r).sum() > 0 else np.nan
    assert found["apgr"][0] == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_resamples_hold_as_many_problems_as_there_are_and_repeat_with_their_seed():
    one, two, other = resample(50, seed=1), resample(50, seed=1), resample(50, seed=2)

    assert (one.sum(axis=1) == 50).all()
    assert (one == two).all()
    assert (one != other).any()


def test_the_spread_of_an_auroc_is_that_of_drawing_problems_one_by_one():
    dice = np.random.default_rng(0)
    correct = dice.integers(0, 2, 200).astype(float)
    confidence = np.round(np.clip(dice.normal(0.5 + 0.1 * correct, 0.2), 0, 1), 2)
    picks = dice.integers(0, 200, (1000, 200))
    naive = [metrics.auroc(confidence[pick], correct[pick]) for pick in picks]

    found = statistics(confidence, correct, resample(200))["auroc"]

    assert np.quantile(found, [0.025, 0.975]) == pytest.approx(np.quantile(naive, [0.025, 0.975]), abs=0.02)


def test_an_interval_holds_its_estimate_and_leaves_out_what_is_not_defined():
    drawn = np.array([np.nan, 0.4, 0.5])

    assert interval(0.3, drawn).low == 0.3
    assert interval(0.45, drawn).high <= 0.5
    assert interval(None, drawn) is None
    assert interval(0.5, np.array([np.nan])) is None
