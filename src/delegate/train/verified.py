"""The environment for verifiers 0.4 (`vf-eval`) and, through it, prime-rl: a taskset, a harness and an env.

Playing and scoring are `Environment`'s own; what is here says who asks whom. The trained seat asks through verifiers,
which writes every turn into the trace that is trained on, a branch of its own for each, as contexts are in the policy.
Workers, judge and single model are those of the spec, and in no branch.

verifiers would play in a rented sandbox, and give the model a shell. Here the runtime is this machine, the harness runs
in this process and executes nothing, and no judge is asked but the spec's. That nothing is uploaded (`push`) and which
endpoint is asked (`client`) belong to the run, and are said in its own file.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import verifiers.v1 as vf
from pydantic import Field

from delegate.bench.prompts import Prompts
from delegate.bench.run import close
from delegate.errors import SpecError
from delegate.model import Model
from delegate.models.openai import OpenAI
from delegate.plain import build, plain
from delegate.spec import load, parse_task
from delegate.task import Sample, Task
from delegate.train.alone import Alone
from delegate.train.described import described
from delegate.train.environment import Environment
from delegate.train.rewards import Rubric
from delegate.train.rollout import Rollout
from delegate.train.seat import Seat
from delegate.train.split import Side, split

__all__ = ["DelegationEnv", "DelegationHarness", "DelegationTaskset"]

_DAY = 86_400.0
_POINTS = {"answer": 1.0, "tie": 0.5, "single": 0.0}


class DelegationTaskConfig(vf.TaskConfig):
    """What is played: `[env.taskset.task]`. Paths are relative to the working directory, but in a spec to the spec."""

    spec: Path = Path("spec.toml")
    """Holds the policy, the judge and the single model."""
    task: dict[str, Any] = Field(default_factory=dict)
    """The problems, as a table with a `kind`."""
    prompts: Path | None = None
    """In place of `task`: a JSONL file of prompts whose right answers nobody knows; needs `judge`."""
    policy: str = ""
    """Table of kind decompose; empty: the last one."""
    judge: str = ""
    """Table of the model that compares answers; empty: the task grades."""
    single: str = ""
    """Table of the model that answers alone; empty: the policy's delegator as the spec has it."""
    seat: Seat = "delegator"
    """Which seat is trained. Its model in the spec says what its tokens cost, and what verifiers leaves unsaid."""
    rubric: dict[str, Any] = Field(default_factory=dict)
    """Settings of the reward: fields of `Rubric`."""


class DelegationTasksetConfig(vf.TasksetConfig):
    """Which of the problems: `[env.taskset]`; how many of them is verifiers' `[select]`."""

    task: DelegationTaskConfig = DelegationTaskConfig()
    side: Side | None = None
    """Only those to train on, or those held out; `None`: all."""


class DelegationEnvConfig(vf.EnvConfig):
    """Who plays: `[env]`."""

    agent: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig())


class DelegationData(vf.TaskData):
    """A problem as it crosses processes."""

    sample: dict[str, Any] = Field(default_factory=dict)
    """The `Sample`, plain."""


class DelegationState(vf.State):
    """What a rollout needs while it lives."""

    play: Any = Field(default=None, exclude=True)
    """Plays the problem, given what makes the model in the trained seat of the one that sits there in the spec."""


class DelegationTask(vf.Task[DelegationData, DelegationState, DelegationTaskConfig]):
    """One problem."""

    async def setup(self, trace: vf.Trace, runtime: vf.Runtime) -> None:
        """Say how it is played."""
        trace.state.play = partial(_shared(self.config).play, build(Sample, self.data.sample))

    @vf.reward
    async def parts(self, trace: vf.Trace) -> dict[str, float]:
        """Each part of the reward, which is their sum.

        Raises:
            ValueError: the rollout is not scored, and so must not be trained on.
        """
        found = trace.info.get("rollout") or {"unscored": "never ended"}
        if found["unscored"]:
            raise ValueError(f"the rollout is not scored: {found['unscored']}")
        return dict(found["parts"])

    @vf.metric
    async def figures(self, trace: vf.Trace) -> dict[str, float]:
        """Subtasks worked on, dollars, seconds of the critical path, and points won; those that are known."""
        found = trace.info.get("rollout")
        if found is None:
            return {}
        known = {"subtasks": len(found["work"]), "cost": found["cost"], "seconds": found["seconds"]}
        known["won"] = _POINTS.get(found["winner"])
        return {name: float(value) for name, value in known.items() if value is not None}


class DelegationTaskset(vf.Taskset[DelegationTask, DelegationTasksetConfig]):
    """The problems of the spec's task."""

    def load(self) -> Iterator[DelegationTask]:
        """Each problem, in the task's order.

        Raises:
            SpecError, DataError: the config does not say what to play, or its files cannot be used.
        """
        if self.config.system_prompt is not None:
            raise SpecError("`system_prompt` has no effect here: the policy words all that its models are told")
        environment = _shared(self.config.task).environment
        samples = environment.task.samples()
        for sample in samples if self.config.side is None else split(samples)[self.config.side]:
            question = environment.question(sample)
            yield DelegationTask(DelegationData(id=sample.id, prompt=question, sample=plain(sample)), self.config.task)


class DelegationHarness(vf.Harness[vf.HarnessConfig]):
    """Plays a rollout in this process."""

    APPENDS_SYSTEM_PROMPT = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        """Play, and leave the rollout in the trace's `info`; it fails when the trained seat said nothing."""
        play = getattr(trace.state, "play", None)
        if play is None:
            raise SpecError("this harness plays nothing but the problems of its own taskset")
        found: Rollout = await play(partial(_intercepted, url=endpoint, model=ctx.model, secret=secret))
        trace.info["rollout"] = {name: value for name, value in plain(found).items() if name != "span"}
        trace.root_reply = found.answer
        silent = found.unscored == "unasked"
        return vf.ProgramResult(exit_code=int(silent), stdout="", stderr="no call of the trained seat was answered")


class DelegationEnv(vf.Env[DelegationEnvConfig]):
    """One rollout is one run of the one agent."""

    async def run(self, task: DelegationTask, agents: vf.Agents) -> None:
        """Play the problem."""
        await agents.agent.run(task)

    async def stop(self) -> None:
        """Give back connections and processes."""
        environment = _shared(self.config.taskset.task).environment
        await asyncio.to_thread(environment.algebra.close)
        await close([environment.policy, *filter(None, (environment.judge, environment.single))])


@dataclass(frozen=True, kw_only=True)
class _Intercepted(OpenAI):
    """The model under training, asked through verifiers; how long it may take is verifiers' to say."""

    secret: str = field(repr=False)
    timeout: float = _DAY

    def _secrets(self) -> tuple[dict[str, str], dict[str, Any], list[str]]:
        return {"Authorization": f"Bearer {self.secret}"}, {}, [self.secret]


def _intercepted(sitter: Model, *, url: str, model: str, secret: str) -> Model:
    """Who takes the seat of a model of the spec: it goes by the same name, at the same price."""
    kept = ("price", "sampling", "retries", "backoff", "max_wait")
    said = {name: getattr(sitter, name) for name in kept if hasattr(sitter, name)}
    return _Intercepted(model=model, base_url=url, secret=secret, name=sitter.name, **said)


class _Shared:
    """What the rollouts of one config share: the environment, what the single model said, and which draw is next."""

    def __init__(self, config: DelegationTaskConfig) -> None:
        self.environment = _environment(config)
        self._draws = Counter[str]()
        self._alone = Alone(self.environment)

    async def play(self, sample: Sample, trained: Callable[[Model], Model]) -> Rollout:
        """Play the next rollout of a problem.

        Args:
            sample: the problem.
            trained: makes the model in the trained seat of the one that sits there in the spec.
        """
        draw = self._draws[sample.id]
        self._draws[sample.id] += 1
        policy, seat = self.environment.policy, self.environment.seat
        sitter = policy.workers[0] if seat == "worker" else policy.delegator
        if seat == "synthesiser":
            sitter = policy.synthesiser or sitter
        environment = self.environment.seated(trained(sitter))
        return await environment.rollout(sample, draw, alone=await self._alone.ask(sample))


def _shared(config: DelegationTaskConfig) -> _Shared:
    """One for each config in a process: verifiers makes tasks anew from plain data, wherever they are played."""
    return _remembered(config.model_dump_json())


@cache
def _remembered(config: str) -> _Shared:
    return _Shared(DelegationTaskConfig.model_validate_json(config))


def _environment(config: DelegationTaskConfig) -> Environment:
    """What a config describes.

    Raises:
        SpecError: it names what is not in the spec, or nothing that could say what an answer is worth.
        DataError: a file cannot be used.
    """
    spec = load(config.spec)
    if (config.prompts is None) == (not config.task):
        raise SpecError("say which problems are played: `task`, a table with a `kind`, or else `prompts`, a file")
    task: Task = Prompts(path=config.prompts) if config.prompts else parse_task(config.task)
    try:
        rubric = build(Rubric, config.rubric)
    except ValueError as error:
        raise SpecError(f"`rubric`: {error}") from None
    roles = {role: getattr(config, role) for role in ("policy", "judge", "single", "seat")}
    return described(spec, str(config.spec), task, rubric=rubric, **roles)
