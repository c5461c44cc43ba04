import json
import tomllib

import pytest

MORE = """
[short]
kind = "cascade"
models = ["@small", "@large"]
confidence = { kind = "length", half = 20 }
thresholds = [0.5]

[by-length]
kind = "router"
models = ["@small", "@large"]
route = { kind = "length", thresholds = [78.5] }
"""
PRICES = ["--price", "small=0.1/0.1", "--price", "large=1/4"]


@pytest.fixture
def swept(place, delegate):
    """Run the command on the recorded folder, which has no prices of its own."""
    delegate("grade", "recorded", "--task", "sums.jsonl")

    def call(*arguments):
        return delegate("sweep", "recorded", *arguments)

    return call


def test_a_choice_is_written_as_a_spec_that_compare_takes(place, delegate, swept):
    code, out, err = swept(*PRICES, "--no-plots", "--no-split", "--budget", "80%", "--write", "best.toml", "--json")
    assert code == 0, err
    found = json.loads(out)
    (best,) = [point["held_out"] for point in found["points"] if point["held_out"]["name"] == found["chosen"]]
    assert tomllib.loads((place / "best.toml").read_text())["best"]

    code, out, err = delegate("compare", "best.toml", "--task", "sums.jsonl", "--out", "again", "--no-plots", "--json")

    assert code == 0, err
    compared = json.loads(out)
    (row,) = [row for row in compared["rows"] if row["name"] == "best"]
    assert (compared["reference"], compared["weak"]) == ("large", "small")
    assert row["accuracy"] == best["accuracy"]
    assert row["cost"] == pytest.approx(best["cost"])
    assert row["calls"] == pytest.approx(best["calls"])


def test_both_halves_are_shown_and_a_page_is_written(place, swept):
    code, out, err = swept(*PRICES)
    assert code == 0, err
    assert "looked at" in out
    assert "held out" in out
    assert "Chosen: " in out
    assert "<html" in (place / "recorded" / "sweep" / "report.html").read_text()
    assert json.loads((place / "recorded" / "sweep" / "sweep.json").read_text())["searched"] == 6


def test_models_policies_and_prices_of_a_spec(place, delegate, swept):
    (place / "specs").mkdir()
    (place / "spec.toml").write_text((place / "spec.toml").read_text() + MORE)
    code, out, err = swept("--spec", "spec.toml", "--no-plots", "--no-split", "--write", "specs/best.toml", "--json")
    assert code == 0, err
    points = {point["held_out"]["name"]: point for point in json.loads(out)["points"]}
    assert json.loads(out)["reference"] == "large"
    yours = [name for name, point in points.items() if point["family"] == "yours"]
    assert yours == ["main", "mux", "short", "by-length"]
    written = tomllib.loads((place / "specs" / "best.toml").read_text())
    assert written["large"]["run"] == "../recorded"
    assert written["large"]["price"] == {"input": 1.0, "output": 4.0}

    code, out, err = delegate("compare", "spec.toml", "--task", "sums.jsonl", "--out", "again", "--no-plots", "--json")

    assert code == 0, err
    for row in json.loads(out)["rows"]:
        if row["name"] in yours:
            assert row.get("escalated") == points[row["name"]]["held_out"].get("escalated")
            assert row["accuracy"] == points[row["name"]]["held_out"]["accuracy"]
            assert row["cost"] == pytest.approx(points[row["name"]]["held_out"]["cost"])


def test_a_written_spec_has_the_price_that_was_said(place, swept):
    code, _, err = swept("--spec", "spec.toml", "--price", "large=2/8", "--no-plots", "--write", "best.toml")
    assert code == 0, err
    assert tomllib.loads((place / "best.toml").read_text())["large"]["price"] == {"input": 2.0, "output": 8.0}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--models", "smal,large"], "did you mean 'small'?"),
        (["--models", "small,large"], "'small' is the reference and costs nothing, so nothing saves; say --price"),
        ([*PRICES, "--price", "other=1/1"], "nothing is recorded of 'other'"),
        (["--price", "small=0.1"], "is no NAME=IN/OUT"),
        (["--draws", "9"], "--draws asks for 9 draws of each model, and no more than 3 are recorded"),
        ([*PRICES, "--budget", "half"], "is neither a share of the reference's cost (40%) nor dollars ($1.20)"),
        ([*PRICES, "--budget", "$0.000001"], "nothing surely keeps to the budget, not even small"),
        ([*PRICES, "--within", "-1"], "--within is a number of points from 0 to 100"),
        ([*PRICES, "--at-least", "larg"], "did you mean 'large'?"),
        ([*PRICES, "--signal", "lenght"], "did you mean 'length'?"),
        ([*PRICES, "--signal", "token"], "signal 'token' is the same for all answers, or not known of them"),
        (
            [*PRICES, "--signal", "logprob:min"],
            "signal 'logprob:min' is the same for all answers, or not known of them",
        ),
        ([*PRICES, "--limit", "1"], "more than the limit; say a higher --limit"),
        (["--spec", "spec.toml", "--models", "medium"], "the spec has no table named 'medium'"),
    ],
)
def test_bad_input_is_said_in_one_sentence(swept, arguments, complaint):
    code, _, err = swept(*arguments, "--no-plots")
    assert code == 2
    assert complaint in err
    assert err.count("\n") == 1


def test_the_reference_is_the_spec_s_unless_another_is_named(place, swept):
    (place / "spec.toml").write_text(
        (place / "spec.toml").read_text().replace('reference = "large"', 'reference = "small"')
    )
    for arguments, reference in (([], "small"), (["--reference", "large"], "large")):
        code, out, err = swept("--spec", "spec.toml", "--no-plots", "--json", *arguments)
        assert code == 0, err
        assert json.loads(out)["reference"] == reference


def test_a_run_that_is_not_graded_is_named(place, delegate):
    code, _, err = delegate("sweep", "recorded")
    assert code == 2
    assert "delegate grade recorded" in err
