"""What is said of signals and of hand-offs, column by column; the terminal, Markdown and HTML all show these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from delegate.bench.evaluation import Evaluation, HandOff, Signal
from delegate.bench.metrics import Interval
from delegate.bench.signals import BASELINES
from delegate.bench.wording import UNKNOWN, count, money, percent, spread

LEGEND = (
    "[ ] 95 % bootstrap interval · AUROC: right answers above wrong ones, 0.5 is chance · ECE, Brier: how far the "
    "confidence is from correctness · risk area: mean error rate over all shares kept; the last three are better lower"
)
HANDOFF = ("who answered", "problems", "right %", "weak alone %", "output tokens", "$")
"""Titles of the table of hand-offs, after the name of the policy or signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A small table of texts."""

    about: str
    titles: tuple[str, ...]
    """The first column, of names, has an empty one."""
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    """So many columns hold names, all others figures."""
    below: tuple[str, ...] = ()
    """How to read what is special about it, a line each."""
    warnings: tuple[str, ...] = ()
    """Sentences that must not be overlooked."""


def grids(evaluations: Sequence[Evaluation], parts: Mapping[str, Sequence[HandOff]] | None = None) -> list[Grid]:
    """What signals are worth, and who answered what; empty where there is nothing to say.

    Args:
        evaluations: of signals.
        parts: by name of a policy: who answered; `None` says it of each signal that is no baseline, were 0.5 the
            threshold.
    """
    found = [*map(_signals, evaluations)]
    if found:
        found[-1] = replace(found[-1], below=(*found[-1].below, LEGEND))
    about = "who answered"
    if parts is None:
        about = "who would answer if 0.5 were the threshold"
        parts = {s.name: s.handoff for one in evaluations for s in one.signals if s.name not in BASELINES}
    return [*found, _handoffs(about, parts)] if parts else found


def _signals(found: Evaluation) -> Grid:
    """Every signal about one model's answers; columns with nothing to say are left out."""
    columns = {
        "AUROC": [_figure(s.auroc) for s in found.signals],
        "ECE": [_figure(s.ece) for s in found.signals],
        "Brier": [_figure(s.brier) for s in found.signals],
        "risk area": [_figure(s.area) for s in found.signals],
        "gap area": [_figure(s.recovered) for s in found.signals],
        "right at 0.5, %": [spread(s.accuracy) for s in found.signals],
        "sure/unsure" + "/none" * any(s.silent for s in found.signals): [_decided(s) for s in found.signals],
        "$ / 1,000": [_asking(s) for s in found.signals] if any(s.cost for s in found.signals) else [],
        "missing": [str(s.missing or "") for s in found.signals],
    }
    told = {title: cells for title, cells in columns.items() if any(cells)}
    strong = f", going up to {found.strong}" if found.strong else ""
    right = f", {percent(found.accuracy.value)} % right" if found.accuracy else ""
    return Grid(
        about=f"signals about {found.model}'s answers · {found.problems:,} problems{right}{strong}",
        titles=("", *told),
        rows=tuple((s.name, *(cells[i] for cells in told.values())) for i, s in enumerate(found.signals)),
        below=tuple(_legend(found, told)),
        warnings=(*(said for s in found.signals for said in s.loses), *found.notes),
    )


def _figure(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.value:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _asking(signal: Signal) -> str:
    """What a signal that asks models adds to 1,000 answers; empty for one that asks nobody."""
    return "" if signal.cost == 0 else UNKNOWN if signal.cost is None else money(1000 * signal.cost)


def _decided(signal: Signal) -> str:
    unsure = signal.problems - signal.confident - (signal.silent or 0)
    return f"{signal.confident}/{unsure}" + (f"/{signal.silent}" if signal.silent else "")


def _legend(found: Evaluation, told: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if "gap area" in told:
        oracle = f", the best order {_figure(found.oracle)}" if found.oracle else ""
        yield f"gap area: share of the gap to {found.strong} recovered, over all shares sent up; random 0.5{oracle}"
    if found.fitted:
        yield f"isotonic, platt, combined: fitted on {found.fitted:,} other problems"


def _handoffs(about: str, parts: Mapping[str, Sequence[HandOff]]) -> Grid:
    return Grid(
        about=about,
        titles=("", *HANDOFF),
        words=2,
        rows=tuple((name * (i == 0), *_cells(part)) for name, some in parts.items() for i, part in enumerate(some)),
    )


def _cells(part: HandOff) -> tuple[str, ...]:
    return (
        part.model or "nobody yet",
        f"{part.problems:,}",
        spread(part.accuracy),
        "" if part.alone is None else percent(part.alone),
        count(part.output_tokens),
        UNKNOWN if part.cost is None else money(part.cost),
    )
