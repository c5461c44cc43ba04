"""Examples as the tokens a model reads, and which of them it learns to say.

What is asked is rendered as it is when the model is served, so training and serving cannot differ; the answer follows
as it was recorded, then the tag, then the token that ends an answer. Nothing is ever cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from delegate.errors import DataError, ModelError, SpecError
from delegate.train.example import Example

if TYPE_CHECKING:
    from delegate.generation.tokens import Tokens

IGNORED = -100
"""The label of a token that is read only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """One example as tokens."""

    example: Example
    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    tail: tuple[int, int]
    """The tag, and the end of the answer."""

    @property
    def ids(self) -> list[int]:
        """Everything."""
        return [*self.prompt, *self.answer, *self.tail]

    def labels(self, keep: float = 0.0, seed: int = 0) -> list[int]:
        """What is learnt: the tail, and so large a share of the answer's tokens, drawn by chance."""
        rng = Random(f"{seed}/{self.example.id}/{self.example.draw}")
        kept = [token if rng.random() < keep else IGNORED for token in self.answer]
        return [*(IGNORED for _ in self.prompt), *kept, *self.tail]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.answer) + len(self.tail)


def tagged(found: Sequence[Example], tokens: Tokens, ids: Sequence[int], end: int) -> list[Tagged]:
    """Examples as tokens.

    Args:
        found: the examples.
        tokens: the tokenizer, which knows the tags.
        ids: of the confident tag, and of the unsure one.
        end: the token that ends an answer.

    Raises:
        DataError: a question cannot be shown to this model.
    """
    made = []
    for example in found:
        try:
            prompt = tokens.prompt(example.request)
        except ModelError as error:
            raise DataError(f"example {example.id!r}", error.failure.detail) from None
        answer = tokens.tokenizer(example.text, add_special_tokens=False).input_ids
        tail = (ids[0] if example.correct else ids[1], end)
        made.append(Tagged(example=example, prompt=tuple(prompt), answer=tuple(answer), tail=tail))
    return made


def fitting(found: Sequence[Tagged], longest: int, *, drop: bool) -> list[Tagged]:
    """Those of at most so many tokens.

    Args:
        found: examples as tokens.
        longest: the limit.
        drop: leave longer ones out.

    Raises:
        SpecError: there are longer ones and they are not to be dropped, or nothing is left.
    """
    kept = [one for one in found if len(one) <= longest]
    if len(kept) == len(found):
        return kept
    most = max(found, key=len)
    if not drop or not kept:
        raise SpecError(
            f"{len(found) - len(kept)} of {len(found)} examples are longer than {longest} tokens, {most.example.id!r} "
            f"the longest with {len(most)}; nothing is cut: raise --max-length, or leave them out with --too-long drop"
        )
    return kept
