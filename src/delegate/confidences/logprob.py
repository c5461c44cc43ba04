"""Logprob: how likely the model thought its own words.

The sequence-level statistics compared by Gupta et al. 2024 (arXiv:2404.10136). Deviation: the entropy is over the
alternatives the endpoint returns, not over the whole vocabulary, which no endpoint returns. Ours too: a bonus for
length, as whoever answers in the model's place has to write about as much, and is the dearer for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, fsum, isnan, log, nan
from typing import Literal

from delegate.completion import Completion, TokenLogprob
from delegate.errors import ModelError, SpecError
from delegate.message import Request
from delegate.scope import Scope

Statistic = Literal["mean", "min", "entropy"]
_USUAL = 100
"""Tokens of an answer that a bonus for length leaves as it is."""
_MOST = 10
"""The largest bonus; far larger ones are no numbers any more."""


@dataclass(frozen=True, kw_only=True)
class Logprob:
    """A statistic of the completion's token probabilities; 0 for a completion without tokens.

    The model must be asked for logprobs: `sampling = { logprobs = 5 }` in its table.
    """

    statistic: Statistic = "mean"
    """mean: geometric mean of the token probabilities; min: the least likely token; entropy: one minus the mean
    entropy of the alternatives at each token, as a share of the largest possible."""
    length_bonus: float = 0.0
    """For the mean alone: its logarithm is multiplied by `(100 / tokens) ** length_bonus`, so that of two answers whose
    tokens were as likely, the longer is trusted more."""

    def __post_init__(self) -> None:
        if not 0 <= self.length_bonus <= _MOST:
            raise SpecError(f"`length_bonus` must be a number from 0 to {_MOST}, found {self.length_bonus}")
        if self.length_bonus and self.statistic != "mean":
            raise SpecError(
                f"`length_bonus` is for the mean; leave it out, or say statistic mean, not {self.statistic}"
            )

    async def score(self, request: Request, completion: Completion, scope: Scope) -> float:
        """Read the completion; nobody is asked.

        Raises:
            SpecError: the completion has no logprobs, or too few alternatives for the entropy.
            ModelError: one of them is nan.
        """
        if completion.logprobs is None:
            raise SpecError(
                f"the answer of {completion.model!r} has no logprobs to read a confidence from; "
                "ask for them with `sampling = { logprobs = 5 }` in the model's table"
            )
        value = likelihood(completion.logprobs, self.statistic, self.length_bonus)
        if isnan(value):
            raise ModelError.of("bad_answer", f"a logprob in the answer of {completion.model!r} is nan")
        return value


def likelihood(tokens: Sequence[TokenLogprob], statistic: Statistic = "mean", length_bonus: float = 0.0) -> float:
    """The statistic, as described there; 0 without tokens, nan where a logprob is nan.

    Raises:
        SpecError: too few alternatives for the entropy.
    """
    if not tokens:
        return 0.0
    if any(isnan(token.logprob) for token in tokens):
        return nan
    if statistic == "entropy":
        return 1 - fsum(map(_entropy, tokens)) / len(tokens)
    logprobs = [min(0.0, token.logprob) for token in tokens]
    if statistic == "min":
        return exp(min(logprobs))
    return exp(fsum(logprobs) / len(logprobs) * (_USUAL / len(logprobs)) ** length_bonus)


def _entropy(token: TokenLogprob) -> float:
    """Entropy of the alternatives, scaled so that they sum to 1, as a share of that of a uniform choice."""
    weights = [exp(logprob) for logprob in {token.token: token.logprob, **token.top}.values()]
    if len(token.top) < 2:
        raise SpecError("the entropy needs two alternatives a token; ask for them with `sampling = { logprobs = 5 }`")
    total = fsum(weights)
    return -fsum(w / total * log(w / total) for w in weights if w) / log(len(weights)) if total else 1.0
