"""What a sweep is made of: policies that answer at once, and steps, whose answer is kept only when it is trusted.

Sources are single models, votes and muxes over any of them, and routes between them. A step is a source, a confidence
in its answer, and a threshold. A cascade is some steps and, in the end, a source. Thresholds lie between scores that
occur on the problems looked at: all of them where they are few, quantiles where they are many. Members of a vote or a
mux stand in the order of their accuracy there, so that a tie goes to the better one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from math import ceil

import numpy as np

from delegate.answer import Kind
from delegate.bench.draws import NOTHING, Draws, Ints
from delegate.bench.metrics import Floats
from delegate.bench.replayed import Bools, Played, Player
from delegate.confidence import Confidence
from delegate.confidences.agreement import Agreement
from delegate.confidences.consistency import Consistency
from delegate.confidences.noted import Noted
from delegate.model import Model
from delegate.policies.cascade import Cascade
from delegate.policies.mux import Mux
from delegate.policies.router import Router
from delegate.policies.vote import Vote
from delegate.policy import Policy
from delegate.route import Route

MODEL = "model"
"""The family of single models."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A model or policy that answers, and what it does on every problem."""

    policy: Model
    family: str
    played: Played
    levels: int = 1
    """Of a route as many as it chooses between: its thresholds are as many chances to be lucky as a cascade's."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """A level of a cascade that is not the last."""

    source: Source
    confidence: Confidence
    threshold: float
    said: str
    """When its answer is kept, in words."""
    family: str
    accepted: Bools
    cost: Floats
    """US dollars, those of the source and of what the confidence asks."""

    def then(self, last: Model) -> Cascade:
        """The cascade that goes up from here to another model or policy."""
        return Cascade(
            models=(self.source.policy, last),
            confidence=self.confidence,
            thresholds=(self.threshold,),
            name=f"{self.source.policy.name} if {self.said} else {last.name}",
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """A score of every question, such as its length, and the route that goes by it."""

    name: str
    values: Floats
    """By problem; the higher, the stronger the model that should answer."""
    route: Callable[[tuple[float, ...]], Route]
    """Of thresholds: the route that takes the i-th model from the i-th threshold on, the first one below all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """What policies may be made of."""

    models: Mapping[str, Model]
    """By the name they are recorded under."""
    confidences: Mapping[str, Confidence] = field(default_factory=dict)
    """What is read off a single answer, by name; as they were given to `draws.load`."""
    scored: Sequence[Scored] = ()
    own: Mapping[str, Policy] = field(default_factory=dict)
    """Policies that are to be looked at beside those that are found."""
    routes: Sequence[tuple[Route, Ints]] = ()
    """The routes in these, and the position each chooses, by problem."""
    answers: Kind = "auto"
    """The task's kind of answer, for the parts that compare answers."""

    def take(self, problems: Ints) -> Parts:
        """The same for some problems, by position."""
        scored = [replace(one, values=one.values[problems]) for one in self.scored]
        return replace(self, scored=scored, routes=[(route, places[problems]) for route, places in self.routes])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is looked at."""

    levels: int = 2
    """Most levels of a cascade."""
    size: int | None = None
    """Most members of a vote or a mux; `None`: all of up to six models, else three."""
    others: int = 2
    """Most models an answer is compared with."""
    cuts: int = 10
    """Most thresholds of a signal."""
    limit: int = 10_000_000
    """Most policies of a number of levels."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Where moves come from."""

    draws: Draws
    """Scored by the confidences."""
    parts: Parts
    seen: Bools
    """The problems that may be looked at."""
    scale: Scale
    player: Player = field(init=False)

    def __post_init__(self) -> None:
        player = Player(draws=self.draws, confidences=self.parts.confidences, routes=[*self.parts.routes])
        object.__setattr__(self, "player", player)

    def sources(self) -> Iterator[Source]:
        """Single models, then votes, then muxes."""
        names = self.ranked
        for name in names:
            yield self._source(self.parts.models[name], MODEL)
        most = self.scale.size or (len(names) if len(names) <= 6 else 3)
        for size in range(1, min(most, len(names)) + 1):
            for some in combinations(names, size):
                members, many = tuple(self.parts.models[name] for name in some), min(map(self.recorded, some))
                for draws in _counts(many):
                    said = ", ".join(some) + (f"; {draws} draws" if draws > 1 else "")
                    if size > 1 or draws > 1:
                        vote = Vote(models=members, draws=draws, answers=self.parts.answers, name=f"vote({said})")
                        yield self._source(vote, "vote")
                    if size > 1 and draws > 1:
                        mux = Mux(models=members, draws=draws, answers=self.parts.answers, name=f"mux({said})")
                        yield self._source(mux, "mux")

    def routed(self) -> Iterator[Source]:
        """Routes between two or three models, the weaker first."""
        weakest = self.ranked[::-1]
        for scored in self.parts.scored:
            marks = cuts(scored.values[self.seen], self.scale.cuts)
            for size in (2, 3):
                for some in combinations(weakest, size):
                    for thresholds in combinations(marks, size - 1):
                        yield self._routed(scored, some, thresholds)

    def steps(self, sources: Sequence[Source]) -> Iterator[Step]:
        """Every way to doubt a source that tells some of its answers from others; of like ones the first."""
        for source in sources:
            known: set[bytes] = set()
            for confidence, what, family in self._doubts(source):
                score, asked = self.player.score(confidence, source.played)
                cost = source.played.spent.then(asked, np.ones(score.size, dtype=np.bool_)).cost
                for threshold in cuts(score[self.seen], self.scale.cuts):
                    accepted = score >= threshold
                    mark = accepted[self.seen].tobytes() + cost.tobytes()
                    if mark not in known:
                        known.add(mark)
                        yield Step(
                            source=source,
                            confidence=confidence,
                            threshold=threshold,
                            said=what(threshold),
                            family=f"{family} cascade",
                            accepted=accepted,
                            cost=cost,
                        )

    @property
    def ranked(self) -> list[str]:
        """The models, the most accurate first."""
        correct = self.draws.correct[self.seen, :, 0].mean(axis=0)
        return sorted(self.parts.models, key=lambda name: -correct[self.draws.place(name)])

    def recorded(self, name: str) -> int:
        """How many draws of a model there are, from the first on."""
        ever = self.draws.recorded[:, self.draws.place(name)].any(axis=0)
        return int(np.logical_and.accumulate(ever).sum())

    def _source(self, policy: Model, family: str) -> Source:
        return Source(policy=policy, family=family, played=self.player.play(policy))

    def _routed(self, scored: Scored, some: Sequence[str], thresholds: tuple[float, ...]) -> Source:
        route = scored.route(thresholds)
        places: Ints = np.searchsorted(np.array(thresholds), scored.values, side="right")
        said = " ".join(
            f"{name} if {scored.name} < {mark:g} else" for name, mark in zip(some, thresholds, strict=False)
        )
        router = Router(models=tuple(self.parts.models[n] for n in some), route=route, name=f"{said} {some[-1]}")
        self.player.routes.append((route, places))
        return replace(self._source(router, "route"), levels=len(some))

    def _doubts(self, source: Source) -> Iterator[tuple[Confidence, Callable[[float], str], str]]:
        """Confidences in what a source answers, when each keeps the answer, in words, and what kind it is."""
        if source.played.place is None:
            yield Noted(), "share ≥ {:g}".format, "share"
            return
        name = source.policy.name
        for signal, confidence in self.parts.confidences.items():
            if self._readable(signal, source):
                yield confidence, f"{signal} ≥ {{:g}}".format, signal.partition(":")[0]
        for draws in range(2, self.recorded(name) + 1):
            consistency = Consistency(model=source.policy, draws=draws, answers=self.parts.answers)
            yield consistency, f"consistency of {draws} ≥ {{:g}}".format, "consistency"
        rest = [other for other in self.ranked if other != name]
        for size in range(1, min(self.scale.others, len(rest)) + 1):
            for some in combinations(rest, size):
                models = tuple(self.parts.models[other] for other in some)
                yield Agreement(models=models, answers=self.parts.answers), partial(_agreed, some), "agreement"

    def _readable(self, signal: str, source: Source) -> bool:
        """Whether a signal is known of every answer: a policy that meets one it cannot read would stop."""
        if signal not in self.draws.signals or source.played.place is None:
            return False
        model, draw = source.played.place
        unread = np.isnan(self.draws.signals[signal][:, model, draw])
        return not (unread & (source.played.answer != NOTHING)).any()


def _agreed(names: Sequence[str], threshold: float) -> str:
    """When a threshold of agreement is reached."""
    many = ceil(threshold * len(names))
    if many == len(names):
        return f"{' and '.join(names)} agree{'s' * (many == 1)}"
    return f"{many} of {', '.join(names)} agree{'s' * (many == 1)}"


def cuts(scores: Floats, most: int) -> list[float]:
    """Thresholds that tell some scores from others, rising; at quantiles where there would be more than `most`."""
    distinct, counts = np.unique(scores[~np.isnan(scores)], return_counts=True)
    places = np.arange(1, distinct.size)
    if places.size > most:
        shares = np.linspace(0, 1, most + 2)[1:-1]
        places = np.unique(np.searchsorted(np.cumsum(counts), shares * counts.sum()).clip(1))
    return [_between(float(distinct[place - 1]), float(distinct[place])) for place in places]


def _between(low: float, high: float) -> float:
    """The shortest number above `low` and not above `high` near their middle."""
    middle = (low + high) / 2
    short = (float(f"{middle:.{digits}g}") for digits in range(1, 17))
    return next((value for value in short if low < value <= high), high)


def _counts(many: int) -> list[int]:
    """How many draws to try of so many."""
    return [count for count in range(1, many + 1) if count <= 5 or count == many]
