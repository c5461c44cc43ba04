"""The delegation environment as trl's `environment_factory` has it: an object for each rollout, with one tool.

trl generates, parses the calls and keeps one sequence of the whole conversation, in which what the tool returned is
masked. Playing and scoring are `Environment`'s own: trl's turns are those of an `Episode`. The policy is one whose
`style` is tool, so that what is trained is what is served.

Experimental in trl 1.16, and so to be looked at with every new version: `environment_factory` itself, which warns that
it may change or go; `environments` among the arguments of a reward; and the format of calls, which trl knows only for
chat templates it has seen. Things to know of it:

- It waits for the tools of one rollout before it begins with the next, so that slow workers add up over a step; in
  `delegate.train.playing` all rollouts of a step are under way at once. Judges are asked all at once here, too,
  because rewards are given together.
- A call that does not fit the tool's signature never gets here; it is seen when the rollout is scored.
- A result that does not fit into `longest` with all before it is dropped with the answer, so what workers say is cut.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from delegate.bench.run import close
from delegate.completion import Completion, Span, Usage
from delegate.errors import SpecError
from delegate.generation.chat import conversation
from delegate.message import Message, Request, ToolCall
from delegate.model import Emit, Model
from delegate.policies.briefs import how_many
from delegate.policies.called import TOOL, opening
from delegate.price import Price
from delegate.task import Sample
from delegate.train.alone import Alone
from delegate.train.environment import Environment
from delegate.train.episode import Episode
from delegate.train.grpo import Scale, Settings
from delegate.train.playing import figures
from delegate.train.retold import told
from delegate.train.rollout import Rollout
from delegate.wire import decode_message

Count = Callable[[Request], int]
"""How many tokens a request comes to."""


class ToolEnvironment:
    """One rollout at a time. trl offers the model every public method but `reset` as a tool."""

    def __init__(self, host: ToolRollouts) -> None:
        self._host = host
        self._play: Play | None = None

    def reset(self, *, sample: str, **_row: Any) -> None:
        """Begin another rollout.

        Args:
            sample: the problem, by its id.
            _row: what else stands in its row.
        """
        self._play = self._host.begin(sample)

    async def delegate(self, subtasks: list[str]) -> str:
        """Have assistants work on subtasks, all of them at the same time.

        Args:
            subtasks: One for each assistant, with everything it needs.
        """
        return await self.play.call(subtasks)

    # trl would show the model what comes back, which no endpoint is told when the policy is served
    delegate.__annotations__.pop("return")

    @property
    def play(self) -> Play:
        """The rollout under way.

        Raises:
            RuntimeError: there is none.
        """
        if self._play is None:
            raise RuntimeError("the environment was not reset")
        return self._play


class ToolRollouts:
    """Everything the rollouts of a training share: what `delegate.train.grpo` hands to trl."""

    turns = 1
    scale: Scale = "batch"

    def __init__(
        self,
        environment: Environment,
        samples: Mapping[str, Sample],
        settings: Settings,
        count: Count,
        end: int,
        price: Price | None = None,
    ) -> None:
        """Bind what is played.

        Args:
            environment: the policy and its reward.
            samples: the problems to train on, by id.
            settings: how it is trained.
            count: of the model in training.
            end: the token that ends its turns.
            price: of its tokens; `None`: nobody knows.

        Raises:
            SpecError: such a rollout cannot be played, or not scored, this way.
        """
        check(environment)
        self.count, self.end, self.price, self.samples = count, end, price, samples
        policy = environment.policy
        most = 2 * settings.longest // policy.maximum  # all of them together half of the tokens, of four letters each
        workers = tuple(_Brief(model=worker, most=most) for worker in policy.workers)
        self.place = replace(environment, policy=replace(policy, workers=workers))
        self.alone = Alone(self.place)
        self.last: list[Rollout] = []
        """Those of the last step."""
        self.loop: asyncio.AbstractEventLoop | None = None
        """In which everybody is asked; `None` until somebody is."""
        self._draws = Counter[str]()
        self._plays: list[Play] = []

    def __enter__(self) -> ToolRollouts:
        return self

    def __exit__(self, *error: Any) -> None:
        self.place.algebra.close()
        if self.loop is not None:  # connections belong to trl's own loop, which goes on in a thread
            asyncio.run_coroutine_threadsafe(self._close(), self.loop).result()

    async def _close(self) -> None:
        await asyncio.gather(*(play.close() for play in self._plays))
        await close([self.place.policy, *filter(None, (self.place.judge, self.place.single))])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The problems, as trl shows them to the model."""
        policy = self.place.policy
        asked = (self.place.task.request(sample) for sample in self.samples.values())
        count = how_many(policy.minimum, policy.maximum)
        prompts = [conversation(opening(request, count))[0] for request in asked]
        return [{"prompt": prompt, "sample": name} for name, prompt in zip(self.samples, prompts, strict=True)]

    def environment(self) -> ToolEnvironment:
        """Another one: trl's `environment_factory`."""
        return ToolEnvironment(self)

    def begin(self, name: str) -> Play:
        """The next rollout of a problem."""
        play = Play(self, self.samples[name], self._draws[name])
        self._draws[name] += 1
        self._plays.append(play)
        return play

    async def reward(
        self,
        completions: Sequence[Sequence[Mapping[str, Any]]],
        completion_ids: Sequence[Sequence[int]],
        environments: Sequence[ToolEnvironment],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        """What each rollout earned; `None` where nobody can say, which moves nothing."""
        ended = zip(environments, completions, completion_ids, strict=True)
        self.last = await asyncio.gather(*(one.play.end(said, ids) for one, said, ids in ended))
        self._plays.clear()
        for name, value in figures(self.last).items():
            log_metric(name, value)
        return [one.reward for one in self.last]


class Play:
    """A rollout: trl's turns, told to an episode of the environment."""

    def __init__(self, host: ToolRollouts, sample: Sample, draw: int) -> None:
        self._host, self._sample, self._draw = host, sample, draw
        self._calls: list[ToolCall] = []
        self._handed: asyncio.Task[Request | None] | None = None
        self._episode: Episode | None = None
        self._alone: Span | None = None

    async def call(self, subtasks: Any) -> str:
        """What a call of the tool is answered with; trl begins all calls of a turn before any of them goes on."""
        place = len(self._calls)
        arguments = json.dumps({"subtasks": subtasks}, ensure_ascii=False)
        self._calls.append(ToolCall(id=f"call_{place}", name=TOOL.name, arguments=arguments))
        if self._handed is None:
            self._handed = asyncio.create_task(self._hand_out())
        asked = await asyncio.shield(self._handed)
        assert asked is not None
        return asked.messages[place - len(self._calls)].text

    async def end(self, said: Sequence[Mapping[str, Any]], ids: Sequence[int]) -> Rollout:
        """Tell the episode what it was not told yet, and read what came of it.

        Args:
            said: the messages of the model and of its tools, in trl's form.
            ids: the same as tokens.

        Raises:
            SpecError, DataError: a part is wrongly set up. A failed call is part of the rollout.
        """
        turns = [decode_message(dict(message)) for message in said if message["role"] == "assistant"]
        owed = iter(turns)
        if self._handed is not None:
            next(owed)
            asked = await self._handed
        else:
            asked = await self._begin()
        assert self._episode is not None
        while asked is not None:  # who was cut short has said nothing
            asked = await self._episode.step(_completion(next(owed, Message(role="assistant"))))
        return await self._read(self._episode.rollout, turns, ids)

    async def close(self) -> None:
        """Give up what is under way."""
        if self._handed is not None:
            self._handed.cancel()
        if self._episode is not None:
            await self._episode.close()

    async def _begin(self) -> Request | None:
        self._host.loop = asyncio.get_running_loop()
        self._alone = await self._host.alone.ask(self._sample)
        self._episode = Episode(self._host.place, self._sample, self._draw, alone=self._alone)
        return await self._episode.reset()

    async def _hand_out(self) -> Request | None:
        await self._begin()
        assert self._episode is not None
        return await self._episode.step(_completion(Message(role="assistant", tool_calls=tuple(self._calls))))

    async def _read(self, rollout: Rollout, turns: Sequence[Message], ids: Sequence[int]) -> Rollout:
        """The rollout with each turn's words whole, and on the bill.

        How many tokens the second turn has, its request tells to a few: what they were is not told apart.
        """
        host = self._host
        entered = [host.count(turn.request) for turn in rollout.turns]
        first = list(ids).index(host.end) + 1 if host.end in ids else len(ids)
        second = max(0, entered[0] + len(ids) - entered[1]) if len(turns) > 1 else 0
        replies = []
        for turn, before, left in zip(turns, entered, (first, second), strict=False):
            usage = Usage(calls=1, input_tokens=before, output_tokens=left, cost=None)
            cost = None if host.price is None else host.price.cost(usage, 0.0)
            replies.append(_completion(turn, replace(usage, cost=cost)))
        span = told(rollout.span, rollout.roles, iter(replies))
        return await host.place.read(span, self._sample, self._alone)


def check(environment: Environment) -> None:
    """See that trl's tools can play it.

    Raises:
        SpecError: they cannot.
    """
    if environment.policy.style != "tool":
        raise SpecError(
            f'trl\'s tools play policies that hand out by a tool; say style = "tool" in {environment.policy.name!r}'
        )
    if environment.seat != "delegator":
        raise SpecError(f"the {environment.seat} calls no tool; train it with --loop own")
    if environment.rubric.latency:
        raise SpecError("nobody can say how long a turn took when trl plays; set latency = 0, or say --loop own")


def _completion(message: Message, usage: Usage | None = None) -> Completion:
    return Completion(model="trained", message=message, usage=usage or Usage(), finish_reason="stop")


@dataclass(frozen=True, kw_only=True)
class _Brief:
    """A worker whose words are cut, so that an answer fits behind them."""

    model: Model
    most: int
    """Characters."""

    @property
    def name(self) -> str:
        """The worker's."""
        return self.model.name

    async def complete(self, request: Request, *, emit: Emit | None = None) -> Completion:
        """Ask the worker."""
        found = await self.model.complete(request)
        if len(found.text) <= self.most:
            return found
        return replace(found, message=replace(found.message, content=found.text[: self.most]), finish_reason="length")
