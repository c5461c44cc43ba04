"""From what is recorded to a ladder: of a policy that ran, or of two models and a signal with no policy ever run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from delegate.bench.draws import questions
from delegate.bench.grade import read
from delegate.bench.ladder import Ladder, Mask
from delegate.bench.metrics import Floats
from delegate.bench.readings import Readings
from delegate.completion import Failure, Span
from delegate.errors import SpecError
from delegate.registry import suggest
from delegate.store import Key, Record, records
from delegate.task import Grade


def of_signal(readings: Readings, signal: str, to: str, reference: str) -> Ladder:
    """The cascade of two models by a signal about the answers of the first.

    Raises:
        SpecError: nothing is recorded of a model, there is no such signal, or nothing of it.
    """
    draws = readings.draws
    kind, _, other = signal.partition(":")
    first, last, large = (draws.place(name) for name in (readings.model, to, reference))
    voter = [draws.place(other)] if kind == "agreement" else []
    there: Mask = np.all(draws.recorded[:, [first, last, large, *voter], 0], axis=1)
    if signal == "consistency":
        many = readings.many or int(draws.recorded[:, first].any(axis=0).sum())
        there &= draws.recorded[:, first, :many].all(axis=1)
    kept = np.flatnonzero(there)
    correct, cost = draws.correct[kept, :, 0] > 0, draws.cost[kept, :, 0]
    below = cost[:, first] + readings.spent(signal)[0][kept]
    return Ladder(
        problems=tuple(draws.problems[i] for i in kept.tolist()),
        score=readings.score(signal)[kept][:, None],
        correct=correct[:, [first, last]],
        cost=np.stack([below, below + cost[:, last]], axis=1),
        reference=correct[:, large],
        reference_cost=cost[:, large],
        left_out=there.size - kept.size,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A graded comparison."""

    records: Mapping[Key, Record]
    grades: Mapping[Key, Grade]
    problems: Sequence[str]
    """Those that were asked for."""

    @classmethod
    def load(cls, folder: Path) -> Run:
        """Read a run folder.

        Raises:
            SpecError: it is not graded.
            DataError: no run folder, or a malformed line.
        """
        found, grades = records(folder), read(folder)
        if not grades:
            raise SpecError(f"{folder} is not graded yet; say `delegate grade {folder}` first")
        return cls(
            records=found, grades=grades, problems=list(questions(folder) or dict.fromkeys(key[0] for key in found))
        )

    def cascade(self, name: str, models: Sequence[str], reference: str) -> Ladder:
        """A cascade of these models: its notes hold the scores, the rows of its models alone what each would say.

        Raises:
            SpecError: there is no row of a model, they have no problem in common, or something above the accepted level
                was not scored.
        """
        rows = self._rows(name, *models, reference)
        levels = len(models)
        score = np.full((len(rows), levels - 1), np.nan)
        cost = np.empty((len(rows), levels))
        for i, (policy, *alone, _) in enumerate(rows.values()):
            said = policy.outcome.notes.get("confidences", [])
            if len(said) < levels - 1 and not _failed(policy):
                raise SpecError(
                    f"{name!r} accepted an answer on {policy.sample!r}, so what it would score above is not recorded; "
                    f"compare it with `thresholds = {[1.1] * (levels - 1)}`, which accept nothing"
                )
            score[i, : len(said)] = [np.nan if value is None else value for value in said]
            cost[i, :-1] = _below(policy, models)
            cost[i, -1] = cost[i, -2] + _cost(alone[-1].span)
        correct = self._correct(rows)
        correct[:, -2] &= [not _failed(policy) for policy, *_ in rows.values()]
        return self._ladder(rows, score, correct[:, 1:-1], cost)

    def as_it_stands(self, name: str, reference: str) -> Ladder:
        """A policy without a threshold, as the one level beneath the reference: every answer of it has the score 1.

        Raises:
            SpecError: there is no row of one of them, or they have no problem in common.
        """
        rows = self._rows(name, reference)
        cost = np.cumsum([[_cost(record.span) for record in row] for row in rows.values()], axis=1)
        return self._ladder(rows, np.ones((len(rows), 1)), self._correct(rows), cost)

    def _rows(self, *names: str) -> dict[str, list[Record]]:
        """By problem the records of these rows; problems that lack one are left out."""
        known = {policy for _, policy, _ in self.records}
        for name in names:
            if name not in known:
                raise SpecError(f"the run has no row of {name!r} alone; compare it, too{suggest(name, known)}")
        rows: dict[str, list[Record]] = {}
        for problem in self.problems:
            found = [self.records.get((problem, name, 0)) for name in names]
            there = [record for record in found if record and not record.missing and record.key in self.grades]
            if len(there) == len(names):
                rows[problem] = there
        if not rows:
            raise SpecError(f"no problem has an answer in each of the rows {', '.join(dict.fromkeys(names))}")
        return rows

    def _correct(self, rows: Mapping[str, Sequence[Record]]) -> Mask:
        return np.array([[bool(self.grades[record.key].correct) for record in row] for row in rows.values()])

    def _ladder(self, rows: Mapping[str, Sequence[Record]], score: Floats, correct: Mask, cost: Floats) -> Ladder:
        """The last of each problem's records is the reference's."""
        return Ladder(
            problems=tuple(rows),
            score=score,
            correct=correct,
            cost=cost,
            reference=self._correct(rows)[:, -1],
            reference_cost=np.array([_cost(row[-1].span) for row in rows.values()]),
            left_out=len(self.problems) - len(rows),
        )


def _failed(record: Record) -> bool:
    return isinstance(record.outcome, Failure)


def _cost(span: Span) -> float:
    cost = span.outcome.usage.cost
    return np.nan if cost is None else cost


def _below(policy: Record, models: Sequence[str]) -> list[float]:
    """What was spent before each of the models but the first was asked; all of it where that never came to be.

    A level begins with the last call of its model on the very request: an agreement may have asked the same before.
    """
    trace, end = policy.outcome.trace, len(policy.outcome.trace)
    ends = [end := end - (policy.outcome.notes.get("answered_by") == models[-1])]
    for name in reversed(models[1:-1]):
        calls = [i for i in range(end) if trace[i].model == name and trace[i].request == policy.span.request]
        ends.append(end := max(calls, default=end))
    spent = np.cumsum([0.0, *map(_cost, trace)])
    return [float(spent[end]) for end in reversed(ends)]
