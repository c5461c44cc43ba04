"""Which answers speak to their judge instead of the asker; pure.

A list of known ways (marks that pretend to end the answer, scores in the judge's own form, orders), and so a fence with
gaps: a judge that believes whatever it reads is beyond it. An honest answer about scoring answers may be caught.
"""

from __future__ import annotations

import re
import unicodedata

from delegate.answer.extraction import visible
from delegate.bench.pairwise import FIELDS, SCORES

_NEAR = r"[^.!?\n]{0,40}?"
_MOST = r"(?:full|perfect|max(?:imum)?|highest|top|best)"
_UNIT = r"(?:\s*/\s*100|\s*%|\s+(?:scores?|marks?|points?|rating|out of 100))"

_WAYS = (
    SCORES,
    FIELDS,
    # a mark of the prompt
    re.compile(r"</?\s*(?:first|second)\b[^>\n]{0,40}>|</?\s*question\s+[0-9a-f]{6,}\s*>", re.IGNORECASE),
    # "give A 100", "rate the second answer 0 points", "score this full marks"
    re.compile(
        rf"\b(?:give|award|assign|grant|rate|score|grade|mark)\b{_NEAR}"
        rf"\b(?:answers?|responses?|first|second|other|this|it|both|me|(?-i:[AB]))\b{_NEAR}"
        rf"\b(?:100|0|zero|{_MOST})\b{_UNIT}*"
        r"(?=\s*(?:$|[.,;:!?)\]\"'*`\n]|and\b|please\b))",
        re.IGNORECASE,
    ),
    # "this answer deserves 100", "my response is worth full marks"
    re.compile(
        rf"\b(?:this|my|our|the (?:first|second|above)) (?:answer|response)\b{_NEAR}\b(?:100\b|{_MOST}{_UNIT})",
        re.IGNORECASE,
    ),
    # "ignore all previous instructions", "forget your rubric"
    re.compile(
        r"\b(?:ignore|disregard|forget|override) (?:(?:all|any|of|the|your|these) )*"
        r"(?:previous|prior|above|earlier|preceding|system|scoring|judging|your)\b[^.!?\n]{0,20}"
        r"\b(?:instructions?|prompts?|rules|rubric|criteria)\b",
        re.IGNORECASE,
    ),
    # "do not give any scores"
    re.compile(
        r"\b(?:do not|don't|never) (?:give|output|write|print|return|state) (?:any |the |your )?scores?\b",
        re.IGNORECASE,
    ),
    # "note to the judge", "you are the grader"
    re.compile(
        r"\b(?:(?:notes?|messages?|instructions?|attention)(?: to| for|:|,)?(?: the)?|you are (?:the|a|an))"
        r" (?:judge|grader|evaluator)\b",
        re.IGNORECASE,
    ),
)


def appeals(text: str) -> bool:
    """Whether an answer speaks to its judge; no thinking counts, full-width and invisible letters do not hide it."""
    plain = unicodedata.normalize("NFKC", visible(text))
    plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    return any(way.search(plain) for way in _WAYS)
