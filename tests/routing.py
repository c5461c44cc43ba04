"""Cases of a route with something to learn, and a predictor small enough to reckon by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from delegate.prediction import Head, Predictor, read
from delegate.store import write_lines
from delegate.train.cases import Cases


def cases(many: int = 120, *, answers: bool = False, seed: int = 0) -> Cases:
    """The small model can add but not divide, and errs where its arithmetic does; the large one errs now and then."""
    dice = np.random.default_rng(seed)
    divides, lucky = dice.random(many) < 0.5, dice.random((many, 2))
    small = np.where(divides, lucky[:, 0] < 0.1, lucky[:, 0] < 0.9)
    questions, said = [], []
    for number in range(many):
        left, right = dice.integers(10, 99, 2).tolist()
        sum_ = left + right + (0 if small[number] else 1)
        verb = "divided among" if divides[number] else "put with"
        questions.append(f"Number {number}: {left} apples are {verb} {right} others. How many are there?")
        said.append(f"There are {left} + {right} = {sum_} apples.\n#### {sum_}")
    return Cases(
        models=("small", "large"),
        problems=tuple(f"p{number}" for number in range(many)),
        questions=tuple(questions),
        correct=np.stack([small, lucky[:, 1] < 0.8], axis=1).astype(float),
        cost=np.tile([0.001, 0.01], (many, 1)),
        answers=tuple(said) if answers else None,
    )


def by_length(
    path: Path, biases: Sequence[float], costs: Sequence[float | None] | None = None, *, answers: bool = False
) -> Path:
    """Write a predictor of models a, b, ...: the longer the question, the likelier the last one, and only that one."""
    traits = tuple(read("", "" if answers else None).traits)
    flat = tuple(0.0 for _ in traits)
    slope = tuple(float(name == "characters") for name in traits)
    costs = costs or [None] * len(biases)
    heads = [
        Head(model=model, bias=bias, traits=flat, cost=cost)
        for model, bias, cost in zip("abcdef", biases, costs, strict=False)
    ]
    heads[-1] = replace(heads[-1], traits=slope)
    seen = tuple((0.5,) * (len(biases) - 1) + (number / 100,) for number in range(100))
    ones, most = tuple(1.0 for _ in traits), tuple(9.0 for _ in traits)
    predictor = Predictor(
        heads=tuple(heads), answered=answers, traits=traits, centre=flat, scale=ones, low=flat, high=most, seen=seen
    )
    write_lines(path, [predictor])
    return path
