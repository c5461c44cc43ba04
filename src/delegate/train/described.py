"""An environment out of a spec and the names of those who play in it."""

from __future__ import annotations

from collections.abc import Callable

from delegate.bench.prompts import Prompts
from delegate.errors import SpecError
from delegate.model import Model
from delegate.policies.decompose import Decompose
from delegate.registry import suggest
from delegate.spec import Spec
from delegate.task import Task
from delegate.train.environment import Environment
from delegate.train.rewards import Rubric
from delegate.train.seat import Seat


def described(
    spec: Spec,
    place: str,
    task: Task,
    *,
    policy: str | None = None,
    judge: str | None = None,
    single: str | None = None,
    seat: Seat = "delegator",
    rubric: Rubric | None = None,
    setting: Callable[[str], str] = lambda role: f"`{role}`",
) -> Environment:
    """The environment.

    Args:
        spec: holds the policy and everybody else.
        place: of the spec, as an error calls it.
        task: the problems.
        policy: table of kind decompose; none: the last one.
        judge: table of the model that compares answers; none: the task grades.
        single: table of the model that answers alone; none: the policy's delegator.
        seat: which is trained.
        rubric: the reward's; `None`: as it comes.
        setting: the name under which the user said who has a role.

    Raises:
        SpecError: a name that is not in the spec, no policy to play, or nothing that could say what an answer is worth.
    """
    known = {name: model for name, model in spec.models.items() if isinstance(model, Decompose)}
    if not known:
        raise SpecError(f"{place}: has no policy of kind decompose; add a table with `delegator` and `workers`")
    name = (policy or list(known)[-1]).removeprefix("@")
    if name not in known:
        raise SpecError(f"{setting('policy')} {name!r} is no table of kind decompose{suggest(name, known)}")
    compares, alone = (named(spec, said, setting(role)) for role, said in (("judge", judge), ("single", single)))
    if isinstance(task, Prompts) and compares is None:
        cure = f"say {setting('judge')}, who compares the answers"
        raise SpecError(f"{task.path} has prompts without right answers; {cure}")
    played = known[name]
    return Environment(
        task=task,
        policy=played,
        seat=seat,
        judge=compares,
        single=alone or played.delegator,
        rubric=rubric or Rubric(),
    )


def named(spec: Spec, name: str | None, setting: str) -> Model | None:
    """The model of the spec that a setting names; `None` when it says nothing.

    Raises:
        SpecError: it is not in the spec.
    """
    if not name:
        return None
    name = name.removeprefix("@")
    if name not in spec.models:
        raise SpecError(f"{setting} {name!r} is no table of the spec{suggest(name, spec.models)}")
    return spec.models[name]
