import copy

import numpy as np
import pytest

from delegate.train.grpo import Settings
from delegate.train.grpo_confidence import Draws, worth

IDS = (7, 8)


@pytest.mark.parametrize(
    ("token", "correct", "step", "proper"),
    [(7, True, 1.0, 0.75), (7, False, -1.0, -0.25), (8, True, 0.0, 0.0), (8, False, 0.0, 0.0), (3, True, -1.0, -1.0)],
)
def test_a_tag_pays_by_whether_the_answer_is_right(token, correct, step, proper):
    assert worth(token, IDS, correct=correct, chance=0.25, reward="step") == step
    assert worth(token, IDS, correct=correct, chance=0.25, reward="proper") == proper


def climbed(reward, right):
    """Where the expected reward stops to rise: the chance of confident, over answers of which so many are right."""
    chances = np.linspace(0.01, 0.99, 99)
    slopes = [
        right * worth(7, IDS, correct=True, chance=p, reward=reward)
        + (1 - right) * worth(7, IDS, correct=False, chance=p, reward=reward)
        for p in chances
    ]
    return chances[int(np.sum(np.array(slopes) > 1e-12))] if slopes[-1] < 0 else 1.0


def test_the_proper_reward_is_best_at_the_true_chance_and_the_step_at_always_or_never():
    assert [climbed("proper", right) for right in (0.2, 0.4, 0.9)] == pytest.approx([0.2, 0.4, 0.9])
    assert climbed("step", 0.4) == pytest.approx(0.01)
    assert climbed("step", 0.6) == 1.0


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A small model that knows the tags, and four answers, half of them right."""
    pytest.importorskip("torch")
    import tinyllama
    from delegate.train.confidence import load
    from delegate.train.example import Example, Tags, Turn
    from delegate.train.tagged import tagged

    folder = tinyllama.build(tmp_path_factory.mktemp("model"))
    made = load(folder, Tags())
    examples = [
        Example(
            id=str(i),
            model="tiny",
            messages=(Turn(role="user", content=f"{i}?"),),
            text=f"{i}.",
            tag="<|c|>" if i % 2 else "<|u|>",
            correct=bool(i % 2),
        )
        for i in range(4)
    ]
    return made, tagged(examples, made.weights.tokens, made.ids, made.end)


@pytest.mark.parametrize("reward", ["step", "proper"])
def test_only_the_tag_is_trained_and_it_learns_what_pays(taught, tmp_path, reward):
    import torch

    from delegate.train import held_out
    from delegate.train.grpo import learn
    from delegate.train.weights import Weights

    made, found = taught
    network = copy.deepcopy(made.weights.network)
    with torch.no_grad():  # after an answer it says either tag, and hardly anything else
        hidden = network.model(input_ids=torch.tensor([found[0].ids[:-2]])).last_hidden_state[0, -1]
        network.get_output_embeddings().weight[list(made.ids)] = 6 * hidden / hidden.dot(hidden)
    settings = Settings(steps=24, prompts=4, group=16, rate=3e-3, lora=0, batch=64, save=99)
    before = held_out.read(network, found, made.ids, lambda: None)
    draws = Draws(found, made.ids, settings, reward)
    trained, rows = learn(Weights(network, made.weights.tokens), tmp_path, draws, settings)
    after = held_out.read(trained.eval(), found, made.ids, lambda: None)
    gained = [new.confidence - old.confidence for old, new in zip(before, after, strict=True)]
    assert [row["step"] for row in rows] == list(range(1, 25))
    assert gained[1] + gained[3] > gained[0] + gained[2]
    assert {"reward", "tag/confident"} <= rows[0].keys()
