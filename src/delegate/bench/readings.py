"""What each signal of confidence, by name, says of the answers one model is recorded with.

    token                                   the confidence token
    recorded                                came with an imported recording
    logprob:mean, logprob:min, logprob:entropy, length
    consistency                             among the first draws of the model
    agreement:MODEL                         with what another model answered
    isotonic:SIGNAL, platt:SIGNAL           a signal, calibrated
    combined:SIGNAL,SIGNAL                  several as one

The last two lines are fitted on some problems and judged on others.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate.bench import counted
from delegate.bench.draws import RECORDED, Draws
from delegate.bench.fitting import fit, weigh
from delegate.bench.metrics import Floats
from delegate.confidence import Confidence
from delegate.confidences.calibrated import calibrate
from delegate.confidences.combined import combine
from delegate.confidences.length import Length
from delegate.confidences.logprob import Logprob
from delegate.confidences.token import Token
from delegate.errors import SpecError
from delegate.plain import plain
from delegate.registry import suggest

Mask = NDArray[np.bool_]

TOKEN, LENGTH = "token", "length"
STATISTICS = ("mean", "min", "entropy")
MAPS = ("isotonic", "platt")
_UNSURE = "token, the other way round"


def confidences(token: Token) -> dict[str, Confidence]:
    """By name, what `draws.load` must score each answer with for `Readings`."""
    swapped = Token(confident=token.unsure, unsure=token.confident)
    statistics = {f"logprob:{statistic}": Logprob(statistic=statistic) for statistic in STATISTICS}  # type: ignore[arg-type]
    return {TOKEN: token, _UNSURE: swapped, **statistics, LENGTH: Length()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """The signals about one model's first answers; arrays run along the problems of `draws`, nan where unread."""

    draws: Draws
    """Scored by `confidences`."""
    model: str
    token: Token = field(default_factory=Token)
    many: int | None = None
    """Draws that consistency is counted among; `None`: all that are recorded."""

    def __post_init__(self) -> None:
        recorded = self._recorded
        if self.many is not None and not 2 <= self.many <= recorded:
            raise SpecError(
                f"consistency among {self.many} draws of {self.model!r} needs 2 or more, and {recorded} are recorded"
            )

    @property
    def answered(self) -> Mask:
        """The problems the model answered, rightly or wrongly; a call that failed leaves nothing to judge."""
        return ~np.isnan(self._told(LENGTH))

    @property
    def correct(self) -> Floats:
        """Whether the answer is right."""
        correct: Floats = self._of(self.draws.correct)
        return correct

    @property
    def silent(self) -> Floats:
        """1 where the answer has neither confidence token."""
        neither: Mask = (self._told(TOKEN) == 0) & (self._told(_UNSURE) == 0)
        return neither.astype(np.float64)

    def names(self, to: str | None = None) -> list[str]:
        """The signals there is anything of; agreement with a model that answers what goes up is none."""
        told = [name for name in self._reasons() if not np.isnan(self._told(name)).all()]
        if self.silent[self.answered].all():
            told = [name for name in told if name != TOKEN]
        others = [name for name in self.draws.models if name not in (self.model, to)]
        return told + ["consistency"] * (self._many > 1) + [f"agreement:{name}" for name in others]

    def score(self, name: str) -> Floats:
        """What a signal says that is not fitted.

        Raises:
            SpecError: there is no such signal, or nothing of it.
        """
        kind, _, other = name.partition(":")
        answer, recorded = self.draws.answer, self.draws.recorded
        if kind == "agreement" and other == self.model:
            raise SpecError(f"{other!r} always agrees with itself; name another model, or take consistency")
        if kind == "agreement" and other:
            place = self.draws.place(other)
            found = counted.agreement(self._of(answer), answer[:, [place], 0])
            return np.where(recorded[:, place, 0] & self.answered, found, np.nan)
        if name == "consistency" and self._many > 1:
            place = self.draws.place(self.model)
            found = counted.consistency(answer[:, place, : self._many])
            return np.where(recorded[:, place, : self._many].all(axis=1) & self.answered, found, np.nan)
        found = self._told(name)
        if np.isnan(found).all() or (name == TOKEN and self.silent[self.answered].all()):
            raise SpecError(f"{name!r} cannot be read off any answer of {self.model!r}: {self._reason(name)}")
        return found

    def spent(self, name: str) -> tuple[Floats, Floats]:
        """US dollars and output tokens spent on asking whom a signal asks; nan where unknown."""
        kind, _, rest = name.partition(":")
        cost, tokens = np.zeros((2, len(self.draws.problems)))
        for part in rest.split(",") if is_fitted(name) else ():
            more = self.spent(part)
            cost, tokens = cost + more[0], tokens + more[1]
        calls: tuple[Any, ...] | None = None
        if kind == "agreement":
            calls = (slice(None), [self.draws.place(rest)], 0)
        elif kind == "consistency":
            calls = (slice(None), self.draws.place(self.model), slice(1, self._many))
        if calls is not None:
            cost, tokens = self.draws.cost[calls].sum(axis=1), self.draws.length[calls].sum(axis=1)
        return cost, tokens

    def fields(self, name: str, where: Mask) -> dict[str, Any]:
        """What the part of a fitted signal holds, fitted on some problems.

        Raises:
            SpecError: it cannot be fitted on these.
        """
        kind, _, rest = name.partition(":")
        parts = [rest] if kind in MAPS else rest.split(",")
        scores = np.stack([self.score(part) for part in parts], axis=1)
        known = where & ~np.isnan(scores).any(axis=1)
        if kind == "combined":
            return weigh(scores[known], self.correct[known], parts)
        return fit(scores[known, 0], self.correct[known], kind, name=rest)  # type: ignore[arg-type]

    def read(self, name: str, where: Mask) -> Floats:
        """What any signal says, fitted on some problems if it must be."""
        kind, _, rest = name.partition(":")
        if not is_fitted(name):
            return self.score(name)
        fields = self.fields(name, where)
        if kind == "combined":
            columns = np.stack([self.score(part) for part in rest.split(",")], axis=1)
            return np.array([combine(row, **fields) for row in columns.tolist()])
        return np.array([np.nan if np.isnan(score) else calibrate(score, **fields) for score in self.score(rest)])

    def table(self, name: str, where: Mask) -> dict[str, Any]:
        """The part a signal is, as the table of a spec in which models go by the names they have here.

        Raises:
            SpecError: there is nothing of it, or it cannot be fitted.
        """
        kind, _, rest = name.partition(":")
        if kind in MAPS:
            return {"kind": "calibrated", "confidence": self.table(rest, where), **plain(self.fields(name, where))}
        if kind == "combined":
            parts = [self.table(part, where) for part in rest.split(",")]
            return {"kind": kind, "confidences": parts, **plain(self.fields(name, where))}
        self.score(name)  # there must be something of it
        if name == RECORDED:
            return {"kind": "noted"}
        if kind == "agreement":
            return {"kind": kind, "models": [f"@{rest}"]}
        if kind == "consistency":
            return {"kind": kind, "model": f"@{self.model}", "draws": self._many}
        return {"kind": kind, **plain(confidences(self.token)[name])}

    @property
    def _many(self) -> int:
        return self._recorded if self.many is None else self.many

    @property
    def _recorded(self) -> int:
        """How many draws there are of this model on any problem."""
        return int(self.draws.recorded[:, self.draws.place(self.model)].any(axis=0).sum())

    def _of(self, array: NDArray[Any]) -> NDArray[Any]:
        part: NDArray[Any] = array[:, self.draws.place(self.model), 0]
        return part

    def _told(self, name: str) -> Floats:
        known = self.draws.signals.get(name)
        return np.full(len(self.draws.problems), np.nan) if known is None else self._of(known)

    def _reasons(self) -> dict[str, str]:
        """Why a signal that is read off an answer may have nothing to read."""
        none = "its answers have no logprobs, or they are nan; ask for them with `sampling = { logprobs = 5 }`"
        return {
            TOKEN: f"none ends with {self.token.confident!r} or {self.token.unsure!r}; say --confident and --unsure",
            RECORDED: "no confidence came with the recording",
            **{f"logprob:{statistic}": none for statistic in STATISTICS},
            LENGTH: "every call failed",
        }

    def _reason(self, name: str) -> str:
        reasons = {**self._reasons(), "consistency": "only one draw is recorded"}
        if name not in reasons:
            raise SpecError(f"no signal is called {name!r}{suggest(name, self.names())}")
        return reasons[name]


def is_fitted(name: str) -> bool:
    """Whether a signal must be fitted before it can be judged."""
    return name.partition(":")[0] in (*MAPS, "combined")
