"""Endless word problems of our own in five levels, for models so small that they can be shipped.

A problem is a chain: a number and the steps that change it. By a hash every chain belongs to one split alone, so train,
validation and test never share a problem, however many are drawn. The test distribution: the levels in turn; 40 % of
the problems gain and lose things and compare (`gain`), 40 % are about groups and percentages (`part`), 20 % about both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from random import Random

from delegate.errors import SpecError
from delegate.message import Request
from delegate.task import Grade, Sample
from delegate.tasks.benchmark import grade, title
from delegate.tasks.math import ask_number
from delegate.tasks.story import TELL, tell
from delegate.tasks.working import PERCENT, Step, recipe, work

FAMILIES = {
    "gain": ("change", "compare"),
    "part": ("groups", "percent"),
    "both": tuple(TELL),
    "compare": ("compare",),
}
"""The kinds of problem, each with the families its steps are of."""
SHARES = {"gain": 0.4, "part": 0.4, "both": 0.2}
"""How often each kind is drawn."""
_SPLITS = ("test", "train", "validation")


@dataclass(frozen=True, slots=True)
class Level:
    """How hard a problem is."""

    steps: int
    largest: int
    """The largest number in the text."""
    limit: int
    """The largest number in the working."""


LEVELS = {
    1: Level(1, 20, 100),
    2: Level(1, 100, 500),
    3: Level(2, 100, 500),
    4: Level(3, 100, 500),
    5: Level(4, 200, 999),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One problem with its solution."""

    level: int
    kind: str
    """One of `FAMILIES`."""
    start: int
    steps: tuple[Step, ...]
    question: str
    lines: tuple[str, ...]
    """The working, a calculation a line."""
    ways: tuple[str, ...]
    """Which way round each step is told; empty where there is no other."""
    answer: int

    @property
    def solution(self) -> str:
        """The whole solution, ending in the boxed answer."""
        return solution(self.lines, self.answer)

    @property
    def explained(self) -> str:
        """The same solution, in which every comparison begins with which way round it was told."""
        return solution(*solve(self.start, self.steps, self.ways))

    @property
    def split(self) -> str:
        """The split it belongs to."""
        return split(self.start, self.steps)


def solution(lines: tuple[str, ...], answer: int) -> str:
    """Working and answer as the models write them."""
    return "\n".join((*lines, f"The answer is \\boxed{{{answer}}}."))


def split(start: int, steps: tuple[Step, ...]) -> str:
    """The one split a chain belongs to: 10 % are test, 5 % validation."""
    share = hashlib.sha256(recipe(start, steps).encode()).digest()[0] / 256
    return "test" if share < 0.1 else "validation" if share < 0.15 else "train"


def solve(start: int, steps: tuple[Step, ...], ways: Iterable[str] = repeat("")) -> tuple[tuple[str, ...], int]:
    """The lines of the working of a chain, and its result.

    Args:
        start: the number it begins with.
        steps: what is done to it.
        ways: which way round each step was told, to be said before it; empty for nothing.

    Raises:
        ValueError: a result on the way is no whole number, or below 1.
    """
    lines: list[str] = []
    for step, way in zip(steps, ways, strict=False):
        (first, *rest), start = work(start, step)
        lines += [f"- {way}: {first}" if way else first, *rest]
    return tuple(lines), start


def draw(rng: Random, *, level: int, split: str = "train", kind: str = "") -> Problem:
    """A problem by chance.

    Args:
        rng: where chance comes from.
        level: one of `LEVELS`.
        split: which split it shall belong to.
        kind: one of `FAMILIES`; empty: by `SHARES`.
    """
    wanted = kind or rng.choices(list(SHARES), weights=list(SHARES.values()))[0]
    while True:
        problem = _try(rng, level, wanted)
        if problem is not None and problem.split == split:
            return problem


def _try(rng: Random, number: int, kind: str) -> Problem | None:
    level = LEVELS[number]
    start = rng.randint(2, level.largest)
    if kind != "gain" and rng.random() < 0.4:
        start = max(start // 10, 1) * 10  # whole tens, or percentages would be rare
    value, chosen, lines = start, list[tuple[str, Step]](), list[str]()
    for _ in range(level.steps):
        family = rng.choice(FAMILIES[kind])
        step = _step(rng, level, value, rng.choice(list(TELL[family])))
        if step is None:
            return None
        more, value = work(value, step)
        chosen.append((family, step))
        lines += more
    steps = tuple(step for _, step in chosen)
    question, ways = tell(start, chosen, rng)
    return Problem(
        level=number,
        kind=kind,
        start=start,
        steps=steps,
        question=question,
        lines=tuple(lines),
        ways=ways,
        answer=value,
    )


def _step(rng: Random, level: Level, value: int, act: str) -> Step | None:
    """A step that can be done to a value; `None` when a few tries find none."""
    for _ in range(8):
        each = 0
        if act in ("part", "cut", "rise"):
            number = rng.choice(list(PERCENT))
        elif act in ("times", "share"):
            number = rng.randint(2, 9)
        elif act in ("add_each", "take_each"):
            number, each = rng.randint(2, 9), rng.randint(2, max(level.largest // 4, 9))
        else:
            number = rng.randint(2, level.largest)
        step = Step(act, number, each)
        try:
            _, result = work(value, step)
        except ValueError:
            continue
        if result <= level.limit:
            return step
    return None


def problems(split: str, levels: tuple[int, ...] = tuple(LEVELS), seed: int = 0) -> Iterator[Problem]:
    """Problems of a split without end, the levels in turn, no question twice."""
    rng, seen = Random(f"pocket/{split}/{seed}"), set[str]()
    while True:
        for level in levels:
            problem = draw(rng, level=level, split=split)
            while problem.question in seen:
                problem = draw(rng, level=level, split=split)
            seen.add(problem.question)
            yield problem


@dataclass(frozen=True, kw_only=True)
class Pocket:
    """Problems of the generator as a task."""

    split: str = "test"
    levels: tuple[int, ...] = tuple(LEVELS)
    size: int = 500
    """How many of the endless problems; a smaller size is the beginning of a larger one."""
    seed: int = 0
    data: Path | None = None
    """Not used: these problems are made, not read."""
    name: str = ""
    """Empty: "pocket", with its split unless that is test."""

    def __post_init__(self) -> None:
        if not self.levels or not set(self.levels) <= set(LEVELS):
            raise SpecError(f"levels must be some of {', '.join(map(str, LEVELS))}; found {self.levels}")
        if self.size < 1:
            raise SpecError(f"size must be at least 1, found {self.size}")
        name = title("pocket", self.split, *_SPLITS)
        if not self.name:
            object.__setattr__(self, "name", name)

    def samples(self) -> Iterator[Sample]:
        """The problems in their order."""
        drawn = problems(self.split, self.levels, self.seed)
        for number in range(self.size):
            problem = next(drawn)
            yield Sample(
                id=f"pocket/{self.split}/{self.seed}/{number:05d}",
                question=problem.question,
                target=str(problem.answer),
                metadata={"level": problem.level, "subject": problem.kind, "solution": problem.solution},
            )

    def request(self, sample: Sample) -> Request:
        """One user message; sampling is the model's own."""
        return Request.of(ask_number(sample))

    def grade(self, sample: Sample, text: str) -> Grade:
        """Grade a response."""
        return grade(sample, text, "number")
