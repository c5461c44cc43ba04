"""Tally: what one row of a comparison did, problem by problem, counted from its records into arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from delegate.bench.metrics import Floats
from delegate.completion import Completion, Span, Usage
from delegate.confidences.length import shortness
from delegate.confidences.logprob import likelihood
from delegate.errors import DataError
from delegate.store import Key, Record
from delegate.task import Grade

Kind = Literal["model", "policy", "baseline"]

TOKENS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")

SHARES = ("correct", "failed", "unanswered", "truncated", "doubtful")
SPENT = ("cost", "known_cost", "calls")
READ = ("length", "characters", "shortness", "likelihood", "silent")
NOTED = ("seconds", "escalated", "delegated", "confidence", *READ)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """One model, policy or baseline; every array runs along the same problems, nan where there is nothing to grade."""

    name: str
    kind: Kind
    correct: Floats
    """1 right, 0 wrong; of a baseline left to chance, the probability of being right."""
    failed: Floats
    unanswered: Floats
    truncated: Floats
    doubtful: Floats
    cost: Floats
    """US dollars; nan also where unknown, as in all that follow."""
    known_cost: Floats
    """The part of `cost` that is known."""
    calls: Floats
    seconds: Floats
    escalated: Floats
    """1 or 0; nan without such a note."""
    delegated: Floats
    """1 or 0; nan without such a note."""
    confidence: Floats
    """In the answer given; of a policy that escalates, in the first answer it had."""
    length: Floats
    """Output tokens of a given answer; infinite for a failed call, as are `characters`."""
    characters: Floats
    shortness: Floats
    """The confidence that falls with the length of a given answer."""
    likelihood: Floats
    """The geometric mean of the token probabilities of a given answer; nan without logprobs."""
    silent: Floats
    """1 where a confidence token was looked for and none came, else 0; nan for a failed call."""
    tokens: Mapping[str, Floats]
    """By name of a leaf, one row a problem, one column for each of `TOKENS`."""
    asked: tuple[tuple[str, ...], ...]
    """Of each problem, the models a policy asked for an answer, in the order it asked them."""
    answered: tuple[str, ...] = ()
    """Of each problem, the model whose answer a policy that escalates gave; empty where nobody says."""
    methods: Mapping[str, int] = field(default_factory=dict)
    note: str = ""

    @property
    def graded(self) -> NDArray[np.bool_]:
        """The problems there is something to grade of."""
        return ~np.isnan(self.correct)

    def accuracy(self, where: NDArray[np.bool_]) -> float:
        """The mean of `correct` over some graded problems; nan over none."""
        return float(np.mean(self.correct[where])) if where.any() else float("nan")


def tallies(
    rows: Mapping[str, Literal["model", "policy"]],
    samples: Sequence[str],
    records: Mapping[Key, Record],
    grades: Mapping[Key, Grade],
    draw: int = 0,
) -> list[Tally]:
    """Count one draw of every row on these problems.

    A failed call is wrong; a problem without a record, or whose recording is missing, is not graded. A row that is
    said to be a model and has calls beneath it is a recorded policy, and counts as a policy. A recorded policy knows
    its leaves by the names they were served under: those are taken for the models of this run that are the same.

    Raises:
        DataError: an answer has no grade.
    """
    found = {name: [_found(records, (sample, name, draw)) for sample in samples] for name in rows}
    names: dict[str, str] = {}
    for name, some in found.items():
        for record in some:
            if record is not None and isinstance(record.outcome, Completion) and not record.outcome.trace:
                names.setdefault(record.outcome.model, name)
    names |= {name: name for name in rows}
    return [_tally(name, kind, found[name], grades, names) for name, kind in rows.items()]


def _found(records: Mapping[Key, Record], key: Key) -> Record | None:
    record = records.get(key)
    return None if record is None or record.missing else record


def _tally(
    name: str, kind: Kind, records: Sequence[Record | None], grades: Mapping[Key, Grade], names: Mapping[str, str]
) -> Tally:
    facts = [_facts(record, grades) for record in records]
    columns: dict[str, Any] = {f: np.array([fact.get(f, np.nan) for fact in facts]) for f in SHARES + SPENT + NOTED}
    found = [grades[record.key].method for record in records if record is not None and record.text is not None]
    return Tally(
        name=name,
        kind="policy" if any(record is not None and record.outcome.trace for record in records) else kind,
        **columns,
        tokens=_tokens(records, names),
        asked=tuple(_asked(record, names) for record in records),
        answered=tuple(_answered(record, names) for record in records),
        methods=dict(Counter(found).most_common()),
    )


def _facts(record: Record | None, grades: Mapping[Key, Grade]) -> dict[str, float]:
    """The numbers of one record by name of array; what is unknown is left out."""
    if record is None:
        return {}
    outcome, usage, notes = record.outcome, record.outcome.usage, record.outcome.notes
    costs = [leaf.outcome.usage.cost for leaf in record.span.leaves()]
    facts: dict[str, float | None] = {
        "cost": usage.cost,
        "known_cost": sum(cost for cost in costs if cost is not None),
        "calls": usage.calls,
        "seconds": record.span.seconds,
        "escalated": float(bool(notes["escalated"])) if "escalated" in notes else None,
        "delegated": float(bool(notes["delegated"])) if "delegated" in notes else None,
    }
    if isinstance(outcome, Completion):
        facts |= _graded(outcome, _grade(record, grades))
    else:
        facts |= dict.fromkeys(SHARES, 0.0) | {"failed": 1.0, "length": np.inf, "characters": np.inf}
    return {name: value for name, value in facts.items() if value is not None}


def _grade(record: Record, grades: Mapping[Key, Grade]) -> Grade:
    if record.key not in grades:
        place = f"draw {record.draw} of {record.policy!r} on problem {record.sample!r}"
        raise DataError(place, "has no grade; run `delegate grade` on this run")
    return grades[record.key]


def _graded(outcome: Completion, grade: Grade) -> dict[str, float | None]:
    return {
        "correct": float(bool(grade.correct)),
        "failed": 0.0,
        "unanswered": float(grade.answer is None),
        "truncated": float(outcome.finish_reason == "length" or grade.method == "truncated"),
        "doubtful": float(grade.correct is None or grade.verdict in {"doubt", "timeout", "crash"}),
        "confidence": _confidence(outcome.notes),
        "length": outcome.usage.output_tokens,
        "characters": len(outcome.text),
        "shortness": shortness(outcome),
        "likelihood": None if outcome.logprobs is None else likelihood(outcome.logprobs),
        "silent": float(outcome.notes.get("token") == "none"),
    }


def _confidence(notes: Mapping[str, Any]) -> float | None:
    scores = notes.get("confidences")
    first = scores[0] if isinstance(scores, (list, tuple)) and scores else notes.get("confidence")
    return first if isinstance(first, (int, float)) and not isinstance(first, bool) else None


def _tokens(records: Sequence[Record | None], names: Mapping[str, str]) -> dict[str, Floats]:
    """Tokens by name of a leaf; a model that was not asked spent none."""
    counts: dict[str, Floats] = {}
    for i, record in enumerate(records):
        for leaf in record.span.leaves() if record is not None else ():
            usage = leaf.outcome.usage
            if usage == Usage():  # nobody was asked, such as a policy that failed before its first call
                continue
            spent = [np.nan if (n := getattr(usage, kind)) is None else n for kind in TOKENS]
            name = names.get(leaf.model, leaf.model)
            counts.setdefault(name, np.zeros((len(records), len(TOKENS))))[i] += spent
    return counts


def _asked(record: Record | None, names: Mapping[str, str]) -> tuple[str, ...]:
    spans: Sequence[Span] = () if record is None else record.outcome.trace
    answering = [span.model for span in sorted(spans, key=lambda span: span.start) if span.role == "answer"]
    return tuple(names.get(model, model) for model in answering)


def _answered(record: Record | None, names: Mapping[str, str]) -> str:
    notes = {} if record is None else record.outcome.notes
    model = notes.get("answered_by", notes.get("route"))
    return names.get(model, model) if isinstance(model, str) else ""
