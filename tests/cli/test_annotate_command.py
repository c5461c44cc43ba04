"""`delegate annotate` and `delegate train confidence`: what they say, and what they refuse in one sentence."""

import json

import pytest


@pytest.fixture
def graded(place, delegate):
    assert delegate("grade", "recorded", "--task", "sums.jsonl")[0] == 0
    return place


def test_annotate_says_what_it_made(graded, delegate):
    code, out, _ = delegate("annotate", "recorded", "--model", "small", "--domain", "math", "--out", "examples")

    assert code == 0
    assert out.splitlines()[0] == "examples: answers of small, each with <|c_math|> or <|u_math|>"
    assert [line.split(":")[0].strip() for line in out.splitlines()[1:]] == ["train", "held out"]
    assert {path.name for path in (graded / "examples").iterdir()} >= {"train.jsonl", "held_out.jsonl", "README.md"}


def test_annotate_as_json_counts(graded, delegate):
    code, out, _ = delegate("annotate", "recorded", "--model", "small", "--out", "examples", "--json")
    said = json.loads(out)

    assert code == 0
    assert sum(sum(part.values()) for part in said["counts"].values()) == 36
    assert said["run"]["name"] == "recorded"
    assert said["left_out"] == {}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "say with --model whose answers to take; recorded alone: small, large"),
        (["--model", "small", "--domain", "math", "--unsure", "?"], "--domain names both tags"),
        (["--model", "small", "--held-out", "2"], "`held_out` must be between 0 and 1"),
        (["--model", "small", "--domain", "my maths|>"], "--domain is a word of letters, digits, - and _"),
    ],
)
def test_annotate_refuses_in_one_sentence(graded, delegate, arguments, sentence):
    code, _, err = delegate("annotate", "recorded", "--out", "examples", *arguments)

    assert code == 2
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert not (graded / "examples").exists()


def test_what_is_there_is_kept(graded, delegate):
    command = ("annotate", "recorded", "--model", "small", "--out", "examples")
    delegate(*command)

    code, _, err = delegate(*command)

    assert (code, err) == (2, "Error: examples: holds examples already; choose another --out, or say --force\n")
    assert delegate(*command, "--force")[0] == 0


def test_pushing_without_a_token_is_said_after_the_examples_are_written(graded, delegate, monkeypatch):
    pytest.importorskip("huggingface_hub")
    monkeypatch.delenv("HF_TOKEN", raising=False)

    code, _, err = delegate("annotate", "recorded", "--model", "small", "--out", "examples", "--push", "me/answers")

    assert code == 2
    assert "HF_TOKEN" in err
    assert (graded / "examples" / "train.jsonl").exists()


def test_training_needs_a_folder_of_examples(place, delegate):
    code, _, err = delegate("train", "confidence", "recorded", "--model", "x", "--out", "tuned")

    assert code == 2
    assert "recorded: is no folder of examples; make one with `delegate annotate" in err
