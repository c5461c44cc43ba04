import json
import random
import tomllib
from contextlib import chdir

import pytest

from delegate.bench.certificate import read_certificate
from delegate.cli import main
from delegate.spec import load

SPEC = """
[compare]
models = ["main", "vote"]

[small]
kind = "replay"
run = "recorded"
price = { input = 0.1, output = 0.1 }

[large]
kind = "replay"
run = "recorded"
price = { input = 1.0, output = 4.0 }

[main]
kind = "cascade"
models = ["@small", "@large"]
confidence = { kind = "token" }
thresholds = [0.5]

[vote]
kind = "vote"
models = ["@small", "@large"]
"""


def rows(name, right, mark):
    dice = random.Random(name)
    for i in range(400):
        good = dice.random() < right
        token = mark(good, dice)
        said = f"It is \\boxed{{{i + 2 if good else i}}} {token}"
        known = {"prompt_tokens": 30, "completion_tokens": 20, "latency_s": 1.0}
        yield {"id": f"{i:04d}", "model": name, "sample": 0, "response": said, **known}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a compared cascade whose token is right about all but one in a hundred; made once."""
    folder = tmp_path_factory.mktemp("contract")
    sums = [{"id": f"{i:04d}", "question": f"What is {i} + 2 ?", "answer": str(i + 2)} for i in range(400)]
    (folder / "sums.jsonl").write_text("".join(json.dumps({**row, "kind": "number"}) + "\n" for row in sums))
    marks = {"small": lambda good, dice: "<|c|>" if good or dice.random() < 0.01 else "<|u|>", "large": lambda *_: ""}
    for name, right in (("small", 0.6), ("large", 0.95)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows(name, right, marks[name])))
    (folder / "spec.toml").write_text(SPEC)
    with chdir(folder):
        for command in (
            "import small.jsonl large.jsonl --task sums.jsonl --out recorded",
            "grade recorded",
            "compare spec.toml --task sums.jsonl --out out --no-plots",
        ):
            with pytest.raises(SystemExit, match="0"):
                main(command.split())
    return folder


@pytest.fixture
def compared(folder, monkeypatch):
    """The folder, as the working directory."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "150")
    return folder


def test_a_threshold_is_certified_and_written_out(compared, delegate):
    code, out, err = delegate(
        "contract", "out", "--policy", "main", "--max-loss", "0.03", "--out", "c.json", "--write", "certified.toml"
    )
    assert code == 0, err
    assert "certified" in out
    assert "at most 3.0 points fewer problems right than large" in " ".join(out.split())
    made = read_certificate(compared / "c.json")
    assert (made.policy, made.thresholds, made.problems, made.task) == ("main", (1.0,), 400, "sums.jsonl")
    assert made.observed <= made.bound <= 0.03
    assert made.cost.value < made.reference_cost.value
    assert made.differences(load(compared / "certified.toml").resolved) == ()
    (said,) = made.differences(load(compared / "spec.toml").resolved)
    assert "thresholds" in said


def test_what_these_problems_do_not_bear_out_is_refused_with_exit_code_1(compared, delegate):
    code, out, err = delegate("contract", "out", "--policy", "main", "--max-loss", "0.001", "--out", "no.json")
    assert (code, err) == (1, "")
    assert "refused" in out
    assert "problems, of a policy that neither loses nor wins any" in out
    assert not (compared / "no.json").exists()


def test_the_answer_as_json(compared, delegate):
    code, out, _ = delegate("contract", "out", "--policy", "main", "--max-loss", "0.05", "--promise", "error", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["certificate"]["promise"] == "error"
    assert found["by_hand"]["error"] == found["certificate"]["observed"]
    code, out, _ = delegate("contract", "out", "--policy", "main", "--max-loss", "0.001", "--json")
    found = json.loads(out)
    assert code == 1
    assert found["certificate"] is None
    assert found["needed"] > 400
    assert found["least"] > 400


def test_two_models_and_a_signal_will_do(compared, delegate):
    asked = ("contract", "recorded", "--of", "small", "--to", "large", "--max-loss", "0.03", "--write", "made.toml")
    code, _, err = delegate(*asked, "--signal", "token")
    assert code == 0, err
    assert tomllib.loads((compared / "made.toml").read_text())["small-large"]["thresholds"] == [1.0]
    code, _, err = delegate("compare", "made.toml", "--task", "sums.jsonl", "--out", "again", "--no-plots")
    assert code == 0, err


def test_a_policy_that_saves_nothing_says_so(compared, delegate):
    asked = ("contract", "out", "--of", "large", "--to", "small", "--signal", "length")
    code, out, err = delegate(*asked, "--max-loss", "0.05", "--json")
    assert code == 0, err
    notes = json.loads(out)["notes"]
    assert "this costs no less than small alone" in notes
    assert any("so it is all or nothing" in note for note in notes)


def test_a_policy_without_a_threshold_is_taken_as_it_stands(compared, delegate):
    code, out, err = delegate(
        "contract", "out", "--policy", "vote", "--reference", "large", "--max-loss", "0.45", "--json"
    )
    assert code == 0, err
    found = json.loads(out)
    assert found["certificate"]["thresholds"] == []
    assert found["by_hand"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--policy", "mane", "--max-loss", "0.02"), "did you mean 'main'"),
        (("--policy", "main", "--max-loss", "2"), "two points are 0.02"),
        (("--policy", "main", "--max-loss", "0.02", "--delta", "95"), "0.05 promises with 95 %"),
        (("--policy", "main", "--of", "small", "--max-loss", "0.02"), "either --policy, or --of"),
        (("--of", "small", "--max-loss", "0.02"), "all of --of, --to and --signal"),
        (("--of", "small", "--to", "large", "--signal", "luck", "--max-loss", "0.02"), "'luck'"),
        (("--of", "small", "--to", "large", "--signal", "logprob:mean", "--max-loss", "0.02"), "logprobs"),
        (("--of", "small", "--to", "large", "--signal", "platt:token", "--max-loss", "0.02"), "very problems"),
        (("--policy", "main", "--reference", "huge", "--max-loss", "0.02"), "no row of 'huge'"),
        (("--of", "small", "--to", "small", "--signal", "length", "--max-loss", "0.02"), "up to 'small' itself"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(compared, delegate, arguments, said):
    code, out, err = delegate("contract", "out", *arguments)
    assert code == 2
    assert said in err
    assert out == ""
    assert err.count("\n") == 1


def test_a_run_without_policies_says_what_to_give_instead(compared, delegate):
    code, _, err = delegate("contract", "recorded", "--policy", "main", "--max-loss", "0.02")
    assert code == 2
    assert "--of, --to and --signal" in err
