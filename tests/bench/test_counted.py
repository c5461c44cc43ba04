"""What is counted from numbers is what the parts say of the texts those numbers stand for."""

from __future__ import annotations

import numpy as np
import pytest

from delegate import Completion, Message, Request, Scope
from delegate import answer as answers
from delegate.bench.counted import agreement, consistency, majority
from delegate.bench.draws import NOTHING
from delegate.confidences.agreement import Agreement
from delegate.confidences.consistency import Consistency
from delegate.errors import ModelError
from delegate.models.function import FunctionModel

REQUEST = Request.of("2 + 2?")
NUMBERS = np.random.default_rng(0).integers(NOTHING, 3, size=(60, 5))


def text(number):
    return "" if number == NOTHING else str(number)


def saying(name, numbers):
    """A model whose i-th draw is the i-th number; every other one that says nothing fails instead."""

    def reply(request):
        number = numbers[request.index]
        if number == NOTHING and request.index % 2:
            raise ModelError.of("server", "broke")
        return text(number)

    return FunctionModel(name=name, function=reply)


def completion(number):
    return Completion(model="m", message=Message(role="assistant", content=text(number)))


async def test_consistency_is_that_of_the_part():
    parts = [Consistency(model=saying("m", row), draws=5) for row in NUMBERS]

    said = [await part.score(REQUEST, completion(row[0]), Scope()) for part, row in zip(parts, NUMBERS, strict=True)]

    assert consistency(NUMBERS).tolist() == pytest.approx(said)


async def test_agreement_is_that_of_the_part():
    parts = [Agreement(models=tuple(saying(str(i), row[i:]) for i in range(1, 5))) for row in NUMBERS]

    said = [await part.score(REQUEST, completion(row[0]), Scope()) for part, row in zip(parts, NUMBERS, strict=True)]

    assert agreement(NUMBERS[:, 0], NUMBERS[:, 1:]).tolist() == pytest.approx(said)


def test_majority_is_that_of_the_answers():
    winner, share = majority(NUMBERS)

    for row, place, part in zip(NUMBERS, winner, share, strict=True):
        vote = answers.majority([text(number) for number in row])
        assert (place, part) == (NOTHING if vote.winner is None else vote.winner, pytest.approx(vote.share))
