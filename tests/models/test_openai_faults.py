"""What endpoints do wrong, and what becomes of the call and of its bill."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from asking import QUESTION, fail, openai
from delegate.completion import Usage
from delegate.endpoint.post import MAX_BODY
from delegate.endpoint.retry import pause, retry_after
from delegate.model import observe
from delegate.price import Price
from endpoint import Endpoint, answer, failure, raw

pytestmark = pytest.mark.usefixtures("no_keys")


class TestRetry:
    async def test_refusals_to_answer_now_are_tried_again_and_noted(self):
        async with Endpoint(failure(429), failure(503), answer()) as endpoint:
            completion = await openai(endpoint).complete(QUESTION)

        first, second, third = completion.notes["attempts"]
        assert (first["status"], second["status"], third["status"]) == (429, 503, 200)
        assert first["error"] == "rate_limit: HTTP 429: scripted failure"
        assert "error" not in third
        assert completion.usage.cost == 20e-6  # an endpoint that says no charges nothing
        assert completion.usage.calls == 1

    @pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
    async def test_statuses_worth_another_attempt(self, status):
        async with Endpoint(failure(status), answer()) as endpoint:
            completion = await openai(endpoint).complete(QUESTION)

        assert completion.text == "42"
        assert endpoint.count == 2

    @pytest.mark.parametrize("form", [str, lambda s: format_datetime(datetime.now(UTC) + timedelta(seconds=s + 1))])
    async def test_what_the_endpoint_asks_for_is_waited(self, form):
        async with Endpoint(failure(429, retry_after=form(0.4 if form is str else 1)), answer()) as endpoint:
            start = time.monotonic()
            completion = await openai(endpoint).complete(QUESTION)

        assert time.monotonic() - start >= 0.4
        assert completion.notes["attempts"][1]["waited"] >= 0.4

    async def test_nothing_is_waited_for_longer_than_the_most(self):
        async with Endpoint(failure(429, retry_after=3600), answer()) as endpoint:
            completion = await openai(endpoint, max_wait=0.1).complete(QUESTION)

        assert completion.notes["attempts"][1]["waited"] == 0.1

    async def test_attempts_are_bounded_and_their_end_is_a_failure_that_cost_nothing(self):
        async with Endpoint(failure(500, "boom")) as endpoint:
            failed = await fail(openai(endpoint))

        assert endpoint.count == 3
        assert (failed.kind, failed.detail) == ("server", "HTTP 500: boom")
        assert failed.usage == Usage(calls=1)
        assert len(failed.notes["attempts"]) == 3

    async def test_an_empty_account_is_not_asked_again(self):
        said = json.dumps({"error": {"message": "You have no money left", "code": "insufficient_quota"}})
        async with Endpoint(raw(said, status=429)) as endpoint:
            failed = await fail(openai(endpoint))

        assert (failed.kind, endpoint.count) == ("refused", 1)

    async def test_an_endpoint_that_forbids_another_attempt_is_obeyed(self):
        async with Endpoint(failure(503).but(headers={"x-should-retry": "false"})) as endpoint:
            await fail(openai(endpoint))

        assert endpoint.count == 1

    @pytest.mark.parametrize("step", [raw("<html>oops</html>", "text/html"), raw('{"choices": [{'), raw("[]")])
    async def test_an_answer_nobody_can_read_may_have_been_charged(self, step):
        async with Endpoint(step, answer()) as endpoint:
            completion = await openai(endpoint).complete(QUESTION)
            free = await openai(endpoint, price=Price(input=0.0, output=0.0)).complete(QUESTION)

        assert completion.text == "42"
        assert completion.usage == Usage.unknown()
        assert free.usage.cost == 0.0

    async def test_a_log_probability_that_is_no_number_does_not_cost_the_answer(self):
        odd = {"content": [{"token": "42", "logprob": float("nan"), "top_logprobs": []}]}
        async with Endpoint(answer(logprobs=odd)) as endpoint:
            completion = await openai(endpoint).complete(QUESTION)

        assert (completion.text, completion.logprobs[0].logprob) == ("42", -9999.0)

    @pytest.mark.parametrize(
        ("step", "detail"),
        [
            (raw("<html>oops</html>", "text/html"), "an answer that is not JSON (text/html, 17 bytes)"),
            (raw('{"choices": []}'), "an answer without a choice"),
            (raw('{"choices": 3}'), "an answer that is not in the format: choices: expected a list, found 3"),
            (raw('{"error": {"message": "upstream died"}}'), "an error instead of an answer: upstream died"),
        ],
    )
    async def test_bad_answers_to_the_end_are_a_failure(self, step, detail):
        async with Endpoint(step) as endpoint:
            failed = await fail(openai(endpoint))

        assert (failed.kind, failed.detail) == ("bad_answer", detail)
        assert failed.usage == Usage.unknown()
        assert endpoint.count == 3

    async def test_an_attempt_that_ran_out_of_time_may_have_been_charged(self):
        async with Endpoint(answer(delay=5), answer()) as endpoint:
            completion = await openai(endpoint, timeout=0.2).complete(QUESTION)
            await asyncio.sleep(0.05)
            assert endpoint.disconnects == 1

        assert completion.usage == Usage.unknown()
        assert completion.notes["attempts"][0]["error"] == "timeout: no answer within 0.2 s"

    async def test_time_running_out_to_the_end_is_a_failure(self):
        async with Endpoint(answer(delay=5)) as endpoint:
            failed = await fail(openai(endpoint, timeout=0.1, retries=1))

        assert (failed.kind, failed.usage, endpoint.count) == ("timeout", Usage.unknown(), 2)

    async def test_an_answer_without_end_is_given_up(self):
        async with Endpoint(raw("x" * (MAX_BODY + 1))) as endpoint:
            failed = await fail(openai(endpoint))

        assert (failed.kind, failed.detail) == ("bad_answer", "an answer of more than 64 MiB")
        assert endpoint.count == 1

    async def test_a_broken_connection_is_tried_again(self):
        async with Endpoint(answer(cut=0), answer()) as endpoint:
            completion = await openai(endpoint).complete(QUESTION)

        assert completion.text == "42"
        assert completion.usage.cost is None  # the endpoint had the request

    async def test_where_nobody_listens_nothing_is_spent(self):
        async with Endpoint() as endpoint:
            model = openai(endpoint, retries=1)
        failed = await fail(model)

        assert failed.kind == "unreachable"
        assert failed.usage == Usage(calls=1)
        assert len(failed.notes["attempts"]) == 2


class TestRefusal:
    @pytest.mark.parametrize(
        ("step", "detail"),
        [
            (failure(400, "temperature too hot"), "HTTP 400: temperature too hot"),
            (failure(401, "who are you"), "HTTP 401: who are you; check the key in OPENAI_API_KEY"),
            (failure(404, "no such model"), "HTTP 404: no such model; check model and base_url"),
            (raw('[{"error": {"message": "in a list"}}]', status=400), "HTTP 400: in a list"),
            (raw('{"detail": "no field"}', status=422), "HTTP 422: no field"),
            (raw("plain words", "text/plain", status=400), "HTTP 400: plain words"),
            (raw("<html><h1>Nope</h1></html>", "text/html", status=403), "HTTP 403: Forbidden; check the key"),
            (raw("", status=302).but(headers={"Location": "/x"}), "HTTP 302: redirects are not followed"),
        ],
    )
    async def test_says_what_the_endpoint_said_and_costs_nothing(self, step, detail):
        async with Endpoint(step) as endpoint:
            failed = await fail(openai(endpoint))

        assert failed.kind == "refused"
        assert failed.detail.startswith(detail)
        assert failed.usage == Usage(calls=1)
        assert endpoint.count == 1

    async def test_is_cut_to_a_readable_length(self):
        async with Endpoint(failure(400, "long " * 1000)) as endpoint:
            failed = await fail(openai(endpoint))

        assert len(failed.detail) <= 300


class TestCancelled:
    @pytest.mark.parametrize("emit", [None, print])
    async def test_a_caller_who_gives_up_hangs_up(self, emit):
        ledger = []
        async with Endpoint(answer("one two", delay=0 if emit else 5, gap=5)) as endpoint:
            task = asyncio.create_task(observe(openai(endpoint), QUESTION, ledger=ledger, emit=emit))
            await asyncio.sleep(0.1)
            start = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - start < 0.1
            await asyncio.sleep(0.1)
            assert endpoint.disconnects == 1

        assert (ledger[0].outcome.kind, ledger[0].outcome.usage) == ("cancelled", Usage.unknown())

    async def test_there_is_no_attempt_after_it(self):
        async with Endpoint(failure(429, retry_after=5)) as endpoint:
            task = asyncio.create_task(openai(endpoint).complete(QUESTION))
            await endpoint.reached(1)
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.wait([task])

        assert endpoint.count == 1


class TestWaits:
    def test_grow_with_full_jitter_up_to_the_most(self):
        waits = [[pause(failed, hint=None, backoff=1, max_wait=5) for _ in range(300)] for failed in (1, 2, 3, 9)]

        assert [max(drawn) <= most for drawn, most in zip(waits, (1, 2, 4, 5), strict=True)] == [True] * 4
        assert [max(drawn) > 0.9 * most for drawn, most in zip(waits, (1, 2, 4, 5), strict=True)] == [True] * 4
        assert min(min(drawn) for drawn in waits) < 0.1

    def test_begin_after_what_the_endpoint_asks_for(self):
        assert 3 <= pause(1, hint=3, backoff=1, max_wait=60) <= 4

    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"Retry-After": "2"}, 2.0),
            ({"Retry-After": "0.5"}, 0.5),
            ({"Retry-After": "-3"}, 0.0),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
            ({"Retry-After-Ms": "250", "Retry-After": "9"}, 0.25),
        ],
    )
    def test_are_read_in_every_form(self, headers, seconds):
        assert retry_after(headers) == seconds
