import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegate.bench import grade as grading
from delegate.bench.draws import load
from delegate.bench.ladder import Ladder
from delegate.bench.readings import Readings, confidences
from delegate.bench.rungs import Run, of_signal
from delegate.confidences.agreement import Agreement
from delegate.confidences.consistency import Consistency
from delegate.confidences.length import Length
from delegate.confidences.token import Token
from delegate.errors import SpecError
from delegate.policies.cascade import Cascade
from recorded import record


def ladder(score, correct, **facts):
    many = len(score)
    cost = np.cumsum(np.ones(np.shape(correct)), axis=1)
    known = {"reference": np.array(correct)[:, -1], "reference_cost": np.ones(many), "cost": cost}
    names = tuple(map(str, range(many)))
    return Ladder(problems=names, score=np.array(score, float), correct=np.array(correct), **{**known, **facts})


@given(st.data())
def test_the_counts_of_every_threshold_are_those_of_deciding_problem_by_problem(data):
    levels, many = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 12))
    scores = st.sampled_from([0.0, 0.2, 0.5, 1.0, np.nan])
    score = [[data.draw(scores) for _ in range(levels - 1)] for _ in range(many)]
    correct = [[data.draw(st.booleans()) for _ in range(levels)] for _ in range(many)]
    found = ladder(score, correct, reference=np.array([data.draw(st.booleans()) for _ in range(many)]))

    family = found.family()

    assert family.accepted.size == found.thresholds.size
    for place, threshold in enumerate(found.thresholds):
        level = [next((i for i, s in enumerate(row) if s >= threshold), levels - 1) for row in score]
        assert found.level(threshold).tolist() == level
        right = np.array([row[i] for row, i in zip(correct, level, strict=True)])
        accepted = np.array(level) < levels - 1
        assert family.accepted[place] == accepted.sum()
        assert family.wrong[place] == (accepted & ~right).sum()
        assert family.worse[place] == (found.reference & ~right).sum()
        assert family.better[place] == (right & ~found.reference).sum()


def test_an_unknown_cost_stays_unknown():
    found = ladder([[1.0], [0.0]], [[True, True]] * 2, cost=np.array([[1.0, np.nan], [1.0, 2.0]]))
    assert found.figures(1.0).cost.value == 1.5
    assert found.figures(2.0).cost is None


@pytest.mark.parametrize(
    ("score", "correct", "said"),
    [
        ([[0.7]] * 3, [[True, False], [False, True], [True, True]], "every answer has the score 0.7"),
        (
            [[0.7], [0.2], [np.nan]],
            [[True, False], [False, True], [True, True]],
            "1 of the first model's answers have no",
        ),
        ([[0.7], [0.2]], [[True, False]] * 2, "every answer of the first model is right"),
        ([[0.7], [0.2]], [[False, True]] * 2, "every answer of the first model is wrong"),
    ],
)
def test_odd_signals_are_told_of(score, correct, said):
    found = ladder(score, correct)
    found.check()
    assert [note for note in found.oddities() if said in note]


@pytest.mark.parametrize(
    ("score", "correct", "said"),
    [
        ([[np.nan]], [[True, True]], "no answer has a score"),
        ([[np.inf]], [[True, True]], "a score is inf"),
        ([[0.4], [1.7]], [[True, True], [True, True]], "a score is 1.7, and a confidence"),
        ([], [], "no problem"),
    ],
)
def test_what_no_threshold_can_come_of_is_refused(score, correct, said):
    with pytest.raises(SpecError, match=said):
        ladder(np.reshape(score, (-1, 1)), np.reshape(correct, (-1, 2))).check()


@pytest.fixture
def recording(tmp_path):
    return record(tmp_path, seed=3, problems=40)


def played(recording, policy):
    """The run of a comparison in which this policy was compared beside every model alone."""
    found = Run.load(recording.folder)
    records = recording.play(policy)
    right = recording.correct(records)
    anyone = next(iter(found.grades.values()))
    grades = {r.key: replace(anyone, correct=c > 0) for r, c in zip(records, right, strict=True)}
    return Run(
        records={**found.records, **{r.key: r for r in records}},
        grades={**found.grades, **grades},
        problems=found.problems,
    )


def cascade(recording, thresholds, names=("a", "d"), confidence=None):
    models = recording.models()
    confidence = confidence or Agreement(models=(models["b"], models["c"]))
    return Cascade(models=tuple(models[n] for n in names), confidence=confidence, thresholds=thresholds, name="main")


def truth(recording, thresholds, problems, **facts):
    """Accuracy and costs of really running the cascade, on some problems."""
    records = recording.play(cascade(recording, thresholds, **facts))
    right = dict(zip((r.sample for r in records), recording.correct(records), strict=True))
    cost = {r.sample: np.nan if r.outcome.usage.cost is None else r.outcome.usage.cost for r in records}
    return [right[p] for p in problems], [cost[p] for p in problems]


def expected(found, *thresholds):
    level = found.level(*thresholds)
    answered = np.arange(level.size), level
    return found.correct[answered], found.cost[answered]


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0, 1.1])
def test_a_compared_cascade_is_known_at_every_threshold(recording, threshold):
    found = played(recording, cascade(recording, (0.6,))).cascade("main", ["a", "d"], "d")

    right, cost = truth(recording, (threshold,), found.problems)

    known = ~np.isnan(right)  # a voter whose recording is missing is a gap for the real one
    assert known.sum() > 25
    guessed, spent = expected(found, threshold)
    np.testing.assert_array_equal(guessed[known], np.array(right)[known])
    np.testing.assert_allclose(spent[known], np.array(cost)[known])


@pytest.mark.parametrize("thresholds", [(0.5, 0.5), (1.0, 1.0), (0.4, 0.4)])
def test_so_is_one_of_three_levels_that_accepted_nothing(recording, thresholds):
    names = {"names": ("a", "b", "d"), "confidence": Agreement(models=(recording.models()["c"],))}
    found = played(recording, cascade(recording, (1.1, 1.1), **names)).cascade("main", ["a", "b", "d"], "d")

    right, cost = truth(recording, thresholds, found.problems, **names)

    known = ~np.isnan(right)
    guessed, spent = expected(found, *thresholds)
    np.testing.assert_array_equal(guessed[known], np.array(right)[known])
    np.testing.assert_allclose(spent[known], np.array(cost)[known])


def test_one_that_accepted_something_is_not(recording):
    names = {"names": ("a", "b", "d"), "confidence": Agreement(models=(recording.models()["c"],))}
    with pytest.raises(SpecError, match=r"thresholds = \[1.1, 1.1\]"):
        played(recording, cascade(recording, (0.5, 0.5), **names)).cascade("main", ["a", "b", "d"], "d")


def test_a_row_that_was_not_compared_is_named(recording):
    with pytest.raises(SpecError, match="no row of 'e' alone"):
        played(recording, cascade(recording, (0.5,))).cascade("main", ["a", "d"], "e")


@pytest.mark.parametrize("signal", ["agreement:b", "consistency", "length", "token"])
@pytest.mark.parametrize("threshold", [0.3, 1.0])
def test_a_signal_gives_what_the_cascade_would_do(recording, signal, threshold):
    token, models = Token(), recording.models()
    readings = Readings(draws=load(recording.folder, confidences=confidences(token)), model="a", token=token)
    part = {
        "agreement:b": Agreement(models=(models["b"],)),
        "consistency": Consistency(model=models["a"], draws=4),
        "length": Length(),
        "token": token,
    }[signal]
    found = of_signal(readings, signal, "d", "d")

    right, cost = truth(recording, (threshold,), found.problems, confidence=part)

    assert len(found.problems) + found.left_out == 40
    guessed, spent = expected(found, threshold)
    np.testing.assert_array_equal(guessed, np.array(right))
    known = ~np.isnan(spent) & ~np.isnan(cost)
    assert (spent[known] >= np.array(cost)[known] - 1e-12).all()  # an answer that says nothing asks nobody
    assert np.isclose(spent[known], np.array(cost)[known]).mean() > 0.7


def test_an_ungraded_run_says_what_to_do(recording):
    (recording.folder / "grades.jsonl").unlink()
    with pytest.raises(SpecError, match="not graded yet"):
        Run.load(recording.folder)


def test_problems_that_were_asked_and_not_recorded_are_left_out(recording):
    run = played(recording, cascade(recording, (0.5,)))
    found = run.cascade("main", ["a", "d"], "d")
    lines = (recording.folder / "samples.jsonl").read_text().splitlines()
    assert found.left_out == len(lines) - len(found.problems) > 0
    assert set(found.problems) <= {json.loads(line)["id"] for line in lines}
    assert grading.read(recording.folder)
