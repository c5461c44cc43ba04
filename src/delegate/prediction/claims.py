"""The calculations a text claims, `a op b = c`, found among its words and worked out again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise

from delegate.answer.arithmetic import exact

MOST = 50
_LONGEST = 200
"""Characters of a calculation."""
_ANNOTATION = re.compile(r"<<([^<>]*)>>")
_CLAUSE = re.compile(r"[\n;]|(?<=[\w)%])[.,](?:\s|$)")
_EQUALS = re.compile(r"=|≈")
_SAID = re.compile(r"\s*([-\u2212]?)\s*\\?[$£€]?\s*(\d[\d,]*(?:\.\d+)?|\.\d+)(?:\s*/\s*(\d+)(?!\s*[*x\d]))?")
_SIGNS = {"\u00d7": "*", "\\times": "*", "\\cdot": "*", "\u00f7": "/", "\u2212": "-", "\u2013": "-"}
_TIMES = re.compile(r"(?<=[\d)\s])[xX](?=[\s\d($])")
_SHARE_OF = re.compile(r"(/\s*\d+\)?)\s*of\b")
_RATE = re.compile(r"/\s*(?=[A-Za-z])")
_WORDS = re.compile(r"[A-Za-z'\"\\$£€:\u2018\u2019]+")
_NOTHING = re.compile(r"\(\s*\)|(?<=\d),(?=\d{3}(?!\d))")
_EXPRESSION = re.compile(r"[-(\d.][\d.+\-*/()\s]*$")
_CALCULATES = re.compile(r"\d\s*\)*\s*[-+*/]\s*[-(]*\s*[\d.]")
_OPERATOR = re.compile(r"(?<=[\d)])\s*([-+*/])")
_OPERAND = re.compile(r"\d+(?:\.\d+)?|\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One calculation."""

    operands: tuple[float, ...]
    operators: str
    said: float
    """What it is claimed to be."""
    value: float
    """What it is."""

    @property
    def holds(self) -> bool:
        """Whether it is, to within rounding."""
        return near(self.said, self.value)


def near(one: float, other: float) -> bool:
    """Whether two numbers are the same, to half a per cent or half a hundredth."""
    return abs(one - other) <= max(0.0051, 0.0051 * abs(other))


def unmarked(text: str) -> str:
    """The text without the calculations that GSM8K's solutions mark `<<1+2=3>>`; the results stand beside them."""
    return _ANNOTATION.sub("", text)


def marked(text: str) -> list[Claim]:
    """The calculations marked `<<1+2=3>>`."""
    return list(islice((claim for inner in _ANNOTATION.findall(text) for claim in _claims(inner)), MOST))


def claims(text: str) -> list[Claim]:
    """The first `MOST` calculations a text claims, in order; what cannot be read as one is passed over."""
    return list(islice((claim for clause in _CLAUSE.split(unmarked(text)) for claim in _claims(clause)), MOST))


def _claims(clause: str) -> Iterator[Claim]:
    sides = _EQUALS.split(clause)
    for left, right in pairwise(sides):
        said = _SAID.match(right)
        expression = _expression(left) if said else None
        if said is None or expression is None:
            continue
        value = exact(expression)
        if value is not None:
            sign, number, below = said.groups()
            yield Claim(
                operands=tuple(map(float, _OPERAND.findall(expression))),
                operators="".join(_OPERATOR.findall(expression)),
                said=(-1 if sign else 1) * float(number.replace(",", "")) / (float(below or 1) or 1),
                value=float(value),
            )


def _expression(text: str) -> str | None:
    """The calculation that the left side of an equation ends with, without its units; `None` without one."""
    text = text[-_LONGEST:]
    for written, meant in _SIGNS.items():
        text = text.replace(written, meant)
    text = _TIMES.sub("*", text).replace("%", "/100")
    text = _SHARE_OF.sub(r"\1*", text)
    text = _NOTHING.sub("", _WORDS.sub(" ", _RATE.sub(" ", text)))
    found = _EXPRESSION.search(text.rstrip())
    if found is None:
        return None
    expression = found.group()
    while expression.count("(") < expression.count(")"):
        expression = expression[: expression.rfind(")")] + expression[expression.rfind(")") + 1 :]
    return expression if _CALCULATES.search(expression) else None
