"""Word problems told as stories: somebody has some things, something happens to them, and how many are there now?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from delegate.tasks.working import Step

NAMES = (  # noqa: SIM905 - a list would be thirty lines
    "Ada Anna Ben Carla Dana Emil Eva Finn Greta Hugo Ida Ivan Jonas Kira Lara Leon Lena Max Mia Nils Nora Olga Oskar "
    "Paul Rita Rosa Sara Tim Tom Vera"
).split()
THINGS = (  # noqa: SIM905
    "apples balls beads books buttons cakes candles cards cups eggs flowers hats keys leaves lemons marbles nuts pears "
    "pens plums shells stamps stickers stones tickets toys"
).split()
VESSELS = ("bags", "boxes", "baskets", "jars")

_BEGIN = (
    "{a} has {n} {w}.",
    "{a} starts with {n} {w}.",
    "At first {a} has {n} {w}.",
    "There are {n} {w} on the table of {a}.",
    "{n} {w} belong to {a}.",
)
_ASK = (
    "How many {w} does {a} have now?",
    "How many {w} does {a} have in the end?",
    "What is the number of {w} that {a} has now?",
    "Find the number of {w} that {a} has.",
)

_OTHER, _COINS, _BAGS, _FRIEND, _TEAM, _FILLED, _TRADED = "other", "coins", "bags", "friend", "team", "filled", "traded"

TELL: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "change": {
        "add": (
            ("{a} gets {n} more {w}.", ""),
            ("{a} buys {n} more {w}.", ""),
            ("Then {a} finds another {n} {w}.", ""),
            ("{b} gives {a} {n} {w}.", ""),
            ("Later {n} {w} are added to what {a} has.", ""),
        ),
        "take": (
            ("{a} gives {n} {w} to {b}.", ""),
            ("{a} loses {n} {w}.", ""),
            ("{a} uses {n} of the {w}.", ""),
            ("Then {n} of the {w} of {a} go missing.", ""),
            ("{b} takes {n} {w} away from {a}.", ""),
        ),
        "add_each": (
            ("{a} gets {n} packs of {m} {w}.", ""),
            ("{n} people give {a} {m} {w} each.", ""),
            ("{a} buys {n} packs with {m} {w} in each.", ""),
            ("On each of the next {n} days {a} finds {m} {w}.", ""),
        ),
        "take_each": (
            ("{a} gives {m} {w} to each of {n} children.", ""),
            ("{a} sells {n} packs of {m} {w}.", ""),
            ("On each of the next {n} days {a} uses {m} of the {w}.", ""),
            ("{n} people take {m} {w} each away from {a}.", ""),
        ),
    },
    "compare": {
        "add": (
            ("{b} has {n} more {w} than {a}.", _OTHER),
            ("{a} has {n} fewer {w} than {b}.", _OTHER),
            ("{b} has as many {w} as {a} and {n} more.", _OTHER),
        ),
        "take": (
            ("{b} has {n} fewer {w} than {a}.", _OTHER),
            ("{a} has {n} more {w} than {b}.", _OTHER),
            ("With {n} more {w} {b} would have as many as {a}.", _OTHER),
        ),
        "times": (
            ("{b} has {n} times as many {w} as {a}.", _OTHER),
            ("For each of the {w} of {a}, {b} has {n}.", _OTHER),
        ),
        "share": (
            ("{a} has {n} times as many {w} as {b}.", _OTHER),
            ("With {n} times as many {w} {b} would have as many as {a}.", _OTHER),
        ),
    },
    "groups": {
        "times": (
            ("{a} sells the {w} for {n} coins each.", _COINS),
            ("{a} fills {n} shelves with that many {w} each.", ""),
            ("Soon {n} heaps of {w} like this one belong to {a}.", ""),
            ("{a} trades each of the {w} for {n} {v}.", _TRADED),
            ("In each of the {w} of {a} there are {n} {v}.", _FILLED),
        ),
        "share": (
            ("{a} shares the {w} equally among {n} friends.", _FRIEND),
            ("The {w} of {a} are split evenly between {n} teams.", _TEAM),
            ("{a} makes {n} equal piles of the {w} and keeps one pile.", ""),
            ("{a} packs the {w} into bags of {n}.", _BAGS),
        ),
    },
    "percent": {
        "part": (
            ("{a} keeps only {n}% of the {w}.", ""),
            ("Only {n}% of the {w} stay with {a}.", ""),
            ("{b} has {n}% as many {w} as {a}.", _OTHER),
            ("{b}, who has none, gets {n}% of the {w}.", _OTHER),
        ),
        "cut": (
            ("{a} gives away {n}% of the {w}.", ""),
            ("{a} loses {n}% of the {w}.", ""),
            ("{n}% of the {w} are bad, so {a} throws them away.", ""),
            ("{b} has {n}% fewer {w} than {a}.", _OTHER),
        ),
        "rise": (
            ("{a} gets {n}% more {w}.", ""),
            ("The number of {w} that {a} has grows by {n}%.", ""),
            ("{b} has {n}% more {w} than {a}.", _OTHER),
        ),
    },
}
"""Family -> act -> its wordings, each with what it changes about who has what."""
_RELATIONS = {"fewer": "than", "times": "as", "more": "than", "each": "of"}
"""How a comparison compares -> what stands before who it is compared with."""


@dataclass(slots=True)
class _Scene:
    """Who has what."""

    holder: str
    things: str
    names: list[str]
    """Not used yet."""
    kinds: list[str]
    """Things not used yet."""


def tell(start: int, steps: Sequence[tuple[str, Step]], rng: Random) -> tuple[str, tuple[str, ...]]:
    """A story of these steps, with its question; and which way round each step is told.

    Args:
        start: how many things there are at first.
        steps: each with its family.
        rng: chooses names, things and wordings.
    """
    names, kinds = rng.sample(NAMES, 8), rng.sample(THINGS, 6)
    things = rng.choice(VESSELS) if rng.random() < 0.2 else kinds.pop()
    scene = _Scene(names.pop(), things, names, kinds)
    told, ways = [_put(rng.choice(_BEGIN), scene, n=start)], list[str]()
    for family, step in steps:
        fitting = [each for each in TELL[family][step.act] if _fits(each[1], scene)]
        wording, effect = rng.choice(fitting)
        other, fresh = scene.names.pop(), scene.kinds[-1]
        told.append(_put(wording, scene, n=step.number, m=step.each, b=other, v=fresh))
        ways.append(_way(wording) if family == "compare" else "")
        _change(scene, effect, other)
    told.append(_put(rng.choice(_ASK), scene))
    return " ".join(told), tuple(ways)


def _way(wording: str) -> str:
    """Which way round a comparison is told: "has fewer" if who is known has fewer, "fewer than" if the other has."""
    said, then = next(pair for pair in _RELATIONS.items() if pair[0] in wording)
    if wording.startswith("{a}"):
        return f"has {said}"
    return f"With {said}" if wording.startswith("With") else f"{said} {then}"


def _put(wording: str, scene: _Scene, **words: object) -> str:
    text = wording.format(a=scene.holder, w=scene.things, **words)
    return text[0].upper() + text[1:]


def _fits(effect: str, scene: _Scene) -> bool:
    vessels = scene.things in VESSELS
    return {_FILLED: vessels, _BAGS: not vessels, _COINS: scene.things != "coins"}.get(effect, True)


def _change(scene: _Scene, effect: str, other: str) -> None:
    match effect:
        case "other":
            scene.holder = other
        case "friend" | "team":
            scene.holder = f"each {effect}"
        case "coins" | "bags":
            scene.things = effect
        case "filled" | "traded":
            scene.things = scene.kinds.pop()
