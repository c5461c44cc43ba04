"""What a policy would have done, worked out for all problems at once from recorded draws, without asking anybody.

The policies and confidences are the real ones; what follows is their arithmetic over arrays, and the tests hold it to
what they do call by call: who answers, ties, which draws are shared, who pays for what a confidence asks, failures and
gaps. Answers are told apart by `Draws.answer`, so `answers` of a part is taken to be the task's kind of answer. A
failed call counts as an answer that commits to nothing, which only a threshold of 0 or below could tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from delegate.bench import counted
from delegate.bench.draws import NOTHING, RECORDED, Draws, Ints
from delegate.bench.metrics import Floats
from delegate.confidence import Confidence
from delegate.confidences.agreement import Agreement
from delegate.confidences.consistency import Consistency
from delegate.confidences.noted import Noted
from delegate.errors import SpecError
from delegate.model import Model
from delegate.policies.cascade import Cascade
from delegate.policies.mux import Mux
from delegate.policies.router import Router
from delegate.policies.vote import Vote
from delegate.policy import Policy
from delegate.route import Route

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Spent:
    """What some calls came to, by problem."""

    cost: Floats
    """US dollars; nan where unknown."""
    calls: Floats
    seconds: Floats
    """nan where unknown."""
    gap: Bools
    """Where a recording is missing."""

    def then(self, other: Spent, where: Bools) -> Spent:
        """This, and after it the other on some problems; what is not asked need not be known."""
        return Spent(
            cost=self.cost + np.where(where, other.cost, 0.0),
            calls=self.calls + np.where(where, other.calls, 0.0),
            seconds=self.seconds + np.where(where, other.seconds, 0.0),
            gap=self.gap | (where & other.gap),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Played:
    """What a model or policy did, by problem."""

    answer: Ints
    """As in `Draws`; `NOTHING` where it failed or committed to nothing."""
    correct: Floats
    """1 or 0; without meaning where the recording has a gap."""
    spent: Spent
    escalated: Floats
    """1 or 0; nan of what does not escalate."""
    noted: Floats | None = None
    """The share a vote or a mux won by, the recorded confidence of a model (nan without one); `None`: not known."""
    place: tuple[int, int] | None = None
    """Model and draw, where it is a recorded draw of one model: what can be read off an answer is known of these."""

    @property
    def graded(self) -> Floats:
        """`correct`, and nan where a recording is missing: what would have been answered there, nobody can know."""
        return np.where(self.spent.gap, np.nan, self.correct)


@dataclass(frozen=True, kw_only=True, eq=False)
class Player:
    """Plays policies over draws."""

    draws: Draws
    confidences: Mapping[str, Confidence] = field(default_factory=dict)
    """What `draws.signals` holds, by name; as they were given to `draws.load`."""
    routes: list[tuple[Route, Ints]] = field(default_factory=list)
    """Routes, and the position each chooses on every problem."""
    _leaves: dict[tuple[str, int], Played] = field(default_factory=dict, repr=False)

    def play(self, model: Model, index: int = 0) -> Played:
        """What a model or policy does.

        Args:
            model: leaves are looked up by name.
            index: which draw of it.

        Raises:
            SpecError: a part or a setting whose outcome is not in the draws, or more draws than are recorded.
        """
        match model:
            case Cascade():
                return self._cascade(model, index)
            case Vote():
                return self._vote(model, index)
            case Mux():
                return self._mux(model, index)
            case Router():
                return self._router(model, index)
            case Policy():
                raise SpecError(f"{model.name!r} is a {type(model).__name__}, which cannot be worked out from draws")
        if (model.name, index) not in self._leaves:
            self._leaves[model.name, index] = self._leaf(model.name, index)
        return self._leaves[model.name, index]

    def score(self, confidence: Confidence, about: Played, index: int = 0) -> tuple[Floats, Spent]:
        """A confidence in what was answered, nan where it cannot be read, and what asking it took.

        Raises:
            SpecError: as `play`.
        """
        answered = about.answer != NOTHING
        match confidence:
            case Agreement():
                others = [self.play(model, index) for model in confidence.models]
                share = counted.agreement(about.answer, _answers(others))
                return share, self._nothing.then(_at_once(others), answered)
            case Consistency(draws=draws):
                if confidence.temperature is not None:
                    raise SpecError("consistency at a temperature of its own cannot be worked out; leave it out")
                others = [self.play(confidence.model, index * draws + draw) for draw in range(1, draws)]
                share = counted.consistency(_answers([about, *others]))
                return share, self._nothing.then(_at_once(others), answered)
            case Noted(note="confidence") if about.noted is not None:
                return np.nan_to_num(about.noted, nan=0.0), self._nothing
        name = next((name for name, known in self.confidences.items() if known == confidence), "")
        if name not in self.draws.signals or about.place is None:
            raise SpecError(
                f"{type(confidence).__name__} is not known of what is answered there; it needs a recorded draw"
            )
        model, draw = about.place
        return self.draws.signals[name][:, model, draw], self._nothing

    @property
    def _nothing(self) -> Spent:
        zero = np.zeros(len(self.draws.problems))
        return Spent(cost=zero, calls=zero, seconds=zero, gap=zero > 0)

    @property
    def _unsaid(self) -> Floats:
        return np.full(len(self.draws.problems), np.nan)

    def _leaf(self, name: str, draw: int) -> Played:
        model, draws = self.draws.place(name), self.draws
        if draw >= draws.correct.shape[2] or not draws.recorded[:, model, draw].any():
            raise SpecError(f"draw {draw + 1} of {name!r} was asked for and is recorded of no problem")
        at = (slice(None), model, draw)
        gap = ~draws.recorded[at]
        return Played(
            answer=draws.answer[at],
            correct=np.nan_to_num(draws.correct[at], nan=0.0),
            spent=Spent(cost=draws.cost[at], calls=np.ones(gap.size), seconds=draws.seconds[at], gap=gap),
            escalated=self._unsaid,
            noted=draws.signals[RECORDED][at] if RECORDED in draws.signals else self._unsaid,
            place=(model, draw),
        )

    def _cascade(self, policy: Cascade, index: int) -> Played:
        reached = np.ones(len(self.draws.problems), dtype=np.bool_)
        answer, correct, spent = np.full(reached.size, NOTHING), np.zeros(reached.size), self._nothing
        escalated = np.zeros(reached.size)
        for level, model in enumerate(policy.models):
            now = self.play(model, index)
            spent = spent.then(now.spent, reached)
            accepted = reached
            if level < len(policy.thresholds):
                score, asked = self.score(policy.confidence, now, index)
                spent = spent.then(asked, reached)
                accepted = reached & (score >= policy.thresholds[level])
            answer, correct = np.where(accepted, now.answer, answer), np.where(accepted, now.correct, correct)
            escalated = np.where(reached, float(level > 0), escalated)
            reached = reached & ~accepted
        return Played(answer=answer, correct=correct, spent=spent, escalated=escalated)

    def _vote(self, policy: Vote, index: int) -> Played:
        first = index * policy.draws
        members = [self.play(model, first + draw) for model in policy.models for draw in range(policy.draws)]
        winner, share = counted.majority(_answers(members))
        return self._picked(members, winner, _at_once(members), share)

    def _mux(self, policy: Mux, index: int) -> Played:
        if policy.early_stop or policy.temperature is not None:
            raise SpecError(f"{policy.name!r} stops early or has a temperature of its own and cannot be worked out")
        weights = [(policy.validation or {}).get(model.name, 0.0) for model in policy.models]
        order = np.argsort(-np.array(weights), kind="stable")  # of equally consistent models the first one answers
        first = index * policy.draws
        drawn = [[self.play(policy.models[i], first + draw) for draw in range(policy.draws)] for i in order]
        winners, shares = zip(*(counted.majority(_answers(own)) for own in drawn), strict=True)
        chosen = np.argmax(np.stack(shares), axis=0)[None]
        winner, share = (np.take_along_axis(np.stack(one), chosen, axis=0)[0] for one in (winners, shares))
        members, place = [one for own in drawn for one in own], chosen[0] * policy.draws + winner
        winner = np.where(winner == NOTHING, NOTHING, place)
        return self._picked(members, winner, _at_once(members), share)

    def _router(self, policy: Router, index: int) -> Played:
        chosen = next((places for route, places in self.routes if route is policy.route), None)
        if chosen is None:
            raise SpecError(f"what the route of {policy.name!r} chooses is not known, so it cannot be worked out")
        members, spent = [self.play(model, index) for model in policy.models], self._nothing
        for place, member in enumerate(members):
            spent = spent.then(member.spent, chosen == place)
        escalated = (chosen == len(members) - 1).astype(np.float64)
        return replace(self._picked(members, chosen, spent, self._unsaid), escalated=escalated)

    def _picked(self, members: Sequence[Played], winner: Ints, spent: Spent, noted: Floats) -> Played:
        """What one of several answered; `NOTHING` where nobody did."""
        each, some = np.arange(winner.size), winner != NOTHING
        answer, correct = _answers(members)[each, winner], np.stack([one.correct for one in members], axis=1)
        return Played(
            answer=np.where(some, answer, NOTHING),
            correct=np.where(some, correct[each, winner], 0.0),
            spent=spent,
            escalated=self._unsaid,
            noted=noted,
        )


def _answers(members: Sequence[Played]) -> Ints:
    return np.stack([one.answer for one in members], axis=1)


def _at_once(members: Sequence[Played]) -> Spent:
    """What calls come to that are made at the same time."""
    spent = [one.spent for one in members]
    return Spent(
        cost=np.sum([one.cost for one in spent], axis=0),
        calls=np.sum([one.calls for one in spent], axis=0),
        seconds=np.max([one.seconds for one in spent], axis=0),
        gap=reduce(np.logical_or, [one.gap for one in spent]),
    )
