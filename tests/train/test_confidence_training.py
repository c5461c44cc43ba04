"""Teaching a tag to tiny random models: what moves and what does not, what is learnt, and what serves the result."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the extra `train`")
pytest.importorskip("trl", reason="training needs the extra `train`")
pytest.importorskip("peft", reason="training needs the extra `train`")

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

import tinyllama
from delegate.cli import main
from delegate.confidences.token import Token
from delegate.errors import DataError, SpecError
from delegate.generation.tokens import Tokens
from delegate.message import Request
from delegate.models.local import Local
from delegate.scope import Scope
from delegate.train import example
from delegate.train.confidence import Settings, load, train, trainer
from delegate.train.example import Example, Examples, Tags, Turn
from delegate.train.tagged import IGNORED, fitting, tagged
from delegate.train.tokens import end_of_answer

TAGS = Tags()
SETTINGS = Settings(epochs=20, rate=1e-2, batch=8, keep=1.0, modules=("all-linear",))
"""Enough for the models here to say what they were taught."""


def one(number, part, text=""):
    right = number % 2 == 1
    return Example(
        id=f"{part}{number}",
        model="tiny",
        messages=(Turn(role="user", content=f"{number}?"),),
        text=text or "abc.",
        tag="<|c|>" if right else "<|u|>",
        correct=right,
        signals={"length": 0.9, "logprob:mean": 0.3 + number / 100},
    )


EXAMPLES = Examples(
    model="tiny",
    tags=TAGS,
    train=tuple(one(i, "train") for i in range(40)),
    held_out=tuple(one(i, "held_out") for i in range(40, 56)),
)


def untied(folder):
    """A Llama with two matrices and room for two more tokens."""
    return tinyllama.build(folder)


def tied(folder):
    """A Qwen2 with one matrix, which has to grow."""
    tinyllama.build(folder, family="Qwen2")
    network = AutoModelForCausalLM.from_pretrained(folder, tie_word_embeddings=True)
    network.resize_token_embeddings(30)
    network.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module", params=[untied, tied], ids=lambda make: make.__name__)
def run(request, tmp_path_factory):
    """A base model, the folder of the tuned one, and its manifest."""
    place = tmp_path_factory.mktemp(request.param.__name__)
    base = request.param(place / "model")
    manifest = train(EXAMPLES, base, place / "tuned", SETTINGS)
    return Path(base), place / "tuned", manifest


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return untied(tmp_path_factory.mktemp("small") / "model")


def prepared(model, settings, found=EXAMPLES.train, tags=TAGS):
    """A trainer and what it learns from."""
    taught = load(model, tags)
    rows = tagged(found, taught.weights.tokens, taught.ids, taught.end)
    return taught, rows, settings


class TestWhatMoves:
    def test_the_adapted_matrices_and_two_rows_and_nothing_else(self, run):
        base, tuned, manifest = run
        before, after = load_file(base / "model.safetensors"), load_file(tuned / "merged" / "model.safetensors")
        embedded = {name for name in before if "embed_tokens" in name or "lm_head" in name}

        assert before.keys() == after.keys()
        assert len(embedded) == (1 if "Qwen2" in (base / "config.json").read_text() else 2)
        for name, tensor in before.items():
            if name in embedded:
                assert torch.equal(after[name][:30], tensor[:30]), name
                end = tensor[manifest["end"]]
                assert all((row - end).abs().max() > 1e-3 for row in after[name][30:]), name
            else:
                assert torch.equal(after[name], tensor) is not name.endswith("_proj.weight"), name

    def test_only_what_is_asked_for(self, small, tmp_path):
        settings = Settings(epochs=1, rate=1e-2)
        train(EXAMPLES, small, tmp_path / "tuned", settings)
        before = load_file(Path(small) / "model.safetensors")
        after = load_file(tmp_path / "tuned" / "merged" / "model.safetensors")

        moved = {name for name, tensor in before.items() if not torch.equal(after[name], tensor)}

        assert {name.split(".")[-2] for name in moved} == {"q_proj", "v_proj", "embed_tokens", "lm_head"}

    def test_a_tied_model_stays_tied(self, run):
        base, tuned, _ = run
        network = AutoModelForCausalLM.from_pretrained(tuned / "merged")

        same = network.get_input_embeddings().weight is network.get_output_embeddings().weight

        assert same is json.loads((base / "config.json").read_text())["tie_word_embeddings"]

    def test_rows_of_half_precision_weights_are_trained_in_full(self, small, tmp_path):
        network = AutoModelForCausalLM.from_pretrained(small, dtype=torch.bfloat16)
        taught, rows, settings = prepared(small, Settings())
        half = replace(taught, weights=replace(taught.weights, network=network))

        made = trainer(half, rows, settings, tmp_path)

        trained = {name: tensor.dtype for name, tensor in made.model.named_parameters() if tensor.requires_grad}
        assert any("trainable_tokens" in name for name in trained)
        assert set(trained.values()) == {torch.float32}


class TestWhatIsLearnt:
    @pytest.mark.parametrize(("keep", "said"), [(0.0, "<|c|><|end|>"), (1.0, "abc.<|c|><|end|>")])
    def test_the_tag_and_the_end_and_the_answer_only_if_kept(self, small, tmp_path, keep, said):
        taught, rows, settings = prepared(small, Settings(keep=keep, batch=20), EXAMPLES.train[1::2])
        made = trainer(taught, rows, settings, tmp_path)

        batch = next(iter(made.get_train_dataloader()))

        words = taught.weights.tokens.tokenizer
        assert words.pad_token == words.eos_token  # and the end is learnt nevertheless
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            assert words.decode(ids).startswith("<|user|>")
            assert words.decode(labels[labels != IGNORED]) == said

    def test_a_share_of_the_answer(self, small):
        _, rows, _ = prepared(small, Settings(), [one(i, "long", "abcdefgh" * 10) for i in range(20)])

        kept = [sum(label != IGNORED for label in row.labels(0.25)) - 2 for row in rows]

        assert 0.2 < sum(kept) / (20 * 80) < 0.3
        assert rows[0].labels(0.25) == rows[0].labels(0.25) != rows[0].labels(0.25, seed=1)

    def test_trl_computes_the_loss_of_the_trained_rows(self, small, tmp_path):
        taught, rows, settings = prepared(small, Settings(dropout=0.0))
        made = trainer(taught, rows, settings, tmp_path)
        with torch.no_grad():  # rows that are not those of the base
            for name, tensor in made.model.named_parameters():
                if "trainable_tokens" in name:
                    tensor.normal_()
        batch = next(iter(made.get_train_dataloader()))

        fused = made.model(**batch, fused_lm_head=True).log_probs
        plain = made.model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits

        labels = batch["labels"][:, 1:]
        expected = plain[:, :-1].log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]
        expected = expected * (labels != IGNORED)
        assert torch.allclose(fused.sum(), expected.sum(), atol=1e-4)
        assert fused.sum() < 0

    def test_quietly_and_without_computing_twice_unless_asked(self, small, tmp_path):
        taught, rows, settings = prepared(small, Settings())

        arguments = trainer(taught, rows, settings, tmp_path).args

        assert arguments.report_to == []
        assert not arguments.gradient_checkpointing
        assert arguments.max_length is None

    def test_what_is_too_long_is_refused_or_left_out_and_never_cut(self, small, tmp_path):
        _, rows, _ = prepared(small, Settings(), [*EXAMPLES.train, one(99, "long", "a" * 60)])

        with pytest.raises(SpecError, match="1 of 41 examples are longer than 50 tokens, 'long99' the longest with 68"):
            fitting(rows, 50, drop=False)
        assert fitting(rows, 50, drop=True) == rows[:-1]
        assert fitting(rows, 68, drop=False) == rows
        with pytest.raises(SpecError, match="40 of 40 examples are longer than 3 tokens"):
            train(EXAMPLES, small, tmp_path / "none", Settings(max_length=3, too_long="drop"))


class TestResult:
    @pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks for the old name
    def test_adapter_merged_and_served_say_the_same(self, run):
        base, tuned, manifest = run
        tokens = Tokens(str(tuned / "merged"))
        network = AutoModelForCausalLM.from_pretrained(tuned / "merged").eval()
        asked = [Request.of(f"{number}?", temperature=0.0, max_tokens=12, logprobs=4) for number in range(40, 48)]
        models = (
            Local(model=str(tuned / "merged"), device="cpu"),
            Local(model=str(base), adapter=str(tuned / "adapter"), device="cpu"),
        )

        merged, adapted = ([asyncio.run(model.complete(request)) for request in asked] for model in models)

        sure, unsure = manifest["ids"]
        for request, served, beside in zip(asked, merged, adapted, strict=True):
            assert served.text.startswith("abc.<|")
            assert served.text.endswith(("<|c|>", "<|u|>"))
            assert (served.text, served.finish_reason) == (beside.text, "stop")
            seen = [*tokens.prompt(request), *tokens.tokenizer("abc.", add_special_tokens=False).input_ids]
            with torch.no_grad():
                said = network(torch.tensor([seen])).logits[0, -1]
            expected = torch.sigmoid(said[sure] - said[unsure]).item()
            for completion in (served, beside):
                read = asyncio.run(Token().score(request, completion, Scope()))
                assert read == pytest.approx(expected, abs=1e-4)

    def test_the_tags_are_plain_tokens_that_survive_decoding(self, run):
        _, tuned, manifest = run
        words = Tokens(str(tuned / "merged")).tokenizer

        text = words.decode([*words("4<|u|>", add_special_tokens=False).input_ids, 0], skip_special_tokens=True)

        assert text == "4<|u|>"
        assert words.convert_tokens_to_ids(list(TAGS)) == manifest["ids"]

    def test_the_manifest_says_what_was_done_and_what_it_is_worth(self, run):
        _, tuned, manifest = run

        assert json.loads((tuned / "confidence.json").read_text()) == manifest
        assert manifest["settings"]["rank"] == 8
        assert manifest["examples"] == {"digest": "", "train": 40, "held_out": 16, "too_long": 0}
        assert {"delegate", "torch", "transformers", "trl", "peft"} == manifest["versions"].keys()
        judged = manifest["held_out"]
        names = [signal["name"] for signal in judged["evaluation"]["signals"]]
        assert names == ["token", "length", "logprob:mean", "always confident"]
        assert 0 <= judged["kept"] <= 1
        assert judged["tagged"] == 1.0

    def test_can_be_taught_further(self, run, tmp_path):
        _, tuned, manifest = run

        again = load(str(tuned / "merged"), TAGS)

        assert list(again.ids) == manifest["ids"]
        before = load_file(tuned / "merged" / "model.safetensors")["model.embed_tokens.weight"]
        assert torch.equal(again.weights.network.get_input_embeddings().weight, before)

    def test_is_never_written_over_unless_forced(self, run, tmp_path):
        base, tuned, _ = run
        with pytest.raises(DataError, match="holds a tuned model already"):
            train(EXAMPLES, str(base), tuned, SETTINGS)
        (tmp_path / "notes.txt").touch()
        with pytest.raises(DataError, match="holds something else"):
            train(EXAMPLES, str(base), tmp_path, SETTINGS, force=True)


class TestRefused:
    @pytest.mark.parametrize(
        ("settings", "sentence"),
        [
            ({"rate": 0.0}, "`rate` must be above 0"),
            ({"rank": 0}, "`rank` must be at least 1"),
            ({"keep": 1.5}, "`keep` must be between 0 and 1"),
            ({"modules": ()}, "`modules` must name matrices"),
            ({"modules": ("q_proj", "lm_head")}, "of lm_head only the tags' rows"),
        ],
    )
    def test_settings_that_make_no_sense(self, settings, sentence):
        with pytest.raises(SpecError, match=sentence):
            Settings(**settings)

    def test_matrices_the_model_does_not_have(self, small, tmp_path):
        taught, rows, settings = prepared(small, Settings(modules=("c_attn",)))
        with pytest.raises(SpecError, match=r"cannot be trained so: .*c_attn"):
            trainer(taught, rows, settings, tmp_path)

    def test_a_tag_that_servers_would_hide(self, small):
        with pytest.raises(SpecError, match=r"<\|end\|> is a special token of this model"):
            load(small, Tags(confident="<|end|>"))

    def test_an_output_matrix_whose_bias_would_be_forgotten(self, tmp_path):
        tinyllama.build(tmp_path, family="Phi")
        with pytest.raises(SpecError, match="output matrix has a bias"):
            load(str(tmp_path), TAGS)

    def test_weights_that_are_not_there(self, tmp_path):
        with pytest.raises(SpecError, match="nothing cannot be loaded"):
            load(str(tmp_path / "nothing"), TAGS)


def test_an_answer_ends_as_the_template_ends_it():
    words = tinyllama.tokenizer()

    assert end_of_answer(words, frozenset({0})) == 0
    words.chat_template = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|user|>{% endfor %}"
    assert end_of_answer(words, frozenset({0, 1})) == 1
    assert end_of_answer(words, frozenset({0})) == 0  # the model is not stopped there


def test_the_command_trains_and_says_what_it_is_worth(small, tmp_path, capsys):
    example.write(EXAMPLES, tmp_path / "examples", {})
    arguments = ["train", "confidence", str(tmp_path / "examples"), "--model", small, "--out", str(tmp_path / "tuned")]

    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--epochs", "1", "--rate", "1e-3"])

    said = capsys.readouterr().out
    assert ended.value.code == 0
    assert "Trained 1,920 parameters in 5 steps." in said
    assert "AUROC" in said
    assert f"The model: {tmp_path / 'tuned' / 'merged'}" in said
