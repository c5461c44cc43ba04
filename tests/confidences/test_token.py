from math import log

import pytest

from delegate import Completion, Message, Request, Scope, SpecError, TokenLogprob
from delegate.confidences.token import Token

REQUEST = Request.of("2 + 2?")
MATH = Token(confident="<|c_math|>", unsure="<|u_math|>")


def completion(text, *tokens):
    logprobs = tuple(
        TokenLogprob(token=said, logprob=log(top[said]), top={name: log(p) for name, p in top.items()})
        for said, top in tokens
    )
    return Completion(model="m", message=Message(role="assistant", content=text), logprobs=logprobs or None)


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("4 <|c_math|>", 1.0),
        ("4 <|u_math|>", 0.0),
        ("4", 0.0),
        ("", 0.0),
        ("<|u_math|> no wait <|c_math|>", 1.0),
        ("<|c_math|> no wait <|u_math|>", 0.0),
        ("4 <|c|>", 0.0),
    ],
)
async def test_the_token_in_the_text(text, score):
    assert await MATH.score(REQUEST, completion(text), Scope()) == score


async def test_an_answer_without_either_token_is_noted():
    for text, notes in (("4", {"token": "none"}), ("4 <|u_math|>", {})):
        scope = Scope()
        await MATH.score(REQUEST, completion(text), scope)
        assert scope.complete("m", completion(text)).notes == notes


async def test_a_probability_that_is_no_number_leaves_the_text_to_decide():
    nan = TokenLogprob(token="<|c|>", logprob=float("nan"))
    answered = Completion(model="m", message=Message(role="assistant", content="4<|c|>"), logprobs=(nan,))
    assert await Token().score(REQUEST, answered, Scope()) == 1.0


async def test_the_probability_of_the_token_where_there_is_one():
    tokens = (("4", {"4": 0.9}), ("<|u|>", {"<|u|>": 0.6, "<|c|>": 0.2, "x": 0.2}))
    assert await Token().score(REQUEST, completion("4<|u|>", *tokens), Scope()) == pytest.approx(0.25)


async def test_the_probability_is_read_even_where_the_text_hides_the_token():
    tokens = (("4", {"4": 0.9}), ("<|c|>", {"<|c|>": 0.8, "<|u|>": 0.2}), ("<|im_end|>", {"<|im_end|>": 1.0}))
    assert await Token().score(REQUEST, completion("4", *tokens), Scope()) == pytest.approx(0.8)


async def test_an_alternative_that_was_not_returned_has_no_probability():
    assert await Token().score(REQUEST, completion("4<|c|>", ("<|c|>", {"<|c|>": 0.7})), Scope()) == 1.0


async def test_a_token_in_pieces_is_read_from_the_text():
    tokens = (("<|", {"<|": 0.9}), ("c", {"c": 0.8}), ("|>", {"|>": 1.0}))
    assert await Token().score(REQUEST, completion("4 <|c|>", *tokens), Scope()) == 1.0


@pytest.mark.parametrize("tokens", [("", "<|u|>"), ("<|c|>", ""), ("<|c|>", "<|c|>")])
def test_there_must_be_two_tokens(tokens):
    with pytest.raises(SpecError, match="two tokens"):
        Token(confident=tokens[0], unsure=tokens[1])
