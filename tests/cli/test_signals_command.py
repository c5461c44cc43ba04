import json
import tomllib

import pytest

SPEC = """
[small]
kind = "replay"
run = "recorded"

[large]
kind = "replay"
run = "recorded"

[main]
kind = "cascade"
models = ["@small", "@large"]
thresholds = [0.9]
"""


@pytest.fixture
def graded(place, delegate):
    delegate("grade", "recorded", "--task", "sums.jsonl")
    return place


def test_signals_are_judged_printed_drawn_and_written(graded, delegate):
    code, out, err = delegate("signals", "recorded", "--of", "small", "--to", "large")

    assert code == 0, err
    for said in ("length", "consistency", "always confident", "AUROC", "report.html"):
        assert said in out
    assert "<html" in (graded / "recorded" / "signals" / "report.html").read_text()
    assert (graded / "recorded" / "signals" / "plots" / "reliability.png").exists()
    assert json.loads((graded / "recorded" / "signals" / "signals.json").read_text())["model"] == "small"


def test_signals_as_json(graded, delegate):
    code, out, err = delegate("signals", "recorded", "--of", "large", "--signal", "agreement:small", "--json")

    assert code == 0, err
    assert [signal["name"] for signal in json.loads(out)["signals"]] == ["agreement:small", "always confident"]


def test_a_signal_is_written_down_to_be_pasted_into_a_spec(graded, delegate):
    code, out, err = delegate("signals", "recorded", "--of", "small", "--fit", "consistency", "--draws", 2)
    assert code == 0, err
    assert tomllib.loads(out) == {"confidence": {"kind": "consistency", "model": "@small", "draws": 2}}

    (graded / "pasted.toml").write_text(SPEC + out)
    code, out, err = delegate("compare", "pasted.toml", "--task", "sums.jsonl", "--no-plots", "--json")
    assert code == 0, err
    assert json.loads(out)["signals"][0]["signals"][0]["name"] == "main"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--of", "smal"), "nothing is recorded of 'smal'; did you mean 'small'?"),
        (("--of", "small", "--to", "larg"), "nothing is recorded of 'larg'"),
        (("--of", "small", "--to", "small"), "up to 'small' itself"),
        (("--of", "small", "--signal", "agreement:small"), "'small' always agrees with itself"),
        (("--of", "small", "--signal", "tokn"), "no signal is called 'tokn'"),
        (("--of", "small", "--signal", "token"), "say --confident and --unsure"),
        (("--of", "small", "--signal", "platt:length"), "say --split 0"),
        (("--of", "small", "--fit", "tokn"), "no signal is called 'tokn'"),
        (("--of", "small", "--fit", "platt:length"), "12 answers are too few to fit length on"),
        (("--of", "small", "--draws", "9"), "3 are recorded"),
        (("--of", "small", "--confident", "same", "--unsure", "same"), "two tokens"),
    ],
)
def test_bad_input_is_one_sentence(graded, delegate, arguments, said):
    code, out, err = delegate("signals", "recorded", *arguments)

    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""
