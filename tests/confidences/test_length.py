import pytest

from delegate import Completion, Message, Request, Scope, SpecError, Usage
from delegate.confidences.length import Length

REQUEST = Request.of("2 + 2?")


def saying(text, tokens=None):
    return Completion(
        model="m", message=Message(role="assistant", content=text), usage=Usage(calls=1, output_tokens=tokens)
    )


async def score(completion, **fields):
    return await Length(**fields).score(REQUEST, completion, Scope())


async def test_the_confidence_is_half_at_half():
    assert await score(saying("4", 400)) == 0.5
    assert await score(saying("4", 300), half=100) == 0.25


async def test_longer_answers_have_less_of_it_and_none_is_like_another():
    scores = [await score(saying("4", tokens)) for tokens in (0, 1, 2, 500, 501, 100_000, 100_001)]
    assert scores == sorted(set(scores), reverse=True)
    assert 0 < scores[-1] < scores[0] <= 1


async def test_characters_stand_in_where_nobody_counted_tokens():
    assert await score(saying("x" * 400)) == await score(saying("x", 100))


async def test_an_answer_without_text_has_no_confidence():
    assert await score(saying(" ", 3)) == 0.0


@pytest.mark.parametrize("half", [0.0, -1.0, float("nan"), float("inf")])
def test_half_is_a_number_of_tokens(half):
    with pytest.raises(SpecError, match="`half`"):
        Length(half=half)
