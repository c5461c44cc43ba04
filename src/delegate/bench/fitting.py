"""Fitting what `calibrated` and `combined` hold, through scikit-learn (extra `learn`).

Platt's map is fitted to his smoothed targets (Platt 1999, section 2.2): of N right answers each counts as right by
(N + 1) / (N + 2), so that separable answers do not make it a step. Weights of a combination are fitted with the default
penalty of scikit-learn on standardised scores, and written down for the scores as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Literal

import numpy as np

from delegate.bench.metrics import Floats
from delegate.errors import MissingExtraError, SpecError

Method = Literal["isotonic", "platt"]

FEWEST = 20
"""Answers below which nothing is fitted."""


def fit(scores: Floats, correct: Floats, method: Method = "isotonic", *, name: str = "the signal") -> dict[str, Any]:
    """The map from a score to the share of answers that are right, as fields of `Calibrated`.

    Args:
        scores: one an answer.
        correct: whether that answer is right.
        method: which map.
        name: of the signal, for what is said of it.

    Raises:
        SpecError: too few answers, only right or only wrong ones, or scores that are nan or all the same.
        MissingExtraError: scikit-learn is not installed.
    """
    _check(scores[:, None], correct, [name])
    if method == "isotonic":
        regression = _learning("isotonic").IsotonicRegression(y_min=0.0, y_max=1.0)
        regression.fit(scores, correct)
        pairs = zip(regression.X_thresholds_.tolist(), regression.y_thresholds_.tolist(), strict=True)
        return {"points": tuple(pairs)}
    right, wrong = correct.sum(), (1 - correct).sum()
    target = np.where(correct > 0, (right + 1) / (right + 2), 1 / (wrong + 2))
    logistic = _learning("linear_model").LogisticRegression(C=np.inf)
    logistic.fit(
        np.concatenate([scores, scores])[:, None],
        np.repeat([1, 0], scores.size),
        sample_weight=np.concatenate([target, 1 - target]),
    )
    return {"slope": float(logistic.coef_[0, 0]), "intercept": float(logistic.intercept_[0])}


def weigh(scores: Floats, correct: Floats, names: Sequence[str]) -> dict[str, Any]:
    """The weights of several scores (answers by signals), as fields of `Combined`.

    Raises:
        SpecError: as `fit`.
        MissingExtraError: scikit-learn is not installed.
    """
    _check(scores, correct, names)
    mean, spread = scores.mean(axis=0), scores.std(axis=0)
    logistic = _learning("linear_model").LogisticRegression()
    logistic.fit((scores - mean) / spread, correct)
    weights = logistic.coef_[0] / spread
    return {"weights": tuple(weights.tolist()), "intercept": float(logistic.intercept_[0] - weights @ mean)}


def _check(scores: Floats, correct: Floats, names: Sequence[str]) -> None:
    what = " and ".join(names)
    for name, column in zip(names, scores.T, strict=True):
        if unknown := int(np.isnan(column).sum()):
            raise SpecError(f"{unknown} of {column.size} scores of {name} are nan; leave those answers out")
    if correct.size < FEWEST:
        raise SpecError(f"{correct.size} answers are too few to fit {what} on; at least {FEWEST} are needed")
    if correct.min() == correct.max():
        verdict = "right" if correct[0] else "wrong"
        raise SpecError(f"all {correct.size} answers are {verdict}, so {what} cannot be fitted; add some that are not")
    for name, column in zip(names, scores.T, strict=True):
        if column.min() == column.max():
            raise SpecError(f"{name} is {column[0]:g} for every one of {column.size} answers: there is nothing to fit")


def _learning(module: str) -> Any:
    try:
        return import_module(f"sklearn.{module}")
    except ModuleNotFoundError:
        raise MissingExtraError("fitting a confidence", "learn") from None
