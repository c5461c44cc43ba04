"""A graded run folder of chance: several draws of several models, with failures, silence, gaps and unknown figures."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass
from pathlib import Path

from delegate.bench import grade as grading
from delegate.completion import Completion, Failure, Outcome, Span, TokenLogprob, Usage
from delegate.message import Message
from delegate.model import observe
from delegate.models.replay import Replay, simulate
from delegate.policy import Policy
from delegate.store import Record, write_lines
from delegate.task import Sample
from delegate.tasks.jsonl import Jsonl

MODELS = ("a", "b", "c", "d")
DRAWS = 4


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The folder and what it is of."""

    folder: Path
    task: Jsonl
    samples: tuple[Sample, ...]

    def models(self) -> dict[str, Replay]:
        """Each recorded model."""
        return {name: Replay(run=self.folder, name=name) for name in MODELS}

    def play(self, policy: Policy) -> list[Record]:
        """What a policy really does on every problem, replayed call by call."""

        async def main() -> list[Record]:
            ledger: list[Span] = []
            for sample in self.samples:
                await observe(policy, self.task.request(sample), ledger=ledger)
            return [
                Record(sample=sample.id, policy=policy.name, span=span)
                for sample, span in zip(self.samples, ledger, strict=True)
            ]

        return simulate(main())

    def correct(self, found: list[Record]) -> list[float]:
        """1 or 0; nan where a recording is missing."""
        grades = asyncio.run(grading.grade(found, self.task, {sample.id: sample for sample in self.samples}))
        return [float("nan") if r.missing else float(bool(grades[r.key].correct)) for r in found]


def record(folder: Path, seed: int, problems: int = 30, *, holes: bool = True) -> Recording:
    """Make one; answers are numbers, of which the problem's own is right, costs are binary fractions of a dollar.

    Args:
        folder: an empty one.
        seed: of everything.
        problems: how many.
        holes: whether calls fail, are missing or of unknown cost.
    """
    dice = random.Random(seed)
    rows = [{"id": f"p{i}", "question": f"What is {i}?", "answer": str(i), "kind": "number"} for i in range(problems)]
    (folder / "task.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = Jsonl(path=folder / "task.jsonl")
    samples = tuple(task.samples())
    found = [
        Record(
            sample=sample.id,
            policy=name,
            draw=draw,
            span=Span(
                model=name,
                role="answer",
                request=task.request(sample).draw(draw),
                outcome=_outcome(dice, name, int(sample.target), holes),
                start=0.0,
                seconds=float(dice.randrange(1, 9)),
            ),
        )
        for sample in samples
        for name in MODELS
        for draw in range(DRAWS)
        if not (holes and dice.random() < 0.02)
    ]
    write_lines(folder / "records.jsonl", found)
    write_lines(folder / "samples.jsonl", samples)
    grades = asyncio.run(grading.grade(found, task, {sample.id: sample for sample in samples}))
    grading.write(grades, folder)
    return Recording(folder=folder, task=task, samples=samples)


def _outcome(dice: random.Random, name: str, target: int, holes: bool) -> Outcome:
    rank = MODELS.index(name)
    cost = None if holes and dice.random() < 0.02 else dice.randrange(1, 9) * 2.0 ** (rank - 12)
    usage = Usage(calls=1, input_tokens=10, output_tokens=dice.randrange(1, 6), cost=cost)
    if holes and dice.random() < 0.08:
        return Failure(kind="timeout", detail="as scripted", usage=usage)
    said = target if dice.random() < 0.4 + 0.12 * rank else target + dice.randrange(1, 4)
    text = "no idea" if holes and dice.random() < 0.1 else f"\\boxed{{{said}}}"
    mark = dice.choice(["<|c|>", "<|u|>", ""])
    logprobs = tuple(TokenLogprob(token="x", logprob=-dice.randrange(1, 8) / 4) for _ in range(2))
    message = Message(role="assistant", content=f"{text} {mark}")
    return Completion(model=name, message=message, usage=usage, finish_reason="stop", logprobs=logprobs)
