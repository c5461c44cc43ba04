"""Statistics of a comparison: pure functions over numpy arrays, no I/O, no model; `None` or nan is unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RESAMPLES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


def known(value: float) -> float | None:
    """A number, or `None` for nan."""
    return None if math.isnan(value) else float(value)


def wilson(right: int, problems: int, level: float = 0.95) -> tuple[float, float]:
    """The Wilson score interval of a share of `problems` (Wilson 1927); (0, 1) when there are none."""
    if not problems:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, spread = right / problems, z * z / problems
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / problems + spread / (4 * problems))
    # At the ends the bound is exact; rounding must not leave the estimate outside its own interval.
    return (centre - half if right else 0.0), (centre + half if right < problems else 1.0)


def share(correct: Floats) -> Interval | None:
    """The share that is right, of answers right (1) or wrong (0), with its Wilson interval; `None` without any."""
    if not correct.size:
        return None
    low, high = wilson(int(correct.sum()), correct.size)
    return Interval(value=float(correct.mean()), low=low, high=high)


def bootstrap(
    values: Floats, *, seed: int = 0, resamples: int = RESAMPLES, level: float = 0.95
) -> tuple[float, float] | None:
    """The percentile bootstrap interval of a mean; paired when `values` are differences. `None` without values.

    A resample is drawn as counts of the distinct values, which has exactly the distribution of drawing problems one
    by one; paired differences of right and wrong have three distinct values, so ten thousand resamples are cheap.
    """
    if not values.size:
        return None
    distinct, counts = np.unique(values, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(values.size, counts / values.size, size=resamples)
    low, high = np.quantile(drawn @ distinct / values.size, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def paired(better: int, worse: int, problems: int, level: float = 0.95) -> tuple[float, float]:
    """The interval of a difference of two paired shares (Bonett and Price 2012): Wald's on Laplace-adjusted counts.

    Unlike a bootstrap it keeps a width when few problems or none are discordant.

    Args:
        better: problems the first got right and the second wrong.
        worse: problems the other way round.
        problems: all of them.
        level: of the interval.
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    up, down = (better + 1) / (problems + 2), (worse + 1) / (problems + 2)
    half = z * math.sqrt((up + down - (up - down) ** 2) / (problems + 2))
    return max(-1.0, up - down - half), min(1.0, up - down + half)


def mcnemar(better: int, worse: int) -> float:
    """The exact two-sided p-value of McNemar's test.

    Args:
        better: problems the first got right and the second wrong.
        worse: problems the other way round.
    """
    discordant = better + worse
    tail = sum(math.comb(discordant, k) for k in range(min(better, worse) + 1))
    return min(1.0, float(2 * tail / 2**discordant))


def recovered(accuracy: float, weak: float, strong: float) -> float | None:
    """The share of the gap from weak to strong that is recovered (PGR); `None` when the strong one is not better."""
    return (accuracy - weak) / (strong - weak) if strong > weak else None


def apgr(shares: Floats, gaps: Floats) -> float:
    """The mean recovered share of the gap over the share escalated (RouteLLM, arXiv 2406.18665).

    Args:
        shares: escalated shares in [0, 1], in any order; (0, 0) and (1, 1) are added as ends of the curve.
        gaps: the recovered share of the gap (PGR) at each.
    """
    order = np.argsort(shares, kind="stable")
    x = np.concatenate([[0.0], shares[order], [1.0]])
    y = np.concatenate([[0.0], gaps[order], [1.0]])
    return float(np.trapezoid(y, x))


def climb(confidence: Floats, gain: Floats) -> tuple[Floats, Floats]:
    """Escalating at each threshold that tells answers apart, the least confident first.

    Args:
        confidence: in each problem's answer.
        gain: of each problem, what the strong model's answer is better by: 1, 0 or -1; in sum above 0.

    Returns:
        The shares escalated, and the shares of the gap recovered (PGR) there.
    """
    _, level, counts = _levels(confidence)
    return np.cumsum(counts) / gain.size, np.cumsum(np.bincount(level, weights=gain)) / gain.sum()


def percentile(values: Floats, percent: float) -> float | None:
    """A percentile by linear interpolation; `None` without values or when any is unknown."""
    if not values.size or np.isnan(values).any():
        return None
    return float(np.percentile(values, percent))


def dominates(accuracy: float, cost: float, other_accuracy: float, other_cost: float) -> bool:
    """Whether the first is at least as accurate and at most as dear as the other, and better in one of them.

    Accuracies and costs are point estimates on the same problems. An unknown cost (nan) neither dominates nor is
    dominated; sums that differ by rounding alone are equal.
    """
    if math.isnan(cost) or math.isnan(other_cost):
        return False
    same_accuracy = math.isclose(accuracy, other_accuracy, rel_tol=1e-9)
    same_cost = math.isclose(cost, other_cost, rel_tol=1e-9)
    as_good = accuracy > other_accuracy or same_accuracy
    as_cheap = cost < other_cost or same_cost
    return as_good and as_cheap and not (same_accuracy and same_cost)


def frontier(accuracy: Floats, cost: Floats) -> NDArray[np.bool_]:
    """Which points nothing dominates; equal points stay together, points of unknown cost (nan) are not on it."""
    known = np.flatnonzero(~np.isnan(cost))
    order = known[np.lexsort((-accuracy[known], cost[known]))]
    a, c = accuracy[order], cost[order]
    before = np.concatenate([[-np.inf], np.maximum.accumulate(a)[:-1]])
    first = np.maximum.accumulate(np.where(a > before, np.arange(a.size), 0))
    beaten = (before > a) | ((before == a) & (c[first] < c))
    mask: NDArray[np.bool_] = np.zeros(accuracy.size, dtype=np.bool_)
    mask[order] = ~beaten
    return mask


def reliability(confidence: Floats, correct: Floats, bins: int = 15) -> tuple[tuple[float, float, int], ...]:
    """(mean confidence, share right, answers) of each bin of equal width that holds an answer (Guo et al.)."""
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts, sums = np.bincount(place, minlength=bins), np.bincount(place, weights=confidence, minlength=bins)
    right = np.bincount(place, weights=correct, minlength=bins)
    some = counts > 0
    columns = (sums[some] / counts[some], right[some] / counts[some], counts[some])
    return tuple(zip(*(column.tolist() for column in columns), strict=True))


def ece(confidence: Floats, correct: Floats, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width (Guo et al. 2017, arXiv 1706.04599, equation 3)."""
    gaps = (count * abs(sure - right) for sure, right, count in reliability(confidence, correct, bins))
    return math.fsum(gaps) / confidence.size


def brier(confidence: Floats, correct: Floats) -> float:
    """The mean squared distance of confidence and correctness."""
    return float(np.mean((confidence - correct) ** 2))


def auroc(confidence: Floats, correct: Floats) -> float | None:
    """The chance that a right answer has more confidence than a wrong one, ties half; `None` without both."""
    right = int(np.count_nonzero(correct))
    wrong = correct.size - right
    if not right or not wrong:
        return None
    _, level, counts = _levels(confidence)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[level]  # ties share their mean rank
    return float((rank[correct > 0].sum() - right * (right + 1) / 2) / (right * wrong))


def risk_coverage(confidence: Floats, correct: Floats) -> tuple[tuple[float, float], ...]:
    """(coverage, error rate of the answers kept) at each threshold that tells answers apart, by falling confidence."""
    _, level, counts = _levels(-confidence)
    errors = np.bincount(level, weights=1.0 - correct)
    kept = np.cumsum(counts)
    return tuple(zip((kept / correct.size).tolist(), (np.cumsum(errors) / kept).tolist(), strict=True))


def risk_coverage_area(confidence: Floats, correct: Floats) -> float | None:
    """The mean error rate over all coverages (AURC, Geifman et al. 2019, arXiv 1805.08206); `None` without answers.

    Answers of equal confidence enter in random order: what is returned is the expectation.
    """
    if not correct.size:
        return None
    _, level, counts = _levels(-confidence)
    mean_error = np.bincount(level, weights=1.0 - correct) / counts
    errors = np.cumsum(np.repeat(mean_error, counts))
    return float(np.mean(errors / np.arange(1, correct.size + 1)))


def _levels(values: Floats) -> tuple[Floats, NDArray[Any], NDArray[Any]]:
    """The distinct values in rising order, which of them each value is, and how often each occurs."""
    return np.unique(values, return_inverse=True, return_counts=True)
