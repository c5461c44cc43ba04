"""Every built-in policy passes the suite that plug-ins are held to."""

import pytest

from delegate import Completion, Message, Request, ToolCall
from delegate.confidences.agreement import Agreement
from delegate.confidences.consistency import Consistency
from delegate.models.function import FunctionModel
from delegate.policies.cascade import Cascade
from delegate.policies.decompose import Decompose
from delegate.policies.fallback import Fallback
from delegate.policies.mux import Mux
from delegate.policies.router import Router
from delegate.policies.tool import ToolDelegation
from delegate.policies.vote import Vote
from delegate.routes.asking import Asking
from delegate.testing import check_policy


def cascade(models):
    return Cascade(models=models, confidence=Consistency(model=models[0], draws=3), thresholds=(0.9, 0.9))


def nested(models):
    small, middle, large = models
    vote = Vote(models=(small, middle), draws=2)
    inner = Cascade(models=(vote, large), confidence=Agreement(models=(middle,)), thresholds=(1,))
    return Fallback(models=(inner, Mux(models=models, draws=2)))


@pytest.mark.parametrize(
    "make",
    [
        cascade,
        nested,
        lambda models: Fallback(models=models),
        lambda models: Mux(models=models, draws=3),
        lambda models: Mux(models=models, draws=3, early_stop=True, temperature=0.7),
        lambda models: Router(models=models[1:], route=Asking(model=models[0])),
        lambda models: Vote(models=models, draws=2),
        lambda models: Decompose(delegator=models[0], workers=models[1:]),
        lambda models: ToolDelegation(delegator=models[0], worker=models[1]),
    ],
)
async def test_over_any_models(make):
    await check_policy(make)


def plan_or_answer(request):
    return '["a", "b", "c"]' if "JSON list" in request.question else "4"


async def test_decompose_with_a_plan():
    model = FunctionModel(name="model", function=plan_or_answer)
    await check_policy(
        Decompose(delegator=model, workers=(FunctionModel(name="worker", function=lambda _: "1"), model))
    )


async def test_decompose_by_a_tool():
    def hand_out(request):
        if request.messages[-1].role == "tool" or not request.tools:
            return "4"
        calls = (ToolCall(id="0", name=request.tools[-1].name, arguments='{"subtasks": ["a", "b", "c"]}'),)
        return Completion(
            model="model", message=Message(role="assistant", tool_calls=calls), finish_reason="tool_calls"
        )

    model = FunctionModel(name="model", function=hand_out)
    worker = FunctionModel(name="worker", function=lambda _: "1")
    await check_policy(Decompose(delegator=model, workers=(worker, model), style="tool"))


def call_then_answer(request):
    if any(message.role == "tool" for message in request.messages):
        return "4"
    calls = tuple(ToolCall(id=str(i), name="delegate", arguments=f'{{"task": "part {i}"}}') for i in range(2))
    return Completion(model="model", message=Message(role="assistant", tool_calls=calls), finish_reason="tool_calls")


async def test_tool_delegation_with_calls():
    delegator = FunctionModel(name="delegator", function=call_then_answer)
    worker = FunctionModel(name="worker", function=lambda _: "2")
    await check_policy(ToolDelegation(delegator=delegator, worker=worker), Request.of("2 + 2?"))
