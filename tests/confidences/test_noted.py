import pytest

from delegate.completion import Completion
from delegate.confidences.noted import Noted
from delegate.message import Message, Request
from delegate.models.function import FunctionModel
from delegate.policies.vote import Vote
from delegate.scope import Scope
from delegate.testing import check_confidence

REQUEST = Request.of("What is 2 + 2?")


@pytest.mark.parametrize(("notes", "score"), [({"confidence": 0.5}, 0.5), ({"confidence": "high"}, 0.0), ({}, 0.0)])
async def test_the_note_is_read(notes, score):
    completion = Completion(model="m", message=Message(role="assistant", content="4"), notes=notes)
    assert await Noted().score(REQUEST, completion, Scope()) == score


async def test_a_vote_says_how_clear_it_was():
    one = Vote(models=tuple(FunctionModel(function=lambda _, a=a: a, name=f"says {a}") for a in "445"))
    assert await Noted().score(REQUEST, await one.complete(REQUEST), Scope()) == 2 / 3
    assert await Noted(note="answered_by").score(REQUEST, await one.complete(REQUEST), Scope()) == 0.0


async def test_conformance():
    await check_confidence(Noted())
