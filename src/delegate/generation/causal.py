"""A causal language model run by transformers: requests that come together are generated together.

`generate` does what it knows best, each architecture with its own cache; which token comes next is decided here, row by
row, so that every request has its own temperature, seed, stop strings and end. Unlike with the pocket models a batch
is whole: who comes later waits for the next one, and a row's logits may differ in their last bits with the batch.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from delegate.errors import MissingExtraError
from delegate.generation.answer import GREEDY, Generation
from delegate.generation.batching import Queue, Take
from delegate.generation.tokens import Tokens
from delegate.message import Sampling


def load(model: str, tokens: Tokens, *, adapter: str, device: str, dtype: str, options: dict[str, Any]) -> Any:
    """Load weights.

    Args:
        model: a folder, or a name on the hub.
        tokens: its tokenizer.
        adapter: a LoRA adapter to merge into it; empty: none.
        device: where to; empty: CUDA, else MPS, else the CPU.
        dtype: as torch calls it; empty: that of the checkpoint, on the CPU float32.
        options: what else `from_pretrained` is told.
    """
    device = device or _device()
    dtype = dtype or ("float32" if device == "cpu" else "auto")
    network = AutoModelForCausalLM.from_pretrained(model, dtype=dtype, **options)
    if adapter:
        network = _adapted(network, adapter, len(tokens.tokenizer))
    return network.eval() if "device_map" in options else network.to(device).eval()


class Causal:
    """Weights in memory: an engine."""

    def __init__(self, network: Any, tokens: Tokens, *, batch: int, top_k: int | None = None) -> None:
        """Bind weights, which may change between two answers.

        Args:
            network: as `load` gives it.
            tokens: its tokenizer.
            batch: most requests at the same time.
            top_k: how many of the likeliest tokens are drawn from, 0 for all; `None`: as its generation config says.
        """
        self._network = network
        self._batch = batch
        said = network.generation_config
        self._top_k: int = (said.top_k or 0) if top_k is None else top_k
        self.defaults = Sampling(temperature=0.0 if said.do_sample is False else said.temperature, top_p=said.top_p)
        self._settings = copy.deepcopy(said)
        self._settings.update(do_sample=False, temperature=None, top_p=None, top_k=None, max_length=None)
        self.prompt, self.calls, self.vocabulary = tokens.prompt, tokens.calls, tokens.vocabulary(said.eos_token_id)
        self._pad: int = next(iter(self.vocabulary.ends), 0)
        self._settings.update(eos_token_id=None, pad_token_id=self._pad)
        longest = getattr(network.config.get_text_config(), "max_position_embeddings", None)
        self.context: int = longest or tokens.tokenizer.model_max_length
        self.answer = Queue(self._work).answer

    def _work(self, take: Take) -> None:
        while generations := take(self._batch):
            self._generate(generations)

    def _generate(self, generations: Sequence[Generation]) -> None:
        width = max(len(generation.prompt) for generation in generations)
        gaps = [width - len(generation.prompt) for generation in generations]
        rows = [[self._pad] * gap + list(each.prompt) for gap, each in zip(gaps, generations, strict=True)]
        mask = [[0] * gap + [1] * (width - gap) for gap in gaps]
        device = self._network.device
        settings = copy.copy(self._settings)
        settings.max_new_tokens = max(generation.limit for generation in generations)
        self._network.generate(
            torch.tensor(rows, device=device),
            attention_mask=torch.tensor(mask, device=device),
            generation_config=settings,
            logits_processor=[_Draw(generations, self._top_k, self._pad)],
            stopping_criteria=[_Over(generations)],
        )


@dataclass(frozen=True, slots=True)
class _Draw:
    """Decides the next tokens: all other scores become impossible."""

    generations: Sequence[Generation]
    top_k: int
    pad: int

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        tokens = self._choose(scores)
        told = self._logprobs(scores, tokens)
        chosen = tokens.tolist()
        for row, generation in enumerate(self.generations):
            if generation.over:
                chosen[row] = self.pad
            elif generation.alternatives is None:
                generation.take(chosen[row])
            else:
                generation.take(chosen[row], *told(row, generation.alternatives))
        forced = torch.full_like(scores, float("-inf"))
        return forced.scatter_(1, torch.tensor(chosen, device=scores.device)[:, None], 0.0)

    def _choose(self, scores: torch.Tensor) -> torch.Tensor:
        """As `delegate.generation.sampling.choose`, where the scores are."""

        def column(values: list[float]) -> torch.Tensor:
            return torch.tensor(values, device=scores.device, dtype=scores.dtype)[:, None]

        likeliest = scores.argmax(-1)
        temperature = column([generation.temperature for generation in self.generations])
        uniform = column([generation.uniform() for generation in self.generations])
        if (temperature < GREEDY).all():
            return likeliest
        top_p = column([generation.top_p for generation in self.generations])
        probabilities = (scores / temperature.clamp(min=GREEDY)).softmax(-1)
        if self.top_k or (top_p < 1).any():
            falling = probabilities.sort(-1, descending=True).values
            inside = falling.cumsum(-1) - falling < top_p
            if self.top_k:
                inside[:, self.top_k :] = False
            least = falling.gather(1, (inside.sum(-1, keepdim=True) - 1).clamp(min=0))
            probabilities = probabilities * (probabilities >= least)
        mass = probabilities.cumsum(-1)
        drawn = (mass <= uniform * mass[:, -1:]).sum(-1).clamp(max=scores.shape[-1] - 1)
        return torch.where(temperature[:, 0] < GREEDY, likeliest, drawn)

    def _logprobs(self, scores: torch.Tensor, tokens: torch.Tensor) -> Any:
        """A function that tells a row's log-probability and alternatives; nothing is computed unless asked for."""
        most = max((generation.alternatives or 0 for generation in self.generations), default=0)
        if all(generation.alternatives is None for generation in self.generations):
            return None
        logprobs = scores.log_softmax(-1)
        own = logprobs.gather(1, tokens[:, None])[:, 0].tolist()
        top = logprobs.topk(min(most, scores.shape[-1]))
        values, names = top.values.tolist(), top.indices.tolist()
        return lambda row, count: (own[row], list(zip(names[row][:count], values[row][:count], strict=True)))


@dataclass(frozen=True, slots=True)
class _Over:
    """Says which rows are done."""

    generations: Sequence[Generation]

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.tensor([generation.over for generation in self.generations], device=input_ids.device)


def _device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _adapted(network: Any, adapter: str, tokens: int) -> Any:
    """The network with an adapter merged into it, which may have brought tokens of its own."""
    try:
        from peft import PeftModel
    except ModuleNotFoundError:
        raise MissingExtraError(f"the adapter {adapter}", "train") from None
    if tokens > network.get_input_embeddings().num_embeddings:
        network.resize_token_embeddings(tokens)
    return PeftModel.from_pretrained(network, adapter).merge_and_unload()
