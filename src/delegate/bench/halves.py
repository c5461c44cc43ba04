"""Problems in two halves: one to look, fit and choose on, and one that only the outcome is told of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def halves(problems: int, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of so many problems may be looked at, and which are held out, the odd one among them."""
    seen: NDArray[np.bool_] = np.zeros(problems, dtype=np.bool_)
    seen[np.random.default_rng(seed).permutation(problems)[: problems // 2]] = True
    return seen, ~seen
