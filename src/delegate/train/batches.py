"""What each step of a training run learns from: lessons as rows of tokens, decided by the seed and the step alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import torch
from tokenizers import Encoding, Tokenizer

from delegate.tasks.story import NAMES, THINGS
from delegate.train.family import MEMBERS
from delegate.train.lessons import Lesson, Mix, lesson, phrases
from delegate.train.vocabulary import SPECIAL, UNKNOWN, render, tokenizer
from delegate.wire import encode_message, encode_request

Row = tuple[list[int], list[bool]]
"""Token ids, and which of them the model has to say itself."""

_GROUP = 16
"""Batches that are drawn together, so that lessons of one length meet."""
_NOUNS = {*NAMES, *THINGS}
_UNKNOWN = SPECIAL.index(UNKNOWN)


def vocabulary() -> Tokenizer:
    """The tokenizer that the whole family shares."""
    rng, mix = Random("pocket/vocabulary"), MEMBERS["large"].phases[0].mix
    return tokenizer((rendered(lesson(rng, mix)) for _ in range(20_000)), phrases())


def rendered(one: Lesson) -> str:
    """A lesson as the models read it."""
    body = encode_request(one.request, "")
    return render([*body["messages"], encode_message(one.answer)], body.get("tools"), ask=False)


@dataclass(eq=False)
class Teacher:
    """Gives the lessons of each step."""

    mix: Mix
    size: int
    """Lessons a step."""
    seed: int
    words: Tokenizer
    _drawn: tuple[int, list[list[Row]]] = field(default=(-1, []))

    def batch(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids, and which of them the model has to say itself; padded on the right."""
        group, place = divmod(step, _GROUP)
        if self._drawn[0] != group:
            self._drawn = (group, self._draw(group))
        rows = self._drawn[1][place]
        width = max(len(ids) for ids, _ in rows)
        tokens = torch.tensor([ids + [0] * (width - len(ids)) for ids, _ in rows])
        own = torch.tensor([said + [False] * (width - len(said)) for _, said in rows])
        return tokens, own

    def _draw(self, group: int) -> list[list[Row]]:
        """Batches of about the same number of tokens, in an order of chance."""
        rng = Random(f"pocket/{self.seed}/{group}")
        texts = [rendered(lesson(rng, self.mix)) for _ in range(_GROUP * self.size)]
        rows = [(_blurred(encoded, rng), _own(encoded.tokens)) for encoded in self.words.encode_batch(texts)]
        rows.sort(key=lambda row: len(row[0]))
        share = sum(len(ids) for ids, _ in rows) / _GROUP
        batches, passed = list[list[Row]](), 0
        for row in rows:
            if passed >= share * len(batches):
                batches.append([])
            batches[-1].append(row)
            passed += len(row[0])
        rng.shuffle(batches)
        return batches


def _blurred(encoded: Encoding, rng: Random) -> list[int]:
    """The ids; now and then with a name or a thing unknown, so that the models can live with words they never saw."""
    words = sorted({token for token in encoded.tokens if token.strip() in _NOUNS})
    hidden = rng.choice(words) if words and rng.random() < 0.1 else ""
    return [_UNKNOWN if token == hidden else one for token, one in zip(encoded.tokens, encoded.ids, strict=True)]


def _own(tokens: list[str]) -> list[bool]:
    """Which tokens the assistant says: those of the last turn, its end included."""
    start = max(place for place, token in enumerate(tokens) if token == "<|assistant|>")
    return [place > start for place in range(len(tokens))]
