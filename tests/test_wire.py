"""The OpenAI chat format by example: what is sent, what is kept, what is refused."""

import pytest

from delegate.message import Message, Request, Sampling, ToolCall
from delegate.wire import (
    WireError,
    decode_completion,
    decode_request,
    encode_request,
)


def test_what_is_none_is_not_sent():
    assert encode_request(Request.of("hello"), "m") == {
        "model": "m",
        "messages": [{"role": "user", "content": "hello"}],
    }


def test_a_draw_is_sent_its_own_seed():
    assert encode_request(Request.of("hello", seed=7).draw(3), "m")["seed"] == 10


def test_extra_fields_are_sent_and_override_nothing():
    request = Request(
        messages=(Message(role="user", content="hello"),),
        sampling=Sampling(temperature=0.5),
        extra={"top_k": 3, "temperature": 2, "model": "other", "tool_choice": "auto"},
    )

    body = encode_request(request, "m")

    assert (body["top_k"], body["temperature"], body["model"]) == (3, 0.5, "m")
    assert "tool_choice" not in body  # endpoints refuse a choice among no tools


def test_log_probabilities_of_the_chosen_token_alone_need_no_alternatives():
    body = encode_request(Request.of("hello", logprobs=0), "m")

    assert body["logprobs"] is True
    assert "top_logprobs" not in body


def test_a_message_that_only_calls_tools_has_no_content():
    message = Message(role="assistant", tool_calls=(ToolCall(id="1", name="f", arguments="{}"),))

    body = encode_request(Request(messages=(message,)), "m")["messages"][0]

    assert body["content"] is None
    assert body["tool_calls"] == [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]


def test_what_is_said_beside_a_function_is_kept():
    tool = {"type": "function", "function": {"name": "f", "strict": True}, "cache_control": {"type": "ephemeral"}}
    custom = {"type": "custom", "custom": {"name": "python"}}
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "abc"}},
    }
    body = {
        "model": "m",
        "messages": [{"role": "assistant", "content": None, "tool_calls": [call], "reasoning_content": "hm"}],
        "tools": [tool, custom],
        "tool_choice": "required",
    }

    read = decode_request(body)

    assert [tool.name for tool in read.request.tools] == ["f", "python"]
    assert encode_request(read.request, "m") == body


def test_the_newer_name_of_the_limit_is_read():
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5, "max_tokens": 9}

    assert decode_request(body).request.sampling.max_tokens == 5


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"model": None}, "model"),
        ({"model": 3}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["hi"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].function"),
        ({"messages": [{"role": "tool", "tool_call_id": 1}]}, "messages[0].tool_call_id"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": [1]}, "stop[0]"),
        ({"seed": "x"}, "seed"),
        ({"n": 0}, "n"),
        ({"logprobs": 5}, "logprobs"),
        ({"top_logprobs": 5}, "top_logprobs"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"stream_options": {"include_usage": "yes"}}, "stream_options.include_usage"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": 1}}]}, "tools[0].function.name"),
    ],
)
def test_a_malformed_body_is_refused_by_the_name_of_the_field(changes, field):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}

    with pytest.raises(WireError) as error:
        decode_request({**body, **changes})

    assert error.value.field == field
    assert str(error.value).startswith(f"{field}: ")


def test_a_body_that_is_no_object_is_refused():
    with pytest.raises(WireError, match="body: expected an object, found 'hi'"):
        decode_request("hi")


@pytest.mark.parametrize("odd", [float("nan"), float("-inf")])
def test_a_log_probability_that_is_no_number_does_not_cost_the_answer(odd):
    said = {"content": [{"token": "4", "logprob": odd, "top_logprobs": [{"token": "5", "logprob": odd}]}]}

    choice = decode_completion({"choices": [{"message": {"content": "4"}, "logprobs": said}]}).choices[0]

    assert [(one.logprob, dict(one.top)) for one in choice.logprobs] == [(-9999.0, {"5": -9999.0})]


@pytest.mark.parametrize("body", [None, [], "hi", {}, {"choices": None}, {"choices": [1]}, {"choices": [{}]}])
def test_an_answer_that_is_not_in_the_format_is_refused(body):
    with pytest.raises(WireError):
        decode_completion(body)


def test_choices_are_put_in_order_and_lacking_ids_and_texts_are_mended():
    def choice(index, arguments):
        message = {"tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}
        return {"index": index, "message": message}

    first, second = decode_completion({"choices": [choice(1, {"x": 1}), choice(0, None)]}).choices

    assert first.message.tool_calls == (ToolCall(id="call_0", name="f", arguments=""),)
    assert second.message.tool_calls[0].arguments == '{"x": 1}'


def test_log_probabilities_as_parallel_lists_are_read():
    said = {"tokens": ["4", "2"], "token_logprobs": [-0.5, None]}

    choice = decode_completion({"choices": [{"message": {"content": "42"}, "logprobs": said}]}).choices[0]

    assert [(one.token, one.logprob) for one in choice.logprobs] == [("4", -0.5), ("2", -9999.0)]
