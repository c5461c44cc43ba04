from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from delegate.bench import metrics

shares = st.integers(0, 8).map(lambda n: n / 8)
"""Few distinct values, so that ties are common."""
judged = st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=40)
points = st.lists(st.tuples(shares, st.one_of(shares, st.just(math.nan))), max_size=30)


def split(pairs: list[tuple[float, bool]]) -> tuple[metrics.Floats, metrics.Floats]:
    return np.array([p for p, _ in pairs], dtype=float), np.array([float(c) for _, c in pairs])


@given(st.integers(1, 5000), st.data())
def test_wilson_is_scipys(n: int, data: st.DataObject):
    right = data.draw(st.integers(0, n))

    low, high = metrics.wilson(right, n)

    expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert low == pytest.approx(expected.low, abs=1e-9)
    assert high == pytest.approx(expected.high, abs=1e-9)
    assert 0 <= low <= right / n <= high <= 1


def test_nothing_is_known_of_no_problems():
    assert metrics.wilson(0, 0) == (0.0, 1.0)
    assert metrics.bootstrap(np.array([])) is None
    assert metrics.percentile(np.array([]), 50) is None


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_the_exact_binomial_test(better: int, worse: int):
    p = metrics.mcnemar(better, worse)

    expected = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert p == pytest.approx(expected, rel=1e-9)


def test_the_bootstrap_interval_is_that_of_drawing_problems_one_by_one():
    values = np.repeat([-1.0, 0.0, 1.0], [30, 420, 50])
    naive = np.random.default_rng(1).choice(values, size=(4000, values.size)).mean(axis=1)

    low, high = metrics.bootstrap(values, seed=3)

    assert (low, high) == pytest.approx(tuple(np.quantile(naive, [0.025, 0.975])), abs=0.004)
    assert low < values.mean() < high


def test_the_bootstrap_repeats_with_its_seed_and_has_no_width_without_differences():
    values = np.repeat([-1.0, 0.0, 1.0], [3, 42, 5])

    assert metrics.bootstrap(values, seed=5) == metrics.bootstrap(values, seed=5)
    assert metrics.bootstrap(np.zeros(50)) == (0.0, 0.0)


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says():
    dice = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        low, high = metrics.bootstrap(dice.choice([-1.0, 0.0, 1.0], p=[0.1, 0.7, 0.2], size=300), seed=trial)
        held += low <= 0.1 <= high

    assert 180 <= held <= 200


def test_the_gap_is_recovered_in_part_in_full_beyond_or_not_at_all():
    assert metrics.recovered(0.7, 0.6, 0.8) == pytest.approx(0.5)
    assert metrics.recovered(0.9, 0.6, 0.8) == pytest.approx(1.5)
    assert metrics.recovered(0.6, 0.6, 0.8) == 0.0
    assert metrics.recovered(0.8, 0.6, 0.8) == 1.0
    assert metrics.recovered(0.7, 0.8, 0.8) is None
    assert metrics.recovered(0.7, 0.9, 0.8) is None


def test_chance_recovers_half_of_the_gap_on_average_and_more_is_more():
    assert metrics.apgr(np.array([0.75, 0.25]), np.array([0.75, 0.25])) == pytest.approx(0.5)
    assert metrics.apgr(np.array([0.5]), np.array([1.0])) == pytest.approx(0.75)


def test_percentiles_are_unknown_as_soon_as_one_time_is():
    assert metrics.percentile(np.array([1.0, 2.0, 3.0]), 50) == 2.0
    assert metrics.percentile(np.array([1.0, math.nan, 3.0]), 50) is None


@given(points)
def test_the_frontier_is_what_nothing_dominates(pairs: list[tuple[float, float]]):
    accuracy, cost = (np.array([p[i] for p in pairs], dtype=float) for i in (0, 1))

    mask = metrics.frontier(accuracy, cost)

    expected = [not math.isnan(c) and not any(metrics.dominates(*q, a, c) for q in pairs) for a, c in pairs]
    assert mask.tolist() == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0.9, 1.0), (0.8, 1.0), True),
        ((0.9, 1.0), (0.9, 2.0), True),
        ((0.9, 1.0), (0.9, 1.0), False),
        ((0.9, 0.1 + 0.2), (0.9, 0.3), False),
        ((0.9, 2.0), (0.8, 1.0), False),
        ((0.9, math.nan), (0.8, 1.0), False),
        ((0.9, 1.0), (0.8, math.nan), False),
    ],
)
def test_domination_needs_known_costs_and_one_strict_advantage(first, second, expected):
    assert metrics.dominates(*first, *second) is expected


@given(judged)
def test_auroc_is_the_mann_whitney_count(pairs: list[tuple[float, bool]]):
    confidence, correct = split(pairs)

    value = metrics.auroc(confidence, correct)

    right, wrong = confidence[correct == 1], confidence[correct == 0]
    if not right.size or not wrong.size:
        assert value is None
    else:
        wins = [1.0 if r > w else 0.5 if r == w else 0.0 for r, w in itertools.product(right, wrong)]
        assert value == pytest.approx(np.mean(wins))


@given(judged, st.integers(1, 20))
def test_ece_is_the_weighted_gap_of_the_bins(pairs: list[tuple[float, bool]], bins: int):
    confidence, correct = split(pairs)

    value = metrics.ece(confidence, correct, bins)

    gap = 0.0
    for b in range(bins):
        inside = [(p, c) for p, c in pairs if b <= p * bins < b + 1 or (p == 1 and b == bins - 1)]
        if inside:
            gap += abs(sum(p for p, _ in inside) - sum(c for _, c in inside)) / len(pairs)
    assert value == pytest.approx(gap)


@given(judged, st.integers(1, 20))
def test_the_bins_of_a_reliability_diagram_hold_every_answer_once(pairs: list[tuple[float, bool]], bins: int):
    confidence, correct = split(pairs)

    found = metrics.reliability(confidence, correct, bins)

    assert sum(many for _, _, many in found) == len(pairs)
    assert sum(right * many for _, right, many in found) == pytest.approx(correct.sum())
    assert [sure for sure, _, _ in found] == sorted(sure for sure, _, _ in found)


def test_escalating_climbs_from_weak_to_strong_and_ties_go_together():
    confidence = np.array([0.1, 0.5, 0.5, 0.9])
    gain = np.array([1.0, 1.0, 0.0, -1.0])

    shares, gaps = metrics.climb(confidence, gain)

    assert (shares.tolist(), gaps.tolist()) == ([0.25, 0.75, 1.0], [1.0, 2.0, 1.0])


@given(judged)
def test_brier_is_the_mean_squared_distance(pairs: list[tuple[float, bool]]):
    assert metrics.brier(*split(pairs)) == pytest.approx(sum((p - c) ** 2 for p, c in pairs) / len(pairs))


@given(judged)
def test_risk_coverage_has_a_point_for_each_threshold(pairs: list[tuple[float, bool]]):
    curve = metrics.risk_coverage(*split(pairs))

    expected = []
    for threshold in sorted({p for p, _ in pairs}, reverse=True):
        kept = [c for p, c in pairs if p >= threshold]
        expected.append((len(kept) / len(pairs), 1 - sum(kept) / len(kept)))
    assert list(curve) == [pytest.approx(point) for point in expected]


@given(st.lists(st.tuples(shares, st.booleans()), min_size=1, max_size=6))
def test_the_risk_coverage_area_is_its_mean_over_all_orders_of_ties(pairs: list[tuple[float, bool]]):
    value = metrics.risk_coverage_area(*split(pairs))

    areas = []
    for order in itertools.permutations(pairs):
        if all(a[0] >= b[0] for a, b in itertools.pairwise(order)):
            errors = np.cumsum([not c for _, c in order])
            areas.append(np.mean(errors / np.arange(1, len(order) + 1)))
    assert value == pytest.approx(np.mean(areas))


def test_no_answers_have_no_area_and_no_points():
    assert metrics.risk_coverage_area(np.array([]), np.array([])) is None
    assert metrics.risk_coverage(np.array([]), np.array([])) == ()


def test_the_paired_interval_covers_the_truth_about_as_often_as_it_says():
    dice = np.random.default_rng(11)
    covered = 0
    for _ in range(400):
        better, worse, _same = dice.multinomial(60, [0.08, 0.03, 0.89])
        low, high = metrics.paired(int(better), int(worse), 60)
        covered += low <= 0.05 <= high
    assert 0.92 <= covered / 400 <= 0.99


def test_the_paired_interval_keeps_a_width_without_discordant_problems():
    low, high = metrics.paired(0, 0, 2)
    assert low < 0 < high
    assert metrics.paired(4, 0, 369)[0] < 0  # exact McNemar: p = 0.125
