"""Fit a learned route: what tells, before a model is asked, whether it will be right.

The setting of RouteLLM (Ong et al. 2024, arXiv:2406.18665). Deviations: any number of models, each with its own
probability of being right, learned from graded answers instead of human preferences; features that ask no endpoint; and
a question that occurs twice is never both learned from and held out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any, Literal

import numpy as np
from scipy.sparse import csr_array, hstack
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from delegate.bench.fitting import fit as platt
from delegate.bench.metrics import Floats
from delegate.errors import SpecError
from delegate.prediction import Head, Predictor, Reading, Tree
from delegate.prediction.predictor import compress, weigh
from delegate.train.cases import Cases, Rows

Kind = Literal["logistic", "boosting"]
Terms = dict[str, tuple[float, ...]]
"""As `Predictor.terms`."""

FOLDS = 5
LEAST, LEAST_EACH = 50, 10
"""Questions there must be, and of these a model must be right on so many and wrong on so many."""
TERMS = 20_000
"""Words and pairs of words that are known at most: the most frequent that occur in two cases or more."""
STRENGTH = 0.5
"""Inverse regularisation of the logistic regression."""
SHARE = 0.1
"""What a standardised trait counts there against the terms of a text, which have length 1 together."""
SEEN = 1_000
"""Held-out chances that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A predictor, and what its like says of cases it was not fitted to."""

    predictor: Predictor
    """Fitted to all cases."""
    chances: Floats
    """Cases by models: the probability of being right, fitted and calibrated on the other folds."""


def fit(cases: Cases, *, kind: Kind = "logistic", seed: int = 0) -> Fitted:
    """Fit a predictor, and hold out each fold in turn to see what it is worth.

    Raises:
        SpecError: there are too few questions, or too few that a model is right, or wrong, on.
    """
    _check(cases)
    with threadpool_limits(limits=1, user_api="blas"):  # of vectors this short threads only make each other wait
        return _fit(cases, kind, seed)


def _fit(cases: Cases, kind: Kind, seed: int) -> Fitted:
    folds = list(cases.folds(FOLDS, seed))
    odds = held_out(cases, folds, kind=kind, seed=seed)
    chances = np.empty_like(odds)
    for place in range(len(cases.models)):
        for learned, held in folds:
            slope, intercept = _line(odds[learned, place], cases.correct[learned, place])
            chances[held, place] = 0.5 + 0.5 * np.tanh((slope * odds[held, place] + intercept) / 2)
    predictor = learn(cases, np.arange(len(cases.problems)), kind=kind, seed=seed)
    heads = []
    for head, told, right, cost in zip(predictor.heads, odds.T, cases.correct.T, cases.cost.T, strict=True):
        slope, intercept = _line(told, right)
        heads.append(replace(head, slope=slope, intercept=intercept, cost=_mean(cost)))
    seen = np.random.default_rng(seed).permutation(cases.first)[:SEEN]
    fitted = replace(
        predictor,
        heads=tuple(heads),
        seen=tuple(map(tuple, chances[seen].round(4).tolist())),
        fitted={"kind": kind, "problems": len(cases.first), "cases": len(cases.problems), "seed": seed},
    )
    return Fitted(predictor=fitted, chances=chances)


def held_out(cases: Cases, folds: Sequence[tuple[Rows, Rows]], *, kind: Kind = "logistic", seed: int = 0) -> Floats:
    """The log-odds (cases by models) of each fold, by a predictor fitted to the others, before Platt scaling."""
    odds = np.empty(cases.correct.shape)
    for learned, held in folds:
        predictor = learn(cases, learned, kind=kind, seed=seed)
        odds[held] = [predictor.odds(cases.readings[row]) for row in held]
    return odds


def learn(cases: Cases, rows: Rows, *, kind: Kind = "logistic", seed: int = 0) -> Predictor:
    """A predictor fitted to some of the cases, without Platt scaling."""
    readings, correct = [cases.readings[row] for row in rows], cases.correct[rows]
    names = tuple(readings[0].traits)
    values = np.array([[compress(reading.traits[name]) for name in names] for reading in readings])
    centre, spread = values.mean(axis=0), values.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    traits = (values - centre) / scale
    if kind == "boosting":
        heads = [_boosted(traits, right, seed) for right in correct.T]
        terms: Terms = {}
    else:
        heads, terms = _linear(traits, readings, correct)
    return Predictor(
        heads=tuple(replace(head, model=model) for model, head in zip(cases.models, heads, strict=True)),
        answered=cases.answers is not None,
        traits=names,
        centre=tuple(centre.tolist()),
        scale=tuple(scale.tolist()),
        low=tuple(values.min(axis=0).tolist()),
        high=tuple(values.max(axis=0).tolist()),
        terms=terms,
    )


def _linear(traits: Floats, readings: Sequence[Reading], correct: Floats) -> tuple[list[Head], Terms]:
    """Logistic regression on traits and terms, a model after the other."""
    rarity = _rarity(readings)
    design = hstack([csr_array(SHARE * traits), _weighed(readings, rarity)], format="csr")
    fits = []
    for right in correct.T:
        known = np.flatnonzero(~np.isnan(right))
        fits.append(LogisticRegression(C=STRENGTH, max_iter=1_000).fit(design[known], right[known]))
    heads = [
        Head(model="", bias=_short(fit.intercept_[0]), traits=_shorts(SHARE * fit.coef_[0, : traits.shape[1]]))
        for fit in fits
    ]
    columns = np.array([[*rarity.values()], *(fit.coef_[0, traits.shape[1] :] for fit in fits)])
    return heads, dict(zip(rarity, map(_shorts, columns.T), strict=True))


def _rarity(readings: Sequence[Reading]) -> dict[str, float]:
    """The terms to know, with their smoothed inverse document frequency."""
    cases = Counter(term for reading in readings for term in reading.terms)
    return {
        term: _short(log((1 + len(readings)) / (1 + many)) + 1) for term, many in cases.most_common(TERMS) if many > 1
    }


def _weighed(readings: Sequence[Reading], rarity: Mapping[str, float]) -> Any:
    """Cases by terms: the weights of the terms, sparse."""
    place = {term: number for number, term in enumerate(rarity)}
    weighed = [weigh(reading.terms, rarity) for reading in readings]
    values = [weight for weights in weighed for weight in weights.values()]
    columns = [place[term] for weights in weighed for term in weights]
    return csr_array((values, columns, np.cumsum([0, *map(len, weighed)])), shape=(len(readings), len(rarity)))


def _boosted(traits: Floats, right: Floats, seed: int) -> Head:
    """Gradient boosting on traits alone."""
    known = ~np.isnan(right)
    fit = GradientBoostingClassifier(
        learning_rate=0.06,
        n_estimators=100,
        subsample=0.6,
        max_features=0.2,
        min_samples_leaf=15,
        random_state=seed,
    ).fit(traits[known], right[known])
    trees = [
        Tree(
            trait=tuple(tree.feature.tolist()),
            limit=tuple(tree.threshold.tolist()),
            left=tuple(tree.children_left.tolist()),
            right=tuple(tree.children_right.tolist()),
            value=_shorts(fit.learning_rate * tree.value[:, 0, 0]),
        )
        for tree in (stage.tree_ for stage in fit.estimators_[:, 0])
    ]
    return Head(model="", bias=_odds(float(right[known].mean())), trees=tuple(trees))


def _line(odds: Floats, right: Floats) -> tuple[float, float]:
    """Platt scaling; where it would turn the order round nothing was learned, and every chance is the same."""
    known = ~np.isnan(right)
    found = platt(odds[known], right[known], "platt", name="the route")
    slope, intercept = float(found["slope"]), float(found["intercept"])
    return (slope, intercept) if slope > 0 else (0.0, _odds(float(right[known].mean())))


def _odds(share: float) -> float:
    return log(share / (1 - share))


def _mean(cost: Floats) -> float | None:
    """The mean of what is known."""
    some = cost[~np.isnan(cost)]
    return float(some.mean()) if some.size else None


def _short(value: float) -> float:
    """Five digits: what is more only makes the file longer."""
    return float(f"{value:.5g}")


def _shorts(values: Floats) -> tuple[float, ...]:
    return tuple(map(_short, values.tolist()))


def _check(cases: Cases) -> None:
    questions = len(set(cases.wordings.tolist()))
    if questions < LEAST:
        raise SpecError(f"{questions} different questions are too few to learn a route from; record at least {LEAST}")
    for model, right in zip(cases.models, cases.correct.T, strict=True):
        for verdict, number in (("right", 1), ("wrong", 0)):
            many = len(set(cases.wordings[right == number].tolist()))
            if many < LEAST_EACH:
                raise SpecError(
                    f"{model!r} is {verdict} on {many} of {questions} questions, and at least {LEAST_EACH} are needed "
                    f"to learn when; record more problems that it gets {verdict}, or leave it out with --models"
                )
