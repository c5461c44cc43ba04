"""Teaches a model to end its answers with a confidence tag: LoRA and the two tags' rows, by trl and peft.

Self-REF (Chuang et al. 2024, arXiv:2410.13284). Deviations: the tags are tokens, so that their probability can be read
and given a threshold; and the loss is on the tag and the end after it alone, so that wrong answers are not imitated.
Where the adapter is large enough to change the answers as well, `keep` holds them: the share of their own tokens that
is learnt along.

What is written is whole weights, the adapter merged into them, because engines that serve adapters refuse ones with
rows of tokens; the adapter lies beside. What is said of the result is said of what was read back from disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from delegate.errors import DataError, SpecError
from delegate.plain import plain
from delegate.store import write_json
from delegate.train import held_out, tokens, weights
from delegate.train.example import Examples, Tags
from delegate.train.tagged import Tagged, fitting, tagged

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

MERGED, ADAPTER, BASE, MANIFEST = "merged", "adapter", "base", "confidence.json"
"""What the folder holds; `base` only where the model was a pocket model, as transformers has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a tag is taught; the defaults are for a billion parameters and more, smaller models need a higher rate."""

    epochs: float = 5.0
    rate: float = 5e-5
    """The highest learning rate; it falls to 0 in a straight line."""
    rank: int = 8
    alpha: int = 32
    dropout: float = 0.05
    modules: tuple[str, ...] = ("q_proj", "v_proj")
    """Which matrices get an adapter; `all-linear`: every one but the output."""
    keep: float = 0.0
    """Share of the answers' own tokens that is learnt beside the tag; 0: the tag alone, 1: the whole completion."""
    batch: int = 8
    """Examples a step, on each device."""
    max_length: int | None = None
    """Most tokens of an example; `None`: what the model can read."""
    too_long: Literal["refuse", "drop"] = "refuse"
    """What becomes of longer ones."""
    seed: int = 0
    checkpointing: bool = False
    """Compute activations twice to save memory."""
    report_to: str = "none"
    """Where transformers sends its curves, such as `tensorboard`."""

    def __post_init__(self) -> None:
        for name in ("epochs", "rate"):
            if getattr(self, name) <= 0:
                raise SpecError(f"`{name}` must be above 0, found {getattr(self, name)}")
        for name in ("rank", "alpha", "batch"):
            if getattr(self, name) < 1:
                raise SpecError(f"`{name}` must be at least 1, found {getattr(self, name)}")
        for name in ("dropout", "keep"):
            if not 0 <= getattr(self, name) <= 1:
                raise SpecError(f"`{name}` must be between 0 and 1, found {getattr(self, name)}")
        if not self.modules or "lm_head" in self.modules:
            raise SpecError(
                "`modules` must name matrices such as q_proj,v_proj, or be all-linear; of lm_head only the tags' rows "
                "can be trained, and always are"
            )


@dataclass(frozen=True, slots=True)
class Taught:
    """A model that knows the tags."""

    weights: weights.Weights
    ids: tuple[int, int]
    """Of the confident tag, and of the unsure one."""
    end: int
    """The token that ends an answer."""

    @property
    def context(self) -> int:
        """Most tokens it can read."""
        longest = getattr(self.weights.network.config.get_text_config(), "max_position_embeddings", None)
        return int(longest or self.weights.tokens.tokenizer.model_max_length)


def train(
    examples: Examples,
    model: str,
    out: Path,
    settings: Settings | None = None,
    *,
    force: bool = False,
    progress: Progress = lambda what, done, many: None,
) -> dict[str, Any]:
    """Tune a model, write it, and judge it on the held-out examples; returns what the manifest says.

    Args:
        examples: what it learns.
        model: a folder, a name on the hub, or that of a pocket model.
        out: where `merged/`, `adapter/` and the manifest are written.
        settings: how.
        force: replace a model that is there.
        progress: told how far it is.

    Raises:
        SpecError: the examples, the model and the settings do not fit each other.
        DataError: the folder holds something already, or an example cannot be shown to the model.
    """
    settings = settings or Settings()
    _claim(out, force=force)
    taught = load(_form(model, out), examples.tags)
    longest, drop = min(settings.max_length or taught.context, taught.context), settings.too_long == "drop"
    learnt = fitting(_tokens(examples.train, taught), longest, drop=drop)
    held = fitting(_tokens(examples.held_out, taught), longest, drop=drop)
    too_long = len(examples.train) - len(learnt) + len(examples.held_out) - len(held)
    counts = {"train": len(learnt), "held_out": len(held), "too_long": too_long}
    before = _read(taught, held, progress, "reading the answers as they are")
    facts = _tune(taught, learnt, settings, out, progress)
    del taught  # makes room for what is read back
    merged = _written(out, examples.tags, held)
    after = _read(merged, held, progress, "reading the tags")
    judged = held_out.judge(held, before, after, model=examples.model, seed=settings.seed)
    manifest = {
        "kind": "confidence token",
        "model": model,
        "tags": list(examples.tags),
        "ids": list(merged.ids),
        "end": merged.end,
        "settings": {**asdict(settings), "modules": list(settings.modules)},
        "examples": {"digest": examples.digest, **counts},
        "trained": facts,
        "held_out": plain(judged),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {name: version(name) for name in ("delegate", "torch", "transformers", "trl", "peft")},
    }
    write_json(out / MANIFEST, manifest)
    return manifest


def load(model: str, tags: Tags) -> Taught:
    """Load a model, and make the tags tokens of it where they are not.

    Raises:
        SpecError: there are no such weights, or they cannot take these tags.
    """
    found = weights.read(model)
    words, network = found.tokens.tokenizer, found.network
    end = tokens.end_of_answer(words, found.tokens.vocabulary(network.generation_config.eos_token_id).ends)
    return Taught(found, tokens.add(words, network, tags, end), end)


def trainer(taught: Taught, found: Sequence[Tagged], settings: Settings, out: Path) -> Any:
    """What trains the model: trl's trainer, ready to begin.

    Raises:
        SpecError: the model does not have the matrices that are to be adapted, or trl refuses otherwise.
    """
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    network = taught.weights.network
    arguments = SFTConfig(
        **weights.arguments(network),
        output_dir=str(out),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch,
        learning_rate=settings.rate,
        seed=settings.seed,
        max_length=None,  # what is too long was refused or left out; trl would cut it
        packing=False,
        train_sampling_strategy="group_by_length",
        save_strategy="no",
        report_to=settings.report_to,
        **weights.checkpointing(SFTConfig, on=settings.checkpointing),
    )
    rows = [{"input_ids": one.ids, "labels": one.labels(settings.keep, settings.seed)} for one in found]
    try:
        with weights.quietly():
            made = SFTTrainer(
                model=network,
                args=arguments,
                train_dataset=Dataset.from_list(rows),
                processing_class=taught.weights.tokens.tokenizer,
                peft_config=_lora(network, taught.ids, settings),
            )
    except ValueError as error:
        raise SpecError(f"the model cannot be trained so: {error}") from None
    made.remove_callback(PrinterCallback)
    _mend(made.model)
    return made


def _lora(network: Any, ids: tuple[int, int], settings: Settings) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear" if settings.modules == ("all-linear",) else list(settings.modules),
        bias="none",
        task_type="CAUSAL_LM",
        trainable_token_indices=tokens.rows(network, ids),
    )


def _mend(tuned: Any) -> None:
    """Let trl see that the output matrix has no bias: it asks peft's wrapper of the rows, which does not say.

    One that has a bias was refused before.
    """
    head = tuned.get_base_model().get_output_embeddings()
    if not hasattr(head, "bias"):
        head.bias = None


def _tune(taught: Taught, found: Sequence[Tagged], settings: Settings, out: Path, progress: Progress) -> dict[str, Any]:
    """Train, write the adapter and the merged weights, and say what it came to."""
    began = time.monotonic()
    made = trainer(taught, found, settings, out)
    made.add_callback(weights.told(progress, "training"))
    parameters = [tensor.numel() for tensor in made.model.parameters() if tensor.requires_grad]
    with weights.quietly():
        result = made.train()
    made.model.save_pretrained(out / ADAPTER, save_embedding_layers=False)  # all other rows are as they were
    taught.weights.tokens.tokenizer.save_pretrained(out / ADAPTER)
    weights.write(made.model, taught.weights.tokens, out / MERGED)
    return {
        "parameters": sum(parameters),
        "steps": result.global_step,
        "loss": round(result.training_loss, 4),
        "seconds": round(time.monotonic() - began, 1),
    }


def _written(out: Path, tags: Tags, held: Sequence[Tagged]) -> Taught:
    """The merged model as others will load it, which must read as the one that was trained did."""
    merged = load(str(out / MERGED), tags)
    if [one.ids for one in _tokens([one.example for one in held], merged)] != [one.ids for one in held]:
        raise DataError(str(out / MERGED), "its tokenizer reads otherwise than the one it was saved from")
    return merged


def _tokens(part: Sequence[Any], taught: Taught) -> list[Tagged]:
    return tagged(part, taught.weights.tokens, taught.ids, taught.end)


def _read(taught: Taught, found: Sequence[Tagged], progress: Progress, what: str) -> list[held_out.Reading]:
    done = iter(range(1, len(found) + 1))
    return held_out.read(taught.weights.network, found, taught.ids, lambda: progress(what, next(done), len(found)))


def _form(model: str, out: Path) -> str:
    """Where the weights are in transformers' form; those of a pocket model are written there first."""
    from delegate.train.unpack import shipped, unpack

    member = shipped(model)
    return model if member is None else str(unpack(member, out / BASE))


def _claim(out: Path, *, force: bool) -> None:
    """See that the folder is free, or may be replaced."""
    if (out / MANIFEST).exists() and not force:
        raise DataError(str(out), "holds a tuned model already; choose another --out, or say --force")
    ours = {MERGED, ADAPTER, BASE, MANIFEST}
    if out.exists() and (not out.is_dir() or {path.name.removesuffix(".part") for path in out.iterdir()} - ours):
        raise DataError(str(out), "holds something else than a tuned model; choose another --out")
    (out / MANIFEST).unlink(missing_ok=True)
