"""What a rollout earns: correctness or the judged margin, less cost and time, unless a fault forfeits it; pure.

The parts are those of the delegation environment this began with: steps of the judged margin over a single model's
answer, and a format. Deviations, each against a way to earn by cheating: a fault forfeits what the answer is worth, so
that it counts as the worst honest outcome and no fault pays; a broken format is strictly below all else; cost and time
count; both orders of the judge are averaged; what the judge leaves open is not scored, rather than scored badly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from delegate.answer.extraction import visible
from delegate.completion import Span
from delegate.errors import SpecError

Fault = Literal["format", "count", "copy", "appeal", "silent"]
"""The plan is not what was asked for to the letter · too few or too many subtasks, equal ones counted once · the answer
is the single model's · it speaks to the judge · there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """How the parts of a reward are weighed. The reward is the sum of its parts."""

    correct: float = 1.0
    """For a right answer to a problem whose answer is known; a wrong one earns 0."""
    margin: float = 1.0
    """For each step by which the judge prefers the answer to the single model's; as much is lost where it is worse."""
    thresholds: tuple[float, ...] = (10.0, 20.0)
    """Points of 100 beyond which the margin is another step: 1, 2 and 3 as they stand. Empty: the margin itself counts,
    100 points as one step."""
    cost: float = 10.0
    """Lost for each US dollar that the policy spent; the judge's and the single model's are not its own."""
    latency: float = 0.0
    """Lost for each second of the critical path."""
    most: float = 1.0
    """What cost and time take at most, each. A cost or a time that nobody knows takes as much, lest it pay to hide."""
    letters: int = 6
    """A subtask of fewer letters and digits is empty."""
    format: float = 1.0
    """Lost for a broken format, below the worst honest outcome; more than all other faults together."""
    fault: float = 0.25
    """Lost for wrong count, copy and appeal each, below the worst honest outcome."""

    def __post_init__(self) -> None:
        for name in ("correct", "margin", "cost", "latency", "most", "fault"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise SpecError(f"`{name}` must be a number not below 0, found {getattr(self, name)}")
        if list(self.thresholds) != sorted({step for step in self.thresholds if 0 < step <= 100}):
            raise SpecError(f"`thresholds` must rise, above 0 and up to 100, found {list(self.thresholds)}")
        if not 3 * self.fault < self.format < float("inf"):
            raise SpecError(f"`format` must be above 3 * `fault`, or it would not be the worst; found {self.format}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a rollout, as far as its reward goes."""

    judged: bool
    """Whether a judge says what the answer is worth; else the task does."""
    correct: bool | None = None
    """What the task says; `None` when it cannot."""
    margin: float | None = None
    """Points of 100 by which the judge prefers the answer, 0 for a tie; `None` when it could not be read."""
    faults: Collection[Fault] = ()
    cost: float | None
    """US dollars that the policy spent; `None` when unknown."""
    seconds: float | None
    """Of the critical path; `None` when unknown."""


def parts(facts: Facts, rubric: Rubric) -> dict[str, float | None]:
    """Each part of the reward, by name; `None` for what the answer is worth where nobody can say."""
    forfeit = bool(facts.faults)
    cost, seconds = (None, None) if forfeit else (facts.cost, facts.seconds)
    lost = {"format": rubric.format, "count": rubric.fault, "copy": rubric.fault, "appeal": rubric.fault}
    return {
        "margin" if facts.judged else "correct": _lowest(facts, rubric) if forfeit else _worth(facts, rubric),
        "cost": _toll(cost, rubric.cost, rubric.most),
        "latency": _toll(seconds, rubric.latency, rubric.most),
        **{fault: -weight if fault in facts.faults else 0.0 for fault, weight in lost.items()},
    }


def _worth(facts: Facts, rubric: Rubric) -> float | None:
    if facts.judged:
        return None if facts.margin is None else rubric.margin * step(facts.margin, rubric.thresholds)
    return None if facts.correct is None else rubric.correct * facts.correct


def _lowest(facts: Facts, rubric: Rubric) -> float:
    return rubric.margin * step(-100.0, rubric.thresholds) if facts.judged else 0.0


def _toll(spent: float | None, rate: float, most: float) -> float:
    if not rate:
        return 0.0
    return -most if spent is None else max(-most, -rate * spent)


def total(found: Mapping[str, float | None]) -> float | None:
    """The reward: the sum of its parts; `None` where one of them is."""
    known = [value for value in found.values() if value is not None]
    return sum(known) if len(known) == len(found) else None


def step(margin: float, thresholds: Sequence[float]) -> float:
    """A margin in points of 100 as steps: 1 below the first threshold, 2 from there, and so on; 0 for a tie."""
    if not thresholds:
        return margin / 100
    steps = 1 + sum(abs(margin) >= threshold for threshold in thresholds)
    return float(steps if margin > 0 else -steps if margin < 0 else 0)


def neutral(rewards: Sequence[float | None]) -> list[float]:
    """The rewards of one group with its own mean where there is none, so that what is not scored moves nothing.

    A trainer that takes no reward for a reward of 0 would prefer an unreadable judge to a loss.
    """
    known = [reward for reward in rewards if reward is not None]
    mean = sum(known) / len(known) if known else 0.0
    return [mean if reward is None else reward for reward in rewards]


def read_format(text: str, *, objects: bool = False) -> tuple[str, ...] | None:
    """The subtasks of a plan that is to the letter what was asked for; `None` for any other.

    Nothing but a JSON list of strings; thinking before it, and one code fence around it, are let pass.

    Args:
        text: the delegator's own words.
        objects: whether objects with a `task` were asked for, in place of strings.
    """
    body = visible(text).strip()
    if (fenced := re.fullmatch(r"```(?:json)?[ \t]*\n(.*)\n```", body, re.DOTALL)) is not None:
        body = fenced[1]
    try:
        items: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(items, list):
        return None
    tasks: list[Any] = [item.get("task") if isinstance(item, dict) else None for item in items] if objects else items
    return tuple(tasks) if all(isinstance(task, str) for task in tasks) else None


def plan_faults(subtasks: Sequence[str] | None, minimum: int, maximum: int, rubric: Rubric) -> set[Fault]:
    """What is wrong with a plan.

    Args:
        subtasks: as `read_format` has them; with none, or an empty one, the format is broken.
        minimum: how many different ones were asked for at least.
        maximum: how many at most.
        rubric: what an empty one is.
    """
    said = [_words(subtask) for subtask in subtasks or ()]
    if not said or any(len("".join(words)) < rubric.letters for words in said):
        return {"format"}
    distinct = len({tuple(words) for words in said})
    return set() if distinct >= minimum and len(said) <= maximum else {"count"}


def copied(answer: str, other: str) -> bool:
    """Whether two answers are the same words in the same order, but for a tenth added before or after."""
    short, long = sorted((_words(answer), _words(other)), key=len)
    inside = f" {' '.join(short)} " in f" {' '.join(long)} "
    return bool(short) and inside and len(short) >= 0.9 * len(long)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", visible(text).casefold())


def critical_path(span: Span) -> float | None:
    """Seconds of the longest chain of calls beneath, each begun when the one before had ended; `None` when unknown.

    What passes between calls, and the wait for a turn that is in nobody's span, is left out.
    """
    if not span.outcome.trace:
        return span.seconds
    ended: list[tuple[float, float]] = []  # when a call was over, and the longest chain that ends with it
    for call in sorted(span.outcome.trace, key=lambda call: call.start):
        length = critical_path(call)
        if length is None or call.seconds is None:
            return None
        before = max((chain for end, chain in ended if end <= call.start + _ROUNDING), default=0.0)
        ended.append((call.start + call.seconds, before + length))
    return max(chain for _, chain in ended)


_ROUNDING = 1e-5
"""Seconds: what rounding makes of times since 1970."""
