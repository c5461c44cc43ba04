"""Training the pocket models: the code path, what it writes, and that a stopped run goes on as if it had not been."""

import hashlib
import json
from dataclasses import replace
from random import Random

import pytest

pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("transformers", reason="training needs the extra `train`")
pytest.importorskip("onnx", reason="training needs the extra `train`")

import numpy as np
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from delegate.models.pocket import WEIGHTS
from delegate.plain import digest
from delegate.train.batches import Teacher, rendered, vocabulary
from delegate.train.export import export
from delegate.train.family import MEMBERS, RECIPE, Member, Phase, llama, shape
from delegate.train.lessons import Mix, lesson
from delegate.train.muon import orthogonal
from delegate.train.pocket import Run, rate
from delegate.train.vocabulary import UNKNOWN

EASY = Mix(story={"gain": 1.0}, bare=1.0, tool=0.2, plan=0.1)
PHASE = Phase(mix=EASY, steps=60)
TINY = Member(width=32, layers=2, heads=2, key_value_heads=1, inner=64, rate=5e-3, batch=8, phases=(PHASE,))


@pytest.fixture(scope="module")
def words():
    return vocabulary()


def run(folder, words, **settings):
    return Run("tiny", replace(TINY, **settings), folder / "tiny", words=words)


def test_loss_falls(tmp_path, words):
    one = run(tmp_path, words)

    losses = [one.learn()[0] for _ in range(60)]

    assert sum(losses[-10:]) < 0.8 * sum(losses[:10])


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path, words):
    whole, first = run(tmp_path / "whole", words), run(tmp_path / "part", words)
    for _ in range(4):
        whole.learn()
    for _ in range(2):
        first.learn()
    first.save()

    second = run(tmp_path / "part", words)
    for _ in range(2):
        second.learn()

    assert second.step == 4
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name


def test_a_run_with_other_settings_is_not_gone_on_with(tmp_path, words):
    run(tmp_path, words).save()

    with pytest.raises(ValueError, match="rate"):
        run(tmp_path, words, rate=1.0)


def test_a_step_learns_the_same_whenever_it_comes(words):
    first, second = (Teacher(EASY, 8, 0, words) for _ in range(2))
    first.batch(0)

    tokens, own = first.batch(17)

    assert torch.equal(tokens, second.batch(17)[0])
    assert own.any(dim=1).all()
    assert not own[:, 0].any()


def test_the_tokenizer_knows_every_word_and_reads_exactly(words):
    teacher = Teacher(EASY, 8, 1, words)
    texts = [words.decode(row.tolist(), skip_special_tokens=False) for row in teacher.batch(0)[0]]

    assert all(
        words.encode(text).ids == words.encode(words.decode(words.encode(text).ids, False)).ids for text in texts
    )
    assert [piece.strip() for piece in words.encode("12+305").tokens] == ["1", "2", "+", "3", "0", "5"]
    assert words.encode("an unheard word").tokens.count(UNKNOWN) == 3


@pytest.mark.parametrize("phase", MEMBERS["large"].phases)
def test_the_tokenizer_knows_what_every_phase_is_about(words, phase):
    texts = [rendered(lesson(Random(seed), phase.mix)) for seed in range(200)]

    assert not any(UNKNOWN in words.encode(text).tokens for text in texts)


@pytest.mark.parametrize("name", MEMBERS)
def test_what_is_shipped_says_that_it_was_trained_as_the_family_is(name):
    manifest = json.loads((WEIGHTS / name / "config.json").read_text())["manifest"]
    model = (WEIGHTS / name / "model.onnx").read_bytes()

    assert manifest["recipe"] == RECIPE
    assert manifest["settings"] == digest(MEMBERS[name])
    assert manifest["steps"] == MEMBERS[name].steps
    assert manifest["sha256"] == hashlib.sha256(model).hexdigest()


def test_each_phase_has_lessons_and_a_rate_of_its_own(tmp_path, words):
    finish = replace(PHASE, mix=Mix(story={"compare": 1.0}, bare=0.0), steps=2, rate=0.4, rise=1, fall=1.0)
    one = run(tmp_path, words, phases=(replace(PHASE, steps=4), finish))

    assert one.member.steps == 6
    assert [one.member.at(step) for step in (0, 3, 4, 5)] == [(0, 0), (0, 3), (1, 0), (1, 1)]
    assert [rate(one.member, step) for step in (4, 5)] == [0.4, 0.2]
    assert not torch.equal(one.teachers[0].batch(4)[0], one.teachers[1].batch(4)[0])


def test_a_phase_may_teach_what_the_model_is_told_too(tmp_path, words):
    deaf, all_ears = (run(tmp_path / str(told), words, phases=(replace(PHASE, told=told),)) for told in (0.0, 1.0))
    tokens, own = deaf.teachers[0].batch(99)

    for one in (deaf, all_ears):
        for _ in range(40):
            one.learn()

    def loss(one):
        losses = torch.nn.functional.cross_entropy(
            one.model(input_ids=tokens).logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none"
        )
        return losses[~own[:, 1:] & (tokens[:, 1:] != 0)].mean()

    assert loss(all_ears) < 0.9 * loss(deaf)


def test_the_rate_rises_stays_and_falls():
    shares = [rate(TINY, step) for step in range(TINY.steps)]

    assert shares[0] < 0.1
    assert max(shares) <= 1
    assert shares[-1] < shares[40]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(8, 24), (24, 8), (16, 16)])
def test_orthogonal_matrices_have_singular_values_near_one_and_their_own_directions(shape, dtype):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))

    found = orthogonal(matrix, dtype)

    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    within = left.T @ found @ right.T
    assert ((within.diagonal() > 0.6) & (within.diagonal() < 1.3)).all()
    assert (within - within.diagonal().diag()).abs().max() < 0.1


def test_what_is_written_says_the_same_in_both_forms(tmp_path, words):
    onnxruntime = pytest.importorskip("onnxruntime")
    one = run(tmp_path, words)
    one.learn()
    one.write(tmp_path / "weights")
    ids = np.array([words.encode("<|user|>Start with 4. Add 5.<|end|><|assistant|>").ids])
    size = one.shape

    model = LlamaForCausalLM.from_pretrained(one.folder / "transformers").eval()
    read = PreTrainedTokenizerFast.from_pretrained(one.folder / "transformers")
    session = onnxruntime.InferenceSession(tmp_path / "weights" / "tiny" / "model.onnx")
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), **nothing(size, 1)}
    logits = session.run(["logits"], given)[0]

    with torch.no_grad():
        expected = model(torch.tensor(ids)).logits.numpy()
    assert np.abs(logits - expected).max() < 0.02  # half precision
    assert read("Start with 4.")["input_ids"] == words.encode("Start with 4.").ids
    config = json.loads((tmp_path / "weights" / "tiny" / "config.json").read_text())
    assert config["name"] == "pocket-tiny"
    assert config["parameters"] == sum(tensor.numel() for tensor in model.parameters())
    assert config["manifest"]["steps"] == 1


def test_a_row_does_not_depend_on_the_rows_beside_it(tmp_path, words):
    onnxruntime = pytest.importorskip("onnxruntime")
    size = shape(TINY, words.get_vocab_size())
    tensors = {name: tensor.numpy() for name, tensor in llama(size).state_dict().items() if name != "lm_head.weight"}
    price = {"input": 0.0, "output": 0.0}
    export(tmp_path, name="tiny", shape=size, weights=tensors, tokenizer=words, price=price, manifest={})
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    long, short = (words.encode(text).ids for text in ("Start with 4. Add 5.", "Start with 4."))

    def logits(rows):
        width = max(map(len, rows))
        tokens = np.array([row + [0] * (width - len(row)) for row in rows])
        mask = np.array([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        return session.run(["logits"], {"input_ids": tokens, "attention_mask": mask, **nothing(size, len(rows))})[0]

    alone, beside = logits([short]), logits([long, short])

    assert np.abs(alone[0] - beside[1, : len(short)]).max() < 1e-4


def nothing(size, rows):
    """The cache before the first token."""
    empty = np.zeros((rows, size.key_value_heads, 0, size.head_width), np.float32)
    return {f"past_key_values.{layer}.{part}": empty for layer in range(size.layers) for part in ("key", "value")}
