"""One attempt at an OpenAI-compatible endpoint over aiohttp: the answer, or what went wrong and whether it may cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import orjson

from delegate.completion import Kind
from delegate.endpoint.keys import is_local
from delegate.endpoint.retry import STATUSES, AttemptError, retry_after
from delegate.endpoint.sse import EventReader
from delegate.looped import PerLoop
from delegate.model import Emit
from delegate.wire import ChatCompletion, ChunkReader, WireError, decode_completion

MAX_BODY = 64 * 2**20
"""Bytes of an answer that are read before it is given up."""

_LOST = frozenset({504, 524})
"""Statuses of a gateway that stopped waiting for an answer which may have been made, and charged."""

_KINDS: Mapping[int, Kind] = {408: "timeout", 429: "rate_limit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A request ready to be sent, as often as it takes."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout: float
    """Seconds for everything from connecting to the last byte."""
    connect_timeout: float
    """Seconds until there is a connection."""
    idle_timeout: float
    """Seconds between two pieces of a stream."""
    redact: Callable[[str], str]
    """Makes a text the endpoint wrote fit for an error."""

    async def send(self, emit: Emit | None) -> ChatCompletion:
        """Make one attempt; `emit` when the body asks for a stream.

        Raises:
            AttemptError: no completion came of it; after text was emitted, there is no other attempt.
        """
        said = False

        def relay(text: str) -> None:
            nonlocal said
            said = True
            emit(text)  # type: ignore[misc]

        try:
            return await self._attempt(relay if emit else None)
        except AttemptError as error:
            error.again = error.again and not said
            raise

    async def _attempt(self, emit: Emit | None) -> ChatCompletion:
        """Make an attempt; whatever goes wrong is classified."""
        try:
            async with asyncio.timeout(self.timeout):
                return await self._exchange(emit)
        except aiohttp.ConnectionTimeoutError:
            raise AttemptError("unreachable", "no connection in time", again=True) from None
        except TimeoutError:
            raise AttemptError("timeout", f"no answer within {self.timeout:g} s", again=True, billed=True) from None
        except aiohttp.ClientConnectorError as error:
            again = not isinstance(error, aiohttp.ClientSSLError)
            raise AttemptError("unreachable", self.redact(f"no connection: {error}"), again=again) from None
        except aiohttp.ClientResponseError as error:  # its text would hold addresses and headers
            raise AttemptError("unreachable", f"no HTTP: {type(error).__name__}", again=True, billed=True) from None
        except (aiohttp.ClientError, OSError) as error:
            detail = self.redact(f"the connection was lost: {type(error).__name__} {error}")
            raise AttemptError("unreachable", detail, again=True, billed=True) from None
        except WireError as error:
            detail = self.redact(f"an answer that is not in the format: {error}")
            raise AttemptError("bad_answer", detail, again=True, billed=True, status=200) from None

    async def _exchange(self, emit: Emit | None) -> ChatCompletion:
        session = await anext(_SESSIONS.get())
        async with session.post(
            self.url,
            data=self.body,
            headers=self.headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=self.connect_timeout),
            proxy=_proxy(self.url),
        ) as response:
            if not 200 <= response.status < 300:
                raise self._refusal(response, await _read(response))
            if emit is not None and response.content_type != "application/json":
                answer = await self._stream(response, emit)
            else:
                answer = decode_completion(self._json(await _read(response), response))
                if emit is not None and answer.choices and answer.choices[0].message.text:
                    emit(answer.choices[0].message.text)
        if not answer.choices:
            raise _bad("an answer without a choice")
        return answer

    async def _stream(self, response: aiohttp.ClientResponse, emit: Emit) -> ChatCompletion:
        """Read a stream to its end."""
        loop, parser, reader = asyncio.get_running_loop(), EventReader(), ChunkReader()
        patience = asyncio.timeout(None)
        try:
            async with patience, aclosing(_bounded(response)) as pieces:
                async for piece in pieces:
                    patience.reschedule(loop.time() + self.idle_timeout)
                    if self._relay(parser.feed(piece), reader, response, emit):
                        break
                else:
                    self._relay(parser.end(), reader, response, emit)
        except TimeoutError:
            if not patience.expired():
                raise
            detail = f"the stream stood still for {self.idle_timeout:g} s"
            raise AttemptError("timeout", detail, again=True, billed=True, status=200) from None
        if not reader.finished:
            raise _bad("the stream was cut short")
        return reader.completion()

    def _relay(self, data: Iterable[bytes], reader: ChunkReader, response: aiohttp.ClientResponse, emit: Emit) -> bool:
        """Pass events on; true when they say that it is done."""
        for event in data:
            if event == b"[DONE]":
                return True
            if event and (text := reader.feed(self._json(event, response))):
                emit(text)
        return False

    def _json(self, data: bytes, response: aiohttp.ClientResponse) -> Any:
        """A body or a chunk of it; an error inside is one."""
        try:
            body = load(data)
        except (ValueError, RecursionError):
            raise _bad(f"an answer that is not JSON ({response.content_type}, {len(data)} bytes)") from None
        if isinstance(body, dict) and body.get("error"):
            raise _bad(self.redact(f"an error instead of an answer: {_message(body)}"))
        return body

    def _refusal(self, response: aiohttp.ClientResponse, data: bytes) -> AttemptError:
        """The error an HTTP status stands for."""
        status, headers = response.status, response.headers
        try:
            body = orjson.loads(data)
        except ValueError:
            body = "" if b"<html" in data[:2000].lower() else data.decode("utf-8", "replace")
        spent_up = status == 429 and _code(body) == "insufficient_quota"
        again = status in STATUSES and not spent_up and headers.get("x-should-retry") != "false"
        kind: Kind = "refused" if spent_up else _KINDS.get(status, "server" if status >= 500 else "refused")
        said = _message(body) or ("redirects are not followed" if status < 400 else response.reason or "")
        return AttemptError(
            kind,
            self.redact(f"HTTP {status}: {said}"),
            again=again,
            billed=status in _LOST,
            status=status,
            hint=retry_after(headers),
        )


async def close() -> None:
    """Close the running loop's connections."""
    if (session := _SESSIONS.pop()) is not None:
        await session.aclose()


async def _session() -> AsyncGenerator[aiohttp.ClientSession]:
    """Yield one session, again and again; it is closed with the generator, which `asyncio.run` does at its end."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        while True:
            yield session


_SESSIONS: PerLoop[AsyncGenerator[aiohttp.ClientSession]] = PerLoop(_session)
"""One for each event loop, made at the first call and shared by all endpoints."""


@lru_cache(maxsize=64)
def _proxy(url: str) -> str | None:
    """The environment's proxy for an address."""
    parts = urlsplit(url)
    if is_local(url) or proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def dump(body: Any) -> bytes:
    """JSON, also of numbers and characters that orjson does not take."""
    try:
        return orjson.dumps(body)
    except TypeError:
        return json.dumps(body).encode()


def load(data: bytes) -> Any:
    """JSON, also with the NaN and Infinity that some servers write.

    Raises:
        ValueError: it is none.
    """
    try:
        return orjson.loads(data)
    except ValueError:
        if b"NaN" in data or b"Infinity" in data:
            return json.loads(data)
        raise


def _bad(detail: str) -> AttemptError:
    return AttemptError("bad_answer", detail, again=True, billed=True, status=200)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    return b"".join([piece async for piece in _bounded(response)])


async def _bounded(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    """The pieces of an answer's body, as they come.

    Raises:
        AttemptError: there is no end of it.
    """
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > MAX_BODY:
            detail = f"an answer of more than {MAX_BODY >> 20} MiB"
            raise AttemptError("bad_answer", detail, again=False, billed=True, status=response.status)
        yield piece


def _error(body: Any) -> Any:
    """The error in a body; some endpoints put it in a list, some leave out the object around it."""
    if isinstance(body, list) and body:
        return _error(body[0])
    return body.get("error") or body if isinstance(body, dict) else body


def _code(body: Any) -> Any:
    error = _error(body)
    return error.get("code") if isinstance(error, dict) else None


def _message(body: Any) -> str:
    """What an error says, for a person."""
    error = _error(body)
    if isinstance(error, dict):
        error = next((error[key] for key in ("message", "detail", "code", "type") if error.get(key)), error)
    return error if isinstance(error, str) else orjson.dumps(error).decode()
