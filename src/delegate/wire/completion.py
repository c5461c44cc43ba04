"""Completion <-> the answer of an OpenAI chat completions call."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from delegate.completion import Completion, TokenLogprob, Usage
from delegate.message import Message
from delegate.wire.message import decode_message, encode_message
from delegate.wire.shape import Json, expect, number, optional
from delegate.wire.usage import decode_usage, encode_usage

_LEAST = -9999.0
"""What the format writes for the log-probability of the impossible, JSON having neither infinity nor nan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the answers to a request."""

    message: Message
    finish_reason: str | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCompletion:
    """What an endpoint answers: a choice for each draw, and the usage of all of them together."""

    choices: tuple[Choice, ...]
    usage: Usage
    """Of one call; its cost is what the endpoint says it charged."""
    model: str | None = None
    """What the endpoint says it served."""


def encode_completion(*draws: Completion, identity: str = "chatcmpl-0", created: int = 0) -> Json:
    """The answer that holds these draws of one request; their usages are added.

    Args:
        draws: one completion for each choice; the first names the model.
        identity: the answer's `id`.
        created: Unix time in seconds.
    """
    choices = [
        {
            "index": i,
            "message": encode_message(draw.message),
            "logprobs": encode_logprobs(draw.logprobs),
            "finish_reason": finish_reason(draw),
        }
        for i, draw in enumerate(draws)
    ]
    return {
        "id": identity,
        "object": "chat.completion",
        "created": created,
        "model": draws[0].model,
        "choices": choices,
        "usage": encode_usage(Usage.total(draw.usage for draw in draws)),
    }


def decode_completion(body: Any) -> ChatCompletion:
    """Read an endpoint's answer; there may be no choice in it.

    Raises:
        WireError: it is not what the format says.
    """
    choices = expect(expect(body, dict, "body").get("choices"), list, "choices")
    read = [_choice(choice, f"choices[{i}]") for i, choice in enumerate(choices)]
    served = body.get("model")
    return ChatCompletion(
        choices=tuple(choice for _, choice in sorted(read, key=lambda pair: pair[0])),
        usage=decode_usage(body.get("usage")),
        model=served if isinstance(served, str) and served else None,
    )


def finish_reason(completion: Completion) -> str:
    """Why the answer ended; what the format would say where nobody did."""
    return completion.finish_reason or ("tool_calls" if completion.message.tool_calls else "stop")


def encode_logprobs(logprobs: Iterable[TokenLogprob] | None) -> Json | None:
    """Log-probabilities in the format."""
    if logprobs is None:
        return None

    def entry(token: str, logprob: float) -> Json:
        return {"token": token, "logprob": logprob if math.isfinite(logprob) else _LEAST, "bytes": None}

    content = [
        {**entry(one.token, one.logprob), "top_logprobs": [entry(token, value) for token, value in one.top.items()]}
        for one in logprobs
    ]
    return {"content": content, "refusal": None}


def decode_logprobs(body: Any, field: str = "logprobs") -> tuple[TokenLogprob, ...] | None:
    """Read log-probabilities, in today's form or as parallel lists of tokens and numbers (Together's).

    Raises:
        WireError: it is neither.
    """
    if body is None or not expect(body, dict, field):
        return None
    if body.get("content") is None and isinstance(body.get("tokens"), list):
        pairs = zip(body["tokens"], optional(body.get("token_logprobs"), list, field), strict=False)
        return tuple(TokenLogprob(token=str(token), logprob=_logprob(value, field)) for token, value in pairs)
    if body.get("content") is None:
        return None
    return tuple(_token(item, field) for item in expect(body["content"], list, f"{field}.content"))


def _choice(body: Any, field: str) -> tuple[int, Choice]:
    index = expect(body, dict, field).get("index")
    reason = body.get("finish_reason")
    return index if isinstance(index, int) else 0, Choice(
        message=decode_message(body.get("message"), f"{field}.message"),
        finish_reason=reason if isinstance(reason, str) and reason else None,
        logprobs=decode_logprobs(body.get("logprobs"), f"{field}.logprobs"),
    )


def _token(body: Any, field: str) -> TokenLogprob:
    top: dict[str, float] = {}
    for item in optional(expect(body, dict, f"{field}.content").get("top_logprobs"), list, f"{field}.top_logprobs"):
        token = expect(expect(item, dict, f"{field}.top_logprobs").get("token"), str, f"{field}.top_logprobs.token")
        top.setdefault(token, _logprob(item.get("logprob"), field))
    token = expect(body.get("token"), str, f"{field}.token")
    return TokenLogprob(token=token, logprob=_logprob(body.get("logprob"), field), top=top)


def _logprob(value: Any, field: str) -> float:
    """What some endpoints send for the impossible, or for what they failed to work out, costs nobody the answer."""
    unsaid = value is None or (isinstance(value, float) and not math.isfinite(value))
    return _LEAST if unsaid else number(value, field) or 0.0
