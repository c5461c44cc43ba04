"""The fitted predictor: how likely each of several models is right on a question.

A file of numbers, not of code: plain JSON that can be read, compared and trusted, evaluated by the standard library
alone. Words and pairs of words are weighed as TF-IDF (Salton and Buckley 1988), with scikit-learn's smoothing; traits
enter as logarithms of their size, standardised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import copysign, fsum, log, log1p, sqrt, tanh
from pathlib import Path

from delegate.errors import DataError
from delegate.plain import build
from delegate.prediction.cues import Text
from delegate.prediction.reply import reply
from delegate.prediction.wording import wording
from delegate.store import read_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is read off a question, and off an answer where there is one."""

    traits: Mapping[str, float]
    terms: Mapping[str, int]
    """Of the answer where there is one, else of the question."""


def read(question: str, answer: str | None = None) -> Reading:
    """Read a question, and an answer to it: the one way texts are read, in fitting as in serving."""
    asked = Text.of(question)
    if answer is None:
        return Reading(traits=wording(asked), terms=asked.terms)
    said = Text.of(answer)
    told = {f"answer: {name}": value for name, value in reply(asked, said).items()}
    return Reading(traits={**wording(asked), **told}, terms=said.terms)


def compress(value: float) -> float:
    """The logarithm of a trait's size, with its sign: counts and lengths have long tails."""
    return copysign(log1p(abs(value)), value)


def weigh(counts: Mapping[str, int], rarity: Mapping[str, float]) -> dict[str, float]:
    """The known terms of a text with their TF-IDF weights, of length 1 together; empty when none is known.

    Args:
        counts: how often each term occurs.
        rarity: of the known terms: the inverse document frequency.
    """
    weights = {term: (1 + log(count)) * rarity[term] for term, count in counts.items() if term in rarity}
    length = sqrt(fsum(weight * weight for weight in weights.values()))
    return {term: weight / length for term, weight in weights.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A regression tree over standardised traits, node by node; the first is its root."""

    trait: tuple[int, ...]
    """The place of the trait a node asks about; -1 for a leaf."""
    limit: tuple[float, ...]
    """Up to it one goes left."""
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]
    """What a leaf adds to the log-odds."""

    def __post_init__(self) -> None:
        nodes = list(zip(self.trait, self.limit, self.left, self.right, self.value, strict=True))
        if not nodes or any(
            trait >= 0 and not node < min(left, right) <= max(left, right) < len(nodes)
            for node, (trait, _, left, right, _) in enumerate(nodes)
        ):
            raise ValueError("a tree whose nodes do not lead to leaves")

    def __call__(self, traits: list[float]) -> float:
        """What the tree adds."""
        node = 0
        while self.trait[node] >= 0:
            node = (self.left if traits[self.trait[node]] <= self.limit[node] else self.right)[node]
        return self.value[node]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What makes one model likely to be right: a weight for each trait, or trees over them; then Platt scaling."""

    model: str
    bias: float
    traits: tuple[float, ...] = ()
    """One weight for each trait."""
    trees: tuple[Tree, ...] = ()
    slope: float = 1.0
    intercept: float = 0.0
    cost: float | None = None
    """The mean cost of a recorded answer, in US dollars; `None` when unknown."""

    def odds(self, traits: list[float]) -> float:
        """The log-odds of standardised traits, before Platt scaling."""
        linear = fsum(weight * trait for weight, trait in zip(self.traits, traits, strict=bool(self.traits)))
        return self.bias + linear + fsum(tree(traits) for tree in self.trees)

    def chance(self, odds: float) -> float:
        """The calibrated probability that log-odds stand for."""
        return 0.5 + 0.5 * tanh((self.slope * odds + self.intercept) / 2)  # the logistic function, without overflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """How likely each model is right."""

    heads: tuple[Head, ...]
    """One a model, in the order they were named in fitting: the weakest first."""
    answered: bool
    """Whether it reads an answer too: that of the first model."""
    traits: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    """Mean and standard deviation of each compressed trait."""
    low: tuple[float, ...]
    high: tuple[float, ...]
    """The least and the most there was of it in fitting; what is beyond counts as that."""
    terms: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Of each known term: its inverse document frequency, and its weight for each head."""
    seen: tuple[tuple[float, ...], ...] = ()
    """Chances of problems held out in fitting, a row a problem: what a share of escalated requests is read off."""
    fitted: Mapping[str, str | int | float] = field(default_factory=dict)
    """How it came to be."""

    def __post_init__(self) -> None:
        rows = (*((0.0, *row) for row in self.seen), *self.terms.values())
        if not self.heads or any(len(row) != 1 + len(self.heads) for row in rows):
            raise ValueError("a row that has no number for each model")

    @property
    def models(self) -> tuple[str, ...]:
        """Whose chances it tells."""
        return tuple(head.model for head in self.heads)

    def odds(self, reading: Reading) -> tuple[float, ...]:
        """The log-odds of each model before Platt scaling."""
        columns = zip(self.traits, self.centre, self.scale, self.low, self.high, strict=True)
        traits = [
            (max(low, min(high, compress(reading.traits[name]))) - centre) / scale
            for name, centre, scale, low, high in columns
        ]
        rarity = {term: self.terms[term][0] for term in reading.terms if term in self.terms}
        told = weigh(reading.terms, rarity).items()
        return tuple(
            head.odds(traits) + fsum(weight * self.terms[term][place] for term, weight in told)
            for place, head in enumerate(self.heads, start=1)
        )

    def chances(self, question: str, answer: str | None = None) -> tuple[float, ...]:
        """The probability that each model is right on a question, in the order of `models`."""
        odds = self.odds(read(question, answer))
        return tuple(head.chance(value) for head, value in zip(self.heads, odds, strict=True))


def load(path: Path) -> Predictor:
    """The predictor of a file; it is read again when it changes.

    Raises:
        DataError: there is none, or it is of another version.
    """
    try:
        return _load(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise DataError(str(path), f"cannot be read ({error.strerror}); `delegate train route` makes one") from None


@lru_cache(maxsize=16)
def _load(path: Path, _changed: int) -> Predictor:
    try:
        found = build(Predictor, read_json(path))
        nothing = read("", "" if found.answered else None)
        if found.traits != tuple(nothing.traits):
            raise ValueError("it was fitted by another version")
        found.odds(nothing)
    except (ValueError, IndexError, ZeroDivisionError) as error:
        raise DataError(str(path), f"is no learned route ({error}); `delegate train route` makes one") from None
    return found
