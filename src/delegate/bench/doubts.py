"""What the confidence of each policy in a comparison is worth, beside what costs nothing, and who answered what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from delegate.bench.baselines import escalation
from delegate.bench.evaluation import Evaluation, HandOff
from delegate.bench.metrics import known, share
from delegate.bench.signals import BASELINES, Side, evaluate
from delegate.bench.tally import TOKENS, Tally


def doubted(row: Tally, real: Sequence[Tally]) -> Tally | None:
    """Whose answers a row's confidence is about: those of the model it escalates from, else its own."""
    weak = _weak(row)
    return row if weak is None else next((other for other in real if other.name == weak), None)


def _weak(row: Tally) -> str | None:
    """The model that a policy escalates from, or might have; `None` for any other row."""
    how = escalation(row)
    return _kept(row) if how is None else how.weak


def _kept(row: Tally) -> str | None:
    """The one model that a policy asked which might have gone up and never did; `None` for any other row."""
    asked = {names for names, up in zip(row.asked, row.escalated, strict=True) if up == 0 and names}
    (names,) = asked if len(asked) == 1 else ((),)
    return names[0] if len(names) == 1 else None


def evaluations(real: Sequence[Tally], *, seed: int = 0) -> tuple[Evaluation, ...]:
    """The confidences that policies escalate by, those about one model's answers together with the baselines there.

    Those of policies that might have escalated and never did are among them. A confidence that was noted on none of
    these answers is left out. Where 0.5 would send them up is not said: the policies have thresholds of their own, and
    `handoffs` says what they did.
    """
    about: dict[str, list[Tally]] = {}
    for row in real:
        judged = None if _weak(row) is None else doubted(row, real)
        if judged is not None and not np.isnan(row.confidence[_answered(judged)]).all():
            about.setdefault(judged.name, []).append(row)
    named = {row.name: row for row in real}
    found = (_evaluation(named[name], rows, seed) for name, rows in about.items())
    return tuple(replace(e, signals=tuple(replace(s, handoff=(), cost=None) for s in e.signals)) for e in found)


def _evaluation(judged: Tally, rows: Sequence[Tally], seed: int) -> Evaluation:
    where = _answered(judged)
    names = {row.name: f"policy {row.name}" if row.name in BASELINES else row.name for row in rows}
    scores = {names[row.name]: row.confidence[where] for row in rows}
    scores |= {"length": judged.shortness[where]}
    if not np.isnan(judged.likelihood[where]).all():
        scores |= {"logprob:mean": judged.likelihood[where]}
    silent = {names[row.name]: np.nan_to_num(row.silent[where]) for row in rows}
    side = Side(name=judged.name, correct=judged.correct[where], cost=judged.cost[where], tokens=judged.length[where])
    return evaluate(scores, side, silent={name: some for name, some in silent.items() if some.any()}, seed=seed)


def _answered(judged: Tally) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = judged.graded & (judged.failed == 0)
    return mask


def handoffs(row: Tally, real: Sequence[Tally]) -> tuple[HandOff, ...]:
    """The problems of a policy that escalates by the model that answered; empty for any other, and where unknown."""
    if escalation(row) is None or not any(row.answered):
        return ()
    return tuple(_handoffs(row, doubted(row, real)))


def _handoffs(row: Tally, weak: Tally | None) -> Iterator[HandOff]:
    answered = np.array(row.answered)
    output = np.sum([tokens[:, TOKENS.index("output_tokens")] for tokens in row.tokens.values()], axis=0)
    for model in dict.fromkeys([*([weak.name] if weak else []), *filter(None, row.answered)]):
        where = row.graded & (answered == model)
        yield HandOff(
            model=model,
            problems=int(where.sum()),
            accuracy=share(row.correct[where]),
            alone=None if weak is None else known(weak.accuracy(where & weak.graded)),
            output_tokens=None if np.isnan(spent := output[where].sum()) else round(spent),
            cost=known(row.cost[where].sum()),
        )
