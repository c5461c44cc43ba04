from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from comparisons import Run, above, leaf
from delegate.bench.draws import NOTHING, RECORDED, draws
from delegate.confidences.token import Token
from delegate.errors import SpecError
from delegate.price import Price


def noted(span, **notes):
    return replace(span, outcome=replace(span.outcome, notes=notes))


def example() -> Run:
    run = Run()
    run.add("p", leaf("a", "1/2", cost=0.25), correct=True)
    run.add("p", leaf("a", "0.5", cost=0.5), correct=True, draw=1)
    run.add("p", noted(leaf("b", "7"), confidence=0.3), correct=False)
    run.add("q", leaf("a", "no idea"), correct=False, answer=None)
    run.add("q", leaf("b", failure="timeout"))
    run.grades["q", "b", 0] = replace(run.grades["q", "a", 0], correct=False)
    run.add("q", above("cascade", leaf("a", "x"), leaf("b", "y")), correct=False)
    return run


def test_a_record_becomes_a_cell_of_each_array():
    run = example()

    found = draws(run.records, run.grades)

    assert found.problems == ("p", "q")
    assert found.models == ("a", "b")  # the policy is none
    np.testing.assert_array_equal(found.correct[0], [[1, 1], [0, np.nan]])
    np.testing.assert_array_equal(found.correct[1], [[0, np.nan], [0, np.nan]])
    assert found.cost[0, 0].tolist() == [0.25, 0.5]
    assert found.answer[0].tolist() == [[0, 0], [1, NOTHING]]  # a half is a half
    assert (found.answer[1] == NOTHING).all()
    assert found.signals[RECORDED][0, 1, 0] == 0.3
    assert found.length[0, 0, 0] == 5


def test_what_cannot_be_read_off_an_answer_is_unknown():
    run = example()
    run.add("r", leaf("a", "3 <|c|>"))

    found = draws(run.records, run.grades, models=["a"], confidences={"token": Token()})

    assert found.signals["token"][2, 0, 0] == 1.0
    assert np.isnan(found.signals["token"][2, 0, 1])


def test_prices_can_be_changed():
    run = example()

    found = draws(run.records, run.grades, prices={"a": Price(input=100_000, output=0)})

    assert found.cost[0, 0].tolist() == [1.0, 1.0]
    assert found.cost[0, 1, 0] == 0.0  # as recorded


def test_some_of_it_can_be_taken():
    run = example()

    found = draws(run.records, run.grades).take(np.array([1]), ["b"], 1)

    assert found.problems == ("q",)
    assert found.models == ("b",)
    assert found.correct.shape == (1, 1, 1)


def test_an_unknown_model_is_named():
    run = example()

    with pytest.raises(SpecError, match="nothing is recorded of 'c'"):
        draws(run.records, run.grades, models=["c"])
