import asyncio
from dataclasses import replace

import pytest
from test_environment import SAMPLE, Open, delegator, model

from delegate.bench.metrics import Interval
from delegate.policies.decompose import Decompose
from delegate.train import learning
from delegate.train.environment import Environment


def rollouts(rewards):
    """One of each problem, which earned this; `None`: not scored."""
    policy = Decompose(delegator=delegator(), workers=(model(lambda request: "done", "worker"),))
    one = asyncio.run(Environment(task=Open(), policy=policy).rollout(SAMPLE))
    parts = [{"correct": reward, "cost": 0.0} for reward in rewards]
    return [
        replace(one, sample=str(place), reward=reward, parts=each, cost=0.5 if reward else 1.0)
        for place, (reward, each) in enumerate(zip(rewards, parts, strict=True))
    ]


def test_what_is_gained_is_paired_by_problem_over_those_that_have_both():
    found = learning.gained(rollouts([0.0, 1.0, 0.0, None]), rollouts([1.0, 1.0, 1.0, 1.0]))
    assert found["reward"].value == found["part correct"].value == pytest.approx(2 / 3)
    assert found["reward"].low < 2 / 3 < found["reward"].high
    assert found["cost"].value == pytest.approx(-3 * 0.5 / 4)
    assert found["subtasks"] == Interval(value=0.0, low=0.0, high=0.0)


def test_a_curve_is_smooth_and_has_as_many_points_as_steps():
    assert learning.smooth([0.0, 3.0, 0.0, 3.0], 3) == [1.5, 1.0, 2.0, 1.5]


def test_the_curve_is_drawn_between_the_held_out_rewards(tmp_path):
    steps = [{"step": n, "reward": n, "rollout/reward": n / 9, "part/correct": 1.0, "part/copy": 0.0} for n in (1, 2)]
    held = {name: {"reward": {"value": 0.1, "low": 0.0, "high": 0.2}} for name in ("before", "after")}
    said = {"task": "sums", "problems": {"held_out": 4}, "steps": steps, **held}
    paths = learning.write(said, tmp_path)
    assert [path.name for path in paths] == ["learning.svg", "learning.png"]
    text = paths[0].read_text()
    assert "4 held-out problems" in text
    assert "correct" in text
    assert "copy" not in text
    assert learning.write({**said, "steps": steps[:1]}, tmp_path / "one") == []
