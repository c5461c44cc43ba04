"""Confidences that need several answers, counted from the numbers of `Draws.answer` for all problems at once.

Each is the part of the same name over what is recorded: an answer that commits to nothing agrees with nothing and
stays in the denominator, as does a call that failed. So does a draw nobody recorded: leave such problems out first.
"""

from __future__ import annotations

import numpy as np

from delegate.bench.draws import NOTHING, Ints
from delegate.bench.metrics import Floats


def consistency(answer: Ints) -> Floats:
    """The share of a model's draws (problems by draws) that say what its first draw says, the first among them."""
    return agreement(answer[:, 0], answer)


def agreement(answer: Ints, others: Ints) -> Floats:
    """The share of other models' answers (problems by models) that are the answer given (one a problem)."""
    same = (others == answer[:, None]) & (others != NOTHING)
    share: Floats = same.mean(axis=1)
    return share


def majority(answer: Ints) -> tuple[Ints, Floats]:
    """The winner of the vote of each problem (problems by voters) as `delegate.answer.majority` counts it.

    Returns:
        The place of the first voter of the largest group, of equals the one that came first, `NOTHING` where nobody
        votes; and the share of all voters in that group.
    """
    voted = answer != NOTHING
    sizes = np.stack([((answer == answer[:, [v]]) & voted).sum(axis=1) for v in range(answer.shape[1])], axis=1)
    winner = sizes.argmax(axis=1)
    size = np.take_along_axis(sizes, winner[:, None], axis=1)[:, 0]
    return np.where(size > 0, winner, NOTHING), size / answer.shape[1]
