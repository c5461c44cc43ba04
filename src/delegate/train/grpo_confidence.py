"""GRPO of a confidence token: the tag after an answer is drawn, and pays by whether the answer is right.

Only the tag is drawn and trained, on recorded answers, so the answers cannot drift. Two rewards, of which an unsure tag
earns 0 and anything but a tag -1:

- `step`: a confident tag earns +1 where the answer is right and -1 where it is wrong (Confidence tokens' reward as it
  is usually given). Right is to be confident wherever P(right) > 1/2, whatever it is; so a model that cannot yet tell
  its right answers from its wrong ones, and is wrong more often than not, learns to be unsure of everything.
- `proper`: a confident tag earns `right - p`, p being the model's own probability of confident among the two tags.
  The gradient of what is then expected, (right - p) dp, is that of minus half the Brier score (Brier 1950), which is
  proper: the best p is P(right), so that there is no gain in saying always the same but where nothing can be told.

Advantages are not divided by a group's deviation, as GRPO does: that would make of any reward its sign.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from delegate.train.grpo import Scale, Settings, once, still
from delegate.train.tagged import Tagged

if TYPE_CHECKING:
    import torch

Reward = Literal["step", "proper"]


def worth(token: int, ids: tuple[int, int], *, correct: bool, chance: float, reward: Reward) -> float:
    """What a drawn token earns.

    Args:
        token: what was drawn.
        ids: of the confident tag, and of the unsure one.
        correct: whether the answer is right.
        chance: the model's probability of the confident tag among the two.
        reward: which of the two.
    """
    if token not in ids:
        return -1.0
    if token == ids[1]:
        return 0.0
    if reward == "step":
        return 1.0 if correct else -1.0
    return correct - chance


class Draws:
    """Draws tags after recorded answers: a player for `delegate.train.grpo`."""

    turns = 1
    scale: Scale = "none"

    def __init__(
        self, found: Sequence[Tagged], ids: tuple[int, int], settings: Settings, reward: Reward = "proper"
    ) -> None:
        """Bind answers.

        Args:
            found: the answers, as tokens.
            ids: of the confident tag, and of the unsure one.
            settings: how it is trained; its temperature is that of the tags, too.
            reward: what a tag earns.
        """
        self.names = [str(place) for place in range(len(found))]
        self._found, self._ids, self._settings, self._reward = found, ids, settings, reward
        self._sure: list[float] = []

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Draw a step's tags."""
        import torch

        group = self._settings.group
        places = [int(name) for name in once(prompts, group)]
        chances = self._chances(trainer, places)
        chance = torch.Generator().manual_seed(self._settings.seed * 1_000_003 + trainer.state.global_step)
        drawn = torch.multinomial(chances, group, replacement=True, generator=chance).tolist()
        columns: dict[str, list[Any]] = {"prompt_ids": [], "completion_ids": [], "earned": []}
        self._sure = []
        for place, tokens, row in zip(places, drawn, chances, strict=True):
            one, (confident, unsure) = self._found[place], row[list(self._ids)].tolist()
            self._sure.append(confident / (confident + unsure))
            for token in tokens:
                columns["prompt_ids"].append([*one.prompt, *one.answer])
                columns["completion_ids"].append([token])
                columns["earned"].append(
                    worth(
                        token,
                        self._ids,
                        correct=one.example.correct,
                        chance=self._sure[-1],
                        reward=self._reward,
                    )
                )
        return {**columns, "logprobs": None}

    def reward(self, earned: list[float], log_metric: Callable[[str, float], None], **_: Any) -> list[float]:
        """What each tag earned."""
        log_metric("tag/confident", sum(self._sure) / len(self._sure))
        return earned

    def _chances(self, trainer: Any, places: Sequence[int]) -> torch.Tensor:
        """The probability of every token after each answer."""
        import torch

        model, words = trainer.model, trainer.processing_class
        seen = [[*self._found[place].prompt, *self._found[place].answer] for place in places]
        width = max(map(len, seen))
        rows = [[words.pad_token_id] * (width - len(ids)) + ids for ids in seen]
        mask = [[0] * (width - len(ids)) + [1] * len(ids) for ids in seen]
        shown = {
            "input_ids": torch.tensor(rows, device=model.device),
            "attention_mask": torch.tensor(mask, device=model.device),
        }
        with torch.no_grad(), still(model):
            logits = model(**shown, logits_to_keep=1, use_cache=False).logits[:, -1]
        return (logits.float() / self._settings.temperature).softmax(-1).cpu()
