"""From graded records to examples: a question, the model's own answer to it, and the tag that says if it was right.

The data of Self-REF (Chuang et al. 2024, arXiv:2410.13284). Answers are what the model said, unchanged; only the tag is
new. Equal questions are all trained on or all held out. Right and wrong answers must occur in either part, or there
would be nothing to learn, and nothing to measure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from pathlib import Path
from random import Random
from typing import Literal

from delegate.bench.grade import read as read_grades
from delegate.completion import Completion
from delegate.confidences.length import Length
from delegate.confidences.logprob import likelihood
from delegate.errors import SpecError
from delegate.plain import digest
from delegate.registry import suggest
from delegate.store import Key, Record, records
from delegate.task import Grade
from delegate.train.example import Example, Examples, Tags, Turn

Mix = Literal["natural", "balanced"]

SPARE = "of the commoner kind, for balance"
"""Why answers are left out that would have been examples."""


def annotate(
    run: Path,
    *,
    model: str | None = None,
    tags: Tags | None = None,
    mix: Mix = "natural",
    held_out: float = 0.2,
    seed: int = 0,
) -> tuple[Examples, dict[str, int]]:
    """The examples of a graded run folder, and how many records make none, by reason.

    Args:
        run: the folder.
        model: which row, a single model; `None`: the only one there is.
        tags: the two tokens; `None`: the general ones.
        mix: natural: every answer; balanced: as many right as wrong ones are trained on, drawn by chance.
        held_out: share of the questions that is not trained on.
        seed: decides every chance.

    Raises:
        SpecError: there is nothing to make examples of; the sentence says why.
        DataError: no run folder, or a malformed line.
    """
    if not 0 < held_out < 1:
        raise SpecError(f"`held_out` must be between 0 and 1, found {held_out}")
    tags = tags or Tags()
    found, grades = records(run), read_grades(run)
    if not grades:
        raise SpecError(f"{run} is not graded yet; say `delegate grade {run}` first")
    name = _row(found.values(), model)
    made, left_out = examples([record for record in found.values() if record.policy == name], grades, tags)
    train, held = split(made, held_out, seed)
    for part, what in ((train, "train on"), (held, "hold out")):
        _both(part, name, what, left_out)
    if mix == "balanced":
        natural, train = train, balanced(train, seed)
        if spare := len(natural) - len(train):
            left_out[SPARE] = spare
    return Examples(model=name, tags=tags, train=tuple(train), held_out=tuple(held)), left_out


def examples(found: Iterable[Record], grades: Mapping[Key, Grade], tags: Tags) -> tuple[list[Example], dict[str, int]]:
    """An example for each record that can be one, and how many cannot, by reason.

    Raises:
        SpecError: an answer holds one of the tags.
    """
    made: list[Example] = []
    left_out: Counter[str] = Counter()
    for record in found:
        outcome, grade = record.outcome, grades.get(record.key)
        if not isinstance(outcome, Completion):
            left_out["not recorded" if record.missing else "failed"] += 1
        elif grade is None or grade.correct is None:
            left_out["not graded, or in doubt"] += 1
        elif reason := _unfit(record, outcome):
            left_out[reason] += 1
        else:
            made.append(_example(record, outcome, grade, tags))
    return made, dict(left_out)


def split(found: Sequence[Example], held_out: float, seed: int) -> tuple[list[Example], list[Example]]:
    """Those to train on, and those held out; equal questions stay together, the order stays as it is."""
    questions = defaultdict[str, list[int]](list)
    for place, example in enumerate(found):
        questions[digest(example.messages)].append(place)
    names = sorted(questions)
    Random(f"held out/{seed}").shuffle(names)
    away = {place for name in names[: round(held_out * len(names))] for place in questions[name]}
    kept = [example for place, example in enumerate(found) if place not in away]
    return kept, [example for place, example in enumerate(found) if place in away]


def balanced(found: Sequence[Example], seed: int) -> list[Example]:
    """As many right as wrong ones: all of the rarer, and of the others so many by chance; the order stays."""
    places = [[place for place, example in enumerate(found) if example.correct is kind] for kind in (True, False)]
    many = min(map(len, places))
    rng = Random(f"balanced/{seed}")
    return [found[place] for place in sorted(place for each in places for place in rng.sample(each, many))]


def counted(left_out: Mapping[str, int]) -> str:
    """How many of what, in words."""
    return ", ".join(f"{many} {reason}" for reason, many in sorted(left_out.items()))


def _row(found: Iterable[Record], model: str | None) -> str:
    """The name of the row that is asked for, which must be a single model's."""
    traced: dict[str, bool] = {}
    for record in found:
        traced[record.policy] = traced.get(record.policy, False) or bool(record.outcome.trace)
    alone = [name for name, above in traced.items() if not above]
    if model is None and len(alone) == 1:
        return alone[0]
    if model is None:
        raise SpecError(f"say with --model whose answers to take; recorded alone: {', '.join(alone) or 'nobody'}")
    if model not in traced:
        raise SpecError(f"nothing is recorded of {model!r}{suggest(model, alone)}")
    if model not in alone:
        raise SpecError(f"{model!r} is a policy, and a tag is taught with a model's own answers{suggest(model, alone)}")
    return model


def _unfit(record: Record, outcome: Completion) -> str:
    """Why an answer makes no example; empty when it does."""
    request = record.span.request
    if request.tools or any(message.tool_calls for message in (*request.messages, outcome.message)):
        return "with tools"
    if any(not isinstance(message.content, str) for message in request.messages):
        return "asked with more than text"
    if not outcome.text.strip():
        return "empty"
    if outcome.finish_reason == "length":
        return "cut short"
    if outcome.usage.reasoning_tokens:
        return "with thoughts that are not in the text"
    return ""


def _example(record: Record, outcome: Completion, grade: Grade, tags: Tags) -> Example:
    if any(tag in outcome.text for tag in tags):
        raise SpecError(
            f"the answer of {record.policy!r} to {record.sample!r} holds a tag already; "
            "take answers from before it was taught one, or other tags"
        )
    return Example(
        id=record.sample,
        draw=record.draw,
        model=record.policy,
        messages=tuple(Turn(role=each.role, content=each.text) for each in record.span.request.messages),
        text=outcome.text,
        tag=tags.confident if grade.correct else tags.unsure,
        correct=bool(grade.correct),
        answer=grade.answer,
        signals=_signals(outcome),
    )


def _signals(outcome: Completion) -> dict[str, float]:
    """As the confidences of these names score an answer; what was not recorded is left out."""
    tokens = outcome.usage.output_tokens
    half = Length().half
    signals = {} if tokens is None else {"length": half / (half + tokens)}
    if outcome.logprobs:
        signals |= {f"logprob:{statistic}": likelihood(outcome.logprobs, statistic) for statistic in ("mean", "min")}
    return {name: value for name, value in signals.items() if not isnan(value)}


def _both(part: Sequence[Example], model: str, what: str, left_out: Mapping[str, int]) -> None:
    """See that there are right and wrong answers."""
    right = sum(example.correct for example in part)
    if 0 < right < len(part):
        return
    without = f" (left out: {counted(left_out)})" if left_out else ""
    if not part:
        raise SpecError(f"there is no answer of {model!r} to {what}{without}; record more problems")
    kind, other = ("right", "harder") if right else ("wrong", "easier")
    raise SpecError(
        f"all {len(part)} answers of {model!r} to {what} are {kind}{without}, and a tag needs both kinds; "
        f"record more problems, or {other} ones"
    )
