"""The pocket family: who is in it, how large each member is, and how each is trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from delegate.train.graph import Shape
from delegate.train.lessons import Mix

RECIPE = 3
"""Goes up whenever the lessons, the tokenizer or the way of training change."""
_CONTEXT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of a training run."""

    mix: Mix
    steps: int
    rate: float = 1.0
    """The highest learning rate, as a share of the member's."""
    rise: int = 50
    """Steps over which the learning rate rises."""
    fall: float = 0.4
    """Share of the steps over which the learning rate falls to nothing."""
    told: float = 0.0
    """Weight of what the model is told, beside what it has to say. Somebody whose name it must foresee is somebody it
    has to keep in mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the family, and how it is trained."""

    width: int
    layers: int
    heads: int
    key_value_heads: int
    inner: int
    rate: float
    phases: tuple[Phase, ...]
    batch: int = 48
    """Lessons a step."""

    @property
    def steps(self) -> int:
        """Of all phases."""
        return sum(phase.steps for phase in self.phases)

    def at(self, step: int) -> tuple[int, int]:
        """The number of the phase a step belongs to, and which of its steps it is."""
        number = 0
        while step >= self.phases[number].steps:
            step -= self.phases[number].steps
            number += 1
        return number, step


def _small(kind: str) -> Member:
    phase = Phase(mix=Mix(story={kind: 0.5, "both": 0.015}, bare=0.485), steps=1400)
    return Member(width=128, layers=4, heads=4, key_value_heads=2, inner=384, rate=5e-3, phases=(phase,))


MEMBERS = {
    "small-a": _small("gain"),
    "small-b": _small("part"),
    "large": Member(
        width=256,
        layers=5,
        heads=4,
        key_value_heads=2,
        inner=896,
        rate=2.5e-3,
        phases=(
            Phase(
                mix=Mix(story={"gain": 0.24, "part": 0.2, "both": 0.16}, bare=0.22, tool=0.09, plan=0.09), steps=2000
            ),
            Phase(
                mix=Mix(
                    story={"compare": 0.4, "gain": 0.2, "part": 0.1, "both": 0.14}, bare=0.02, tool=0.07, plan=0.07
                ),
                steps=600,
                rate=0.4,
                rise=1,
                fall=1.0,
            ),
            Phase(
                mix=Mix(
                    story={"compare": 0.85, "part": 0.05},
                    bare=0.02,
                    tool=0.04,
                    plan=0.04,
                    levels=(1, 2, 3),
                    explained=True,
                ),
                steps=1000,
                fall=0.1,
                told=1.0,
            ),
            Phase(
                mix=Mix(
                    story={"compare": 0.2, "gain": 0.22, "part": 0.11, "both": 0.15},
                    bare=0.04,
                    tool=0.16,
                    plan=0.12,
                    explained=True,
                ),
                steps=850,
                rate=0.8,
                fall=1.0,
                told=0.3,
            ),
        ),
    ),
}
"""The small ones calculate alike, but each has hardly seen the other's stories.

The large one learns to calculate and to read first, then who is who: whether somebody has more than another or the
other way round depends on which of them was spoken of before, and a model that is only asked for numbers does not find
that out in any time we have. Asked for every word of short stories of comparisons, and to say which way round each was
told, it learns it in some hundred steps.
"""


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
