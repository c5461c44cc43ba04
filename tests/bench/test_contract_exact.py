import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln
from scipy.stats import beta, binom

from delegate.bench.exact import bets_won, errors_allowed, loss_allowed, loss_holds, upper

LEVELS = st.sampled_from([0.3, 0.1, 0.05, 0.01, 1e-6])
LIMITS = st.sampled_from([0.001, 0.01, 0.02, 0.05, 0.2, 0.5])


@given(answers=st.integers(1, 15_000), limit=LIMITS, delta=LEVELS)
def test_the_errors_allowed_are_the_last_the_binomial_tail_rejects(answers, limit, delta):
    most = errors_allowed(answers, limit, delta)
    assert most == -1 or binom.cdf(most, answers, limit) <= delta * (1 + 1e-9)
    assert binom.cdf(most + 1, answers, limit) > delta * (1 - 1e-9)


@given(trials=st.integers(1, 15_000), share=st.floats(0, 1), delta=LEVELS)
def test_the_upper_bound_is_that_of_clopper_and_pearson(trials, share, delta):
    events = int(trials * share)
    exact = 1.0 if events == trials else beta.isf(delta, events + 1, trials - events)
    assert upper(events, trials, delta) == pytest.approx(exact, rel=1e-5)
    assert upper(events, trials, delta) >= exact * (1 - 1e-9)


def size(problems, limit, delta):
    """The largest probability to reject a loss of exactly `limit`, over a grid of the nuisance; by enumeration."""
    worse, better = np.meshgrid(np.arange(problems + 1), np.arange(problems + 1), indexing="ij")
    there = worse + better <= problems
    worse, better = worse[there], better[there]
    rejects = [loss_holds(int(w), int(b), problems, limit, delta) for w, b in zip(worse, better, strict=True)]
    ways = gammaln(problems + 1) - gammaln(worse + 1) - gammaln(better + 1) - gammaln(problems - worse - better + 1)
    found = []
    for down in np.linspace(1e-9, (1 - limit) / 2 - 1e-9, 60):
        up = limit + down
        mass = np.exp(
            ways + worse * np.log(up) + better * np.log(down) + (problems - worse - better) * np.log1p(-up - down)
        )
        found.append(mass[rejects].sum())
    return max(found)


@pytest.mark.parametrize(("problems", "limit"), [(60, 0.05), (60, 0.2), (25, 0.1), (120, 0.02)])
@pytest.mark.parametrize("delta", [0.3, 0.1, 0.02])
def test_a_loss_at_the_limit_is_rejected_in_delta_of_all_samples_at_most(problems, limit, delta):
    assert size(problems, limit, delta) <= delta * (1 + 1e-9)


def test_the_test_of_a_loss_is_not_idle():
    assert size(120, 0.1, 0.1) > 0.05


@settings(max_examples=300)
@given(counts=st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(0, 3000)), limit=LIMITS, delta=LEVELS)
def test_the_quick_answer_is_the_exact_one(counts, limit, delta):
    worse, better, same = counts
    problems = worse + better + same + 1
    exact = worse - better <= loss_allowed(worse + better, problems, limit, delta)
    assert loss_holds(worse, better, problems, limit, delta) == exact


def test_bets_are_won_by_luck_in_delta_of_all_samples_at_most():
    dice = np.random.default_rng(0)
    samples = dice.choice([0.75, 0.05, -0.25], p=[0.15, 0.65, 0.2], size=(1000, 200))  # of mean 0.095
    won = np.mean([bets_won(sample, 0.095, 0.1) for sample in samples])
    assert won <= 0.1 + 3 * np.sqrt(0.09 / 1000)
    assert np.mean([bets_won(sample - 0.2, 0.095, 0.1) for sample in samples]) > 0.9


def test_bets_do_not_lean_on_the_order_of_the_problems():
    sorted_by_loss = np.repeat([-1.0, 0.0, 1.0], [10, 80, 30])
    assert not bets_won(sorted_by_loss, 0.16, 0.1)
