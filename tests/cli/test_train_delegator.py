import json

import pytest

from delegate.cli import main
from delegate.models.pocket import WEIGHTS
from delegate.train.split import side

pytest.importorskip("trl")

SPEC = """
[boss]
kind = "local"
model = "{model}"
price = {{ input = 0.1, output = 0.4 }}
sampling = {{ max_tokens = 8 }}

[teacher]
kind = "pocket"

[helper]
kind = "pocket"
model = "pocket-small-a"
sampling = {{ max_tokens = 20 }}

[both]
kind = "decompose"
delegator = "@boss"
workers = ["@helper"]
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An untrained model of one small layer, with the pocket models' tokenizer."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    from delegate.train.family import llama
    from delegate.train.graph import Shape
    from delegate.train.vocabulary import END, SPECIAL, TEMPLATE, UNKNOWN

    words = Tokenizer.from_file(str(WEIGHTS / "small-a" / "tokenizer.json"))
    many = words.get_vocab_size()
    size = Shape(vocabulary=many, width=16, layers=1, heads=2, key_value_heads=1, inner=16, context=1024)
    path = tmp_path_factory.mktemp("model")
    llama(size).save_pretrained(path)
    PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=END, pad_token=SPECIAL[0], unk_token=UNKNOWN, chat_template=TEMPLATE
    ).save_pretrained(path)
    return path


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_from_a_spec_to_a_policy_whose_delegator_is_trained(model, tmp_path, capsys):
    spec, out = tmp_path / "spec.toml", tmp_path / "out"
    spec.write_text(SPEC.format(model=model))
    command = [
        "train",
        "delegator",
        str(spec),
        "--task",
        "pocket",
        "--teacher",
        "@teacher",
        "--sft",
        "4",
        "--most",
        "3",
    ]
    command += ["--steps", "2", "--prompts", "1", "--group", "2", "--longest", "8", "--full", "--keep", "1"]
    command += ["--rate", "0.01", "--out", str(out)]
    with pytest.raises(SystemExit, check=lambda error: error.code == 2):
        main([*command, "--max-cost", "0"])
    assert "stopped at --max-cost: $0.0000 are spent and 4 rollouts are still owed" in capsys.readouterr().err
    assert not (out / "start").exists()

    with pytest.raises(SystemExit, check=lambda error: error.code == 0):
        main([*command, "--json"])
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads((out / "learning.json").read_text())
    assert [row["step"] for row in said["steps"]] == [1, 2]
    assert said["problems"]["held_out"] == 3
    assert said["spent"] == pytest.approx(sum(line["cost"] for line in lines(out / "spent.jsonl")))
    assert "boss" not in {line["model"] for line in lines(out / "spent.jsonl")}
    assert (out / "learning.svg").is_file()
    taught, before, after = (
        {row["question"] for row in lines(out / f"{name}.jsonl")} for name in ("teacher", "before", "after")
    )
    assert before == after
    assert len(before) == 3
    assert {side(question) for question in before} == {"test"}
    assert {side(question) for question in taught} == {"train"}
    trained = (out / "merged" / "model.safetensors").stat().st_mtime_ns

    with pytest.raises(SystemExit, check=lambda error: error.code == 0):
        main(command)
    assert (out / "merged" / "model.safetensors").stat().st_mtime_ns == trained
    assert "after - before" in capsys.readouterr().out

    with pytest.raises(SystemExit, check=lambda error: error.code == 2):
        main([*command, "--beta", "0.1"])
    assert "beta" in capsys.readouterr().err

    served = tmp_path / "served.toml"
    served.write_text(SPEC.format(model=out / "merged"))
    with pytest.raises(SystemExit, check=lambda error: error.code == 0):
        main(["run", str(served), "--task", "pocket", "-n", "1", "--model", "both", "--out", str(tmp_path / "run")])


def test_who_has_no_weights_here_cannot_be_trained(tmp_path, capsys):
    spec = tmp_path / "spec.toml"
    away = 'kind = "openai"\nmodel = "far"\nbase_url = "http://127.0.0.1:1/v1"'
    spec.write_text(SPEC.format(model="x").replace('kind = "local"\nmodel = "x"', away))
    with pytest.raises(SystemExit, check=lambda error: error.code == 2):
        main(["train", "delegator", str(spec), "--task", "pocket"])
    assert "the delegator 'boss' has no weights here; say --model" in capsys.readouterr().err


def test_trl_plays_a_policy_that_hands_out_by_a_tool(tmp_path, capsys):
    from toolmodel import build

    spec, out = tmp_path / "spec.toml", tmp_path / "out"
    command = ["train", "delegator", str(spec), "--task", "pocket", "--loop", "trl", "--sft", "0", "--most", "1"]
    command += ["--steps", "1", "--prompts", "1", "--group", "2", "--longest", "8", "--full", "--out", str(out)]
    spec.write_text(SPEC.format(model=build(tmp_path / "model")))
    with pytest.raises(SystemExit, check=lambda error: error.code == 2):
        main(command)
    assert "say style = \"tool\" in 'both'" in capsys.readouterr().err

    spec.write_text(spec.read_text() + 'style = "tool"\n')
    with pytest.raises(SystemExit, check=lambda error: error.code == 0):
        main([*command, "--json"])
    said = json.loads(capsys.readouterr().out)
    assert [(row["step"], row["rollout/unscored"], row["part/format"]) for row in said["steps"]] == [(1, 0.0, -1.0)]
    (after,) = lines(out / "after.jsonl")
    assert after["faults"] == ["format"]
