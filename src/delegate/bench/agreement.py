"""How far a judge agrees with the rules: counts of each outcome, the share, and Cohen's kappa (Cohen 1960)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from delegate.bench.metrics import RESAMPLES, Floats, Interval, wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Rules and judge on the same pairs."""

    equal: int
    """Both say equal."""
    different: int
    """Both say different."""
    only_rules: int
    """The rules say equal, the judge different."""
    only_judge: int
    """The judge says equal, the rules different."""
    unclear: int
    """The judge said neither; not counted in any share."""
    share: Interval | None
    """Of the pairs on which both decide, those on which they agree; Wilson interval; `None` without such pairs."""
    kappa: Interval | None
    """Agreement beyond chance; bootstrap interval; `None` where either says the same of every pair."""


def agreement(verdicts: Sequence[tuple[str, str]], *, seed: int = 0) -> Agreement:
    """Count pairs of verdicts: what the rules say, what the judge says."""
    counts = Counter(verdicts)
    cells = [
        counts["equal", "equal"],
        counts["equal", "different"],
        counts["different", "equal"],
        counts["different", "different"],
    ]
    total, same = sum(cells), cells[0] + cells[3]
    low, high = wilson(same, total)
    return Agreement(
        equal=cells[0],
        different=cells[3],
        only_rules=cells[1],
        only_judge=cells[2],
        unclear=len(verdicts) - total,
        share=Interval(value=same / total, low=low, high=high) if total else None,
        kappa=_kappa(cells, seed),
    )


def _kappa(cells: Sequence[int], seed: int) -> Interval | None:
    """Cohen's kappa of a two by two table given row by row."""
    total = sum(cells)
    value = _kappas(np.array([cells]))
    if not value.size:
        return None
    drawn = np.random.default_rng(seed).multinomial(total, np.array(cells) / total, size=RESAMPLES)
    low, high = np.quantile(_kappas(drawn), [0.025, 0.975])
    return Interval(value=float(value[0]), low=float(low), high=float(high))


def _kappas(tables: NDArray[np.int64]) -> Floats:
    """Kappa of each table; tables in which chance alone would agree always are left out."""
    totals = tables.sum(axis=1)
    a, b, c, d = (tables[:, i] / np.maximum(totals, 1) for i in range(4))
    chance = (a + b) * (a + c) + (c + d) * (b + d)
    useful = (totals > 0) & (chance < 1)
    return np.asarray((a + d - chance)[useful] / (1 - chance[useful]))
