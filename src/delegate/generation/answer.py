"""One answer in the making: what its tokens are drawn with, the text they come to, and why it ended.

Whatever draws the tokens (an ONNX graph, transformers, vLLM) gives them to a `Generation`, which is the same for all.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from functools import lru_cache

from delegate.completion import TokenLogprob
from delegate.errors import ModelError
from delegate.message import Request, Sampling

LEAST = -9999.0
"""What stands for the log-probability of the impossible, which JSON cannot say; the same that endpoints use. In
`max` it comes first, so that it stands for nan, too."""

GREEDY = 1e-5
"""Temperatures below it take the likeliest token."""

_DEFAULTS = Sampling(temperature=1.0, top_p=1.0)
"""What nobody said, as most endpoints have it."""


class Vocabulary:
    """Tokens as text."""

    def __init__(self, decode: Callable[[Sequence[int]], str], ends: Collection[int]) -> None:
        """Bind a tokenizer.

        Args:
            decode: the text of tokens, special ones included.
            ends: the tokens that end an answer.
        """
        self.decode = decode
        self.ends = frozenset(ends)
        self.word: Callable[[int], str] = lru_cache(maxsize=1 << 16)(lambda token: decode((token,)))


class Generation:
    """The tokens of one answer as they are drawn; `done` is set when there are no more."""

    def __init__(
        self,
        prompt: Sequence[int],
        vocabulary: Vocabulary,
        sampling: Sampling = _DEFAULTS,
        *,
        seed: int = 0,
        room: int,
        shown: Callable[[str], str] | None = None,
    ) -> None:
        """Begin with nothing said.

        Args:
            prompt: what stands before the answer.
            vocabulary: tokens as text.
            sampling: how to draw.
            seed: decides every draw; `draw_seed` makes one.
            room: how many tokens there is place for.
            shown: of an unfinished text, the part that is sure to stay; `None`: all of it.

        Raises:
            ModelError: a setting makes no sense.
        """
        sampling = sampling.over(_DEFAULTS)
        _check(sampling)
        self.prompt, self.seed = prompt, seed
        self.temperature, self.top_p = sampling.temperature or 0.0, sampling.top_p or 0.0
        self.alternatives = sampling.logprobs
        """How many are wanted at each token; `None`: no log-probabilities at all."""
        self.ends = vocabulary.ends
        self.limit = min(room, sampling.max_tokens or room)
        self.tokens: list[int] = []
        """Everything drawn, the end token included."""
        self.text = ""
        self.told = 0
        """How many characters were streamed."""
        self.finish_reason: str | None = None
        self.done: Future[None] = Future()
        self.listener: Callable[[str], None] | None = None
        """Called with pieces of the text as they come."""
        self._vocabulary, self._shown = vocabulary, shown or (lambda text: text)
        self._stops = tuple(stop for stop in sampling.stop or () if stop)
        self._logprobs: list[tuple[int, TokenLogprob]] = []
        self._random = random.Random(seed)
        self._read = self._known = 0  # tokens before the first hold text that is sure; up to the second are in `text`

    @property
    def over(self) -> bool:
        """Whether no further token is wanted: it is finished, or the asker gave up."""
        return self.done.done()

    @property
    def logprobs(self) -> tuple[TokenLogprob, ...] | None:
        """Of the tokens the text is made of; `None` when they were not asked for."""
        if self.alternatives is None:
            return None
        return tuple(token for start, token in self._logprobs if start < len(self.text))

    def uniform(self) -> float:
        """The next random number in [0, 1): one a token, so that draws depend on nothing but the seed."""
        return self._random.random()

    def take(self, token: int, logprob: float = LEAST, top: Iterable[tuple[int, float]] = ()) -> None:
        """Add the token that was drawn.

        Args:
            token: its number.
            logprob: its natural log-probability, before temperature.
            top: the likeliest tokens with theirs, likeliest first.
        """
        self.tokens.append(token)
        end = "stop" if token in self.ends else None
        if end is None:
            if self.alternatives is not None:
                self._logprobs.append((len(self.text), self._logprob(token, logprob, top)))
            end = "length" if len(self.tokens) >= self.limit else None
        before = len(self.text)
        self.text += self._more(len(self.tokens) - (end == "stop"), flush=end is not None)
        end = "stop" if self._cut(before) else end
        if end is not None:
            self._end(end)
        elif self.listener is not None:
            self._tell(self.listener)

    def fail(self, error: Exception) -> None:
        """There will be no answer."""
        with suppress(InvalidStateError):
            self.done.set_exception(error)

    def _end(self, reason: str) -> None:
        self.finish_reason = reason
        with suppress(InvalidStateError):  # given up on a moment ago
            self.done.set_result(None)

    def _more(self, end: int, *, flush: bool) -> str:
        """The text of the tokens not yet read; a character torn between tokens waits for its end."""
        decode = self._vocabulary.decode
        old = decode(self.tokens[self._read : self._known])
        new = decode(self.tokens[self._read : end])
        if new.endswith("\ufffd") and not flush:
            return ""
        self._read, self._known = self._known, end
        return new[len(old) :]

    def _cut(self, before: int) -> bool:
        """Cut the text at the first stop string, which may begin before the last piece; whether there is one."""
        found = [self.text.find(stop, max(0, before - len(stop) + 1)) for stop in self._stops]
        cut = min((place for place in found if place >= 0), default=None)
        self.text = self.text[:cut]
        return cut is not None

    def _tell(self, listener: Callable[[str], None]) -> None:
        sure = self._shown(self.text[: len(self.text) - overlap(self.text, self._stops)])
        if len(sure) > self.told:
            piece, self.told = sure[self.told :], len(sure)
            listener(piece)

    def _logprob(self, token: int, logprob: float, top: Iterable[tuple[int, float]]) -> TokenLogprob:
        words: dict[str, float] = {}
        for other, other_logprob in top:
            words.setdefault(self._vocabulary.word(other), max(LEAST, other_logprob))
        return TokenLogprob(token=self._vocabulary.word(token), logprob=max(LEAST, logprob), top=words)


def draw_seed(model: str, request: Request, seed: int | None) -> int:
    """The seed of one draw: `seed + index`; without a seed, one made of the model, the request and the index.

    So every draw can be had again, draws of one request differ, and models that are asked the same differ too.
    """
    if seed is not None:
        return seed + request.index
    key = f"{model}\n{request.digest}\n{request.index}"
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:7])


def overlap(text: str, marks: Iterable[str]) -> int:
    """How many characters at the end of the text may be the beginning of a mark."""
    return max((n for mark in marks for n in range(1, len(mark)) if text.endswith(mark[:n])), default=0)


def reject(problem: str) -> ModelError:
    """The failure of a request that no answer can be given to; nothing was spent."""
    return ModelError.of("refused", problem)


def _check(sampling: Sampling) -> None:
    bounds: Mapping[str, tuple[float | None, float, float]] = {
        "temperature": (sampling.temperature, 0, float("inf")),
        "top_p": (sampling.top_p, 0, 1),
        "max_tokens": (sampling.max_tokens, 1, float("inf")),
        "logprobs": (sampling.logprobs, 0, float("inf")),
    }
    for name, (value, least, most) in bounds.items():
        if value is not None and not least <= value <= most:
            limits = f"at least {least}" if most == float("inf") else f"between {least} and {most}"
            raise reject(f"{name} must be {limits}, found {value}")
