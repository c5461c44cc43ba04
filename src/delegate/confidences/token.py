"""Token: the confidence token a model was trained to end its answer with.

Self-REF (Chuang et al. 2024, arXiv:2410.13284): the probability of the confident token among the two. Deviations:
where the endpoint gives no probabilities the token in the text decides, 1 or 0; an answer without either token counts
as unsure, and is noted (`token`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

from delegate.completion import Completion, TokenLogprob
from delegate.errors import SpecError
from delegate.message import Request
from delegate.scope import Scope


@dataclass(frozen=True, kw_only=True)
class Token:
    """The probability of `confident` against `unsure` where the model last said one of them; 0 if it never did."""

    confident: str = "<|c|>"
    unsure: str = "<|u|>"

    def __post_init__(self) -> None:
        if not self.confident or not self.unsure or self.confident == self.unsure:
            raise SpecError(
                f"`confident` and `unsure` must be two tokens, found {self.confident!r} and {self.unsure!r}"
            )

    async def score(self, request: Request, completion: Completion, scope: Scope) -> float:
        """Read the completion; nobody is asked."""
        probability = self._probability(completion.logprobs or ())
        if probability is not None:
            return probability
        confident, unsure = completion.text.rfind(self.confident), completion.text.rfind(self.unsure)
        if max(confident, unsure) < 0:
            scope.note(token="none")
        return float(confident > unsure)

    def _probability(self, tokens: Sequence[TokenLogprob]) -> float | None:
        """`None` where neither is a token of the model's, as with a tokenizer that splits them."""
        for token in reversed(tokens):
            if token.token.strip() in (self.confident, self.unsure):
                # the token itself comes last: what was said is known even where the alternatives are cut short
                known = {
                    name.strip(): exp(logprob) for name, logprob in (*token.top.items(), (token.token, token.logprob))
                }
                sure, unsure = known.get(self.confident, 0.0), known.get(self.unsure, 0.0)
                return sure / (sure + unsure) if sure + unsure > 0 else None
        return None
