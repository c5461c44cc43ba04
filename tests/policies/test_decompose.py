import pytest

from delegate import Message, Request, SpecError, Tool
from delegate.completion import Failure
from delegate.errors import ModelError
from delegate.models.function import FunctionModel
from delegate.plain import digest
from delegate.policies.decompose import Decompose
from delegate.policies.plan import read_plan
from delegate.testing import scripted

REQUEST = Request.of("Plan my trip.")
PLAN = '["flights", "hotels", "food"]'


def echo(name):
    return FunctionModel(name=name, function=lambda request: f"{name} did {request.question}")


def policy(*turns, **fields):
    fields = {"workers": (echo("a"), echo("b")), **fields}
    return Decompose(delegator=scripted(*turns, name="big"), **fields)


async def test_the_parts_are_worked_on_in_turn_and_made_one_answer():
    completion = await policy(PLAN, "Here is your trip.").complete(REQUEST)
    assert completion.text == "Here is your trip."
    assert completion.notes == {"subtasks": 3, "delegated": 3, "failed": 0}
    assert [(span.model, span.role) for span in completion.trace] == [
        ("big", "delegator"),
        ("a", "worker"),
        ("b", "worker"),
        ("a", "worker"),
        ("big", "synthesis"),
    ]
    said = completion.trace[-1].request.question
    assert said.startswith("Plan my trip.")
    assert "Subtask 2: hotels\nResult: b did hotels" in said


async def test_one_failing_worker_does_not_sink_the_answer():
    down = scripted(Failure(kind="server", detail="broke"), name="b")
    completion = await policy(PLAN, "Here is your trip.", workers=(echo("a"), down)).complete(REQUEST)
    assert completion.text == "Here is your trip."
    assert completion.notes == {"subtasks": 3, "delegated": 2, "failed": 1}
    assert "Result: (failed: server; do this part yourself)" in completion.trace[-1].request.question


@pytest.mark.parametrize("plan", ["I cannot plan.", '["one", "two"]', "[]", ""])
async def test_without_a_readable_plan_the_delegator_answers(plan):
    pieces = []
    completion = await policy(plan, "Just go.").complete(REQUEST, emit=pieces.append)
    assert completion.text == "Just go."
    assert completion.notes == {"plan": "unreadable", "subtasks": 0, "delegated": 0, "failed": 0}
    assert completion.trace[-1].request == REQUEST
    assert pieces == ["Just go."]


async def test_too_many_subtasks_are_cut():
    completion = await policy('["1", "2", "3", "4", "5", "6", "7"]', "done").complete(REQUEST)
    assert completion.notes["subtasks"] == 5


@pytest.mark.parametrize(
    ("fields", "calls", "pinned"),
    [
        ({}, 7, "47f1fd3a5e831786017364d7abad11ab"),
        ({"minimum": 4, "maximum": 4}, 6, "84dcb7d16c9445294da47b488b3c2e55"),
        ({"minimum": 7, "maximum": 9}, 2, "e46f43987b9579a981d9ca1eecb69482"),
    ],
)
async def test_what_is_asked_stays_as_it_is_because_models_were_trained_on_it(fields, calls, pinned):
    asked = []

    def remember(name, reply):
        def answer(request):
            asked.append((name, request))
            return reply(request)

        return FunctionModel(name=name, function=answer)

    def fail(request):
        raise ModelError(Failure(kind="server", detail="broke"))

    plan = '["flights", {"id": 1, "task": "hotels"}, "food {x}", "4", "5", "6"]'
    delegator = remember("big", lambda request: plan if "JSON list" in request.question else "done")
    workers = (remember("a", lambda request: f"did {request.question}"), remember("b", fail))
    await Decompose(delegator=delegator, workers=workers, **fields).complete(REQUEST.draw(2))
    assert (len(asked), digest(asked)) == (calls, pinned)


async def test_a_synthesiser_of_its_own_makes_the_answer():
    completion = await policy(PLAN, synthesiser=scripted("from another", name="editor")).complete(REQUEST)
    assert completion.text == "from another"
    assert completion.trace[-1].model == "editor"


async def test_limits_and_tools_of_the_client_are_for_the_answer_alone():
    request = Request(
        messages=(
            *REQUEST.messages,
            Message(role="assistant", content="Where to?"),
            Message(role="user", content="Rome"),
        ),
        sampling=Request.of("", max_tokens=9, temperature=0.3).sampling,
        tools=(Tool(name="weather"),),
        extra={"response_format": {"type": "json_object"}},
        index=2,
    )
    trace = (await policy(PLAN, "done").complete(request)).trace
    for span in trace[:-1]:
        assert (span.request.sampling.max_tokens, span.request.sampling.temperature) == (None, 0.3)
        assert (span.request.tools, span.request.extra, span.request.index) == ((), {}, 2)
    last = trace[-1].request
    assert (last.sampling, last.tools, last.extra) == (request.sampling, request.tools, request.extra)
    assert [message.role for message in last.messages] == ["user", "assistant", "user"]


async def test_a_failing_delegator_fails():
    with pytest.raises(ModelError, match="server"):
        await policy(Failure(kind="server", detail="broke")).complete(REQUEST)


@pytest.mark.parametrize("fields", [{"workers": ()}, {"minimum": 0}, {"minimum": 4, "maximum": 3}])
def test_wrong_arguments_are_refused(fields):
    with pytest.raises(SpecError, match=f"`{next(iter(fields))}`"):
        policy(PLAN, **fields)


@pytest.mark.parametrize(
    "text",
    [
        PLAN,
        f"```json\n{PLAN}\n```",
        f"Let [me] think about [0, 1].\n\n{PLAN}\nI hope that helps [1].",
        '{"subtasks": ["flights", "hotels", "food"]}',
        '[{"id": "1", "task": "flights"}, {"id": "2", "task": "hotels"}, {"id": "3", "task": "food"}]',
        "Here you are:\n1. flights\n2. hotels\n3) food",
        "- flights\n* hotels\n• food",
        '[\n  "flights",\n  " hotels ",\n  "food",\n  ""\n]',
    ],
)
def test_a_plan_is_read_however_it_is_written(text):
    assert read_plan(text) == ["flights", "hotels", "food"]


@pytest.mark.parametrize("text", ["", "no plan", "[", "[" * 100_000, "[1, 2, 3]", '["a", "b"'])
def test_what_is_no_plan_is_empty(text):
    assert read_plan(text) == []
