"""A scripted endpoint that speaks the OpenAI chat protocol on loopback, for tests of everything that makes calls.

    async with Endpoint(failure(429, retry_after=0), answer("42")) as endpoint:
        completion = await OpenAI(model="m", base_url=endpoint.url).complete(Request.of("6 * 7?"))
    assert endpoint.count == 2

The script is a list of steps, of which the last is repeated, or one function from a request's body to a step. The same
step serves plain calls, streams (`"stream": true`) and several choices (`"n": 3`). Nothing of the library is used.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Step:
    """How one request is answered; made by the functions below, varied with `but`."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    message: Json | None = None
    """The assistant's message; `None`: `text` is the whole body."""
    text: str = ""
    content_type: str = "application/json"
    usage: Json | None = None
    finish: str = "stop"
    model: str = "served"
    logprobs: Json | None = None
    delay: float = 0.0
    """Seconds before anything is sent."""
    gap: float = 0.0
    """Seconds between the chunks of a stream."""
    cut: int | None = None
    """Chunks after which the connection breaks; 0 breaks it before any answer, also of a plain call."""
    short: bool = False
    """The stream ends in good order, but with neither a reason nor `[DONE]`."""
    inband: Json | None = None
    """An error sent as the last chunk of a stream, or as the body of a plain call."""
    single: bool = False
    """Ignore `n`, as some endpoints do."""

    def but(self, **changes: Any) -> Step:
        """The same step with some fields changed."""
        return replace(self, **changes)


Script = Callable[[Json], Step]


def answer(text: str = "42", *, usage: tuple[int, int] | None = (10, 5), **fields: Any) -> Step:
    """An answer; `usage` is input and output tokens for each choice, `None` leaves the usage out."""
    counts = None if usage is None else {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
    return Step(message={"role": "assistant", "content": text}, usage=counts, **fields)


def calls(*wanted: tuple[str, Any], usage: tuple[int, int] | None = (10, 5), **fields: Any) -> Step:
    """An answer that calls tools: pairs of name and arguments (a string is sent as it is)."""
    tools = [
        {"id": f"call_{i}_{name}", "type": "function", "function": {"name": name, "arguments": _text(arguments)}}
        for i, (name, arguments) in enumerate(wanted)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": tools}
    return answer(usage=usage, finish="tool_calls", **fields).but(message=message)


def failure(status: int, message: str = "scripted failure", *, retry_after: object = None, **fields: Any) -> Step:
    """An HTTP error in the protocol's shape."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Step(status=status, headers=headers, text=json.dumps({"error": {"message": message}}), **fields)


def raw(text: str, content_type: str = "application/json", **fields: Any) -> Step:
    """Any body at all."""
    return Step(text=text, content_type=content_type, **fields)


class Endpoint:
    """The server, on a free port while it is entered."""

    def __init__(self, *script: Step | Script) -> None:
        self.script = script
        self.bodies: list[Json] = []
        """Of every request, as parsed."""
        self.headers: list[Mapping[str, str]] = []
        """Of every request."""
        self.peak = 0
        """Most requests under way at once."""
        self.disconnects = 0
        """Requests whose client left before the answer was complete."""
        self.connections: set[Any] = set()
        """Every connection a request came over."""
        self.url = ""
        """What to give as `base_url`."""
        self._running = 0
        self._arrival = asyncio.Event()

    @property
    def count(self) -> int:
        """Requests so far."""
        return len(self.bodies)

    async def reached(self, count: int) -> None:
        """Wait until so many requests have come."""
        while self.count < count:
            self._arrival.clear()
            await self._arrival.wait()

    async def __aenter__(self) -> Endpoint:
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self._arrival.set()
        self.headers.append(request.headers)
        self.connections.add(request.transport)
        self._running += 1
        self.peak = max(self.peak, self._running)
        try:
            return await self._serve(request, body, self._step(body))
        except (asyncio.CancelledError, ConnectionResetError):
            self.disconnects += 1
            raise
        finally:
            self._running -= 1

    def _step(self, body: Json) -> Step:
        step = self.script[min(self.count, len(self.script)) - 1]
        return step if isinstance(step, Step) else step(body)

    async def _serve(self, request: web.Request, body: Json, step: Step) -> web.StreamResponse:
        await asyncio.sleep(step.delay)
        if step.cut == 0:
            return _hang_up(request)
        if step.message is not None and step.status == 200 and body.get("stream"):
            return await _stream(request, body, step)
        text = step.text
        if step.inband is not None:
            text = json.dumps({"error": step.inband})
        elif step.message is not None:
            text = json.dumps(_completion(step, 1 if step.single else body.get("n") or 1))
        headers = {**step.headers, "Content-Type": step.content_type}
        return web.Response(status=step.status, text=text, headers=headers)


def _completion(step: Step, n: int) -> Json:
    choice = {"message": step.message, "finish_reason": step.finish, "logprobs": step.logprobs}
    head = {"id": "chatcmpl-0", "object": "chat.completion", "created": 0, "model": step.model}
    body = {**head, "choices": [{"index": i, **choice} for i in range(n)]}
    return body if step.usage is None else {**body, "usage": _usage(step.usage, n)}


async def _stream(request: web.Request, body: Json, step: Step) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    asked = body.get("stream_options", {}).get("include_usage")
    for place, chunk in enumerate(_chunks(step, asked)):
        if step.cut is not None and place >= step.cut:
            return _hang_up(request)
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await asyncio.sleep(step.gap)
    if not (step.short or step.inband):
        await response.write(b"data: [DONE]\n\n")
    return response


def _chunks(step: Step, include_usage: bool) -> list[Json]:
    """The first says the role; then one for each word and tool call, the reason, and the usage."""
    message = step.message or {}
    words = (message["content"] or "").split(" ") if message.get("content") else []
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": word if i == 0 else f" {word}"} for i, word in enumerate(words)]
    deltas += [{"tool_calls": [{"index": i, **call}]} for i, call in enumerate(message.get("tool_calls") or ())]
    chunks = [_chunk(step, [{"index": 0, "delta": delta, "finish_reason": None}]) for delta in deltas]
    if step.inband is not None:
        return [*chunks, {"error": step.inband}]
    if step.short:
        return chunks
    chunks.append(_chunk(step, [{"index": 0, "delta": {}, "finish_reason": step.finish}]))
    if include_usage and step.usage is not None:
        chunks.append({**_chunk(step, []), "usage": _usage(step.usage, 1)})
    return chunks


def _chunk(step: Step, choices: Sequence[Json]) -> Json:
    return {"object": "chat.completion.chunk", "model": step.model, "choices": list(choices)}


def _usage(usage: Json, n: int) -> Json:
    """The usage of `n` choices; the input is counted once."""
    scaled = {**usage, "completion_tokens": usage["completion_tokens"] * n}
    return {**scaled, "total_tokens": scaled["prompt_tokens"] + scaled["completion_tokens"], **usage.get("more", {})}


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
