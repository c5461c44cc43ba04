"""Words that tell something, and how often they occur in a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text, and its terms."""

    text: str
    terms: Mapping[str, int]
    """Words and pairs of neighbouring words, in lower case, and how often each occurs; an apostrophe parts words."""

    @classmethod
    def of(cls, text: str) -> Text:
        """Read a text."""
        words = _WORD.findall(text.lower())
        return cls(text=text, terms=Counter([*words, *(f"{one} {other}" for one, other in pairwise(words))]))

    @property
    def words(self) -> dict[str, int]:
        """The words, and how often each occurs."""
        return {term: many for term, many in self.terms.items() if " " not in term}


def counting(words: Mapping[str, str], pairs: Mapping[str, str]) -> Callable[[Text], dict[str, float]]:
    """A function that counts cues in a text.

    Args:
        words: by name of a cue: the expression that a whole word must match.
        pairs: of a pair of words: the name of the cue it is.
    """
    cues = {name: re.compile(expression) for name, expression in words.items()}
    names = (*words, *(name for name in dict.fromkeys(pairs.values()) if name not in words))

    @lru_cache(maxsize=50_000)
    def of(word: str) -> tuple[str, ...]:
        return tuple(name for name, cue in cues.items() if cue.fullmatch(word))

    def count(text: Text) -> dict[str, float]:
        counts = dict.fromkeys(names, 0.0)
        for term, many in text.terms.items():
            for name in of(term) if " " not in term else (pairs[term],) if term in pairs else ():
                counts[name] += many
        return counts

    return count
