from dataclasses import dataclass
from math import exp, inf, nan

import pytest

from delegate import Completion, Message, Request, Scope, SpecError
from delegate.confidences.combined import Combined
from delegate.errors import ModelError

ANSWER = Completion(model="small", message=Message(role="assistant", content="4"))


@dataclass(frozen=True, kw_only=True)
class Always:
    value: float

    async def score(self, request, completion, scope):
        return self.value


async def score(values, **fields):
    parts = tuple(Always(value=value) for value in values)
    return await Combined(confidences=parts, **fields).score(Request.of("2 + 2?"), ANSWER, Scope())


async def test_confidences_are_weighed_and_summed():
    found = await score((0.2, 0.9), weights=(3.0, -1.0), intercept=0.5)
    assert found == pytest.approx(1 / (1 + exp(-(0.5 + 3 * 0.2 - 0.9))))


async def test_nothing_overflows():
    assert await score((1.0,), weights=(-1e6,)) == 0.0


async def test_a_score_that_is_no_number_is_not_weighed():
    with pytest.raises(ModelError, match="'small' is nan"):
        await score((0.5, nan), weights=(1.0, 0.0))


@pytest.mark.parametrize(("values", "weights"), [((), ()), ((0.5,), ()), ((0.5,), (1.0, 2.0))])
def test_every_confidence_has_a_weight(values, weights):
    with pytest.raises(SpecError, match="`weights` must hold one number for each"):
        Combined(confidences=tuple(Always(value=value) for value in values), weights=weights)


@pytest.mark.parametrize("fields", [{"weights": (nan,)}, {"weights": (1.0,), "intercept": inf}])
def test_weights_are_numbers(fields):
    with pytest.raises(SpecError, match="must be numbers"):
        Combined(confidences=(Always(value=0.5),), **fields)
