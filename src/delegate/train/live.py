"""The model under training in the trained seat: what it says is kept token by token, as it was drawn.

A rollout's turns are contexts of their own, each as the policy will show it to the model that is served, so each is a
sequence of its own here, too; nothing that anybody else said is ever in the part that is trained.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from delegate.completion import Completion, Span
from delegate.errors import ModelError
from delegate.generation.answer import Generation
from delegate.generation.engine import Engine, respond
from delegate.message import Request
from delegate.model import Emit
from delegate.price import Price
from delegate.task import Sample
from delegate.train.environment import Environment
from delegate.train.episode import Episode
from delegate.train.rollout import Rollout


@dataclass(frozen=True, slots=True)
class Turn:
    """What the seat was asked and said, as tokens."""

    prompt: tuple[int, ...]
    said: tuple[int, ...]
    """With the token that ended it, unless it was cut off; never empty."""


@dataclass(frozen=True, slots=True)
class Played:
    """A rollout, and the turns of the trained seat in it, in the order they were taken."""

    rollout: Rollout
    turns: tuple[Turn, ...]


class Speaker(Protocol):
    """Whoever takes the turns of the trained seat."""

    async def say(self, request: Request) -> tuple[Completion | ModelError, Turn | None]:
        """Answer; `None` in place of a turn when there is nothing to train."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Draws from the model as it is now, plainly: what is drawn otherwise is another model than the one trained."""

    engine: Engine
    name: str
    """For draws: equal names, requests and draws make equal answers of equal weights."""
    temperature: float = 1.0
    longest: int = 512
    """Most tokens of a turn."""
    price: Price | None = None

    async def say(self, request: Request) -> tuple[Completion | ModelError, Turn | None]:
        """Answer; a request that cannot be answered is a failure, as it will be when the model is served."""
        said = request.sampling
        most = min(said.max_tokens or self.longest, self.longest)
        plain = replace(said, temperature=self.temperature, top_p=1.0, seed=None, logprobs=None, max_tokens=most)
        heard = _Heard(self.engine)
        asked = replace(request, sampling=plain)
        try:
            reply = await respond(heard, asked, model=self.name, sampling=plain, price=self.price)
        except ModelError as error:
            return error, None
        assert heard.generation is not None
        return reply, Turn(tuple(heard.generation.prompt), tuple(heard.generation.tokens))


class _Heard:
    """An engine that keeps what it made."""

    def __init__(self, engine: Engine) -> None:
        self.generation: Generation | None = None
        self._engine = engine
        self.vocabulary, self.context, self.calls = engine.vocabulary, engine.context, engine.calls
        self.defaults, self.prompt = engine.defaults, engine.prompt

    async def answer(self, generation: Generation, emit: Emit | None = None) -> None:
        self.generation = generation
        await self._engine.answer(generation, emit)


async def play(
    environment: Environment, wanted: Sequence[tuple[Sample, int, Span | None]], speaker: Speaker
) -> list[Played]:
    """Play rollouts side by side, all of their next turns at once, so that batches are the same every time.

    Args:
        environment: what is played.
        wanted: for each rollout its problem, its draw, and what the single model answered.
        speaker: takes the turns of the trained seat.

    Raises:
        SpecError, DataError: a part is wrongly set up. A failed call is part of its rollout.
    """
    episodes = [Episode(environment, sample, draw, alone=alone) for sample, draw, alone in wanted]
    turns: list[list[Turn]] = [[] for _ in episodes]
    try:
        asked = dict(enumerate(await asyncio.gather(*(episode.reset() for episode in episodes))))
        while waiting := {place: request for place, request in asked.items() if request is not None}:
            replies = await asyncio.gather(*map(speaker.say, waiting.values()))
            for place, (_, turn) in zip(waiting, replies, strict=True):
                turns[place] += [turn] if turn is not None else []
            steps = (episodes[place].step(reply) for place, (reply, _) in zip(waiting, replies, strict=True))
            asked = dict(zip(waiting, await asyncio.gather(*steps), strict=True))
    finally:
        await asyncio.gather(*(episode.close() for episode in episodes))
    return [Played(episode.rollout, tuple(said)) for episode, said in zip(episodes, turns, strict=True)]


def engine(network: Any, tokens: Any, batch: int) -> Engine:
    """The network as it is at each answer; it draws from all of its tokens."""
    from delegate.generation.causal import Causal

    return Causal(network, tokens, batch=batch, top_k=0)
