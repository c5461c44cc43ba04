import asyncio
import json
from dataclasses import replace

import pytest

from delegate.completion import Completion
from delegate.errors import ModelError, SpecError
from delegate.message import Message, Request
from delegate.models.function import FunctionModel
from delegate.plain import build, plain
from delegate.policies.decompose import Decompose
from delegate.task import Grade, Sample
from delegate.train import sft
from delegate.train.environment import Environment
from delegate.train.grpo import Settings, learn, make_trainer
from delegate.train.live import Live, Played, Turn, engine, play
from delegate.train.playing import Rollouts, sequences, slots
from delegate.train.rollout import Rollout
from delegate.train.weights import quietly, read, write

SAMPLES = {f"s{i}": Sample(id=f"s{i}", question=f"What is {i} plus 2?", target=str(i + 2)) for i in range(3)}
PLAN = json.dumps(["add the two numbers", "add them once more", "say what they are"])
ANSWERS = ("The answer is 2.", "The answer is 9.")
"""Right for the first problem, and for none."""


class Sums:
    name = "sums"

    def samples(self):
        return list(SAMPLES.values())

    def request(self, sample):
        return Request.of(sample.question)

    def grade(self, sample, text):
        right = f" {sample.target}." in text
        return Grade(correct=right, answer=text, method="whole", verdict="equal" if right else "different", kind="text")


def worker(request):
    return "the work of a worker"


def environment(work=worker, **settings):
    policy = Decompose(
        delegator=FunctionModel(function=lambda request: "", name="nobody"),
        workers=(FunctionModel(function=work, name="worker"),),
    )
    return Environment(task=Sums(), policy=policy, **settings)


class Scripted:
    """Plans as told by draw, then answers; its tokens are those of a tokenizer."""

    def __init__(self, tokens, plans=(PLAN, "no plan", PLAN, PLAN), answers=(*ANSWERS, *ANSWERS)):
        self.tokens, self.plans, self.answers = tokens, plans, answers

    async def say(self, request):
        place = request.index % len(self.plans)
        text = (self.plans if "JSON list" in request.question else self.answers)[place]
        if isinstance(text, ModelError):
            return text, None
        said = (*self.tokens.tokenizer(text).input_ids, self.tokens.tokenizer.eos_token_id)
        message = Message(role="assistant", content=text)
        reply = Completion(model="scripted", message=message, finish_reason="stop")
        return reply, Turn(tuple(self.tokens.prompt(request)), said)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model of one small layer that knows the words of the policy."""
    pytest.importorskip("torch")
    from transformers import PreTrainedTokenizerFast

    from delegate.train.family import llama
    from delegate.train.graph import Shape
    from delegate.train.vocabulary import END, SPECIAL, TEMPLATE, UNKNOWN, tokenizer

    words = tokenizer([PLAN, "no plan", *ANSWERS, worker(None), *(one.question for one in SAMPLES.values())], ())
    size = Shape(
        vocabulary=words.get_vocab_size(), width=16, layers=1, heads=2, key_value_heads=1, inner=16, context=512
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=END, pad_token=SPECIAL[0], unk_token=UNKNOWN, chat_template=TEMPLATE
    )
    path = tmp_path_factory.mktemp("model")
    llama(size).save_pretrained(path)
    made.save_pretrained(path)
    return path


@pytest.fixture
def weights(folder):
    return read(str(folder))


def playing(weights, where=None, **changes):
    settings = Settings(**{"steps": 2, "prompts": 1, "group": 4, "lora": 0, "rate": 1e-3, "save": 1, **changes})
    samples = {"s0": SAMPLES["s0"]}
    return settings, Rollouts(where or environment(), samples, settings, lambda network: Scripted(weights.tokens))


def go(weights, out, **changes):
    settings, rollouts = playing(weights, **changes)
    with rollouts:
        return learn(weights, out, rollouts, settings)


def test_a_delegator_takes_two_turns_a_worker_as_many_as_there_may_be_subtasks():
    where = environment()
    assert [slots(replace(where, seat=seat)) for seat in ("delegator", "worker", "synthesiser")] == [2, 5, 1]


def rollout(reward):
    found = asyncio.run(environment().rollout(SAMPLES["s0"]))
    return replace(found, reward=reward)


def test_each_turn_is_a_sequence_that_earns_what_its_rollout_earned_and_an_unscored_one_earns_the_mean():
    turns = Turn((1, 2), (3, 4)), Turn((5,), (6,))
    group = [Played(rollout(1.0), turns), Played(rollout(0.0), turns[:1]), Played(rollout(None), ())]
    found = sequences([group], 2, end=9)
    assert found["prompt_ids"] == [[1, 2], [5], [1, 2], [9], [9], [9]]
    assert found["completion_ids"] == [[3, 4], [6], [3, 4], [9], [9], [9]]
    assert found["env_mask"] == [[1, 1], [1], [1, 1], [0], [0], [0]]
    assert found["earned"] == [1.0, 1.0, 0.0, 0.0, 0.5, 0.5]


def test_a_dead_worker_or_a_turn_that_cannot_be_taken_is_part_of_its_rollout(weights):
    def dead(request):
        if "once more" in request.question:
            raise ModelError.of("server", "it broke")
        return worker(request)

    speaker = Scripted(weights.tokens, (PLAN, ModelError.of("refused", "too long")), ("The answer is 2.",) * 2)
    wanted = [(SAMPLES["s0"], draw, None) for draw in range(4)]
    found = asyncio.run(play(environment(dead), wanted, speaker))
    assert [len(one.turns) for one in found] == [2, 0, 2, 0]
    assert [one.rollout.unscored for one in found] == [None, "unasked", None, "unasked"]
    assert [sum(work.answer is None for work in one.rollout.work) for one in found] == [1, 0, 1, 0]


def test_what_is_played_is_asked_together_and_kept_token_by_token(weights):
    live = Live(engine=engine(weights.network, weights.tokens, 8), name="live", longest=6)
    found = asyncio.run(play(environment(), [(SAMPLES["s0"], draw, None) for draw in range(3)], live))
    decode = weights.tokens.tokenizer.decode
    for one in found:
        assert len(one.turns) == len(one.rollout.turns) > 0
        for turn, span in zip(one.turns, one.rollout.turns, strict=True):
            assert decode(turn.prompt).endswith("<|assistant|>")
            assert decode(turn.said, skip_special_tokens=False).removesuffix("<|end|>") == span.outcome.text
            assert len(turn.said) <= 6
    assert len({one.turns for one in found}) == 3
    again = asyncio.run(play(environment(), [(SAMPLES["s0"], draw, None) for draw in range(3)], live))
    assert [one.turns for one in again] == [one.turns for one in found]


def trained(trainer):
    """The advantages of each text that is trained in the last step; and all that is only read."""
    found, rest = {}, ""
    decode = trainer.processing_class.decode
    for part in trainer._buffered_inputs:
        names = ("prompt_ids", "completion_ids", "completion_mask", "tool_mask", "advantages")
        for prompt, ids, mask, own, advantage in zip(*(part[name] for name in names), strict=True):
            kept = (mask * own).bool()
            rest += decode(prompt) + decode(ids[~kept])
            if kept.any():
                found.setdefault(decode(ids[kept]), []).append(advantage.item())
    return found, rest


def test_a_step_trains_what_the_seat_said_by_the_rollouts_own_advantages(weights, tmp_path):
    settings, rollouts = playing(weights, steps=1, save=9)
    before = weights.network.model.embed_tokens.weight.clone()
    with quietly(), rollouts:
        trainer = make_trainer(weights, tmp_path, rollouts, settings)
        trainer.train()
    found, rest = trained(trainer)
    assert [one.rollout.reward for one in rollouts.last[0]] == [1.0, -2.0, 1.0, 0.0]
    # the mean is 0; the deviation that of the eight sequences: (2 * (1 + 4 + 1 + 0) / 7) ** 0.5
    wanted = {PLAN: [0.764, 0.764, 0.0], "no plan": [-1.527], ANSWERS[0]: [0.764, 0.764], ANSWERS[1]: [-1.527, 0.0]}
    assert {text: sorted(found.pop(f"{text}<|end|>")) for text in wanted} == {
        text: pytest.approx(sorted(advantages), abs=1e-3) for text, advantages in wanted.items()
    }
    assert not found
    assert worker(None) in rest
    assert not before.equal(weights.network.model.embed_tokens.weight)
    assert trainer.state.log_history[0]["rollout/faultless"] == 0.75


def test_a_stopped_run_goes_on_at_its_checkpoint(weights, tmp_path):
    _, whole = go(weights, tmp_path / "whole", steps=2)
    fresh = read(weights.network.config._name_or_path)
    go(fresh, tmp_path / "parts", steps=1)
    network, found = go(fresh, tmp_path / "parts", steps=2)
    assert [row["step"] for row in found] == [row["step"] for row in whole] == [1, 2]
    ours, theirs = network.state_dict(), weights.network.state_dict()
    assert all(theirs[name].allclose(tensor, atol=1e-6) for name, tensor in ours.items())


def test_once_there_is_enough_there_is_a_checkpoint_to_go_on_from(weights, tmp_path):
    settings, rollouts = playing(weights, steps=3, save=9)
    with rollouts:
        _, found = learn(weights, tmp_path, rollouts, settings, enough=lambda: True)
    assert [row["step"] for row in found] == [1]
    assert (tmp_path / "checkpoint-1").is_dir()


@pytest.mark.parametrize("rank", [0, 2])
def test_what_was_trained_is_served_as_a_local_model(weights, tmp_path, rank):
    from delegate.models.local import Local

    network, _ = go(weights, tmp_path / "checkpoints", steps=1, lora=rank)
    write(network, weights.tokens, tmp_path / "merged")
    served = Local(model=str(tmp_path / "merged"))
    completion = asyncio.run(served.complete(Request.of("What is 1 plus 2?", max_tokens=3)))
    assert completion.usage.output_tokens <= 3
    assert not list((tmp_path / "merged").glob("adapter*"))


def test_only_whole_groups_are_played(weights):
    _, rollouts = playing(weights)
    with pytest.raises(SpecError, match="a group is cut in two"):
        rollouts(["s0"] * 7, None)


def test_good_rollouts_are_the_best_part_without_faults():
    rewards = [0.9, 0.9, 0.5, None, 0.2]
    found = [replace(rollout(reward), draw=draw, faults=()) for draw, reward in enumerate(rewards)]
    assert [one.draw for one in sft.good(found, 0.5)] == [0, 1]
    assert [one.draw for one in sft.good(found, 0.75)] == [0, 1, 2]
    faulty = [replace(found[0], faults=("count",)), *found[1:]]
    assert [one.draw for one in sft.good(faulty, 0.5)] == [1]
    assert sft.good([], 0.5) == []


def test_every_turn_of_a_good_rollout_is_imitated_as_it_is_asked(weights):
    teacher = FunctionModel(
        function=lambda request: PLAN if "JSON list" in request.question else ANSWERS[0], name="teacher"
    )
    found = asyncio.run(environment().seated(teacher).rollout(SAMPLES["s0"]))
    rows = sft.rows([build(Rollout, plain(found))], weights, 512)
    decode = weights.tokens.tokenizer.decode
    said = [decode([token for token in row["labels"] if token >= 0]) for row in rows]
    assert said == [f"{PLAN}<|end|>", f"{ANSWERS[0]}<|end|>"]
    assert worker(None) in decode(rows[1]["input_ids"])
    assert sft.rows([found], weights, 10) == []
