from math import log

import pytest

from delegate import Completion, Message, Request, Scope, SpecError, TokenLogprob
from delegate.confidences.logprob import Logprob
from delegate.errors import ModelError

REQUEST = Request.of("2 + 2?")


def completion(*tokens):
    return Completion(model="small", message=Message(role="assistant", content="4"), logprobs=tokens)


def token(probability, **top):
    return TokenLogprob(token="x", logprob=log(probability), top={name: log(p) for name, p in top.items()})


async def score(statistic, *tokens):
    return await Logprob(statistic=statistic).score(REQUEST, completion(*tokens), Scope())


async def test_mean_is_geometric_and_min_the_least_likely():
    assert await score("mean", token(0.9), token(0.4)) == pytest.approx(0.6)
    assert await score("min", token(0.9), token(0.4)) == pytest.approx(0.4)


async def test_with_a_bonus_the_longer_of_two_answers_is_trusted_more():
    plain, bonus = Logprob(), Logprob(length_bonus=1.5)
    short, usual, long = (completion(*[token(0.9)] * count) for count in (25, 100, 400))

    for answer in (short, usual, long):
        assert await plain.score(REQUEST, answer, Scope()) == pytest.approx(0.9)
    assert await bonus.score(REQUEST, short, Scope()) == pytest.approx(0.9**8)
    assert await bonus.score(REQUEST, usual, Scope()) == pytest.approx(0.9)
    assert await bonus.score(REQUEST, long, Scope()) == pytest.approx(0.9 ** (1 / 8))


@pytest.mark.parametrize("wrong", [-1.0, 400.0, float("inf"), float("nan")])
def test_a_bonus_is_a_number_within_reason(wrong):
    with pytest.raises(SpecError, match="length_bonus"):
        Logprob(length_bonus=wrong)


def test_a_bonus_is_for_the_mean():
    with pytest.raises(SpecError, match="is for the mean"):
        Logprob(statistic="min", length_bonus=1.0)


async def test_entropy_runs_from_certain_to_a_coin():
    assert await score("entropy", token(1.0, x=1.0, y=1e-300)) == pytest.approx(1.0)
    assert await score("entropy", token(0.5, x=0.5, y=0.5)) == pytest.approx(0.0)
    assert await score("entropy", token(0.5, x=0.5, y=0.5), token(1.0, x=1.0, y=1e-300)) == pytest.approx(0.5)


async def test_a_probability_above_one_by_rounding_is_one():
    assert await score("mean", TokenLogprob(token="x", logprob=1e-7)) == 1.0


async def test_impossible_alternatives_do_not_break_the_entropy():
    tokens = TokenLogprob(token="x", logprob=0.0, top={"x": 0.0, "y": -9999.0})
    assert await score("entropy", tokens) == 1.0


@pytest.mark.parametrize("statistic", ["mean", "min", "entropy"])
async def test_a_logprob_that_is_no_number_is_no_confidence(statistic):
    tokens = TokenLogprob(token="x", logprob=float("nan"), top={"x": float("nan"), "y": -1.0})
    with pytest.raises(ModelError, match="a logprob in the answer of 'small' is nan"):
        await score(statistic, tokens)


@pytest.mark.parametrize("statistic", ["mean", "min", "entropy"])
async def test_no_tokens_no_confidence(statistic):
    assert await score(statistic) == 0.0


async def test_no_logprobs_is_a_wrong_spec_and_names_the_cure():
    bare = Completion(model="small", message=Message(role="assistant", content="4"))
    with pytest.raises(SpecError, match=r"'small' has no logprobs .* `sampling = \{ logprobs = 5 \}`"):
        await Logprob().score(REQUEST, bare, Scope())


async def test_no_alternatives_is_a_wrong_spec_for_the_entropy():
    with pytest.raises(SpecError, match="two alternatives"):
        await score("entropy", token(0.9))
