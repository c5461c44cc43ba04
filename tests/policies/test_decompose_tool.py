import json

import pytest

from delegate import Completion, Message, Request, SpecError, Tool, ToolCall
from delegate.completion import Failure
from delegate.models.function import FunctionModel
from delegate.policies.called import plan
from delegate.policies.decompose import Decompose
from delegate.testing import scripted

REQUEST = Request.of("Plan my trip.", max_tokens=50)
WORKER = FunctionModel(name="worker", function=lambda request: f"did {request.question}")
SUBTASKS = ["flights", "hotels", "food"]


def turn(*calls, text=""):
    made = tuple(ToolCall(id=f"c{i}", name=name, arguments=arguments) for i, (name, arguments) in enumerate(calls))
    return Completion(model="big", message=Message(role="assistant", content=text, tool_calls=made))


def handing(subtasks=SUBTASKS, name="delegate"):
    return name, json.dumps({"subtasks": subtasks})


def policy(*turns, **fields):
    return Decompose(delegator=scripted(*turns, name="big"), style="tool", **{"workers": (WORKER,), **fields})


async def test_all_subtasks_go_out_in_one_call_and_the_conversation_goes_on():
    completion = await policy(turn(handing()), "Here is your trip.").complete(REQUEST)
    assert completion.text == "Here is your trip."
    assert completion.notes == {"subtasks": 3, "delegated": 3, "failed": 0}
    first, *workers, last = completion.trace
    assert [span.role for span in completion.trace] == ["delegator", "worker", "worker", "worker", "synthesis"]
    assert [span.request.sampling.max_tokens for span in (first, workers[0], last)] == [50, None, 50]
    assert first.request.tools == last.request.tools
    assert "into 3 to 5 subtasks" in first.request.question
    assert last.request.messages[:-2] == first.request.messages
    told = last.request.messages[-1]
    assert (told.role, told.tool_call_id) == ("tool", "c0")
    assert "Subtask 2: hotels\nResult: did hotels" in told.text


async def test_a_failed_worker_is_told_of():
    down = scripted(Failure(kind="server", detail="broke"), name="down")
    completion = await policy(turn(handing()), "Here.", workers=(WORKER, down)).complete(REQUEST)
    assert completion.notes["failed"] == 1
    assert "Result: (failed: server; do this part yourself)" in completion.trace[-1].request.messages[-1].text


async def test_who_calls_nothing_has_answered():
    completion = await policy("Stay at home.").complete(REQUEST)
    assert (completion.text, completion.notes["plan"], len(completion.trace)) == ("Stay at home.", "unreadable", 1)


@pytest.mark.parametrize(
    "call",
    [handing(["one"]), ("delegate", "{"), ("delegate", '{"tasks": []}'), ("delegate", "[1]"), ("fly", "{}")],
)
async def test_a_call_that_cannot_be_followed_is_answered_with_an_error(call):
    completion = await policy(turn(call), "Here.").complete(REQUEST)
    assert [span.role for span in completion.trace] == ["delegator", "synthesis"]
    assert completion.trace[-1].request.messages[-1].text.startswith("Error: ")
    assert completion.notes["plan"] == "unreadable"


async def test_only_the_first_call_is_followed_and_too_many_subtasks_are_dropped():
    completion = await policy(turn(handing([*SUBTASKS, *SUBTASKS]), handing()), turn(handing(), text="Here.")).complete(
        REQUEST
    )
    assert completion.notes["subtasks"] == 5
    assert completion.trace[-1].request.messages[-1].text.startswith("Error: only the first call")
    assert (completion.text, completion.message.tool_calls) == ("Here.", ())


async def test_a_clients_own_tool_stays_the_clients():
    request = Request(messages=REQUEST.messages, tools=(Tool(name="delegate"),))
    completion = await policy(turn(("delegate", "{}"))).complete(request)
    assert [call.name for call in completion.message.tool_calls] == ["delegate"]
    completion = await policy(turn(handing(name="delegate_")), "Here.").complete(request)
    assert (completion.text, completion.notes["delegated"]) == ("Here.", 3)


def test_a_turn_as_the_plan_it_stands_for():
    assert json.loads(plan(turn(handing()).message, "delegate")) == SUBTASKS
    for other in (turn(handing(), handing()), turn(handing(name="other")), turn(("delegate", "{"), text="so")):
        with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
            json.loads(plan(other.message, "delegate"))


@pytest.mark.parametrize("fields", [{"synthesiser": WORKER}, {"ordered": True}, {"strengths": {"worker": "all"}}])
def test_what_a_plan_alone_can_say_is_refused(fields):
    with pytest.raises(SpecError, match="`style` tool has no"):
        policy(**fields)
