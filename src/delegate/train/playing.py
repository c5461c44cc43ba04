"""Rollouts of a policy as what trl trains: the player of `delegate.train.grpo` for a seat.

A rollout of a policy is several turns, each in a context of its own, so it is several sequences to the trainer: of the
sequences trl asks for, as many as there are turns stand for one rollout, and all of them earn what the rollout earned.
The group's mean is therefore that over rollouts. A turn that was not taken is a sequence nothing of which is trained.

Deviation: advantages are divided by the standard deviation of the whole step's rewards, not by each group's. Divided by
its own, a group all of whose rollouts are right, or wrong, would learn from what little cost tells them apart as much
as another does from right and wrong (Liu et al. 2025, arXiv:2503.20783, see the same bias).

Workers, judge and everybody else are only ever in what a turn answers, which is never trained.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from delegate.bench.run import close
from delegate.completion import Completion
from delegate.task import Sample
from delegate.train.alone import Alone
from delegate.train.environment import Environment
from delegate.train.grpo import Scale, Settings, once, still
from delegate.train.live import Played, Speaker, Turn, play
from delegate.train.rewards import neutral
from delegate.train.rollout import Rollout


def slots(environment: Environment) -> int:
    """How many turns the trained seat takes in a rollout at most."""
    if environment.seat == "worker":
        return environment.policy.maximum
    return 1 if environment.seat == "synthesiser" else 2


def sequences(groups: Sequence[Sequence[Played]], turns: int, end: int) -> dict[str, list[Any]]:
    """What trl's `rollout_func` gives back: `turns` sequences for each rollout, group by group.

    Args:
        groups: rollouts of one problem each.
        turns: sequences of a rollout.
        end: the token that stands for a turn that was not taken.
    """
    columns: dict[str, list[Any]] = {"prompt_ids": [], "completion_ids": [], "env_mask": [], "earned": []}
    missing = Turn((end,), (end,))
    for group in groups:
        earned = neutral([one.rollout.reward for one in group])
        for one, reward in zip(group, earned, strict=True):
            for place in range(turns):
                turn = one.turns[place] if place < len(one.turns) else missing
                columns["prompt_ids"].append(list(turn.prompt))
                columns["completion_ids"].append(list(turn.said))
                columns["env_mask"].append([int(turn is not missing)] * len(turn.said))
                columns["earned"].append(reward)
    return {**columns, "logprobs": None}  # type: ignore[dict-item]


def figures(found: Sequence[Rollout]) -> dict[str, float]:
    """What a step's rollouts come to: means, over those of which each is known."""
    rows: dict[str, list[float | None]] = {
        "rollout/reward": [one.reward for one in found],
        "rollout/unscored": [float(one.unscored is not None) for one in found],
        "rollout/cost": [one.cost for one in found],
        "rollout/subtasks": [float(len(one.work)) for one in found],
        "rollout/faultless": [float(not one.faults) for one in found],
    }
    for name in found[0].parts:
        rows[f"part/{name}"] = [one.parts[name] for one in found]
    known = {name: [value for value in values if value is not None] for name, values in rows.items()}
    return {name: sum(values) / len(values) for name, values in known.items() if values}


class Rollouts:
    """Plays a policy with the model in training in its seat: a player."""

    scale: Scale = "batch"

    def __init__(
        self,
        environment: Environment,
        samples: Mapping[str, Sample],
        settings: Settings,
        speaker: Callable[[Any], Speaker],
    ) -> None:
        """Bind what is played.

        Args:
            environment: the policy and its reward.
            samples: the problems to train on, by id.
            settings: how it is trained.
            speaker: makes who takes the turns of the trained seat, of the network that is trained.
        """
        self.names, self.turns = list(samples), slots(environment)
        self._samples = samples
        self._environment, self._settings = environment, settings
        self._alone = Alone(environment)
        self._make = speaker
        self._speaker: Speaker | None = None
        self._runner = asyncio.Runner()
        self.last: list[list[Played]] = []
        """The groups of the last step."""

    def __enter__(self) -> Rollouts:
        self._runner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        place = self._environment
        self._runner.run(close([place.policy, *filter(None, (place.judge, place.single))]))
        place.algebra.close()
        self._runner.__exit__(*error)

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Play a step."""
        asked = once(prompts, self._settings.group * self.turns)
        self._speaker = self._speaker or self._make(trainer.model)
        with still(trainer.model):
            played = self._runner.run(self._play(asked, trainer.state.global_step))
        size = self._settings.group
        self.last = [played[place : place + size] for place in range(0, len(played), size)]
        return sequences(self.last, self.turns, trainer.processing_class.eos_token_id)

    async def _play(self, names: Sequence[str], step: int) -> list[Played]:
        assert self._speaker is not None
        asked = {name: self._samples[name] for name in names}
        spans = await asyncio.gather(*map(self._alone.ask, asked.values()))
        found = {name: span for name, span in zip(asked, spans, strict=True) if span is not None}
        alone = {name: span for name, span in found.items() if isinstance(span.outcome, Completion)}
        size = self._settings.group
        draws = range(step * size, (step + 1) * size)
        wanted = [(self._samples[name], draw, alone.get(name)) for name in names for draw in draws]
        return await play(self._environment, wanted, self._speaker)

    def reward(self, earned: list[float], log_metric: Callable[[str, float], None], **_: Any) -> list[float]:
        """What each sequence earned."""
        for name, value in figures([one.rollout for group in self.last for one in group]).items():
            log_metric(name, value)
        return earned
