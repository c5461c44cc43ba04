"""Exact tests: how often a sample may be wrong, and how much it may lose, for a limit to hold beyond the sample.

All are valid at every sample size and for every distribution of independent, identically distributed problems.

- A rate: the binomial tail, inverted (Clopper and Pearson 1934).
- A paired difference of right and wrong, which is -1, 0 or 1 on each problem. Besides its mean only the rate at which
  the two differ matters. It is a nuisance and is taken at its worst over a confidence set (Berger and Boos 1994; Berger
  and Sidik 2003 find this the strongest of the exact tests for matched pairs). The worst is the largest rate of the
  set: the slope of P(sum <= s) in the rate is half the problems times the step from s to s + 1 of the mass function of
  the sum over all problems but one, which rises below its mode.
- A difference anywhere in [-1, 1]: betting (Waudby-Smith and Ramdas, arXiv:2010.09686, the one-sided capital process
  with predictable plug-in bets). It is a little looser than the exact test where both apply; Hoeffding-Bentkus, which
  cannot see that most differences are 0, is far looser than either.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, isqrt, lgamma, log, log1p, log2, sqrt

import numpy as np

from delegate.bench.metrics import Floats

_SPENT = 1 / 20
"""The share of delta that goes into the confidence set; a tenth or a hundredth changes almost nothing."""


@lru_cache(maxsize=1 << 16)
def errors_allowed(answers: int, limit: float, delta: float) -> int:
    """The most errors among so many answers that reject an error rate above `limit` at level `delta`; -1 for none."""
    if not answers:
        return -1
    first, below = _binomial(answers, limit, min(answers, int(answers * limit) + 1))
    return first + int(np.searchsorted(below, delta, side="right")) - 1


@lru_cache(maxsize=1 << 16)
def loss_allowed(discordant: int, problems: int, limit: float, delta: float) -> int:
    """The largest loss in a sample that rejects a mean loss of `limit` or more at level `delta`; may be negative.

    Args:
        discordant: problems on which the two differ.
        problems: all of them.
        limit: of the mean loss.
        delta: the level.

    Returns:
        Problems lost minus problems won; where the two differ too rarely to lose that much, all of `discordant`.
    """
    rate = upper(discordant, problems, delta * _SPENT)
    if rate < limit:
        return discordant
    first, below = _difference(problems, limit, rate)
    return first + int(np.searchsorted(below, delta * (1 - _SPENT), side="right")) - 1


def loss_holds(worse: int, better: int, problems: int, limit: float, delta: float) -> bool:
    """Whether a sample in which so many problems are lost and won rejects a mean loss of `limit` or more."""
    differ, lost = worse + better, worse - better
    short = problems * limit - lost
    spread = _most(differ, delta * _SPENT) + short * (1 + limit) / 3
    if short > 0 and short * short >= -2 * log(delta * (1 - _SPENT)) * spread:
        return True  # by Bernstein's bound, which is above the exact tail and takes no time
    return lost <= loss_allowed(differ, problems, limit, delta)


def bets_won(loss: Floats, limit: float, delta: float, seed: int = 0) -> bool:
    """Whether differences in [-1, 1], one a problem, reject a mean of `limit` or more at level `delta`.

    The problems enter in random order, by `seed`: their own may have a meaning, and the bets must not see ahead.
    """
    drawn = np.random.default_rng(seed).permutation(loss)
    count = np.arange(1, drawn.size + 1)
    mean = np.cumsum(drawn) / (count + 1)
    variance = (0.25 + np.cumsum((drawn - mean) ** 2)) / (count + 1)
    known = np.concatenate([[0.25], variance[:-1]])
    bets = np.minimum(np.sqrt(2 * log(1 / delta) / (drawn.size * known)), 0.75 / (1 - limit))
    return bool(np.cumsum(np.log1p(bets * (limit - drawn))).max(initial=0.0) >= log(1 / delta))


def upper(events: int, trials: int, delta: float) -> float:
    """The upper confidence bound of a rate at level 1 - `delta` (Clopper and Pearson)."""
    if events >= trials:
        return 1.0
    low, high = events / trials, min(1.0, _most(events, delta) / trials)
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if _binomial(trials, middle, events)[1][-1] > delta else (low, middle)
    return high


def _most(events: int, delta: float) -> float:
    """An upper confidence bound of the expected number of events (Chernoff); above the exact one."""
    spread = -log(delta)
    return events + spread + sqrt(spread * spread + 2 * events * spread)


def _binomial(trials: int, rate: float, most: int) -> tuple[int, Floats]:
    """P(at most k events) for k up to `most`, which is not far above the mean; and the first k, far enough below."""
    first = max(0, most - 12 * isqrt(most) - 50)
    event = np.arange(first, most)
    start = lgamma(trials + 1) - lgamma(first + 1) - lgamma(trials - first + 1)
    start += first * log(rate) + (trials - first) * log1p(-rate)
    steps = np.log((trials - event) / (event + 1)) + log(rate) - log1p(-rate)
    return first, np.cumsum(np.exp(start + np.concatenate([[0.0], np.cumsum(steps)])))


def _difference(problems: int, mean: float, rate: float) -> tuple[int, Floats]:
    """The distribution of a sum of independent differences that are not 0 at a `rate` and have a `mean`.

    Returns:
        The lowest sum of the window it is worked out on, eight standard deviations about the mean and more, and
        P(at most s) for the sums s from there on. What lies outside is below 1e-14.
    """
    width = 1 << ceil(log2(min(16 * sqrt(problems * rate) + 128, 2 * problems + 2)))
    first = max(-problems, min(round(problems * mean) - width // 2, problems + 1 - width))
    turn = np.exp(2j * np.pi * np.arange(width // 2 + 1) / width)
    wave = (1 - rate + (rate + mean) / 2 * turn + (rate - mean) / 2 / turn) ** problems * turn**-first
    return first, np.cumsum(np.fft.irfft(wave.conj(), width))
