"""Rollouts by the hundred: every problem played several times, a line each; a killed run goes on where it stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Literal

from delegate.bench.run import Patience, bounded, close
from delegate.completion import Completion, Failure, Span
from delegate.errors import SpecError
from delegate.models.shared import Meter
from delegate.store import Log, Record, lines, values
from delegate.task import Sample
from delegate.train.environment import Environment
from delegate.train.purse import Purse
from delegate.train.rollout import Rollout

Progress = Callable[[Rollout, Meter], None]
Key = tuple[str, int]
"""(sample, draw): what makes a rollout the one it is."""


async def collect(
    environment: Environment,
    samples: Sequence[Sample],
    path: Path,
    folder: Path,
    *,
    group: int = 1,
    concurrency: int = 32,
    max_cost: float | None = None,
    purse: Purse | None = None,
    progress: Progress | None = None,
) -> Meter:
    """Play every problem `group` times; what was spent, in earlier sittings too.

    Args:
        environment: what is played.
        samples: the problems.
        path: the file of rollouts; what it holds is not played again, unless it was not scored.
        folder: where the single model's answers are kept, as the records of a run.
        group: rollouts of each problem.
        concurrency: rollouts under way at once.
        max_cost: US dollars after which none is begun, nor once a cost is unknown; `None`: no limit.
        purse: says when none is begun, in place of `max_cost`, which knows nothing but these rollouts.
        progress: called with each rollout, those of earlier sittings first.

    Raises:
        SpecError: a part is wrongly set up, somebody never answers, or `max_cost` is spent and rollouts are owed.
        DataError: a file holds a malformed line, or another process writes into it.
    """
    meter = Meter()
    purse = purse or Purse(max_cost, meter)
    with Log(path, alone=True) as log:
        sitting = _Sitting(environment, log, meter, progress)
        for rollout in read(path):
            sitting.remember(rollout)

        try:
            await sitting.ask_alone(samples, folder, concurrency, purse)
            wanted = [(sample, draw) for sample in samples for draw in range(group)]
            owed = [one for one in wanted if (one[0].id, one[1]) not in sitting.done]
            await bounded(sitting.play, takewhile(lambda _: not purse.empty, owed), concurrency)
        finally:
            await asyncio.to_thread(environment.algebra.close)
            await close([environment.policy, *filter(None, (environment.judge, environment.single))])
    if left := sum((sample.id, draw) not in sitting.done for sample, draw in wanted):
        raise purse.stopped(f"{left} rollouts")
    return meter


class _Sitting:
    """What one run of the command knows: what is done, what was spent, who has answered yet."""

    def __init__(self, environment: Environment, log: Log, meter: Meter, progress: Progress | None) -> None:
        self.meter = meter
        self.done: set[Key] = set()
        self._environment, self._log, self._progress = environment, log, progress
        self._alone: dict[str, Span] = {}
        self._patience = {"policy": Patience(), "judge": Patience(), "single model": Patience()}

    def remember(self, rollout: Rollout) -> None:
        """A rollout of an earlier sitting; one that was not scored is owed again."""
        self.meter.add(rollout.span)
        if rollout.unscored is None:
            self._count(rollout)

    async def ask_alone(self, samples: Sequence[Sample], folder: Path, concurrency: int, purse: Purse) -> None:
        """Have the single model answer each problem once, for all its rollouts; what failed is asked again."""
        if self._environment.single is None:
            return
        path = folder / "records.jsonl"
        with Log(path) as log:
            known = {record.sample: record.span for record in values(path, Record)}
            for span in known.values():
                self.meter.add(span)
            self._alone = {name: span for name, span in known.items() if isinstance(span.outcome, Completion)}

            async def ask(sample: Sample) -> None:
                span = await self._environment.alone(sample)
                assert span is not None
                log.append(Record(sample=sample.id, policy=span.model, span=span))
                self._alone[sample.id] = span
                self.meter.add(span)
                self._see("single model", span)

            owed = [sample for sample in samples if sample.id not in self._alone]
            await bounded(ask, takewhile(lambda _: not purse.empty, owed), concurrency)

    async def play(self, one: tuple[Sample, int]) -> None:
        """Play one rollout, and write it down."""
        sample, draw = one
        rollout = await self._environment.rollout(sample, draw, alone=self._alone.get(sample.id))
        self._log.append(rollout)
        self.meter.add(rollout.span)
        self._count(rollout)
        policy, *judge = rollout.span.outcome.trace
        self._see("policy", policy)
        for call in judge:
            self._see("judge", call)

    def _count(self, rollout: Rollout) -> None:
        self.done.add((rollout.sample, rollout.draw))
        if self._progress is not None:
            self._progress(rollout, self.meter)

    def _see(self, who: Literal["policy", "judge", "single model"], span: Span) -> None:
        failure = span.outcome if isinstance(span.outcome, Failure) else None
        if self._patience[who].ends(failed=failure is not None and failure.kind != "not_recorded"):
            why = f"{failure.kind}: {failure.detail}" if failure else ""
            raise SpecError(
                f"the {who} {span.model!r} never answered ({why}); mend that and give the same command again"
            )


def read(path: Path) -> Iterator[Rollout]:
    """The rollouts of a file, one at a time, so that a file of any length fits; of a repeated one the last counts.

    Raises:
        DataError: no such file, or a malformed line.
    """
    rows = enumerate(row for _, row in lines(path, torn=True))
    last = {(row.get("sample"), row.get("draw")): place for place, row in rows if isinstance(row, dict)}
    for place, rollout in enumerate(values(path, Rollout)):
        if last.get((rollout.sample, rollout.draw)) == place:
            yield rollout
