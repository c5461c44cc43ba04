import tomllib

import pytest

from delegate.bench.written import inline


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"kind": "token", "confident": "<|c|>", "a key": 'quoted "so", a \\ and a \n, \x7f and é'},
        {"points": [[0.0, 1e-05], [0.1 + 0.2, 1.0]], "draws": 5, "early": True, "inner": {"empty": [], "minus": -1.5}},
    ],
)
def test_what_is_written_is_read_back(value):
    assert tomllib.loads(f"value = {inline(value)}") == {"value": value}


def test_a_tuple_is_a_list():
    assert inline({"points": ((0.0, 1.0),)}) == "{ points = [[0.0, 1.0]] }"
