"""Which problems are trained on and which are held out: each question belongs to one side alone, by its own words.

The side is a hash of the question, so it needs no list and never changes when problems are added; equal questions,
however they are spaced, punctuated or capitalised, stay together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Literal

from delegate.errors import SpecError
from delegate.task import Sample

Side = Literal["train", "test"]


def side(question: str, test: float = 0.2) -> Side:
    """The side of a question.

    Args:
        question: the text; all else about a problem is left out of it.
        test: the share of questions that is held out; a larger share holds the same ones out, and more.
    """
    words = " ".join(re.findall(r"\w+", question.casefold())) or question
    drawn = hashlib.sha256(words.encode("utf-8", "surrogatepass")).digest()[:8]
    return "test" if int.from_bytes(drawn) / 2**64 < test else "train"


def split(samples: Iterable[Sample], test: float = 0.2) -> dict[Side, list[Sample]]:
    """The problems of either side, in their order; `test` as of `side`.

    Raises:
        SpecError: the share is not between 0 and 1, or one side is empty.
    """
    if not 0 < test < 1:
        raise SpecError(f"the share to hold out must be between 0 and 1, found {test}")
    sides: dict[Side, list[Sample]] = {"train": [], "test": []}
    for sample in samples:
        sides[side(sample.question, test)].append(sample)
    for name, found in sides.items():
        if not found:
            raise SpecError(f"no problem is left to {name} on; take more of them, or hold out another share")
    return sides
