"""What can be read off an answer: does its arithmetic hold, where are its numbers from, does it commit to anything.

Checking a solution is easier than finding one (Cobbe et al. 2021, arXiv:2110.14168). Deviation: their verifier is a
language model; these are the checks that need none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from math import log, log1p

from delegate.answer import extract
from delegate.prediction.claims import Claim, claims, marked, near, unmarked
from delegate.prediction.cues import Text, counting
from delegate.prediction.wording import NUMERALS, asked_in, numbers_in

_SPELLED: dict[str, float] = {
    **{name: float(number) for number, name in enumerate(NUMERALS, start=1)},
    **dict.fromkeys(("half", "halves"), 0.5),
    **dict.fromkeys(("twice", "double", "doubled", "doubles", "pair", "couple", "both"), 2.0),
    **dict.fromkeys(("third", "thirds", "triple", "tripled"), 3.0),
    **dict.fromkeys(("quarter", "quarters", "fourth"), 4.0),
    **dict.fromkeys(("week", "weeks", "weekly"), 7.0),
    **dict.fromkeys(("dozen", "dozens", "year", "years"), 12.0),
    **dict.fromkeys(("thirty", "month", "months"), 30.0),
    **dict.fromkeys(("hour", "hours", "minute", "minutes"), 60.0),
    "fifth": 5.0,
    "twenty": 20.0,
    "forty": 40.0,
    "fifty": 50.0,
    "hundred": 100.0,
    "thousand": 1000.0,
}
"""Numbers a question holds without digits, and those that its units bring in."""
_ALWAYS = frozenset({1.0, 2.0, 100.0, 0.5})
"""Numbers that need no source."""
_TAIL = 250
_LEAST = 1e-3
_hedges = counting(
    {
        "however": "however|but|although|unless",
        "mistakes": r"mistake|error|wrong|incorrect|apolog\w*|actually|wait|sorry|negative",
        "refusals": "cannot|impossible|unable|unclear|information|insufficient",
        "assumptions": r"assum\w*|suppose|let|interpret\w*|if",
        "duties": "should|must|would|might|may|maybe|perhaps|seems?",
        "rounding": r"approximately|about|around|round\w*|nearest|whole",
        "reasons": "since|because",
        "conclusions": "so|therefore|thus|hence",
        "steps": "first|next|finally|then",
    },
    {
        **dict.fromkeys(("can t", "can not", "does not", "doesn t", "don t", "not possible"), "refusals"),
        **dict.fromkeys(("not enough", "not given", "not specified", "not provided", "not clear"), "refusals"),
        **dict.fromkeys(("need to", "have to"), "duties"),
        "to find": "steps",
    },
)
_SIGNS = {
    "equations": re.compile("="),
    "variables": re.compile(r"\b[a-zA-Z]\s*=|\d[xyz]\b|\b[xyzn]\s*[-+*/]"),
    "fractions": re.compile(r"\d/\d"),
    "decimals": re.compile(r"\d\.\d"),
    "long decimals": re.compile(r"\d\.\d{3}"),
    "negative results": re.compile(r"=\s*\$?-"),
    "lines": re.compile(r"\n"),
    "gaps": re.compile(r"\n[ \t]*\n"),
    "money": re.compile(r"\$"),
    "brackets": re.compile(r"\("),
    "formulas": re.compile(r"[\\\[]"),
    "colons": re.compile(":"),
    "stars": re.compile(r"\*"),
    "questions": re.compile(r"\?"),
}
_EXPECTED = {"left": "-", "fewer": "-", "each": "*/", "every": "*/", "per": "*/", "percent": "*/", "total": "+*"}
"""Words of a question, and of which operators one expects some in its answer."""
_OPERATIONS = {"additions": "+", "subtractions": "-", "multiplications": "*", "divisions": "/"}


def reply(question: Text, answer: Text) -> dict[str, float]:
    """The traits of an answer to a question, by name."""
    made, found = claims(answer.text), extract(answer.text, "auto")
    numbers = numbers_in(found.answer or "")
    final = numbers[-1] if numbers else None
    bare, late = unmarked(answer.text), _hedges(Text.of(answer.text[-_TAIL:]))
    return {
        **_hedges(answer),
        **{name: float(len(sign.findall(bare))) for name, sign in _SIGNS.items()},
        "late doubts": late["mistakes"] + late["refusals"],
        "commits": float(found.method in ("boxed", "hash", "json", "phrase", "letter")),
        "gives no number": float(final is None),
        "letters of final": float(sum(letter.isalpha() for letter in found.answer or "")),
        "final is negative": float("-" in (found.answer or "") and final is not None),
        **_arithmetic(made, marked(answer.text)),
        **_sources(question, made, final),
        **_conclusion(numbers_in(question.text), made, final),
        **_form(question, 0.0 if final is None else final),
        **_sizes(question, answer, len(made), set(numbers_in(bare))),
        **_unexpected(question, made),
    }


def _arithmetic(made: Sequence[Claim], inner: Sequence[Claim]) -> dict[str, float]:
    wrong, operators = sum(not claim.holds for claim in made), "".join(claim.operators for claim in made)
    return {
        "claims": float(len(made)),
        "claims that hold": float(len(made) - wrong),
        "wrong claims": float(wrong),
        "share of wrong claims": wrong / max(1, len(made)),
        "any wrong claim": float(wrong > 0),
        "last claim wrong": float(bool(made) and not made[-1].holds),
        "marked claims that hold": float(sum(claim.holds for claim in inner)),
        "wrong marked claims": float(sum(not claim.holds for claim in inner)),
        "repeated claims": float(len(made) - len({(claim.operands, claim.operators) for claim in made})),
        "broken results": float(sum(not claim.value.is_integer() for claim in made)),
        **{name: float(operators.count(sign)) for name, sign in _OPERATIONS.items()},
        "operators": float(len(operators)),
        "kinds of operators": float(len(set(operators))),
    }


def _sources(question: Text, made: Sequence[Claim], final: float | None) -> dict[str, float]:
    """Where operands come from, and where results go to."""
    written, spelled = numbers_in(question.text), {_SPELLED[word] for word in question.words if word in _SPELLED}
    asked, known = set(written), set(written) | _ALWAYS | spelled
    invented = idle = 0
    for place, claim in enumerate(made):
        invented += sum(not _among(operand, known) for operand in claim.operands)
        known |= {claim.said, claim.value}
        later = {operand for other in made[place + 1 :] for operand in other.operands}
        idle += not _among(claim.said, later) and (final is None or not near(claim.said, final))
    operands = Counter(operand for claim in made for operand in claim.operands)
    used = set(operands)
    unused = sum(not any(_among(part, used) for part in _shares(number)) for number in asked)
    return {
        "invented operands": float(invented),
        "share of invented operands": invented / max(1, sum(len(claim.operands) for claim in made)),
        "idle results": float(idle),
        "share of idle results": idle / max(1, len(made)),
        "unused numbers": float(unused),
        "unused spelled numbers": float(sum(not (_among(number, used) or 1 / number in used) for number in spelled)),
        "operands used again": float(sum(max(0, operands[n] - many) for n, many in Counter(written).items())),
        "share of unused numbers": unused / max(1, len(asked)),
    }


def _among(number: float, numbers: set[float]) -> bool:
    return number in numbers or any(near(number, scaled) for one in numbers for scaled in (one, one / 100, one * 100))


def _shares(number: float) -> tuple[float, ...]:
    """A number, and what a percentage of that size is reckoned with."""
    return number, 1 - number / 100, 1 + number / 100


def _conclusion(asked: Sequence[float], made: Sequence[Claim], final: float | None) -> dict[str, float]:
    """What the final number is, beside the results and the numbers of the question; zeros where there is none."""
    if final is None:
        final = float("nan")  # equal to nothing, above nothing, below nothing
    results = [near(claim.said, final) for claim in made]
    return {
        "final is the last result": float(any(results[-1:])),
        "final is a result": float(any(results)),
        "final is in the question": float(final in asked),
        "final is whole": float(final == final // 1),
        "final is zero": float(final == 0),
        "size of final": log1p(final) if final >= 0 else 0.0,
        "final above all": float(final > max(asked, default=float("inf"))),
        "final below all": float(final < min(asked, default=0.0)),
    }


def _form(question: Text, final: float) -> dict[str, float]:
    """Whether the final number has the form of what was asked for; 0 stands for none."""
    whole, largest = final.is_integer(), max(numbers_in(question.text), default=1.0) or 1.0
    return {
        "final count is broken": float("how many" in question.terms and not whole),
        "final share is above all": float("percent" in asked_in(question.text).lower() and final > 100),
        "final price is below cents": float("$" in question.text and abs(100 * final - round(100 * final)) > 1e-6),
        "final to largest number": log(max(final, _LEAST) / largest),
        "final is round": float(final > 0 and final % 10 == 0),
        "decimals of final": float(len(f"{final:.6f}".rstrip("0").partition(".")[2])),
        "digits of final": float(len(str(int(final)))),
    }


def _sizes(question: Text, answer: Text, made: int, written: set[float]) -> dict[str, float]:
    asked, said = ({word for word in text.words if len(word) > 3 and word.isalpha()} for text in (question, answer))
    numbers = numbers_in(question.text)
    return {
        "characters": float(len(answer.text)),
        "words": float(sum(answer.words.values())),
        "length to question": len(answer.text) / max(1, len(question.text)),
        "claims a number": made / max(1, len(numbers)),
        "claims a sentence": made / (1 + len(re.findall(r"[.?!]\s", question.text))),
        "shared words": len(asked & said) / max(1, len(asked)),
        "new words": len(said - asked) / max(1, len(said)),
        "unmentioned numbers": float(len(set(numbers) - written)),
        "new numbers": float(len(written - set(numbers))),
        "blanks at the end": float(len(answer.text) - len(answer.text.rstrip())),
    }


def _unexpected(question: Text, made: Sequence[Claim]) -> dict[str, float]:
    """What the question makes one expect, and the answer never does."""
    done = {sign for claim in made for sign in claim.operators}
    return {
        f"{word}, without {expected}": float(word in question.terms and done.isdisjoint(expected))
        for word, expected in _EXPECTED.items()
    }
