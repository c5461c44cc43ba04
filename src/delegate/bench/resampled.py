"""The bootstrap of what `metrics` says of a confidence (Efron 1979): all resamples at once, paired across confidences.

A resample is how often each problem was drawn. Answers of equal confidence form a level, and every statistic is a sum
over levels, so a resample costs a few passes over the levels and no sorting. Of more than `LEVELS` levels neighbours
are taken together: what that changes is far below what an interval can tell.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from delegate.bench.metrics import Floats, Interval

RESAMPLES = 1_000
BINS = 15
LEVELS = 1_000
_CHUNK = 64
"""Resamples at a time: what is worked on stays in the processor's cache."""

Counts = NDArray[np.uint16]
"""How often each problem (columns) is drawn in each resample (rows)."""


def resample(problems: int, *, seed: int = 0, resamples: int = RESAMPLES) -> Counts:
    """Draw as many problems as there are, with replacement, again and again."""
    dice = np.random.default_rng(seed)
    counts = np.empty((resamples, problems), dtype=np.uint16)
    for row in counts:
        row[:] = np.bincount(dice.integers(problems, size=problems, dtype=np.int32), minlength=problems)
    return counts


def statistics(confidence: Floats, correct: Floats, counts: Counts, gain: Floats | None = None) -> Mapping[str, Floats]:
    """The statistics of a confidence in each resample, nan where one is not defined.

    Args:
        confidence: of each problem's answer, in [0, 1].
        correct: whether that answer is right.
        counts: of the resamples; its columns are these problems.
        gain: of each problem, what the strong model's answer is better by (1, 0 or -1); `None` without such a model.

    Returns:
        By name as in `metrics`: auroc, ece, brier, risk_coverage_area and, with `gain`, apgr.
    """
    order = np.argsort(confidence, kind="stable")
    confidence, wrong = confidence[order], 1.0 - correct[order]
    apart = confidence - correct[order]
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)[:, None] == np.arange(BINS)
    in_bins = bins * apart[:, None]
    starts = np.flatnonzero(np.diff(confidence, prepend=-np.inf))
    starts = starts[:: 1 + (starts.size - 1) // LEVELS]
    largest = int(counts.sum(axis=1).max(initial=0))
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, largest + 1))])
    chunks = []
    for at in range(0, len(counts), _CHUNK):
        drawn = counts[at : at + _CHUNK][:, order].astype(np.float64)
        total = np.add.reduceat(drawn, starts, axis=1)
        errors = np.add.reduceat(drawn * wrong, starts, axis=1)
        size = total.sum(axis=1)
        with np.errstate(invalid="ignore"):
            found = {
                "auroc": _auroc(total, errors),
                "ece": np.abs(drawn @ in_bins).sum(axis=1) / size,
                "brier": drawn @ apart**2 / size,
                "risk_coverage_area": _area(total, errors, harmonic),
            }
            if gain is not None:
                found["apgr"] = _apgr(total, np.add.reduceat(drawn * gain[order], starts, axis=1))
        chunks.append(found)
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}


def _auroc(total: Floats, errors: Floats) -> Floats:
    """Of levels by rising confidence (columns): how many answers each holds, and how many are wrong."""
    right = total - errors
    below = np.cumsum(errors, axis=1) - errors / 2  # ties count half
    area: Floats = (right * below).sum(axis=1) / (right.sum(axis=1) * errors.sum(axis=1))
    return area


def _area(total: Floats, errors: Floats, harmonic: Floats) -> Floats:
    """The expected mean error rate over all coverages: a level's answers enter in random order.

    With K answers and E errors above a level of m answers, e of them wrong, its part is the sum over j = 1..m of
    (E + j e/m) / (K + j) = e + (E - K e/m) (H(K + m) - H(K)), where H are the harmonic numbers.
    """
    size = total.sum(axis=1, keepdims=True)
    upto = (size - np.cumsum(total, axis=1) + total).astype(np.int64)  # K + m
    above = errors.sum(axis=1, keepdims=True) - np.cumsum(errors, axis=1)
    beyond = upto - total.astype(np.int64)
    rate = errors / np.maximum(total, 1)
    area: Floats = (errors + (above - rate * beyond) * (harmonic[upto] - harmonic[beyond])).sum(axis=1) / size[:, 0]
    return area


def _apgr(total: Floats, gained: Floats) -> Floats:
    """The mean recovered share of the gap over the share escalated, least confident first; nan without a gap."""
    gap = gained.sum(axis=1)
    climbed = np.cumsum(gained, axis=1) - gained / 2  # a level goes up in random order: half of it on average
    area: Floats = (total * climbed).sum(axis=1) / (total.sum(axis=1) * np.where(gap > 0, gap, np.nan))
    return area


def interval(value: float | None, drawn: Floats) -> Interval | None:
    """The percentile interval of an estimate, widened where it must be to hold it; `None` for what is unknown."""
    known = drawn[~np.isnan(drawn)]
    if value is None or not known.size:
        return None
    low, high = np.quantile(known, [0.025, 0.975])
    return Interval(value=value, low=min(value, float(low)), high=max(value, float(high)))
