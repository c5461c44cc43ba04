"""What decompose can do beyond equal subtasks in turn: order, strengths, a route, a budget."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest

from delegate import Request, SpecError
from delegate.completion import Failure, Usage
from delegate.errors import ModelError
from delegate.models.function import FunctionModel
from delegate.models.replay import simulate
from delegate.policies.decompose import Decompose
from delegate.routes.asking import Asking
from delegate.spec import parse
from delegate.testing import check_policy, scripted

REQUEST = Request.of("Plan my trip.")
DIAMOND = json.dumps(
    [
        "flights",
        {"task": "hotels", "needs": []},
        {"task": "taxi", "needs": [1]},
        {"task": "bill", "needs": [3, 2]},
    ]
)
PRICED = Usage(calls=1, cost=0.25)


def policy(plan, *, said=None, **fields):
    """A decomposition by a scripted delegator that costs nothing; what workers are asked goes into `said`, by task."""
    delegator = scripted(plan, "Here is your trip.", name="big", usage=Usage(calls=1))
    fields = {"workers": tuple(worker(name, said=said) for name in ("maths", "words")), **fields}
    return Decompose(delegator=delegator, **fields)


def worker(name, *, said=None, cost=0.25, seconds=None, broken=()):
    """A worker that takes as long as `seconds` says for a task, and fails at those that are `broken`."""

    async def work(request):
        task = request.question.partition("\n")[0]
        if said is not None:
            said[task] = request.question
        await asyncio.sleep((seconds or {}).get(task, 0))
        if task in broken:
            raise ModelError(Failure(kind="server", detail="broke", usage=Usage(calls=1, cost=cost)))
        return f"{name} did {task}"

    return FunctionModel(name=name, function=work, usage=Usage(calls=1, cost=cost))


def done(completion):
    """Who was asked for which task, in the order the calls ended."""
    works = (span for span in completion.trace if span.role == "worker")
    return [(span.model, span.request.question.partition("\n")[0]) for span in works]


async def test_a_subtask_is_given_the_results_it_needs_and_no_others():
    said = {}
    completion = await policy(DIAMOND, said=said, ordered=True).complete(REQUEST)
    assert completion.notes == {"subtasks": 4, "delegated": 4, "failed": 0, "levels": 3}
    assert said["hotels"] == "hotels"
    assert said["bill"].endswith(
        "Subtask 2: hotels\nResult: words did hotels\n\nSubtask 3: taxi\nResult: maths did taxi"
    )
    assert "flights" not in said["bill"]
    assert "Subtask 4: bill\nResult: words did bill" in completion.trace[-1].request.question


def test_a_subtask_begins_as_soon_as_what_it_needs_is_there():
    seconds = {"flights": 1.0, "hotels": 5.0, "taxi": 2.0, "bill": 3.0}
    timed = policy(DIAMOND, ordered=True, workers=(worker("maths", seconds=seconds),))
    completion = simulate(timed.complete(REQUEST))
    spans = {span.request.question.partition("\n")[0]: span for span in completion.trace if span.role == "worker"}
    begin = completion.trace[0].start
    assert {task: span.start - begin for task, span in spans.items()} == pytest.approx(
        {"flights": 0, "hotels": 0, "taxi": 1, "bill": 5}, abs=1e-3
    )
    assert completion.trace[-1].start - begin == pytest.approx(8, abs=1e-3)


def test_subtasks_that_need_nothing_are_worked_on_at_the_same_time():
    slow = worker("maths", seconds={"flights": 2.0, "hotels": 2.0, "taxi": 2.0, "bill": 2.0})
    completion = simulate(policy(DIAMOND, workers=(slow,)).complete(REQUEST))
    assert completion.trace[-1].start - completion.trace[0].start == pytest.approx(2, abs=1e-3)
    assert "levels" not in completion.notes


async def test_who_needs_a_failed_result_is_told_and_works_without_it():
    said = {}
    workers = (worker("maths", said=said, broken={"flights"}), worker("words", said=said))
    completion = await policy(DIAMOND, ordered=True, workers=workers).complete(REQUEST)
    assert completion.text == "Here is your trip."
    assert completion.notes == {"subtasks": 4, "delegated": 3, "failed": 1, "levels": 3}
    assert said["taxi"].endswith("Subtask 1: flights\nResult: (failed: server; do this part yourself)")


@pytest.mark.parametrize("needs", [[1, 3], [3], [4], [0], [-1], ["1"], [True], [[1]], 1, "1", {"1": 1}])
async def test_a_plan_that_needs_what_does_not_precede_it_cannot_be_read(needs):
    plan = json.dumps(["flights", "hotels", {"task": "bill", "needs": needs}])
    completion = await policy(plan, ordered=True).complete(REQUEST)
    assert completion.notes == {"plan": "unreadable", "subtasks": 0, "delegated": 0, "failed": 0}
    assert completion.trace[-1].request == REQUEST


async def test_needs_count_only_in_an_ordered_plan():
    plan = json.dumps([{"task": "flights", "needs": [2], "worker": "words"}, {"task": "hotels", "needs": [1]}, "food"])
    completion = await policy(plan, strengths={"maths": "numbers"}).complete(REQUEST)
    assert completion.notes["workers"] == ["words", "words", "maths"]


async def test_a_plan_that_is_cut_keeps_its_needs():
    plan = json.dumps(["a", "b", {"task": "c", "needs": [1, 2]}, {"task": "d", "needs": [3]}])
    completion = await policy(plan, ordered=True, maximum=3).complete(REQUEST)
    assert completion.notes == {"subtasks": 3, "delegated": 3, "failed": 0, "levels": 2}


async def test_the_delegator_names_the_workers_by_their_strengths():
    plan = json.dumps([{"task": "flights", "worker": "words"}, {"task": "hotels", "worker": "words"}, "food"])
    completion = await policy(plan, strengths={"maths": "numbers"}).complete(REQUEST)
    assert sorted(done(completion)) == [("maths", "food"), ("words", "flights"), ("words", "hotels")]
    assert completion.notes == {
        "subtasks": 3,
        "delegated": 3,
        "failed": 0,
        "workers": ["words", "words", "maths"],
    }
    asked = completion.trace[0].request.question
    assert asked.endswith("The assistants:\nmaths: numbers\nwords: -")
    assert '"needs"' not in asked


async def test_where_nobody_has_the_name_it_is_the_one_whose_turn_it_is():
    plan = json.dumps([{"task": "flights", "worker": "gpt"}, {"task": "hotels", "worker": "gpt"}, {"task": "food"}])
    completion = await policy(plan, strengths={"words": "prose"}).complete(REQUEST)
    assert completion.notes["workers"] == ["maths", "words", "maths"]
    assert completion.notes["unknown_workers"] == ["gpt"]


async def test_order_and_strengths_go_together():
    plan = json.dumps(
        ["flights", {"task": "hotels", "worker": "maths"}, {"task": "bill", "needs": [1], "worker": "words"}]
    )
    completion = await policy(plan, ordered=True, strengths={"words": "prose"}).complete(REQUEST)
    assert completion.notes["workers"] == ["maths", "maths", "words"]
    assert completion.notes["levels"] == 2
    assert '[{"task": "...", "worker": "..."}, {"task": "...", "worker": "...", "needs": [1]}]' in (
        completion.trace[0].request.question
    )


@dataclass(frozen=True, kw_only=True)
class ByLength:
    """Long requests go to the last model; remembers what it was asked."""

    asked: list = field(default_factory=list)

    async def choose(self, request, models, scope):
        self.asked.append(request.question)
        return len(models) - 1 if len(request.question) > 6 else 0


async def test_a_route_chooses_by_what_the_worker_will_be_asked():
    route = ByLength()
    completion = await policy('["flights", "hotels", {"task": "x", "needs": [1]}]', ordered=True, route=route).complete(
        REQUEST
    )
    assert completion.notes["workers"] == ["words", "maths", "words"]
    assert route.asked[2].endswith("Result: words did flights")
    assert completion.trace[0].request.question.count("worker") == 0


async def test_a_route_that_asks_is_on_the_bill_and_one_that_fails_leaves_it_to_the_turn():
    plan = '["flights", "hotels", "food"]'
    asking = Asking(model=scripted("2", name="chooser"))
    completion = await policy(plan, route=asking).complete(REQUEST)
    assert completion.notes["workers"] == ["words", "words", "words"]
    assert [span.role for span in completion.trace].count("route") == 3
    failing = Asking(model=scripted(Failure(kind="timeout", detail="too slow")))
    completion = await policy(plan, route=failing).complete(REQUEST)
    assert completion.notes["workers"] == ["maths", "words", "maths"]
    assert completion.notes["route_failed"] == "timeout"


FIVE = '["a", "b", "c", "d", "e"]'


async def test_the_budget_stops_further_workers_and_the_synthesis_is_told():
    completion = await policy(FIVE, budget=0.6).complete(REQUEST)
    assert completion.notes == {"subtasks": 5, "delegated": 2, "failed": 0, "left_out": 3}
    assert done(completion) == [("maths", "a"), ("words", "b")]
    said = completion.trace[-1].request.question
    assert said.count("Result: (missing: nobody was asked; do this part yourself)") == 3
    assert completion.text == "Here is your trip."


def test_after_the_first_as_many_work_at_once_as_the_budget_pays_for():
    slow = worker("maths", seconds=dict.fromkeys("abcde", 1.0))
    for budget, waited, asked in ((10.0, 2, 5), (0.75, 2, 3), (0.25, 1, 1)):
        completion = simulate(policy(FIVE, budget=budget, workers=(slow,)).complete(REQUEST))
        assert len(done(completion)) == asked
        assert completion.trace[-1].start - completion.trace[0].start == pytest.approx(waited, abs=1e-3)


async def test_a_failed_call_counts_and_a_plan_may_use_the_budget_up():
    broken = (worker("maths", broken={"a"}),)
    completion = await policy(FIVE, budget=0.5, workers=broken).complete(REQUEST)
    assert completion.notes == {"subtasks": 5, "delegated": 1, "failed": 1, "left_out": 3}
    dear = scripted(FIVE, "done", name="big", usage=PRICED)
    completion = await Decompose(delegator=dear, workers=broken, budget=0.25).complete(REQUEST)
    assert completion.notes["left_out"] == 5


async def test_nobody_is_asked_once_a_cost_is_unknown():
    workers = (worker("maths"), worker("words", cost=None))
    completion = await policy(FIVE, budget=10.0, workers=workers).complete(REQUEST)
    assert completion.notes["left_out"] == 0  # all but the first began together
    ordered = json.dumps(["a", "b", {"task": "c", "needs": [2]}])
    completion = await policy(ordered, budget=10.0, workers=workers, ordered=True).complete(REQUEST)
    assert done(completion) == [("maths", "a"), ("words", "b")]
    assert completion.notes["left_out"] == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"strengths": {"gpt": "all"}}, "`strengths` names 'gpt', which is none of the workers: maths, words"),
        ({"strengths": {"maths": "numbers"}, "route": ByLength()}, "`strengths` and `route`"),
        ({"budget": 0.0}, "`budget`"),
        ({"budget": float("nan")}, "`budget`"),
    ],
)
def test_wrong_fields_are_refused(fields, message):
    with pytest.raises(SpecError, match=message):
        policy(FIVE, **fields)


def test_a_decomposition_with_a_route_as_a_table():
    leaf = {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1"}
    table = {
        "kind": "decompose",
        "delegator": "@a",
        "workers": ["@a", "@b"],
        "route": {"kind": "asking", "model": "@a"},
    }
    spec = parse({"a": leaf, "b": leaf, "main": table})
    assert isinstance(spec.models["main"].route, Asking)
    assert spec.resolved["main"]["route"]["model"] == "@a"
    assert set(spec.resolved["main"]) - {"kind"} == set(Decompose.__dataclass_fields__)


async def test_a_wrong_spec_beneath_a_worker_ends_the_command():
    def refuse(request):
        raise SpecError("no such draw")

    workers = (FunctionModel(name="maths", function=refuse), worker("words", seconds={"hotels": 9.0}))
    with pytest.raises(SpecError, match="no such draw"):
        await asyncio.wait_for(policy(DIAMOND, ordered=True, workers=workers).complete(REQUEST), 2)


def _plan_or_answer(request):
    return DIAMOND if "JSON list" in request.question else "4"


@pytest.mark.parametrize(
    "fields",
    [
        {"ordered": True},
        {"strengths": {"worker": "numbers"}},
        {"route": Asking(model=scripted("1", name="chooser"))},
        {"budget": 0.9, "ordered": True},
        {"budget": 100.0},
    ],
    ids=str,
)
async def test_conformance(fields):
    model = FunctionModel(name="model", function=_plan_or_answer, usage=PRICED)
    other = FunctionModel(name="worker", function=lambda _: "1", usage=PRICED)
    await check_policy(Decompose(delegator=model, workers=(other, model), **fields))
