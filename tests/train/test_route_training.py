from dataclasses import replace

import numpy as np
import pytest

from comparisons import Run, above, leaf
from delegate import Request, SpecError
from delegate.bench.grade import write
from delegate.bench.metrics import auroc
from delegate.plain import build, plain
from delegate.prediction import Predictor, load
from delegate.store import write_lines
from delegate.train.cases import gather
from delegate.train.route import Fitted, _boosted, fit, held_out, learn
from delegate.train.routed import judge
from routing import cases

FOUND = cases()


@pytest.fixture(scope="module", params=["logistic", "boosting"])
def fitted(request) -> Fitted:
    return fit(FOUND, kind=request.param)


def test_what_can_be_told_is_learned(fitted):
    assert auroc(fitted.chances[:, 0], FOUND.correct[:, 0]) > 0.8
    assert fitted.predictor.models == ("small", "large")
    assert [head.cost for head in fitted.predictor.heads] == pytest.approx([0.001, 0.01])


def test_a_file_says_what_was_fitted(fitted, tmp_path):
    write_lines(tmp_path / "route.json", [fitted.predictor])
    served = load(tmp_path / "route.json")
    assert served == build(Predictor, plain(fitted.predictor))
    assert served.chances(FOUND.questions[0]) == fitted.predictor.chances(FOUND.questions[0])


def test_what_is_like_nothing_seen_is_not_sure(fitted):
    for question in ("", "Apples!" * 1000, "7" * 300, "\n" * 50):
        assert all(0.001 < chance < 0.999 for chance in fitted.predictor.chances(question))


def test_fitting_is_the_same_every_time(fitted):
    again = fit(cases(), kind=fitted.predictor.fitted["kind"])
    assert again.predictor == fitted.predictor
    np.testing.assert_array_equal(again.chances, fitted.chances)


def test_answers_tell_more_than_questions():
    read = cases(answers=True, many=200)
    told = [fit(found).chances[:, 0] for found in (replace(read, answers=None), read)]
    question, answer = (auroc(chances, read.correct[:, 0]) for chances in told)
    assert answer > question


def test_equal_questions_are_never_learned_from_and_held_out():
    dice = np.random.default_rng(0)
    luck = np.tile(dice.integers(0, 2, (60, 2)).astype(float), (2, 1))  # each question twice, and nothing to learn
    twice = replace(
        FOUND,
        problems=tuple(f"p{number}" for number in range(120)),
        questions=tuple(
            f"{'  ' * (i // 60)}{FOUND.questions[i % 60].upper() if i < 60 else FOUND.questions[i % 60]}"
            for i in range(120)
        ),
        correct=luck,
    )
    for learned, held in twice.folds(5):
        assert not set(twice.wordings[learned]) & set(twice.wordings[held])
        assert set(learned) | set(held) == set(range(120))
    assert auroc(held_out(twice, list(twice.folds(5)))[:, 0], luck[:, 0]) < 0.75


def test_a_model_is_learned_from_the_draws_it_has():
    known = FOUND.correct.copy()
    known[60:, 1] = np.nan
    alone = replace(FOUND, problems=FOUND.problems[:60] * 2, correct=known)
    assert alone.first.size == 60
    half = replace(FOUND, problems=FOUND.problems[:60], questions=FOUND.questions[:60], correct=FOUND.correct[:60])
    both = [learn(found, np.arange(len(found.problems)), kind="boosting") for found in (alone, half)]
    assert both[0].heads[1].bias == both[1].heads[1].bias
    assert both[0].heads[0].bias != both[1].heads[0].bias


def test_trees_say_what_scikit_learn_says():
    from sklearn.ensemble import GradientBoostingClassifier

    dice = np.random.default_rng(1)
    traits = dice.normal(size=(300, 4))
    right = (traits[:, 0] + traits[:, 1] ** 2 > 0.5).astype(float)
    head = _boosted(traits, right, seed=3)
    settings = {
        "learning_rate": 0.06,
        "n_estimators": 100,
        "subsample": 0.6,
        "max_features": 0.2,
        "min_samples_leaf": 15,
    }
    theirs = GradientBoostingClassifier(random_state=3, **settings).fit(traits, right)
    ours = [head.odds(row) for row in traits.tolist()]
    np.testing.assert_allclose(ours, theirs.decision_function(traits), atol=1e-3)


def test_logistic_regression_says_what_scikit_learn_says():
    rows = np.arange(120)
    small = learn(FOUND, rows)
    odds = np.array([small.odds(reading) for reading in FOUND.readings])
    gradient = FOUND.correct - 1 / (1 + np.exp(-odds))  # at the optimum it vanishes along the bias, which is free
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=0.05)


@pytest.mark.parametrize(
    ("correct", "said"),
    [
        (np.ones((120, 2)), "'small' is wrong on 0 of 120 questions"),
        (np.tile([[0.0, 1.0]], (120, 1)), "'small' is right on 0 of 120 questions"),
        (np.stack([np.arange(120) % 2, np.arange(120) < 111], axis=1).astype(float), "'large' is wrong on 9 of 120"),
    ],
)
def test_what_is_always_right_or_always_wrong_is_refused(correct, said):
    with pytest.raises(SpecError, match=said):
        fit(replace(FOUND, correct=correct))


def test_too_few_questions_are_refused():
    with pytest.raises(SpecError, match="40 different questions are too few"):
        fit(cases(40))
    with pytest.raises(SpecError, match="1 different questions are too few"):
        fit(replace(FOUND, questions=("The same?",) * 120))


def test_hindsight_is_the_best_order_and_chance_lies_between():
    judged = judge(FOUND, fit(FOUND).chances)
    assert judged.areas["hindsight"].value > judged.areas["learned"].value > 0.5
    rows = {row.name: row for row in judged.rows}
    assert (rows["always small"].last, rows["always large"].last) == (0, 1)
    assert rows["learned, 50 % up"].accuracy.value > rows["learned, 50 % up"].random
    assert rows["learned, 50 % up"].cost == pytest.approx((0.001 + 0.01) / 2)
    assert judged.signals[0].model == "small"


def test_who_reads_an_answer_pays_for_it_first():
    read = cases(answers=True)
    rows = {row.name: row for row in judge(read, fit(read).chances).rows}
    assert rows["always large"].cost == pytest.approx(0.01)
    assert rows["learned, 50 % up"].cost == pytest.approx(0.001 + 0.01 / 2)


def test_without_a_gap_there_is_no_area():
    swapped = replace(FOUND, correct=FOUND.correct[:, ::-1])
    judged = judge(swapped, np.full((120, 2), 0.5))
    assert (judged.areas, judged.ahead) == ({}, None)


def recorded(folder):
    run = Run()
    for number in range(3):
        asked = {"request": Request.of(f"What is {number} + 1?")}
        for draw in range(2):
            run.add(f"p{number}", leaf("small", f"{number + draw}", cost=0.5, **asked), correct=draw == 0, draw=draw)
        run.add(f"p{number}", leaf("large", "9", cost=None, **asked), correct=True)
    run.add("p3", leaf("small", "7"), correct=True)  # the large model was not asked
    run.add("p0", above("both", leaf("small", "x")), correct=True)
    write_lines(folder / "records.jsonl", run.records.values())
    write(run.grades, folder)
    return folder


def test_cases_are_gathered_from_a_graded_run(tmp_path):
    found = gather(recorded(tmp_path), answers=True)
    assert found.models == ("small", "large")
    assert found.problems == ("p0", "p0", "p1", "p1", "p2", "p2")
    assert found.questions[2] == "What is 1 + 1?"
    assert found.answers == ("0", "1", "1", "2", "2", "3")
    np.testing.assert_array_equal(found.correct, [[1, 1], [0, np.nan]] * 3)
    np.testing.assert_array_equal(found.cost, [[0.5, np.nan]] * 6)
    assert gather(tmp_path).answers is None


def test_a_route_needs_two_models_asked_the_same(tmp_path):
    folder = recorded(tmp_path)
    for named in (["small"], []):
        with pytest.raises(SpecError, match="name two of them or more"):
            gather(folder, named)
    with pytest.raises(SpecError, match="'small' is named twice"):
        gather(folder, ["small", "large", "small"])
    with pytest.raises(SpecError, match="nothing is recorded of 'smal'"):
        gather(folder, ["smal", "large"])


def test_a_run_of_one_model_has_nothing_to_choose(tmp_path):
    run = Run()
    run.add("p0", leaf("small", "1"), correct=True)
    write_lines(tmp_path / "records.jsonl", run.records.values())
    write(run.grades, tmp_path)
    with pytest.raises(SpecError, match="has one alone"):
        gather(tmp_path)
