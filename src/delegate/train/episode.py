"""Episode: a rollout played from outside, one turn of the trained seat after the other; for trainers that generate.

A trainer that samples many at once asks for the first requests of all, generates, hands the replies in, and so on:

    asked = dict(zip(episodes, await asyncio.gather(*(episode.reset() for episode in episodes))))
    while asked := {episode: request for episode, request in asked.items() if request is not None}:
        replies = generate(asked.values())
        asked = dict(zip(asked, await asyncio.gather(*map(Episode.step, asked, replies))))
    rollouts = [episode.rollout for episode in episodes]
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from delegate.completion import Completion, Span, Usage
from delegate.errors import ModelError
from delegate.message import Message, Request
from delegate.model import Emit
from delegate.task import Sample
from delegate.train.environment import Environment
from delegate.train.rollout import Rollout


class Episode:
    """One rollout; it lives in the event loop in which it is reset."""

    def __init__(self, environment: Environment, sample: Sample, draw: int = 0, *, alone: Span | None = None) -> None:
        """Arguments as of `Environment.rollout`; whoever sits in the trained seat gives way to the caller."""
        self._seat = _Seat()
        self._environment = environment.seated(self._seat)
        self._sample, self._draw, self._alone = sample, draw, alone
        self._task: asyncio.Task[Rollout] | None = None

    async def reset(self) -> Request | None:
        """Begin; what the trained seat is asked first, `None` when it never is."""
        self._task = asyncio.create_task(self._environment.rollout(self._sample, self._draw, alone=self._alone))
        return await self._next()

    async def step(self, reply: str | Completion | ModelError) -> Request | None:
        """Answer what was asked last; what the seat is asked next, `None` when the rollout is over.

        Raises:
            RuntimeError: nothing was asked.
        """
        self._seat.answer(reply)
        return await self._next()

    @property
    def rollout(self) -> Rollout:
        """What came of it.

        Raises:
            asyncio.InvalidStateError: it is not over yet.
        """
        if self._task is None:
            raise asyncio.InvalidStateError("the episode was not reset")
        return self._task.result()

    async def close(self) -> None:
        """Give up what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _next(self) -> Request | None:
        assert self._task is not None
        asked = asyncio.create_task(self._seat.asked())
        await asyncio.wait([self._task, asked], return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            return asked.result()
        asked.cancel()
        self._task.result()  # a wrong spec is raised here
        return None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Seat:
    """Answers with what it is told from outside, request by request in the order they came."""

    name: str = "trained"
    _waiting: deque[tuple[Request, asyncio.Future[Completion]]] = field(default_factory=deque)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, request: Request, *, emit: Emit | None = None) -> Completion:
        """Wait for a reply."""
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._news.set()
        return await future

    async def asked(self) -> Request:
        """The oldest request without a reply, once there is one."""
        while not self._waiting:
            self._news.clear()
            await self._news.wait()
        return self._waiting[0][0]

    def answer(self, reply: str | Completion | ModelError) -> None:
        """Reply to it."""
        if not self._waiting:
            raise RuntimeError("nothing was asked: the episode was not reset, or is over")
        _, future = self._waiting.popleft()
        if isinstance(reply, ModelError):
            future.set_exception(reply)
        elif isinstance(reply, Completion):
            future.set_result(reply)
        else:
            message = Message(role="assistant", content=reply)
            usage = Usage(calls=1, input_tokens=None, cached_tokens=None, output_tokens=None, reasoning_tokens=None)
            future.set_result(Completion(model=self.name, message=message, usage=usage, finish_reason="stop"))
