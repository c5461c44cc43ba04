"""An example comparison with everything a report may meet, and runs in the making for tests of the bench."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

import numpy as np

from delegate.bench.comparison import Comparison, Row, Tokens
from delegate.bench.evaluation import Evaluation, HandOff
from delegate.bench.metrics import Interval
from delegate.bench.signals import Side, evaluate
from delegate.completion import Completion, Failure, Span, Usage
from delegate.message import Message, Request
from delegate.store import Key, Record
from delegate.task import Grade

PROBLEMS = 500
AGREE = "agree → flash"


def example(seed: int = 7) -> Comparison:
    """Twelve rows on 500 problems; the same seed gives the same comparison."""
    dice = random.Random(seed)
    return Comparison(
        task="math500",
        problems=PROBLEMS,
        seed=seed,
        reference="flash",
        weak="small",
        rows=(*_models(dice), *_policies(dice), *_baselines()),
        grader="1",
        spec="0123456789abcdef0123456789abcdef",
        created="2026-01-31T12:00:00Z",
        versions={"delegate": "0.1.0", "python": "3.11.0"},
        signals=(signals(),),
        handoffs={
            "token cascade": (
                HandOff(
                    model="small", problems=345, accuracy=_wilson(301, 345), alone=301 / 345, output_tokens=161_000
                ),
                HandOff(model="flash", problems=155, accuracy=_wilson(149, 155), alone=0.381, cost=1.26),
            )
        },
    )


def signals(strong: bool = False) -> Evaluation:
    """A policy's signal that loses to length, about the small model's answers."""
    dice = np.random.default_rng(7)
    right = (dice.random(PROBLEMS) < 0.72).astype(float)
    scores = {
        "token cascade": (dice.random(PROBLEMS) < 0.4 + 0.3 * right).astype(float),
        "length": np.clip(0.4 + 0.2 * right + dice.normal(0, 0.15, PROBLEMS), 0, 1),
    }
    small, large = (
        Side(name=name, correct=correct, cost=np.full(PROBLEMS, 1e-4), tokens=np.full(PROBLEMS, 460.0))
        for name, correct in (("small", right), ("flash", np.maximum(right, dice.integers(0, 2, PROBLEMS))))
    )
    silent = {"token cascade": (scores["token cascade"] == 0) & (np.arange(PROBLEMS) < 30)}
    return evaluate(scores, small, large if strong else None, silent=silent, task="math500", resamples=50)


def _models(dice: random.Random) -> tuple[Row, ...]:
    return (
        _row(dice, "small", 360, cost=0.03, small=(52_000, 230_000, 0), p50=4.1, recovered=0.0, risk=True),
        _row(dice, "medium", 404, cost=0.10, small=(52_000, 260_000, 0), p50=7.9, recovered=0.407),
        _row(dice, "flash-lite", 459, cost=0.28, small=(54_000, 690_000, 410_000), p50=3.2, recovered=0.917),
        _row(dice, "flash", 468, cost=2.79, large=(54_000, 1_110_000, 830_000), p50=9.6, recovered=1.0, best=AGREE),
        _row(dice, "pro", 465, 482, cost=21.40, small=(51_000, 2_130_000, 1_900_000), p50=24.0, missing=18),
        _row(dice, "unpriced", 448, cost=None, small=(None, None, None), recovered=0.815, failures=6),
    )


def _policies(dice: random.Random) -> tuple[Row, ...]:
    return (
        _row(
            dice, "token cascade", 450, cost=1.27, calls=1.31, escalated=0.31, large=(17_000, 480_000, 370_000),
            small=(52_000, 230_000, 0), p50=6.0, recovered=0.833, best="flash-lite", risk=True,
        ),
        _row(
            dice, AGREE, 473, cost=1.23, calls=2.2, escalated=0.274, large=(15_000, 430_000, 340_000),
            small=(104_000, 490_000, 0), p50=9.0, recovered=1.046,
        ),
        _row(
            dice, "hand-off", 462, cost=1.70, calls=1.46, escalated=0.46, large=(24_000, 600_000, 500_000),
            small=(80_000, 150_000, 20_000), p50=5.8, recovered=0.944, best=AGREE,
        ),
        _row(
            dice, "calculator tool", 441, cost=None, calls=2.16, delegated=0.58, large=(90_000, 210_000, None),
            small=(61_000, 140_000, 0), p50=12.7, recovered=0.75, failures=3,
        ),
    )  # fmt: skip


def _baselines() -> tuple[Row, ...]:
    common = {"kind": "baseline", "problems": PROBLEMS}
    return (
        Row(
            name="random 31 % small→flash", accuracy=_wilson(394, PROBLEMS), difference=_around(-0.148, 0.03),
            cost=0.89, known_cost=0.89, calls=1.31, escalated=0.31, recovered=0.315,
            note="The same share of problems escalated at random; the expected value.", **common,
        ),
        Row(
            name="shortest 31 % small→flash", accuracy=_wilson(436, PROBLEMS), difference=_around(-0.064, 0.028),
            cost=1.08, known_cost=1.08, calls=1.31, escalated=0.31, recovered=0.704,
            note="The small model's longest answers escalated, the same share of problems.", **common,
        ),
        Row(
            name="oracle small→flash", accuracy=_wilson(480, PROBLEMS), difference=_around(0.024, 0.014),
            cost=1.02, known_cost=1.02, calls=1.28, escalated=0.28, recovered=1.111,
            note="Escalates exactly when the small model is wrong; nothing real can.", **common,
        ),
    )  # fmt: skip


def _row(
    dice: random.Random,
    name: str,
    right: int,
    problems: int = PROBLEMS,
    *,
    cost: float | None,
    large: tuple[int | None, ...] = (0, 0, 0),
    small: tuple[int | None, ...] = (0, 0, 0),
    p50: float | None = None,
    best: str | None = None,
    risk: bool = False,
    **facts: object,
) -> Row:
    gap, odd = right / problems - 468 / PROBLEMS, dice.randrange(4, 14)
    return Row(
        name=name,
        kind="policy" if "calls" in facts else "model",
        problems=problems,
        accuracy=_wilson(right, problems),
        difference=_around(gap, 0.024) if name != "flash" else None,
        p_value=min(1.0, 0.0004 / gap**2) if name != "flash" else None,
        cost=cost,
        known_cost=0.37 if cost is None else cost,
        large=_tokens(large),
        small=_tokens(small),
        latency_p50=p50,
        latency_p95=None if p50 is None else p50 * 2.9,
        dominated_by=best,
        unanswered=odd // 2,
        truncated=odd,
        doubtful=odd % 3,
        methods={"boxed": problems - odd, "last number": odd // 2, "nothing": odd - odd // 2},
        risk_coverage=_curve(dice, right / problems) if risk else (),
        **{"calls": 1.0, **facts},
    )


def _tokens(counts: tuple[int | None, ...]) -> Tokens:
    entered, left, reasoning = counts
    return Tokens(input=entered, cached=None if entered is None else entered // 5, output=left, reasoning=reasoning)


def _wilson(right: int, n: int, z: float = 1.959964) -> Interval:
    p, centre = right / n, (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * (n * p * (1 - p) + z * z / 4) ** 0.5
    return Interval(value=p, low=centre - half, high=centre + half)


def _around(value: float, half: float) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def _curve(dice: random.Random, accuracy: float) -> tuple[tuple[float, float], ...]:
    """Errors grow likelier as confidence falls; the curve ends at coverage 1 with the row's own error rate."""
    wrong = round(PROBLEMS * (1 - accuracy))
    order = sorted(range(PROBLEMS), key=lambda i: dice.random() * (0.55 if i >= wrong else 1.0) + (i < wrong) * 0.25)
    errors = list(accumulate(int(i < wrong) for i in order))
    kept = range(10, PROBLEMS + 1, 10)
    return tuple((k / PROBLEMS, errors[k - 1] / k) for k in kept)


def leaf(
    model: str,
    text: str = "1",
    *,
    cost: float | None = 0.0,
    tokens: tuple[int | None, int | None] = (10, 5),
    failure: str | None = None,
    served: str = "",
    **span: Any,
) -> Span:
    """One call of an endpoint that says it is `served`; it answered, or failed with a failure of kind `failure`."""
    entered, left = tokens
    usage = Usage(calls=1, input_tokens=entered, output_tokens=left, cost=cost)
    message = Message(role="assistant", content=text)
    outcome = Completion(model=served or model, message=message, usage=usage, finish_reason="stop")
    lost = Failure(kind=failure, detail="as scripted", usage=usage) if failure else None
    facts = {"role": "answer", "request": Request.of("?"), "start": 0.0, "seconds": 1.0}
    return Span(model=model, outcome=lost or outcome, **{**facts, **span})


def above(name: str, *trace: Span, seconds: float | None = 1.0, **notes: Any) -> Span:
    """A policy's call over these calls; it says what the last of them said."""
    last, usage = trace[-1].outcome, Usage.total(span.outcome.usage for span in trace)
    facts: dict[str, Any] = {"usage": usage, "notes": notes, "trace": trace}
    outcome = replace(last, **facts) if isinstance(last, Failure) else replace(last, model=name, **facts)
    return Span(model=name, role="answer", request=Request.of("?"), outcome=outcome, start=0.0, seconds=seconds)


@dataclass
class Run:
    """Records and their grades, in the making."""

    records: dict[Key, Record] = field(default_factory=dict)
    grades: dict[Key, Grade] = field(default_factory=dict)

    def add(self, sample: str, span: Span, correct: bool | None = True, draw: int = 0, **facts: Any) -> None:
        """Write down one call, and its grade unless it failed."""
        record = Record(sample=sample, policy=span.model, draw=draw, span=span)
        self.records[record.key] = record
        if record.text is not None:
            verdict = "doubt" if correct is None else "equal" if correct else "different"
            known = {"answer": record.text, "method": "boxed", "verdict": verdict, "kind": "number"}
            self.grades[record.key] = Grade(correct=correct, **{**known, **facts})
