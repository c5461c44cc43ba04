"""Learned: how likely an answer is right, told from its question and its text.

A verifier (Cobbe et al. 2021, arXiv:2110.14168) of the cheapest kind: logistic regression or boosted trees over what a
program can check, such as whether the arithmetic holds. As in RouteLLM (Ong et al. 2024, arXiv:2406.18665) the large
model's chance can be held against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from delegate.completion import Completion
from delegate.errors import SpecError
from delegate.message import Request
from delegate.prediction import load
from delegate.registry import suggest
from delegate.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Learned:
    """The calibrated probability that the answer is right; `delegate train route --post` fits one.

    It is of use for answers of the model it was fitted to. The last user message is taken for the question.
    """

    path: Path
    """The file `delegate train route --post` wrote."""
    against: str | None = None
    """Another model it was fitted to: the score is then above 0.5 where that one is less likely to be right."""

    def check(self) -> None:
        """See that the file is there, and has what it takes.

        Raises:
            DataError: there is no such file, or it is no learned route.
            SpecError: it was fitted to questions alone, or not to the other model.
        """
        predictor = load(self.path)
        if not predictor.answered:
            raise SpecError(f"{self.path} reads no answer; fit one that does with `delegate train route --post`")
        others = predictor.models[1:]
        if self.against is not None and self.against not in others:
            raise SpecError(f"`against`: {self.path} was not fitted to {self.against!r}{suggest(self.against, others)}")

    async def score(self, request: Request, completion: Completion, scope: Scope) -> float:
        """Read the answer; nobody is asked.

        Raises:
            DataError: there is no such file, or it is no learned route.
            SpecError: it was fitted to questions alone, or not to the other model.
        """
        self.check()
        predictor = load(self.path)
        chances = predictor.chances(request.question, completion.text)
        if self.against is None:
            return chances[0]
        return (1 + chances[0] - chances[predictor.models.index(self.against)]) / 2
