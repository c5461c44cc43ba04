from dataclasses import dataclass, field
from typing import Any

import pytest

from delegate.errors import DataError, SpecError
from delegate.policies.cascade import Cascade
from delegate.spec import load, parse, walk
from delegate.testing import scripted

SMALL = {"kind": "openai", "model": "small", "base_url": "http://127.0.0.1:1/v1"}
LARGE = {"kind": "openai", "model": "large", "base_url": "http://127.0.0.1:1/v1", "price": {"input": 1, "output": 2}}
MAIN = {
    "kind": "cascade",
    "models": ["@small", "@large"],
    "confidence": {"kind": "token"},
    "thresholds": [0.5],
}


def tables(**changes):
    return {"small": SMALL, "large": LARGE, "main": MAIN, **changes}


def test_a_table_is_a_constructor_written_down():
    spec = parse(tables())
    main = spec.models["main"]
    assert isinstance(main, Cascade)
    assert main.name == "main"
    assert main.models == (spec.models["small"], spec.models["large"])
    assert main.models[1].price.output == 2.0


def test_a_part_may_be_written_on_the_spot():
    spec = parse({"main": {**MAIN, "models": [SMALL, LARGE]}})
    assert [model.model for model in spec.models["main"].models] == ["small", "large"]
    assert len({model.name for model in spec.models["main"].models}) == 2


def test_order_in_the_file_does_not_matter_and_references_share_one_object():
    spec = parse({"main": MAIN, "small": SMALL, "large": LARGE})
    assert spec.models["main"].models[0] is spec.models["small"]


def test_defaults_are_written_out_and_nulls_kept():
    resolved = parse(tables()).resolved
    assert resolved["small"]["price"] is None
    assert resolved["main"]["models"] == ["@small", "@large"]


def test_the_digest_changes_with_the_spec_and_only_then():
    again = parse({"main": MAIN, "large": LARGE, "small": SMALL})
    assert parse(tables()).digest == again.digest
    assert parse(tables(main={**MAIN, "thresholds": [0.6]})).digest != again.digest


def test_walk_meets_every_part_once_leaves_first():
    spec = parse(tables())
    names = [getattr(part, "name", type(part).__name__) for part in walk(tuple(spec.models.values()))]
    assert names == ["small", "large", "Token", "main"]


def test_walk_looks_at_what_a_part_is_not_at_what_it_remembers():
    @dataclass(frozen=True)
    class Remembering:
        model: Any
        answers: dict[str, Any] = field(default_factory=dict, compare=False)

    model = scripted("4")
    remembered = scripted("5")

    assert list(walk(Remembering(model, {"5": remembered}))) == [model]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"main": {**MAIN, "kind": "cascde"}}, r"\[main\].*unknown model 'cascde'; did you mean 'cascade'\?"),
        ({"main": {**MAIN, "treshold": 1}}, r"\[main\].*unknown argument 'treshold'; did you mean 'thresholds'\?"),
        ({"main": {**MAIN, "models": ["@small", "@larg"]}}, r"models\[1\].*'larg'; did you mean 'large'\?"),
        ({"main": {**MAIN, "models": ["@small", "@main"]}}, r"refers to itself: main -> main"),
        ({"main": {**MAIN, "thresholds": ["high"]}}, r"thresholds\[0\]: expected float, found 'high'"),
        ({"main": {**MAIN, "models": "@small"}}, r"models: expected a list"),
        ({"main": {**MAIN, "models": ["small", "@large"]}}, r"refer to a table as \"@name\""),
        ({"main": {**MAIN, "confidence": "@small"}}, r"'small' is no confidence"),
        ({"main": {**MAIN, "confidence": {"kind": "tken"}}}, r"unknown confidence 'tken'"),
        ({"main": {"kind": "cascade", "models": ["@small"]}}, r"argument 'confidence' is missing"),
        ({"main": {"models": ["@small"]}}, r"\[main\].*no `kind`"),
        ({"large": {**LARGE, "price": {"input": -1}}}, r"\[large\] price.*not below 0"),
        ({"large": {**LARGE, "price": {"in": 1}}}, r"unknown argument 'in'"),
        ({"compare": {"kind": "cascade"}}, r"settings of the compare command"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place_and_cure(changes, message):
    with pytest.raises(SpecError, match=message):
        parse(tables(**changes))


def test_a_circle_through_two_tables_is_named():
    circle = {"a": {"kind": "fallback", "models": ["@b"]}, "b": {"kind": "fallback", "models": ["@a"]}}
    with pytest.raises(SpecError, match="a -> b -> a"):
        parse(circle)


def test_a_missing_or_broken_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"absent\.toml: cannot be read"):
        load(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[small\n")
    with pytest.raises(DataError, match=r"broken\.toml: is not valid TOML"):
        load(broken)


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    with pytest.raises(SpecError, match=r"empty\.toml: no part is described"):
        load(empty)
