"""What can be read off the wording of a question: how long it is, what numbers it holds, what it asks for.

Length is the strongest single sign of difficulty in RouteLLM's data (Ong et al. 2024, arXiv:2406.18665); the others are
those a teacher would name. Nothing here knows a task: a sign that does not occur in a question is a zero.
"""

from __future__ import annotations

import re
from math import log1p

from delegate.prediction.cues import Text, counting

NUMERALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_HUGE = 1e15
_SENTENCE = re.compile(r"(?<=[.?!])\s+|\n+")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
_OPTION = re.compile(r"^\s*\(?[A-J][.):]\s*(.*)$", re.MULTILINE)
_cues = counting(
    {
        "numerals": "|".join((*NUMERALS, "dozens?", "hundred")),
        "parts": "half|halves|quarters?|thirds?|fourths?|fifths?|sixths?|tenths?",
        "percent": r"percent\w*",
        "money": "dollars?|cents?",
        "factors": r"twice|thrice|times|doubled?s?|tripled?s?|multipl\w*",
        "compared": "more|less|fewer|than|(?:old|young|long|short|tall|fast|slow|high|low|cheap)er",
        "each": "each|every|per|apiece",
        "left": r"left|remain\w*|rest|still",
        "total": "total|altogether|combined|sum|together",
        "if": r"if|unless|assum\w*|suppose",
        "then": "then|after|before|first|next|second|later|finally|until",
        "not": "not|no|never|without|except|none|but|only",
        "time": r"hours?|minutes?|seconds?|days?|weeks?|months?|years?|am|pm|\w+day",
        "age": "ages?|old|older|younger",
        "distance": r"miles?|km|\w*meters?|feet|foot|inch|inches|yards?|mph|speed",
        "ratio": r"ratio|proportion\w*|average|mean|equal\w*|same|rate",
        "trade": r"buy\w*|bought|sell\w*|sold|cost\w*|pric\w*|pa[yi]\w*|spen\w*|earn\w*|tax",
        "gain": r"profit\w*|discount\w*|sale|charge\w*|salary|wage\w*|interest",
        "change": r"g[ia]v\w*|los[et]\w*|eat\w*|ate|tak\w*|took|g[eo]t\w*|receiv\w*|add\w*",
        "others": "others?|another|both|respectively",
        "shape": r"area|square|perimeter|rectang\w*|triang\w*|volume|width|length|sides?",
        "chance": r"probab\w*|chance|likely|odds",
        "rounding": r"round\w*|nearest|approximate\w*|whole",
        "limits": "minimum|maximum|difference",
        "pronouns": "he|she|they|his|her|their|its?|them|him",
        "what": "what",
        "which": "which",
        "why": r"why|because|explain|prov\w+|show",
        "statements": "statements?|i{1,3}|iv",
    },
    {
        "in all": "total",
        "how many": "how many",
        "how much": "how much",
        **dict.fromkeys(("at least", "at most", "many more", "much more", "many fewer", "much less"), "limits"),
        **dict.fromkeys(("the above", "of these"), "of the above"),
        **dict.fromkeys(("how long", "how far", "how old", "how fast", "how tall", "how often"), "how long"),
    },
)
_SIGNS = {
    "fractions": re.compile(r"\d/\d"),
    "shares": re.compile("%"),
    "decimals": re.compile(r"\d\.\d"),
    "prices": re.compile(r"\$"),
    "blanks": re.compile(r"_{2,}"),
    "formulas": re.compile(r"[=^\\{}<>]|\w\("),
    "quotes": re.compile("[\"'\u2018\u2019\u201c\u201d]"),
    "commas": re.compile(","),
    "lines": re.compile(r"\n"),
    "gaps": re.compile("  "),
    "foreign letters": re.compile(r"[^\x00-\x7f]"),
}
_ASKED = ("money", "percent", "total", "left", "compared", "if", "each", "time", "not")
"""What is counted in the question proper, too."""


def wording(question: Text) -> dict[str, float]:
    """The traits of a question, by name."""
    text, words = question.text, question.words
    many, letters = sum(words.values()), sum(len(word) * times for word, times in words.items())
    sentences, asked = sentences_of(text), asked_in(text)
    wanted = _cues(Text.of(asked))
    options = _OPTION.findall(text)
    return {
        **_cues(question),
        **{name: float(len(sign.findall(text))) for name, sign in _SIGNS.items()},
        **{f"asked {name}": wanted[name] for name in _ASKED},
        **_quantities(text),
        "characters": float(len(text)),
        "words": float(many),
        "distinct words": float(len(words)),
        "share of distinct words": len(words) / max(1, many),
        "letters a word": letters / max(1, many),
        "long words": float(sum(times for word, times in words.items() if len(word) > 7)),
        "sentences": float(len(sentences)),
        "words a sentence": many / max(1, len(sentences)),
        "longest sentence": float(max(map(len, sentences), default=0)),
        "names": float(len(set(_NAME.findall(text)))),
        "asked characters": float(len(asked)),
        "asked numbers": float(len(_NUMBER.findall(asked))),
        "options": float(len(options)),
        "letters an option": sum(map(len, options)) / max(1, len(options)),
    }


def _quantities(text: str) -> dict[str, float]:
    numbers = numbers_in(text)
    return {
        "numbers": float(len(numbers)),
        "distinct numbers": float(len(set(numbers))),
        "repeated numbers": float(len(numbers) - len(set(numbers))),
        "large numbers": float(sum(number >= 100 for number in numbers)),
        "uneven numbers": float(sum(number % 10 != 0 for number in numbers)),
        "largest number": log1p(max(numbers, default=0.0)),
        "smallest number": log1p(min(numbers, default=0.0)),
        "size of numbers": sum(map(log1p, numbers)),
    }


def sentences_of(text: str) -> list[str]:
    """The sentences and lines of a text."""
    return [sentence for sentence in _SENTENCE.split(text) if sentence.strip()]


def asked_in(text: str) -> str:
    """The question proper: the last sentence that ends with a question mark, or else the last."""
    sentences = sentences_of(text)
    return next((s for s in reversed(sentences) if s.rstrip().endswith("?")), sentences[-1] if sentences else "")


def numbers_in(text: str) -> list[float]:
    """The numbers written in digits, in order, without their signs."""
    return [min(float(number.replace(",", "")), _HUGE) for number in _NUMBER.findall(text)]
