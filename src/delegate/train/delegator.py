"""From a policy to the same policy with a trained seat, in stages that are not done twice.

A teacher, or the model itself, plays the training problems; the model imitates the good rollouts; GRPO goes on from
there; and what it was worth before and after is seen on problems that were never trained on. In the folder:

    teacher.jsonl  the rollouts it starts from       before.jsonl, after.jsonl  rollouts of the held-out problems
    base/          a pocket model, as transformers has it
    start/         the model that imitates them      steps.jsonl  what each step's rollouts came to
    checkpoints/   of GRPO, to go on from            merged/      the trained model, for `kind = "local"`
    spent.jsonl    a line for each call of anybody but the model in training
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from delegate.generation.tokens import Tokens
from delegate.message import Request
from delegate.model import Model
from delegate.models.local import Local
from delegate.plain import plain
from delegate.price import Price
from delegate.store import lines, read_json, write_json, write_lines
from delegate.task import Sample
from delegate.train import grpo, learning, rollouts, tool_environment
from delegate.train import sft as imitation
from delegate.train.environment import Environment
from delegate.train.grpo import Progress
from delegate.train.live import Live, engine
from delegate.train.playing import Rollouts
from delegate.train.purse import Account, Purse
from delegate.train.rollout import Rollout
from delegate.train.summary import summary
from delegate.train.tool_environment import ToolRollouts
from delegate.train.unpack import shipped, unpack
from delegate.train.weights import Weights, read, write

Loop = Literal["own", "trl"]
"""Who plays the rollouts of GRPO: all of a step at once, each turn a sequence; or trl, through tools, a conversation
being one sequence."""

BASE, START, MERGED, MANIFEST = "base", "start", "merged", "learning.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is trained, on what, and how."""

    environment: Environment
    model: Local
    """Who is trained, as it will be served in the seat: with its price and its sampling."""
    train: Sequence[Sample]
    test: Sequence[Sample]
    """Held out."""
    teacher: Model | None = None
    """Who plays the rollouts it starts from; `None`: the model itself."""
    sft: int = 0
    """How many training problems the teacher plays; 0: the model starts as it is."""
    imitate: imitation.Settings = field(default_factory=imitation.Settings)
    settings: grpo.Settings = field(default_factory=grpo.Settings)
    draws: int = 1
    """Rollouts of each held-out problem."""
    loop: Loop = "own"
    max_cost: float | None = None
    """US dollars of all others' calls, over all sittings, after which nothing more is begun; `None`: no limit."""

    def __post_init__(self) -> None:
        if self.loop == "trl":
            tool_environment.check(self.environment)


def train(course: Course, out: Path, progress: Progress = lambda what, done, many: None) -> dict[str, Any]:
    """Train, and judge what came of it; what `learning.json` says.

    Args:
        course: what, and how.
        out: the folder; a run that was stopped goes on where it was.
        progress: told how far each stage is.

    Raises:
        SpecError: a part is wrongly set up, there is nothing to start from, or `max_cost` is spent; what is done stays.
        DataError: a file holds a malformed line.
    """
    if (out / MANIFEST).exists():
        return read_json(out / MANIFEST)
    began = time.monotonic()
    course = replace(course, model=_form(course.model, out))
    if course.loop == "trl":
        grpo.check_tools(Tokens(course.model.model).tokenizer)
    with Account(out / "spent.jsonl", course.max_cost) as account:
        place, teacher = account.around(course.environment), account.over(course.teacher)
        course = replace(course, environment=place, teacher=teacher)
        started = _start(course, out, account, progress)
        before = _judge(course, started, out / "before.jsonl", account, "the start", progress)
        trained = _improve(course, started, out, account, progress)
        after = _judge(course, trained, out / "after.jsonl", account, "the trained model", progress)
    steps = [row for _, row in lines(out / "steps.jsonl")]
    said = {
        "kind": "delegator",
        "seat": course.environment.seat,
        "policy": course.environment.policy.name,
        "model": course.model.model,
        "task": course.environment.task.name,
        "settings": {"sft": course.sft, "imitation": asdict(course.imitate), "grpo": asdict(course.settings)},
        "problems": {"train": len(course.train), "held_out": len(course.test)},
        "before": plain(summary(before, seed=course.settings.seed)),
        "after": plain(summary(after, seed=course.settings.seed)),
        "gained": plain(learning.gained(before, after, seed=course.settings.seed)),
        "steps": steps,
        "spent": None if account.meter.unknown else account.meter.cost,
        "seconds": round(time.monotonic() - began, 1),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("delegate", "torch", "transformers", "trl", "peft")},
    }
    write_json(out / MANIFEST, said)
    learning.write(said, out)
    return said


def teach(
    course: Course, out: Path, progress: Progress = lambda what, done, many: None, purse: Purse | None = None
) -> list[Rollout]:
    """The rollouts that the model starts from; arguments as of `train`, and `purse` as of `rollouts.collect`."""
    teacher = course.environment.seated(course.teacher or course.model)
    problems = course.train[: course.sft]
    return _play(teacher, problems, out / "teacher.jsonl", 1, purse or Purse(), "the teacher", progress)


def _form(model: Local, out: Path) -> Local:
    """The model as transformers has it; a pocket model, which costs what it always does, is written there first."""
    if (member := shipped(model.model)) is None:
        return model
    price = model.price or Price(**read_json(member / "config.json")["price"])
    return replace(model, model=str(unpack(member, out / BASE)), price=price)


def _start(course: Course, out: Path, purse: Purse, progress: Progress) -> Local:
    """The model that imitates good rollouts; itself when there shall be none."""
    if not course.sft:
        return course.model
    folder = out / START
    if not folder.exists():
        found = teach(course, out, progress, purse)
        weights = read(course.model.model)
        longest = engine(weights.network, weights.tokens, 1).context
        examples = imitation.rows(imitation.good(found, course.imitate.share), weights, longest)
        network, _ = imitation.imitate(weights, examples, out / "checkpoints", course.imitate, progress)
        write(network, weights.tokens, folder)
    return replace(course.model, model=str(folder))


def _improve(course: Course, started: Local, out: Path, purse: Purse, progress: Progress) -> Local:
    """The model after GRPO.

    Raises:
        SpecError: the purse is empty and steps are owed; there is a checkpoint to go on from.
    """
    folder, many = out / MERGED, course.settings.steps
    if not folder.exists():
        if purse.empty:
            raise purse.stopped("steps of GRPO")
        weights = read(started.model)
        with _player(course, weights) as player:
            found = grpo.learn(weights, out / "checkpoints", player, course.settings, progress, lambda: purse.empty)
        network, steps = found
        if left := many - round(steps[-1]["step"]):
            raise purse.stopped(f"{left} of {many} steps of GRPO")
        write_lines(out / "steps.jsonl", steps)
        write(network, weights.tokens, folder)
    return replace(course.model, model=str(folder))


def _player(course: Course, weights: Weights) -> Rollouts | ToolRollouts:
    """Who plays the rollouts of GRPO."""
    samples = {sample.id: sample for sample in course.train}
    if course.loop == "trl":

        def count(request: Request) -> int:
            return len(weights.tokens.prompt(request))

        return ToolRollouts(course.environment, samples, course.settings, count, weights.end, course.model.price)

    def speaker(network: Any) -> Live:
        return Live(
            engine=engine(network, weights.tokens, course.settings.prompts * course.settings.group),
            name=f"trained/{course.settings.seed}",
            temperature=course.settings.temperature,
            longest=course.settings.longest,
            price=course.model.price,
        )

    return Rollouts(course.environment, samples, course.settings, speaker)


def _judge(course: Course, model: Local, path: Path, purse: Purse, what: str, progress: Progress) -> list[Rollout]:
    return _play(course.environment.seated(model), course.test, path, course.draws, purse, what, progress)


def _play(
    environment: Environment,
    samples: Sequence[Sample],
    path: Path,
    group: int,
    purse: Purse,
    what: str,
    progress: Progress,
) -> list[Rollout]:
    """Rollouts, those of earlier sittings among them."""
    done = iter(range(1, len(samples) * group + 1))

    def tell(*_: Any) -> None:
        progress(f"playing {what}", next(done), len(samples) * group)

    folder = path.with_suffix("")
    asyncio.run(rollouts.collect(environment, samples, path, folder, group=group, purse=purse, progress=tell))
    return list(rollouts.read(path))
