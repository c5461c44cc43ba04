"""Tokens as they are drawn, and the text they come to."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegate.errors import ModelError
from delegate.generation.answer import Generation, Vocabulary, draw_seed
from delegate.generation.sampling import choose, top
from delegate.message import Request, Sampling

END = 0
BYTES = Vocabulary(lambda tokens: bytes(tokens).decode("utf-8", "replace"), {END})
"""A token is a byte, as in the worst of tokenizers."""


def generation(**fields):
    sampling = {name: fields.pop(name) for name in ("stop", "logprobs", "max_tokens", "temperature") if name in fields}
    return Generation([1], BYTES, Sampling(**sampling), **{"room": 1000, **fields})


def feed(made, text):
    for byte in text.encode() + bytes([END]):
        if not made.over:
            made.take(byte, -0.5, [(byte, -0.5), (byte + 1, -1.0)])
    return made


class TestGeneration:
    def test_ends_with_the_end_token_which_is_paid_for_and_not_said(self):
        made = feed(generation(logprobs=1), "42")

        assert (made.text, made.finish_reason, made.over) == ("42", "stop", True)
        assert made.tokens == [ord("4"), ord("2"), END]
        assert [(told.token, told.logprob, dict(told.top)) for told in made.logprobs] == [
            ("4", -0.5, {"4": -0.5, "5": -1.0}),
            ("2", -0.5, {"2": -0.5, "3": -1.0}),
        ]

    @pytest.mark.parametrize(("wanted", "room"), [(2, 1000), (None, 2), (9, 2)])
    def test_ends_where_it_must(self, wanted, room):
        made = feed(generation(max_tokens=wanted, room=room), "42!")

        assert (made.text, made.finish_reason, made.logprobs) == ("42", "length", None)

    def test_a_character_torn_between_tokens_is_said_whole_and_one_cut_short_is_said_as_such(self):
        pieces = []
        made = generation()
        made.listener = pieces.append
        feed(made, "a€😀b")
        short = feed(generation(max_tokens=2), "€")

        assert (made.text, pieces) == ("a€😀b", ["a", "€", "😀", "b"])
        assert short.text == "�"

    @pytest.mark.parametrize("impossible", [-math.inf, math.nan])
    def test_the_impossible_has_a_log_probability_that_json_can_say(self, impossible):
        made = generation(logprobs=1)
        made.take(65, impossible, [(66, impossible)])

        assert json.dumps([made.logprobs[0].logprob, dict(made.logprobs[0].top)], allow_nan=False)

    @pytest.mark.parametrize(
        ("stops", "text"),
        [(("b",), "a"), (("zz", "bcd"), "a"), (("cde", "bcx", "e"), "ab"), (("xyz",), "abcdef"), (("a",), "")],
    )
    def test_is_cut_before_the_first_stop_string(self, stops, text):
        made = feed(generation(stop=stops, logprobs=0), "abcdef")

        assert (made.text, made.finish_reason) == (text, "stop")
        assert "".join(told.token for told in made.logprobs) == text

    @given(st.text("abc<é", max_size=20), st.lists(st.text("abc<é", min_size=1, max_size=4), max_size=3))
    def test_nothing_is_streamed_that_is_not_said_in_the_end(self, text, stops):
        pieces = []
        made = generation(stop=tuple(stops))
        made.listener = pieces.append
        feed(made, text)
        ends = (end for end in range(len(text) + 1) if any(stop in text[:end] for stop in stops))
        seen = text[: next(ends, len(text))]
        cut = min((seen.find(stop) for stop in stops if stop in seen), default=len(seen))

        assert made.text == text[:cut]
        assert made.text.startswith("".join(pieces))
        assert made.told == len("".join(pieces))

    @pytest.mark.parametrize(
        ("field", "problem"),
        [
            ({"temperature": -1.0}, "temperature must be at least 0, found -1.0"),
            ({"max_tokens": 0}, "max_tokens must be at least 1, found 0"),
            ({"logprobs": -1}, "logprobs must be at least 0"),
        ],
    )
    def test_settings_that_make_no_sense_are_refused(self, field, problem):
        with pytest.raises(ModelError, match=problem):
            generation(**field)


class TestSeed:
    def test_is_that_of_the_request_and_the_draw(self):
        request = Request.of("a")

        assert draw_seed("m", request.draw(2), 5) == 7
        assert draw_seed("m", request, None) == draw_seed("m", Request.of("a"), None)
        seeds = [draw_seed("m", request.draw(i), None) for i in range(3)]
        assert len({*seeds, draw_seed("m", Request.of("b"), None), draw_seed("other", request, None)}) == 5

    def test_decides_one_number_a_token(self):
        assert [generation(seed=3).uniform() for _ in range(2)] == [generation(seed=3).uniform()] * 2


class TestSampling:
    LOGITS = np.log(np.array([0.1, 0.2, 0.4, 0.3]))

    def drawn(self, temperature, top_p, count=2000):
        logits = np.tile(self.LOGITS, (count, 1))
        uniform = (np.arange(count) + 0.5) / count
        tokens = choose(logits, np.full(count, temperature), np.full(count, top_p), uniform)
        return np.bincount(tokens, minlength=4) / count

    @pytest.mark.parametrize(
        ("temperature", "top_p", "shares"),
        [
            (1.0, 1.0, [0.1, 0.2, 0.4, 0.3]),
            (0.5, 1.0, [0.01 / 0.3, 0.04 / 0.3, 0.16 / 0.3, 0.09 / 0.3]),
            (1.0, 0.65, [0, 0, 4 / 7, 3 / 7]),
            (1.0, 0.75, [0, 2 / 9, 4 / 9, 3 / 9]),
            (1.0, 0.0, [0, 0, 1, 0]),
            (0.0, 1.0, [0, 0, 1, 0]),
        ],
    )
    def test_follows_temperature_and_nucleus(self, temperature, top_p, shares):
        np.testing.assert_allclose(self.drawn(temperature, top_p), shares, atol=2e-3)

    def test_a_row_is_drawn_alike_whatever_the_other_rows_ask_for(self):
        logits = np.random.default_rng(0).standard_normal((6, 50))
        settings = np.array([0, 0.7, 1, 1, 1.5, 2.0]), np.array([1, 0.9, 1, 0.5, 0.9, 1]), np.linspace(0, 0.99, 6)
        together = choose(logits, *settings)
        alone = [choose(logits[i : i + 1], *(each[i : i + 1] for each in settings))[0] for i in range(6)]

        assert together.tolist() == alone

    def test_the_largest_number_below_one_finds_a_token(self):
        assert choose(self.LOGITS[None], np.ones(1), np.ones(1), np.array([1 - 2**-53])).tolist() == [3]

    def test_alternatives_are_the_likeliest_first(self):
        assert top(self.LOGITS, 2) == [(2, pytest.approx(math.log(0.4))), (3, pytest.approx(math.log(0.3)))]
        assert len(top(self.LOGITS, 99)) == 4
