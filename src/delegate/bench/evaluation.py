"""The evaluation of signals of confidence: what tables, plots and reports say of them, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from delegate.bench.metrics import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOff:
    """The problems of which one model gave the answer."""

    model: str
    """Who answered; empty where nobody was named who would."""
    problems: int
    accuracy: Interval | None = None
    """Of the answers given; `None` without problems, or where nobody answered."""
    alone: float | None = None
    """The weak model's own accuracy on these problems; `None` where that is not recorded."""
    output_tokens: int | None = None
    """Everything spent on these problems, whoever spent it; `None` where any of it is unknown."""
    cost: float | None = None
    """US dollars, likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One signal; what is not defined is `None`, such as an AUROC where every answer is right."""

    name: str
    problems: int
    """Answers it has a score of."""
    missing: int = 0
    """Answers it could not be read off; it is judged on the others."""
    auroc: Interval | None = None
    ece: Interval | None = None
    brier: Interval | None = None
    area: Interval | None = None
    """Under the risk-coverage curve (AURC): lower is better."""
    recovered: Interval | None = None
    """Area under the share of the weak→strong gap recovered, over the share escalated (APGR); random is 0.5."""
    accuracy: Interval | None = None
    """Confidence accuracy: the share of answers it is right about, where 0.5 and more says that an answer is right."""
    confident: int = 0
    """Answers of 0.5 and more."""
    silent: int | None = None
    """Of the others, those in which a confidence token was expected and none came; `None` for any other signal."""
    ahead: Mapping[str, Interval] = field(default_factory=dict)
    """Its AUROC minus that of each baseline, on the answers both have a score of."""
    cost: float | None = 0.0
    """US dollars a problem for asking whom it asks."""
    risk_coverage: tuple[tuple[float, float], ...] = ()
    reliability: tuple[tuple[float, float, int], ...] = ()
    """Of each bin: mean confidence, share right, answers."""
    climb: tuple[tuple[float, float], ...] = ()
    """(share escalated, share of the gap recovered), the least confident first."""
    handoff: tuple[HandOff, ...] = ()
    """What is kept and what goes up when 0.5 decides."""
    loses: tuple[str, ...] = ()
    """A sentence for each baseline it does not surely beat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Signals about the answers of one model."""

    model: str
    problems: int
    accuracy: Interval | None
    """Of the model alone."""
    signals: tuple[Signal, ...]
    strong: str = ""
    """The model that answers go up to; empty without one."""
    oracle: Interval | None = None
    """What `recovered` would be if the problems the strong model wins went up first and those it loses last."""
    best: tuple[tuple[float, float], ...] = ()
    """The curve of that order, as `Signal.climb`."""
    fitted: int = 0
    """Other problems, on which what is fitted was fitted."""
    notes: tuple[str, ...] = ()
    """Sentences about what could not be judged."""
    task: str = ""
    seed: int = 0
