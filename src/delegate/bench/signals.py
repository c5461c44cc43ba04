"""What signals of confidence are worth, on the same answers: discrimination, calibration, what escalating gains.

Every figure has a bootstrap interval over problems, and every signal is held against three that cost nothing: the
length of the answer, the log-probability the model gave it, and the constant that always says "confident". Answers of
equal confidence are never told apart by the order they come in: they share ranks, and go up in random order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from delegate.bench import metrics
from delegate.bench.evaluation import Evaluation, HandOff, Signal
from delegate.bench.metrics import Floats, Interval
from delegate.bench.resampled import RESAMPLES, Counts, interval, resample, statistics
from delegate.errors import SpecError

CONSTANT = "always confident"
BASELINES = ("length", "logprob:mean", CONSTANT)
"""What every other signal is held against, where it is known."""
CURVE = 200
"""Points of a curve that are kept."""
_LOSES = {True: "loses to", False: "is not surely better than"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Side:
    """What one model did on the problems; arrays run along them."""

    name: str
    correct: Floats
    cost: Floats
    """US dollars; nan where unknown, as in `tokens`."""
    tokens: Floats
    """Output tokens."""


def evaluate(
    scores: Mapping[str, Floats],
    weak: Side,
    strong: Side | None = None,
    *,
    spent: Mapping[str, tuple[Floats, Floats]] | None = None,
    silent: Mapping[str, Floats] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    **facts: Any,
) -> Evaluation:
    """Judge signals, and the constant, by the answers of the weak model.

    Args:
        scores: by name of a signal: its confidence in each answer; nan where it cannot be read.
        weak: whose answers they are about.
        strong: who answers what goes up; `None` asks nothing about escalating.
        spent: by name of a signal that asks models: US dollars and output tokens that took on each problem.
        silent: by name of a signal that reads a token: whether none came.
        seed: of the bootstrap.
        resamples: of the bootstrap.
        facts: further fields of `Evaluation`: task, fitted, notes.

    Raises:
        SpecError: there is no answer.
    """
    if not weak.correct.size:
        raise SpecError(f"{weak.name!r} has no graded answer to judge a signal by")
    usable, notes = _usable({**scores, CONSTANT: np.ones(weak.correct.size)}, weak)
    gain = None
    if strong is not None and strong.correct.sum() > weak.correct.sum():
        gain = strong.correct - weak.correct
    elif strong is not None:
        notes.append(f"{strong.name} is no better than {weak.name} on these problems: there is no gap to recover")
    about = _About(usable, weak.correct, gain, resample(weak.correct.size, seed=seed, resamples=resamples))
    unsaid, nothing = silent or {}, (np.zeros(weak.correct.size),) * 2
    asked = {name: (spent or {}).get(name, nothing) for name in usable}
    return Evaluation(
        model=weak.name,
        problems=weak.correct.size,
        accuracy=metrics.share(weak.correct),
        signals=tuple(
            replace(
                about.signal(name),
                cost=metrics.known(asked[name][0][~np.isnan(score)].mean()),
                silent=int(unsaid[name].sum()) if name in unsaid else None,
                handoff=_handoff(score >= 0.5, weak, strong, *asked[name]),
            )
            for name, score in usable.items()
        ),
        strong="" if strong is None else strong.name,
        oracle=about.oracle(),
        best=() if gain is None else _curve(*metrics.climb((1 - gain) / 2, gain)),
        seed=seed,
        **{**facts, "notes": (*facts.get("notes", ()), *notes)},
    )


def _usable(scores: Mapping[str, Floats], weak: Side) -> tuple[dict[str, Floats], list[str]]:
    """The signals that can be judged, and a sentence about everything that is odd."""
    usable: dict[str, Floats] = {}
    notes = []
    if weak.correct.min() == weak.correct.max():
        verdict = "right" if weak.correct[0] else "wrong"
        notes.append(f"all {weak.correct.size} answers are {verdict}: no signal can tell right from wrong here")
    for name, score in scores.items():
        known = score[~np.isnan(score)]
        outside = known[(known < 0) | (known > 1)]
        if not known.size:
            notes.append(f"{name} cannot be read off any answer and is left out")
        elif outside.size:
            notes.append(f"{name} is left out: a confidence is a number in [0, 1], and this one is {outside[0]:g}")
        else:
            usable[name] = score
            if known.min() == known.max() and name != CONSTANT:
                notes.append(f"{name} is {known[0]:g} for every answer: it tells none apart")
    return usable, notes


@dataclass(frozen=True)
class _About:
    """The signals, what they are judged by, and how often each problem is in each resample."""

    scores: Mapping[str, Floats]
    correct: Floats
    gain: Floats | None
    counts: Counts
    known: dict[tuple[str, bytes], Mapping[str, Floats]] = field(default_factory=dict)
    """What the resamples say of a signal on some problems, once it is worked out."""

    def signal(self, name: str) -> Signal:
        """Everything about one signal but what asking it costs."""
        where = ~np.isnan(self.scores[name])
        score, correct, drawn = self.scores[name][where], self.correct[where], self.drawn(name, where)
        gain = None if self.gain is None else self.gain[where]
        climb = None if gain is None or gain.sum() <= 0 else metrics.climb(score, gain)
        ahead = {} if name == CONSTANT else self.ahead(name)
        return Signal(
            name=name,
            problems=score.size,
            missing=int((~where).sum()),
            auroc=interval(metrics.auroc(score, correct), drawn["auroc"]),
            ece=interval(metrics.ece(score, correct), drawn["ece"]),
            brier=interval(metrics.brier(score, correct), drawn["brier"]),
            area=interval(metrics.risk_coverage_area(score, correct), drawn["risk_coverage_area"]),
            recovered=interval(metrics.apgr(*climb), drawn["apgr"]) if climb else None,
            accuracy=metrics.share(((score >= 0.5) == correct).astype(float)),
            confident=int((score >= 0.5).sum()),
            ahead=ahead,
            risk_coverage=_thin(metrics.risk_coverage(score, correct)),
            reliability=metrics.reliability(score, correct),
            climb=_curve(*climb) if climb else (),
            loses=() if name in BASELINES else tuple(self.losses(name, ahead)),
        )

    def drawn(self, name: str, where: NDArray[np.bool_]) -> Mapping[str, Floats]:
        """The statistics of each resample of some problems; worked out once."""
        key = name, where.tobytes()
        if key not in self.known:
            gain = None if self.gain is None else self.gain[where]
            counts = self.counts if where.all() else self.counts[:, where]
            self.known[key] = statistics(self.scores[name][where], self.correct[where], counts, gain)
        return self.known[key]

    def ahead(self, name: str) -> dict[str, Interval]:
        """The AUROC minus that of each baseline, paired."""
        found: dict[str, Interval] = {}
        for baseline in BASELINES:
            if baseline not in self.scores or baseline == name:
                continue
            both = ~np.isnan(self.scores[name]) & ~np.isnan(self.scores[baseline])
            values = [metrics.auroc(self.scores[one][both], self.correct[both]) for one in (name, baseline)]
            drawn = [self.drawn(one, both)["auroc"] for one in (name, baseline)]
            if values[0] is not None and values[1] is not None:
                apart = interval(values[0] - values[1], drawn[0] - drawn[1])
                found |= {baseline: apart} if apart else {}
        return found

    def losses(self, name: str, ahead: Mapping[str, Interval]) -> Iterator[str]:
        """A sentence for each baseline that the signal does not surely beat."""
        for baseline, apart in ahead.items():
            if apart.low <= 0:
                spread = _signed(apart.value, apart.low, apart.high, ".3f")
                yield f"{name} {_LOSES[apart.value < 0]} {baseline}: AUROC {spread}"
        where = ~np.isnan(self.scores[name])
        unsure, wrong = self.scores[name][where] < 0.5, self.correct[where] == 0
        better, worse = int((unsure & wrong).sum()), int((unsure & ~wrong).sum())
        low, high = metrics.paired(better, worse, wrong.size)
        if low <= 0:
            spread = _signed(100 * (better - worse) / wrong.size, 100 * low, 100 * high, ".1f")
            yield f"{name}, read at 0.5, {_LOSES[better < worse]} {CONSTANT}: confidence accuracy {spread} points"

    def oracle(self) -> Interval | None:
        """The area recovered by escalating in the best possible order."""
        if self.gain is None:
            return None
        order = (1 - self.gain) / 2
        drawn = statistics(order, self.correct, self.counts, self.gain)["apgr"]
        return interval(metrics.apgr(*metrics.climb(order, self.gain)), drawn)


def _handoff(
    kept: NDArray[np.bool_], weak: Side, strong: Side | None, cost: Floats, tokens: Floats
) -> tuple[HandOff, HandOff]:
    """What is kept and what goes up; `cost` and `tokens` are what the signal itself spent."""
    up = ~kept
    cost, tokens = weak.cost + cost, weak.tokens + tokens
    stays = HandOff(
        model=weak.name,
        problems=int(kept.sum()),
        accuracy=metrics.share(weak.correct[kept]),
        alone=_mean(weak.correct[kept]),
        output_tokens=_whole(tokens[kept].sum()),
        cost=metrics.known(cost[kept].sum()),
    )
    if strong is not None:
        cost, tokens = cost + strong.cost, tokens + strong.tokens
    return stays, HandOff(
        model="" if strong is None else strong.name,
        problems=int(up.sum()),
        accuracy=None if strong is None else metrics.share(strong.correct[up]),
        alone=_mean(weak.correct[up]),
        output_tokens=_whole(tokens[up].sum()),
        cost=metrics.known(cost[up].sum()),
    )


def _signed(value: float, low: float, high: float, form: str) -> str:
    return f"{value:+{form}} [{low:+{form}}, {high:+{form}}]".replace("-", "\N{MINUS SIGN}")


def _curve(x: Floats, y: Floats) -> tuple[tuple[float, float], ...]:
    """The points of a curve that begins in the corner."""
    return _thin([(0.0, 0.0), *zip(x.tolist(), y.tolist(), strict=True)])


def _thin(curve: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """About `CURVE` points of a curve, its first and its last among them."""
    step = 1 + (len(curve) - 1) // CURVE
    return (*curve[:-1:step], curve[-1])


def _whole(value: float) -> int | None:
    return None if np.isnan(value) else round(value)


def _mean(values: Floats) -> float | None:
    return float(values.mean()) if values.size else None
