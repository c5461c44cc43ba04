"""What is read off a recording, signal by signal, is what the parts of the same names would score."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest

from comparisons import Run, leaf
from delegate.bench.draws import RECORDED, draws
from delegate.bench.readings import Readings, confidences
from delegate.bench.signals import CONSTANT
from delegate.bench.survey import parted, survey
from delegate.completion import TokenLogprob
from delegate.confidences.token import Token
from delegate.errors import SpecError
from delegate.spec import parse

MATH = Token(confident="<|c_math|>", unsure="<|u_math|>")
LEAVES = {
    name: {"kind": "openai", "model": name, "base_url": "http://127.0.0.1:1/v1"} for name in ("small", "other", "large")
}


def told(span, logprob=None, **notes):
    tokens = None if logprob is None else (TokenLogprob(token="x", logprob=logprob),)
    return replace(span, outcome=replace(span.outcome, notes=notes, logprobs=tokens))


def example(problems=60) -> Run:
    """The small model is right on two problems of three; it says so, mostly, and the longer it talks the less."""
    run = Run()
    for i in range(problems):
        right = i % 3 > 0
        token = ("", "<|c_math|>", "<|u_math|>")[0 if i == 5 else 1 if right or i % 12 == 0 else 2]
        says = f"{i if right else -i - 1} {token}"
        small = leaf("small", says, tokens=(10, 20 + i if right else 50 + i), cost=0.001)
        run.add(f"p{i}", told(small, log(0.9 if right else 0.5 + i / 200), confidence=0.6 + 0.3 * right), correct=right)
        run.add(f"p{i}", leaf("small", str(i if i % 5 else -1), cost=0.001), correct=i % 5 > 0, draw=1)
        run.add(f"p{i}", leaf("other", str(i if i % 4 else -i - 1), cost=0.002), correct=i % 4 > 0)
        run.add(f"p{i}", leaf("large", str(i), cost=0.01))
        run.grades[f"p{i}", "small", 0] = replace(run.grades[f"p{i}", "small", 0], answer=says.split(maxsplit=1)[0])
    return run


def readings(run: Run, **fields) -> Readings:
    return Readings(
        draws=draws(run.records, run.grades, confidences=confidences(MATH)), model="small", token=MATH, **fields
    )


@pytest.fixture(scope="module")
def found():
    return readings(example())


def test_every_signal_there_is_anything_of_has_a_name(found):
    own = ["token", RECORDED, "logprob:mean", "logprob:min", "length"]
    assert found.names() == [*own, "consistency", "agreement:other", "agreement:large"]
    assert found.names("large") == [*own, "consistency", "agreement:other"]


def test_each_says_what_its_part_says(found):
    assert found.score("token")[:6].tolist() == [1, 1, 1, 0, 1, 0]
    assert found.silent.sum() == 1
    assert found.score("length")[1] == 400 / 421
    assert found.score("logprob:mean")[1] == pytest.approx(0.9)
    assert found.score(RECORDED)[:2].tolist() == pytest.approx([0.6, 0.9])
    assert found.score("consistency")[[0, 1, 5]].tolist() == [1.0, 1.0, 0.5]
    assert found.score("agreement:other")[[0, 1, 4]].tolist() == [1, 1, 0]


def test_what_a_signal_asks_is_what_it_spends(found):
    assert found.spent("token")[0].sum() == 0
    assert found.spent("consistency")[0][0] == 0.001
    cost, tokens = found.spent("combined:consistency,agreement:other")
    assert (cost[0], tokens[0]) == (pytest.approx(0.003), 10)


def test_a_call_that_failed_leaves_nothing_to_judge():
    run = example()
    run.add("lost", leaf("small", failure="timeout"))
    run.add("lost", leaf("other", "1"))

    found = readings(run)

    assert not found.answered[-1]
    assert np.isnan(found.score("agreement:other")[-1])


def test_a_draw_nobody_recorded_leaves_consistency_unknown():
    run = example()
    del run.records["p0", "small", 1]

    assert np.isnan(readings(run).score("consistency")).nonzero()[0].tolist() == [0]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("tokn", "no signal is called 'tokn'; did you mean 'token'"),
        ("agreement:nobody", "nothing is recorded of 'nobody'"),
        ("logprob:entropy", "'logprob:entropy' cannot be read off any answer of 'small': its answers have no logprobs"),
    ],
)
def test_what_cannot_be_read_is_refused(found, name, complaint):
    with pytest.raises(SpecError, match=complaint):
        survey(found, [name])


def test_tokens_that_nobody_says_are_named():
    run = example()
    other = Readings(draws=draws(run.records, run.grades, confidences=confidences(Token())), model="small")

    assert "token" not in other.names()
    with pytest.raises(SpecError, match=r"none ends with '<\|c\|>' or '<\|u\|>'; say --confident and --unsure"):
        other.score("token")


@pytest.mark.parametrize("many", [1, 3])
def test_consistency_is_among_the_draws_that_are_recorded(many):
    with pytest.raises(
        SpecError, match=f"consistency among {many} draws of 'small' needs 2 or more, and 2 are recorded"
    ):
        readings(example(), many=many)


def test_a_survey_judges_all_signals_on_the_same_problems(found):
    evaluation = survey(found, to="large")

    assert [signal.name for signal in evaluation.signals] == [*found.names("large"), CONSTANT]
    assert {signal.problems for signal in evaluation.signals} == {60}
    assert (evaluation.model, evaluation.strong, evaluation.fitted) == ("small", "large", 0)
    token = evaluation.signals[0]
    assert (token.silent, token.confident) == (1, 44)


def test_what_is_fitted_is_judged_on_other_problems(found):
    pytest.importorskip("sklearn")

    evaluation = survey(found, split=1)

    judged, learned = parted(found, None, 1)
    assert not (judged & learned).any()
    assert (evaluation.problems, evaluation.fitted) == (30, 30)
    names = [signal.name for signal in evaluation.signals]
    assert {f"isotonic:{RECORDED}", f"platt:{RECORDED}"} <= set(names)
    assert any(name.startswith("combined:token,recorded,logprob:mean") for name in names)
    with pytest.raises(
        SpecError, match="isotonic:token is fitted, and must be judged on other problems; say --split 0"
    ):
        survey(found, ["isotonic:token"])


def test_a_default_that_cannot_be_fitted_is_left_out_with_a_sentence():
    pytest.importorskip("sklearn")

    evaluation = survey(readings(example(problems=30)), split=0)

    assert "isotonic:recorded is left out: 15 answers are too few to fit recorded on; at least 20 are needed" in (
        evaluation.notes
    )


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "length",
        "logprob:min",
        "consistency",
        "agreement:other",
        "recorded",
        "isotonic:token",
        "platt:logprob:mean",
        "combined:token,consistency,agreement:other",
        "isotonic:agreement:other",
    ],
)
def test_a_signal_written_down_is_a_part(found, name):
    pytest.importorskip("sklearn")
    table = found.table(name, found.answered)

    main = {"kind": "cascade", "models": ["@small", "@large"], "confidence": table, "thresholds": [0.5]}
    spec = parse({**LEAVES, "main": main})

    assert spec.models["main"].confidence


def test_a_part_written_down_scores_what_was_judged(found):
    pytest.importorskip("sklearn")
    table = {"kind": "cascade", "models": ["@small", "@large"], "thresholds": [0.5]}
    part = parse({**LEAVES, "main": {**table, "confidence": found.table("isotonic:length", found.answered)}})
    again = draws(example().records, example().grades, confidences={"part": part.models["main"].confidence})

    assert again.signals["part"][:, 0, 0] == pytest.approx(found.read("isotonic:length", found.answered))
