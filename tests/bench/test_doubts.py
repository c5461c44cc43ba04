"""The confidence of a policy is judged by the answers it doubts, beside what costs nothing."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest

from comparisons import Run, above, leaf
from delegate.bench.comparison import Comparison, compare
from delegate.bench.signals import CONSTANT
from delegate.completion import TokenLogprob


def answered(name, words, logprob=None):
    span = leaf(name, "x " * words, tokens=(10, words), cost=0.01)
    tokens = None if logprob is None else (TokenLogprob(token="x", logprob=logprob),)
    return replace(span, outcome=replace(span.outcome, logprobs=tokens))


def cascade(name, score, small, *, silent=False):
    """Goes up below 0.5."""
    large = leaf("large", "long", tokens=(10, 100), cost=1.0, start=1.0)
    trace = (small, large) if score < 0.5 else (small,)
    notes = {"escalated": score < 0.5, "answered_by": trace[-1].model, "confidences": [score], "confidence": score}
    return above(name, *trace, **notes, **({"token": "none"} if silent else {}))


def run(problems=40, logprobs=True, good="good") -> Comparison:
    """The small model is wrong on every fourth problem, and long there; `good` knows, `bad` has it the wrong way."""
    made = Run()
    for i in range(problems):
        right = i % 4 > 0
        small = answered("small", 10 + i if right else 100 + i, log(0.9 if right else 0.5) if logprobs else None)
        made.add(f"p{i}", small, right)
        made.add(f"p{i}", leaf("large", cost=1.0), True)
        made.add(f"p{i}", cascade(good, float(right), small, silent=i == 0), True)
        made.add(f"p{i}", cascade("bad", 1.0 - right, small), right or i % 4 == 0)
    made.add("lost", leaf("small", failure="timeout"))
    made.add("lost", leaf("large", cost=1.0), True)
    rows = dict.fromkeys(("small", "large"), "model") | dict.fromkeys((good, "bad"), "policy")
    return compare(made.records, made.grades, rows, task="t", grader="1")


def test_signals_of_policies_stand_beside_the_baselines_on_the_same_answers():
    (found,) = run().signals

    assert (found.model, found.problems) == ("small", 40)  # a failed call is no answer to doubt
    signals = {signal.name: signal for signal in found.signals}
    assert list(signals) == ["good", "bad", "length", "logprob:mean", CONSTANT]
    assert [signals[name].auroc.value for name in signals] == [1.0, 0.0, 1.0, 1.0, 0.5]
    assert any(said.startswith("bad loses to length: AUROC") for said in signals["bad"].loses)
    assert any(said.startswith("bad loses to logprob:mean") for said in signals["bad"].loses)
    assert any(said.startswith("good is not surely better than length") for said in signals["good"].loses)


def test_a_signal_that_sends_nothing_up_is_judged_too():
    made = Run()
    for i in range(40):
        small, right = answered("small", 10 + i), i % 4 > 0
        made.add(f"p{i}", small, right)
        made.add(f"p{i}", cascade("meek", 0.9 if right else 0.6, small), right)

    (found,) = compare(made.records, made.grades, {"small": "model", "meek": "policy"}, task="t", grader="1").signals

    assert (found.model, found.signals[0].name) == ("small", "meek")
    assert found.signals[0].auroc.value == 1.0


def test_answers_without_a_token_are_counted():
    good, bad, *_ = run().signals[0].signals

    assert (good.silent, bad.silent) == (1, None)


def test_without_logprobs_there_is_no_such_baseline():
    assert "logprob:mean" not in [signal.name for signal in run(logprobs=False).signals[0].signals]


def test_who_answered_is_told_with_what_the_weak_model_would_have_said():
    kept, sent = run().handoffs["good"]

    assert (kept.model, kept.problems, kept.accuracy.value, kept.alone) == ("small", 30, 1.0, 1.0)
    assert (sent.model, sent.problems, sent.accuracy.value, sent.alone) == ("large", 10, 1.0, 0.0)
    assert sent.cost == pytest.approx(10 * 1.01)
    assert sent.output_tokens == sum(100 + i for i in range(0, 40, 4)) + 10 * 100


def test_a_policy_named_as_a_baseline_is_not_taken_for_it():
    (found,) = run(good="length").signals

    assert [signal.name for signal in found.signals][:3] == ["policy length", "bad", "length"]


def test_without_a_confidence_there_is_nothing_to_judge():
    made = Run()
    made.add("p", leaf("small"))

    comparison = compare(made.records, made.grades, {"small": "model"}, task="t", grader="1")

    assert (comparison.signals, comparison.handoffs) == ((), {})
