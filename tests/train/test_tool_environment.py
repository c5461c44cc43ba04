import asyncio
import json
from dataclasses import replace

import pytest

from delegate.completion import Completion, Usage
from delegate.errors import ModelError, SpecError
from delegate.generation.chat import read_calls
from delegate.message import Message, Request, ToolCall
from delegate.models.function import FunctionModel
from delegate.policies.briefs import how_many
from delegate.policies.called import opening
from delegate.policies.decompose import Decompose
from delegate.price import Price
from delegate.task import Grade, Sample
from delegate.train import grpo, sft
from delegate.train.environment import Environment
from delegate.train.live import Turn
from delegate.train.playing import Rollouts
from delegate.train.rewards import Facts, Rubric, parts, total
from delegate.train.tool_environment import ToolRollouts, check
from delegate.train.weights import quietly, read

pytest.importorskip("trl")

SAMPLE = Sample(id="s0", question="What is 0 plus 2?", target="2")
END = "<|im_end|>"
RIGHT, WRONG = f"The answer is 2.{END}", f"The answer is 9.{END}"
SUBTASKS = [f"add the numbers {word}" for word in ("once", "twice", "again", "anew", "afresh", "at last")]


def call(many, name="delegate", argument="subtasks"):
    body = {"name": name, "arguments": {argument: SUBTASKS[:many]}}
    return f"<tool_call>\n{json.dumps(body)}\n</tool_call>"


BROKEN = '<tool_call>\n{"name": "delegate", "arg'
FIRST = [call(3), call(2), BROKEN, call(4), call(6), call(3, argument="tasks"), call(3) + "\n" + call(4), call(3)]
"""What each of eight rollouts says first: as asked, too few, no call, as asked, too many, a wrong name, two calls."""
FAULTS = [(), ("count",), ("format",), (), ("count",), ("format",), ("format",), ("silent",)]
ANSWERS = [RIGHT, RIGHT, "", WRONG, RIGHT, RIGHT, RIGHT, END]


class Sums:
    name = "sums"

    def samples(self):
        return [SAMPLE]

    def request(self, sample):
        return Request.of(sample.question)

    def grade(self, sample, text):
        right = f" {sample.target}." in text
        return Grade(correct=right, answer=text, method="whole", verdict="equal" if right else "different", kind="text")


def work(request):
    """A worker that fails at its second subtask, and costs a cent a call."""
    if "twice" in request.question:
        raise ModelError.of("server", "broke", usage=Usage(calls=1, cost=0.01))
    message = Message(role="assistant", content=f"WORK {request.question} " + "x" * 1500)
    return Completion(model="worker", message=message, usage=Usage(calls=1, cost=0.01), finish_reason="stop")


def environment(**settings):
    policy = Decompose(
        delegator=FunctionModel(function=lambda request: "", name="nobody"),
        workers=(FunctionModel(function=work, name="worker"),),
        style="tool",
    )
    return Environment(task=Sums(), policy=policy, **settings)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from toolmodel import build

    return build(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def weights(folder):
    return read(folder)


def hosting(weights, **settings):
    said = grpo.Settings(steps=2, prompts=1, group=8, lora=0, rate=1e-3, longest=3000, batch=8)

    def count(request):
        return len(weights.tokens.prompt(request))

    price = Price(input=1.0, output=1.0)
    return said, ToolRollouts(environment(**settings), {"s0": SAMPLE}, said, count, weights.end, price)


def scripted(trainer, first=FIRST, answers=ANSWERS):
    """The same trainer, saying what it is told to."""

    class Scripted(type(trainer)):
        def _generate_single_turn(self, prompt_ids, images, fields, num_generations, has_tool_images=False):
            texts = [f"{text}{END}" for text in first]
            if num_generations == 1:
                called = [place for place, text in enumerate(first) if text != BROKEN]
                texts = [answers[place] for place in called]
            else:
                self.shown = prompt_ids[0]
            assert len(texts) == len(prompt_ids)
            return [self._tokenizer(text).input_ids for text in texts], None

        def _generate_and_score_completions(self, inputs):
            self.made = super()._generate_and_score_completions(inputs)
            return self.made

    trainer.__class__ = Scripted
    return trainer


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    weights = read(folder)
    settings, host = hosting(weights)
    with quietly(), host:
        trainer = scripted(grpo.make_trainer(weights, tmp_path_factory.mktemp("out"), host, settings))
        trainer.train()
    return trainer, host


def test_two_steps_of_scripted_rollouts(trained, weights):
    trainer, host = trained
    assert [row["step"] for row in trainer.state.log_history if "reward" in row] == [1, 2]
    assert [one.faults for one in host.last] == FAULTS
    assert [one.draw for one in host.last] == list(range(8, 16))

    # as rewards.py has it for the same facts
    for one in host.last:
        facts = Facts(
            judged=False, correct=one.answer == "The answer is 2.", faults=one.faults, cost=one.cost, seconds=None
        )
        assert one.parts == parts(facts, Rubric())
        assert one.reward == total(one.parts)
    assert host.last[0].reward == pytest.approx(1 - 10 * host.last[0].cost)
    worth = trainer.state.log_history[0]["reward"]
    assert worth == pytest.approx(sum(one.reward for one in host.last) / 8, abs=1e-4)

    # what the model reads is what it will be served with
    policy = environment().policy
    asked = opening(Request.of(SAMPLE.question), how_many(policy.minimum, policy.maximum))
    assert list(trainer.shown) == list(weights.tokens.prompt(asked))


def test_what_the_tool_returned_is_masked(trained):
    trainer, _ = trained
    decode, made = trainer.processing_class.decode, trainer.made
    for place, first in enumerate(FIRST):
        ids, kept = made["completion_ids"][place], made["completion_mask"][place].bool()
        own = kept & made["tool_mask"][place].bool()
        assert decode(ids[own]) == f"{first}{END}{ANSWERS[place]}"
        read_only = decode(ids[kept & ~own])
        assert ("WORK" in read_only) == (first in (call(3), call(4), call(6), FIRST[6]))
    assert "WORK" not in decode(made["prompt_ids"][0])


def test_a_failed_worker_is_part_of_its_rollout(trained):
    trainer, host = trained
    one = host.last[0]
    assert [(work.answer is None, work.failure) for work in one.work] == [
        (False, None),
        (True, "server: broke"),
        (False, None),
    ]
    assert one.reward is not None
    assert trainer.made["advantages"].abs().sum() > 0


def test_every_call_is_on_the_bill(trained):
    trainer, host = trained
    one = host.last[0]
    first, *workers, last = one.span.outcome.trace[0].outcome.trace
    assert [call.role for call in (first, *workers, last)] == ["delegator", "worker", "worker", "worker", "synthesis"]
    assert first.outcome.message.tool_calls[0].name == "delegate"
    assert last.outcome.text == "The answer is 2."
    size = len(trainer.processing_class(call(3) + END).input_ids)
    assert first.outcome.usage.output_tokens == size
    assert last.outcome.usage.output_tokens == pytest.approx(len("The answer is 2.") + 1, abs=1)
    tokens = sum(one.outcome.usage.input_tokens + one.outcome.usage.output_tokens for one in (first, last))
    assert one.cost == pytest.approx(0.03 + tokens / 1e6)
    assert (first.seconds, last.seconds, one.seconds) == (None, None, None)
    # nothing was handed out
    assert host.last[2].cost < 0.01


def test_what_workers_say_is_cut_so_that_an_answer_fits(trained):
    _, host = trained
    assert {len(work.answer) for work in host.last[3].work if work.answer} == {2 * 3000 // 5}


async def test_what_nobody_can_score_has_no_reward(weights):
    down = FunctionModel(function=lambda request: "no scores", name="judge")
    single = FunctionModel(function=lambda request: "It is two, I am sure of that.", name="single")
    _, host = hosting(weights, judge=down, single=single)
    found = []
    for _ in range(2):
        one = host.environment()
        one.reset(sample="s0", prompt=[])
        told = await one.delegate(SUBTASKS[:3])
        assert told.startswith(f"Subtask 1: {SUBTASKS[0]}\nResult: WORK")
        assert "failed: server" in told
        found.append(one)
    messages = [
        {"role": "assistant", "content": "", "tool_calls": [as_trl(call) for call in asked(3)]},
        {"role": "tool", "name": "delegate", "content": told},
        {"role": "assistant", "content": "The answer is 2."},
    ]
    logged = {}
    rewards = await host.reward([messages, messages[:1]], [[1] * 200, [1] * 100], found, logged.__setitem__)
    assert rewards == [None, host.last[1].reward]
    assert (host.last[0].unscored, host.last[1].faults) == ("judge", ("silent",))
    assert logged["rollout/unscored"] == 0.5


def asked(many):
    return (ToolCall(id="call_0", name="delegate", arguments=json.dumps({"subtasks": SUBTASKS[:many]})),)


def as_trl(call):
    return {"type": "function", "function": {"name": call.name, "arguments": json.loads(call.arguments)}}


async def test_a_wrong_spec_is_no_answer_of_a_tool(weights):
    def wrong(request):
        raise SpecError("the worker has no key")

    _, host = hosting(weights)
    worker = FunctionModel(function=wrong, name="worker")
    host.place = replace(host.place, policy=replace(host.place.policy, workers=(worker,)))
    one = host.environment()
    one.reset(sample="s0")
    with pytest.raises(SpecError, match="no key"):
        await one.delegate(SUBTASKS[:3])
    messages = [{"role": "assistant", "content": "", "tool_calls": [as_trl(call) for call in asked(3)]}]
    with pytest.raises(SpecError, match="no key"):
        await host.reward([messages], [[1]], [one], lambda name, value: None)


def test_what_trl_cannot_play_is_refused(folder):
    place = environment()
    plan = replace(place, policy=replace(place.policy, style="plan"))
    for wrong, why in [
        (plan, "say style = \"tool\" in 'decompose'"),
        (replace(place, seat="worker"), "the worker calls no tool"),
        (replace(place, rubric=Rubric(latency=1)), "set latency = 0"),
    ]:
        with pytest.raises(SpecError, match=why):
            check(wrong)
    tokenizer = read(folder).tokens.tokenizer
    tokenizer.chat_template += " "
    with pytest.raises(SpecError, match="trl does not know how"):
        grpo.check_tools(tokenizer)
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    with pytest.raises(SpecError, match="no place for tool calls"):
        grpo.check_tools(tokenizer)


def test_turns_that_call_are_imitated_as_the_template_writes_them(weights):
    def teach(request):
        if request.messages[-1].role == "tool":
            return "The answer is 2."
        return Completion(model="teacher", message=Message(role="assistant", tool_calls=asked(3)), finish_reason="stop")

    teacher = FunctionModel(function=teach, name="teacher")
    found = asyncio.run(environment().seated(teacher).rollout(SAMPLE))
    rows = sft.rows([found], weights, 4096)
    decode = weights.tokens.tokenizer.decode
    assert [decode([token for token in row["labels"] if token >= 0]) for row in rows] == [f"{call(3)}{END}", RIGHT]


class Caller:
    """Hands out, then answers; of every second rollout the call is broken."""

    def __init__(self, tokens):
        self.tokens = tokens

    async def say(self, request):
        text = call(3) if request.messages[-1].role != "tool" else "The answer is 2."
        text = BROKEN if request.index % 2 else text
        content, calls = read_calls(text)
        reply = Completion(model="caller", message=Message(role="assistant", content=content, tool_calls=calls))
        ids = self.tokens.tokenizer(text + END).input_ids
        return reply, Turn(tuple(self.tokens.prompt(request)), tuple(ids))


def test_our_own_loop_plays_the_same_policy(folder, tmp_path):
    weights = read(folder)
    settings = grpo.Settings(steps=1, prompts=1, group=2, lora=0, rate=1e-3, batch=8)
    with Rollouts(environment(), {"s0": SAMPLE}, settings, lambda network: Caller(weights.tokens)) as player:
        grpo.learn(weights, tmp_path, player, settings)
    ((good, broken),) = player.last
    assert (good.rollout.faults, broken.rollout.faults) == ((), ("format",))
    assert [len(one.turns) for one in (good, broken)] == [2, 1]
    assert "WORK" in weights.tokens.tokenizer.decode(good.turns[1].prompt)
