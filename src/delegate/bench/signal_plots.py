"""Signals of confidence as pictures: reliability diagram, risk and coverage, and what escalating recovers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from delegate.bench.comparison import Comparison
from delegate.bench.drawing import FAINT, INK, canvas, curves, head
from delegate.bench.evaluation import Evaluation
from delegate.bench.signals import BASELINES, CONSTANT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RELIABILITY = (
    "Answers in bins by how sure the signal is of them, over the share of them that is right. On the diagonal a "
    "confidence is what it says; below it, it is too sure."
)


def reliability(about: Comparison | Evaluation, found: Sequence[Evaluation]) -> Figure | None:
    """The share that is right over the confidence, of every signal that is no baseline."""
    chosen = [signal for one in found for signal in one.signals if signal.name not in BASELINES]
    if not chosen:
        return None
    with canvas(5.8, 4.2) as (figure, axes):
        axes.plot([0, 100], [0, 100], color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
        lines = curves(axes, {s.name: [(sure, right) for sure, right, _ in s.reliability] for s in chosen})
        axes.set(xlabel="confidence, %", ylabel="right, %", xlim=(0, 100), ylim=(0, 100))
        head(figure, "Reliability", about, lines)
    return figure


def risk(found: Evaluation) -> Figure | None:
    """Errors among the answers kept, as more and more are kept by falling confidence."""
    lines = {signal.name: signal.risk_coverage for signal in found.signals if signal.name != CONSTANT}
    if not lines:
        return None
    with canvas(5.8, 3.8) as (figure, axes):
        handles = curves(axes, lines)
        axes.set(xlabel="answers kept, %", ylabel="errors among them, %", xlim=(0, 100))
        axes.set_ylim(bottom=0)
        head(figure, "Risk and coverage", found, handles)
    return figure


def gap(found: Evaluation) -> Figure | None:
    """The share of the gap recovered over the share escalated, between chance and hindsight."""
    lines = {signal.name: signal.climb for signal in found.signals if signal.climb and signal.name != CONSTANT}
    if not lines:
        return None
    with canvas(5.8, 4.2) as (figure, axes):
        axes.plot([0, 100], [0, 100], color=FAINT, linewidth=1.2, zorder=1)
        x, y = ([100 * share for share in axis] for axis in zip(*found.best, strict=True))
        axes.plot(x, y, color=INK, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
        handles = curves(axes, lines)
        axes.set(xlabel=f"sent up to {found.strong}, %", ylabel="gap recovered, %", xlim=(0, 100))
        head(figure, "Gap recovered", found, handles)
    return figure
