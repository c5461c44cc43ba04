"""The pure parts of decompose: what is read of a plan, how deep it is, and what a budget affords."""

import pytest

from delegate.policies.handout import affords
from delegate.policies.plan import Subtask, levels, read_subtasks


def test_subtasks_are_read_with_what_is_said_of_them():
    objects = (
        '{"step": "x", "worker": " a longer name "}, "", {"task": "y", "needs": [1, 1]}, '
        '{"task": 3}, {"task": " z ", "needs": [3, 1]}, "w"'
    )
    assert read_subtasks(f"Here: [{objects}]", ordered=True, named=True) == [
        Subtask(task="x", worker="a longer name"),
        Subtask(task="y", needs=(0,)),
        Subtask(task="z", needs=(0, 1)),
        Subtask(task="w"),
    ]
    assert read_subtasks("1. x\n2. y", ordered=True, named=True) == [Subtask(task="x"), Subtask(task="y")]


def test_the_levels_are_the_longest_way_through_the_plan():
    assert levels([]) == 0
    assert levels([Subtask(task="a"), Subtask(task="b")]) == 1
    subtasks = [Subtask(task="a"), Subtask(task="b", needs=(0,)), Subtask(task="c"), Subtask(task="d", needs=(1, 2))]
    assert levels(subtasks) == 3


@pytest.mark.parametrize(
    ("budget", "spent", "ended", "running", "may"),
    [
        (None, None, [None], 9, True),
        (1.0, None, [0.1, None], 0, False),
        (1.0, 0.9, [], 0, True),
        (1.0, 0.0, [], 1, False),
        (1.0, 1.0, [], 0, False),
        (1.0, 0.5, [0.5, 0.0], 0, True),
        (1.0, 0.5, [0.5], 1, False),
        (1.0, 0.5, [0.1, 0.25], 1, True),
        (1.0, 0.6, [0.1, 0.25], 1, False),
        (1.0, 1.5, [0.0], 0, False),
    ],
)
def test_a_worker_is_afforded_if_it_is_as_dear_as_the_dearest(budget, spent, ended, running, may):
    assert affords(budget, spent, ended, running) is may
