"""The pocket family: who is in it, how large each member is, and how each is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from delegate.train.graph import Shape
from delegate.train.lessons import Mix

RECIPE = 2
"""Goes up whenever the lessons, the tokenizer or the way of training change."""
_CONTEXT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the family, and how it is trained."""

    mix: Mix
    width: int
    layers: int
    heads: int
    key_value_heads: int
    inner: int
    steps: int
    batch: int = 48
    """Lessons a step."""
    rate: float = 4e-3
    fall: float = 0.4
    """Share of the steps over which the learning rate falls."""
    more: int = 0
    """Steps after those, once more with a falling rate."""
    finish: Mix | None = None
    """What these learn from; `None`: the same."""


_SMALL = Member(
    mix=Mix(story={}, bare=1.0), width=128, layers=4, heads=4, key_value_heads=2, inner=384, steps=1400, rate=5e-3
)
MEMBERS = {
    "small-a": replace(_SMALL, mix=Mix(story={"gain": 0.5, "both": 0.015}, bare=0.485)),
    "small-b": replace(_SMALL, mix=Mix(story={"part": 0.5, "both": 0.015}, bare=0.485)),
    "large": Member(
        mix=Mix(story={"gain": 0.24, "part": 0.2, "both": 0.16}, bare=0.22, tool=0.09, plan=0.09),
        width=256,
        layers=5,
        heads=4,
        key_value_heads=2,
        inner=896,
        steps=2000,
        rate=2.5e-3,
        more=600,
        finish=Mix(story={"compare": 0.4, "gain": 0.2, "part": 0.1, "both": 0.14}, bare=0.02, tool=0.07, plan=0.07),
    ),
}
"""The small ones calculate alike, but each has hardly seen the other's stories. The large one ends with comparisons,
told either way round, for that is what it was worst at."""


def shape(member: Member, vocabulary: int) -> Shape:
    """The numbers of a member's graph, given the size of the vocabulary."""
    return Shape(
        vocabulary=vocabulary,
        width=member.width,
        layers=member.layers,
        heads=member.heads,
        key_value_heads=member.key_value_heads,
        inner=member.inner,
        context=_CONTEXT,
    )


def llama(size: Shape) -> Any:
    """An untrained model in transformers' form."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.width,
        intermediate_size=size.inner,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.key_value_heads,
        max_position_embeddings=size.context,
        rms_norm_eps=size.epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": size.theta},
        tie_word_embeddings=True,
        initializer_range=0.5 / size.width**0.5,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
        attn_implementation="eager",
    )
    return LlamaForCausalLM(config)
