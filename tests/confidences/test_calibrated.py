from dataclasses import dataclass
from math import exp, inf, nan

import pytest

from delegate import Completion, Message, Request, Scope, SpecError
from delegate.confidences.calibrated import Calibrated
from delegate.errors import ModelError

REQUEST = Request.of("2 + 2?")
ANSWER = Completion(model="small", message=Message(role="assistant", content="4"))


@dataclass(frozen=True, kw_only=True)
class Always:
    value: float

    async def score(self, request, completion, scope):
        return self.value


async def score(value, **fields):
    return await Calibrated(confidence=Always(value=value), **fields).score(REQUEST, ANSWER, Scope())


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, 0.1), (0.2, 0.1), (0.4, 0.3), (0.6, 0.5), (0.7, 0.5), (0.8, 0.5), (1.0, 0.9)]
)
async def test_between_points_the_map_is_a_line_and_beyond_them_flat(value, expected):
    points = ((0.2, 0.1), (0.6, 0.5), (0.8, 0.5), (0.9, 0.9))
    assert await score(value, points=points) == pytest.approx(expected)


async def test_one_point_is_a_constant():
    assert await score(0.3, points=((0.5, 0.7),)) == 0.7


async def test_slope_and_intercept_are_a_logistic_curve():
    assert await score(0.3, slope=4.0, intercept=-2.0) == pytest.approx(1 / (1 + exp(-(4 * 0.3 - 2))))
    assert await score(1.0, slope=-5000.0) == 0.0  # and nothing overflows


async def test_a_score_that_is_no_number_is_not_mapped():
    with pytest.raises(ModelError, match="'small' is nan"):
        await score(nan, points=((0.0, 0.0), (1.0, 1.0)))


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "give one of them"),
        ({"points": ((0.0, 0.0),), "slope": 1.0}, "give one of them"),
        ({"points": ((0.0, 0.0, 1.0),)}, "pairs"),
        ({"points": ((0.5, 0.0), (0.5, 1.0))}, "must rise"),
        ({"points": ((0.1, 0.9), (0.5, 0.2))}, "must rise"),
        ({"points": ((0.1, nan), (0.5, 1.0))}, "must rise"),
        ({"points": ((0.1, 0.2), (0.5, 1.2))}, r"in \[0, 1\]"),
        ({"points": ((-inf, 0.2), (0.5, 1.0))}, "must hold numbers"),
        ({"slope": nan}, "must be numbers"),
        ({"slope": 1.0, "intercept": inf}, "must be numbers"),
    ],
)
def test_a_map_that_is_none_is_refused(fields, complaint):
    with pytest.raises(SpecError, match=complaint):
        Calibrated(confidence=Always(value=0.5), **fields)
