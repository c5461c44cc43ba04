import json
import tomllib

import pytest

from delegate.bench.certificate import FORMAT, Certificate, beneath, read_certificate, spec_file
from delegate.bench.metrics import Interval
from delegate.errors import DataError, SpecError
from delegate.plain import digest, plain
from delegate.spec import parse
from delegate.store import write_json

TABLES = {
    "small": {"kind": "pocket", "model": "pocket-small-a", "sampling": {"temperature": 0.0, "logprobs": 0}},
    "large": {"kind": "pocket", "model": "pocket-large", "price": {"input": 1.0, "output": 2.0}},
    "other": {"kind": "pocket"},
    'a "b"': {
        "kind": "cascade",
        "models": ["@small", "@large"],
        "confidence": {"kind": "logprob", "statistic": "min"},
        "thresholds": [0.75],
    },
}
NAME = 'a "b"'


def certificate(**facts):
    spec = beneath(parse(TABLES).resolved, NAME)
    known = {
        "format": FORMAT,
        "policy": NAME,
        "spec": spec,
        "digest": digest(spec),
        "thresholds": (0.75,),
        "promise": "loss",
        "limit": 0.02,
        "delta": 0.05,
        "observed": 0.01,
        "bound": 0.019,
        "problems": 500,
        "reference": "large",
        "accepted": 0.6,
        "escalated": Interval(value=0.4, low=0.35, high=0.45),
        "cost": Interval(value=0.1, low=0.09, high=0.11),
        "reference_cost": None,
        "task": "pocket",
        "task_digest": "0" * 32,
        "data_digest": "1" * 32,
    }
    return Certificate(**{**known, **facts})


def test_a_certificate_is_read_as_it_was_written(tmp_path):
    made = certificate()
    write_json(tmp_path / "c.json", plain(made))
    assert read_certificate(tmp_path / "c.json") == made
    assert set(made.spec) == {"small", "large", NAME}  # and not what the policy does not need


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 99}, "no certificate of format 1"),
        ({"limit": "two"}, "expected float"),
        ({"delta": 0.9}, "delta must be between"),
        ({"bound": 0.03}, "shows no more than 0.03"),
        ({"thresholds": [0.5]}, "was changed after it was made"),
        ({"surprise": 1}, "no field 'surprise'"),
    ],
)
def test_a_certificate_that_is_none_is_refused(tmp_path, change, said):
    (tmp_path / "c.json").write_text(json.dumps({**plain(certificate()), **change}))
    with pytest.raises(DataError, match=said):
        read_certificate(tmp_path / "c.json")


def test_a_policy_edited_after_the_fact_is_refused(tmp_path):
    data = plain(certificate())
    data["spec"]["small"]["model"] = "pocket-small-b"
    (tmp_path / "c.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match="was changed"):
        read_certificate(tmp_path / "c.json")


def test_it_knows_the_policy_it_is_about():
    made = certificate()
    assert made.differences(parse(TABLES).resolved) == ()
    other = {**TABLES, NAME: {**TABLES[NAME], "thresholds": [0.5]}, "other": {"kind": "pocket", "batch": 4}}
    (said,) = made.differences(parse(other).resolved)
    assert said == f"{NAME}.thresholds[0] was 0.75, is now 0.5"
    with pytest.raises(SpecError, match="no table named"):
        made.differences({"small": TABLES["small"]})


def test_its_policy_can_be_written_out_and_built_again():
    made = certificate()
    written = parse(tomllib.loads(spec_file(made.spec)))
    assert made.differences(written.resolved) == ()
    assert "name = " not in spec_file(made.spec)
