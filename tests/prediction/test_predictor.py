import json
from math import exp, log1p

import pytest

from delegate.errors import DataError
from delegate.prediction import Head, Predictor, Tree, load, read
from delegate.prediction.predictor import weigh
from routing import by_length


def logistic(odds):
    return 1 / (1 + exp(-odds))


def test_chances_are_those_of_the_traits_through_platts_line(tmp_path):
    predictor = load(by_length(tmp_path / "route.json", [2.0, -1.0]))
    first, last = predictor.chances("four")
    assert first == pytest.approx(logistic(2.0))
    assert last == pytest.approx(logistic(-1.0 + log1p(4)))
    assert Head(model="a", bias=0.0, slope=2.0, intercept=-1.0).chance(0.75) == pytest.approx(logistic(0.5))


def test_terms_are_weighed_by_their_rarity_and_have_length_one():
    weights = weigh({"figs": 3, "dates": 1, "unknown": 9}, {"figs": 1.0, "dates": 2.0})
    assert set(weights) == {"figs", "dates"}
    assert sum(weight**2 for weight in weights.values()) == pytest.approx(1)
    assert weights["dates"] / weights["figs"] == pytest.approx(2 / (1 + 1.0986122886681098))
    assert weigh({"unknown": 1}, {}) == {}


def test_a_tree_goes_left_up_to_its_limit():
    tree = Tree(trait=(1, -1, -1), limit=(0.5, 0.0, 0.0), left=(1, -1, -1), right=(2, -1, -1), value=(0.0, -1.0, 3.0))
    assert (tree([9.0, 0.5]), tree([9.0, 0.6])) == (-1.0, 3.0)


@pytest.mark.parametrize("nodes", [{"left": (0,), "right": (0,)}, {"left": (5,), "right": (6,)}, {"trait": ()}])
def test_a_tree_leads_to_leaves(nodes):
    with pytest.raises(ValueError, match=r"tree|argument"):
        Tree(**{"trait": (0,), "limit": (0.0,), "left": (1,), "right": (2,), "value": (0.0,), **nodes})


def test_a_file_is_read_again_when_it_changes(tmp_path):
    path = by_length(tmp_path / "route.json", [0.0, 0.0])
    before = load(path)
    assert load(path) is before
    by_length(path, [1.0, 0.0, 0.0])
    assert load(path).models == ("a", "b", "c")


def test_no_file_says_what_makes_one(tmp_path):
    with pytest.raises(DataError, match="delegate train route"):
        load(tmp_path / "route.json")


@pytest.mark.parametrize(
    "change",
    [
        {"traits": ["characters"], "centre": [0], "scale": [1], "low": [0], "high": [9]},
        {"scale": [0] * len(read("").traits)},
        {"centre": [0]},
        {"heads": [{"model": "a", "bias": 0, "traits": [1, 2]}]},
        {"heads": "none"},
        {"answered": True},
        {"surprise": 1},
        {"terms": {"": [1]}},
        {"seen": [[0.5]]},
        {"heads": []},
    ],
    ids=str,
)
def test_a_file_that_is_no_predictor_is_refused(tmp_path, change):
    path = by_length(tmp_path / "route.json", [0.0, 0.0])
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=r"route\.json: .*delegate train route"):
        load(path)


def test_nothing_is_needed_to_tell_chances():
    nothing = Predictor(
        heads=(Head(model="a", bias=0.0),), answered=False, traits=(), centre=(), scale=(), low=(), high=()
    )
    assert nothing.chances("?") == (0.5,)
