import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegate.completion import Completion, Failure, Span
from delegate.errors import SpecError
from delegate.message import Message, Request
from delegate.train.rewards import (
    Facts,
    Rubric,
    copied,
    critical_path,
    neutral,
    parts,
    plan_faults,
    read_format,
    step,
    total,
)

PLAN = ["List the facts of the case", "Find what speaks for it", "Find what speaks against it"]
TRICKS = ("count", "copy", "appeal")

amounts = st.none() | st.floats(0, 1e6, allow_nan=False)
rubrics = st.builds(
    Rubric,
    correct=st.floats(0, 10),
    margin=st.floats(0, 10),
    thresholds=st.sampled_from([(), (10.0, 20.0), (5.0,)]),
    cost=st.floats(0, 100),
    latency=st.floats(0, 100),
    most=st.floats(0, 5),
    format=st.floats(1.0, 5.0),
    fault=st.floats(0.0, 0.3),
)
worths = st.booleans().flatmap(
    lambda judged: st.builds(
        Facts,
        judged=st.just(judged),
        correct=st.none() if judged else st.booleans(),
        margin=st.floats(-100, 100) if judged else st.none(),
        cost=amounts,
        seconds=amounts,
    )
)


def earned(facts, rubric=Rubric()):  # noqa: B008 - a frozen value
    return total(parts(facts, rubric))


def judged(margin, *faults, cost=0.0, seconds=0.0):
    return Facts(judged=True, margin=margin, faults=faults, cost=cost, seconds=seconds)


@given(honest=worths, trick=worths, faults=st.sets(st.sampled_from([*TRICKS, "silent"]), min_size=1), rubric=rubrics)
def test_no_fault_earns_more_than_any_honest_rollout(honest, trick, faults, rubric):
    cheat = Facts(
        judged=honest.judged,
        correct=None if honest.judged else trick.correct,
        margin=100.0 if honest.judged else None,
        faults=faults,
        cost=trick.cost,
        seconds=trick.seconds,
    )
    assert earned(cheat, rubric) <= earned(honest, rubric) + 1e-9


@given(other=worths, broken=worths, faults=st.sets(st.sampled_from([*TRICKS, "silent"])), rubric=rubrics)
def test_a_broken_format_is_strictly_the_worst(other, broken, faults, rubric):
    rest = Facts(
        judged=broken.judged,
        correct=None if broken.judged else False,
        margin=-100.0 if broken.judged else None,
        faults=faults,
        cost=other.cost,
        seconds=other.seconds,
    )
    worst = Facts(judged=broken.judged, faults={"format"}, cost=broken.cost, seconds=broken.seconds)
    assert earned(worst, rubric) < earned(rest, rubric)


@pytest.mark.parametrize("fault", ["format", *TRICKS])
def test_each_fault_earns_less_than_the_worst_loss_whatever_that_cost(fault):
    loss = judged(-100.0, cost=1e9, seconds=1e9)
    assert earned(judged(100.0, fault)) < earned(loss)


def test_breaking_the_format_to_escape_a_loss_does_not_pay():
    assert earned(judged(-5.0)) == -1.0
    assert earned(judged(None, "format")) < earned(judged(-100.0)) == -3.0


@pytest.mark.parametrize(
    ("margin", "steps"),
    [(0, 0), (0.5, 1), (9.9, 1), (10, 2), (19.9, 2), (20, 3), (100, 3), (-0.5, -1), (-10, -2), (-20, -3)],
)
def test_the_margin_counts_in_steps(margin, steps):
    assert step(margin, (10.0, 20.0)) == steps


def test_without_thresholds_the_margin_itself_counts():
    assert earned(judged(37.0), Rubric(thresholds=())) == pytest.approx(0.37)


def test_the_reward_is_the_sum_of_its_parts_and_each_part_is_there():
    found = parts(Facts(judged=False, correct=True, cost=0.02, seconds=3.0), Rubric(latency=0.1))
    assert found == pytest.approx(
        {"correct": 1.0, "cost": -0.2, "latency": -0.3, "format": 0, "count": 0, "copy": 0, "appeal": 0}
    )
    assert total(found) == pytest.approx(0.5)


def test_an_unknown_cost_is_charged_as_the_highest_and_not_as_zero():
    known, dear, unknown = (earned(judged(5.0, cost=cost)) for cost in (0.01, 1e6, None))
    assert unknown == dear < known
    assert earned(judged(5.0, cost=None), Rubric(cost=0)) == earned(judged(5.0), Rubric(cost=0))


def test_what_the_judge_leaves_open_is_not_scored_and_moves_nothing_in_its_group():
    assert earned(judged(None)) is None
    assert earned(Facts(judged=False, correct=None, cost=0.0, seconds=0.0)) is None
    assert neutral([1.0, None, -3.0]) == [1.0, -1.0, -3.0]
    assert neutral([None, None]) == [0.0, 0.0]


@pytest.mark.parametrize(
    "fields",
    [{"cost": -1.0}, {"most": math.inf}, {"thresholds": (20.0, 10.0)}, {"thresholds": (0.0,)}, {"format": 0.75}],
)
def test_a_rubric_that_could_be_gamed_is_refused(fields):
    with pytest.raises(SpecError, match=f"`{next(iter(fields))}`"):
        Rubric(**fields)


@pytest.mark.parametrize(
    "text",
    [json.dumps(PLAN), f"```json\n{json.dumps(PLAN)}\n```", f"<think>[1]</think>\n{json.dumps(PLAN, indent=1)}\n"],
)
def test_a_plan_to_the_letter_is_read(text):
    assert read_format(text) == tuple(PLAN)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The answer is 42.",
        f"Here is my plan: {json.dumps(PLAN)}",
        f"{json.dumps(PLAN)}\nThe answer is 42.",
        "1. List the facts\n2. Weigh them\n3. Conclude",
        json.dumps({"subtasks": PLAN}),
        json.dumps([*PLAN, 4]),
        json.dumps([{"task": task} for task in PLAN]),
        "[" * 100_000,
        json.dumps(PLAN)[:-1],
    ],
)
def test_any_other_plan_is_a_broken_format(text):
    assert read_format(text) is None


def test_objects_are_read_where_they_were_asked_for():
    text = json.dumps([{"task": task, "needs": []} for task in PLAN])
    assert read_format(text, objects=True) == tuple(PLAN)
    assert read_format(json.dumps(PLAN), objects=True) is None


@pytest.mark.parametrize(
    ("subtasks", "faults"),
    [
        (PLAN, set()),
        (None, {"format"}),
        ([], {"format"}),
        (["", "", ""], {"format"}),
        (["...", "-", "\u200b"], {"format"}),
        ([*PLAN, " "], {"format"}),
        (["a", "b", "c"], {"format"}),
        (PLAN[:2], {"count"}),
        ([PLAN[0], PLAN[0].upper(), f"{PLAN[0]}!"], {"count"}),
        ([f"Do part number {i}" for i in range(20)], {"count"}),
    ],
)
def test_empty_too_few_too_many_and_equal_subtasks_are_faults(subtasks, faults):
    assert plan_faults(subtasks, 3, 5, Rubric()) == faults


def test_a_copy_is_known_by_its_words():
    answer = "Take the train to Vienna, stay for three nights, and go on to Graz by bus before the weekend begins."
    assert copied(answer, f"  **{answer.upper()}**\n")
    assert copied(f"{answer} Enjoy.", answer)
    assert not copied(f"{answer} Enjoy.", f"{answer} Or else fly to Rome and see whether you like it any better there.")
    assert not copied("", "")


def span(start, seconds, *children, role="answer"):
    outcome = Completion(model="m", message=Message(role="assistant"), trace=children)
    return Span(model="m", role=role, request=Request.of("?"), outcome=outcome, start=start, seconds=seconds)


def test_the_critical_path_is_the_longest_chain_of_calls():
    workers = [span(1.0, 2.0), span(1.0, 5.0), span(1.0, 3.0)]
    assert critical_path(span(0.0, 9.5, span(0.0, 1.0), *workers, span(6.5, 2.0))) == 8.0
    chained = span(1.0, 6.0, span(1.0, 2.0), span(3.0, 4.0), span(1.0, 1.0))
    assert critical_path(span(0.0, 99.0, chained)) == 6.0
    assert critical_path(span(0.0, 7.0)) == 7.0


def test_a_critical_path_of_unknown_times_is_unknown():
    lost = Failure(kind="server", detail="down", timed=False)
    gone = Span(model="m", role="worker", request=Request.of("?"), outcome=lost, start=0.0, seconds=None)
    assert critical_path(span(0.0, 9.0, span(0.0, 1.0), gone)) is None
