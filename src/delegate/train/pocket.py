"""Trains the pocket models from nothing, and writes them as the package ships them.

    python -m delegate.train.pocket --member large
    python -m delegate.train.pocket --member small-a
    python -m delegate.train.pocket --member small-b

Needs the extra `train`. A run that was stopped goes on where it last saved. What a step learns from depends on the
seed and the step's number alone; so the weights depend on the seed, the number of steps and the machine's arithmetic.
A graphics card is used where there is one, and bfloat16 where the processor has instructions for it.

The architecture is Llama's, so that every tool loads the `transformers` folder of a run. Hidden matrices are trained
with Muon (Jordan et al. 2024), all else with AdamW; in every phase the learning rate is constant and falls to nothing
over its last part (Hu et al. 2024, arXiv:2404.06395).
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import torch
from tokenizers import Tokenizer

from delegate.plain import digest
from delegate.train.batches import Teacher, vocabulary
from delegate.train.export import export
from delegate.train.family import MEMBERS, RECIPE, Member, llama, shape
from delegate.train.muon import Muon
from delegate.train.vocabulary import END, SPECIAL, TEMPLATE, UNKNOWN

WEIGHTS = Path(__file__).parents[1] / "models" / "weights"
_LONG = 300
"""Tokens from which attention is not written out."""


def rate(member: Member, step: int) -> float:
    """The learning rate of a step, as a share of the highest."""
    number, step = member.at(step)
    phase = member.phases[number]
    return phase.rate * min(1.0, (step + 1) / phase.rise, (phase.steps - step) / (phase.fall * phase.steps))


def precision(device: str) -> torch.dtype:
    """What matrices are multiplied in: bfloat16 where that is fast."""
    return torch.bfloat16 if device == "cuda" or torch.cpu._is_avx512_bf16_supported() else torch.float32


@dataclass(eq=False)
class Run:
    """A training run that can be stopped at any time."""

    name: str
    member: Member
    folder: Path
    seed: int = 0
    threads: int = 1
    words: Tokenizer = field(default_factory=vocabulary)

    def __post_init__(self) -> None:
        torch.set_num_threads(self.threads)
        torch.manual_seed(self.seed)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = precision(self.device)
        self.shape = shape(self.member, self.words.get_vocab_size())
        self.model = llama(self.shape).to(self.device)
        self.teachers = [Teacher(phase.mix, self.member.batch, self.seed, self.words) for phase in self.member.phases]
        named = list(self.model.named_parameters())
        hidden = [tensor for name, tensor in named if tensor.ndim == 2 and "embed" not in name]
        others = [tensor for name, tensor in named if tensor.ndim != 2 or "embed" in name]
        self.optimisers: list[Any] = [
            Muon(hidden, lr=self.member.rate, dtype=self.dtype),
            torch.optim.AdamW(others, lr=self.member.rate, betas=(0.9, 0.98), weight_decay=0.0),
        ]
        self.step = 0
        self.seconds = 0.0
        if (self.folder / "state.pt").is_file():
            self._load()

    def _load(self) -> None:
        saved = torch.load(self.folder / "state.pt", map_location=self.device)
        differing = [key for key, value in self._settings().items() if saved["settings"].get(key) != value]
        if differing:
            raise ValueError(
                f"{self.folder} holds a run with another {', '.join(differing)}; move it away, or say --runs"
            )
        self.model.load_state_dict(saved["model"])
        for optimiser, state in zip(self.optimisers, saved["optimisers"], strict=True):
            optimiser.load_state_dict(state)
        self.step, self.seconds = saved["step"], saved["seconds"]

    def _settings(self) -> dict[str, Any]:
        """What two parts of one run must have in common."""
        return {"recipe": RECIPE, "seed": self.seed, **asdict(self.member)}

    def save(self) -> None:
        """Write everything that it takes to go on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "model": self.model.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "step": self.step,
            "seconds": self.seconds,
            "settings": self._settings(),
        }
        torch.save(state, self.folder / "part.pt")
        (self.folder / "part.pt").replace(self.folder / "state.pt")

    def learn(self) -> tuple[float, int]:
        """One step; returns the loss and the number of tokens."""
        number, _ = self.member.at(self.step)
        tokens, own = (tensor.to(self.device) for tensor in self.teachers[number].batch(self.step))
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.member.rate * rate(self.member, self.step)
        # written out, attention is faster for short rows; its memory grows with their square
        self.model.set_attn_implementation("eager" if tokens.shape[1] < _LONG else "sdpa")
        aims, own = tokens[:, 1:], own[:, 1:]
        told = self.member.phases[number].told
        asked = aims != 0 if told else own
        with torch.autocast(self.device, torch.bfloat16, enabled=self.dtype is torch.bfloat16):
            hidden = self.model.model(input_ids=tokens, use_cache=False).last_hidden_state
            logits = self.model.lm_head(hidden[:, :-1][asked])
        losses = torch.nn.functional.cross_entropy(logits.float(), aims[asked], reduction="none")
        loss = losses[own[asked]].mean()
        torch.autograd.backward(loss + told * losses[~own[asked]].mean() if told else loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()
        self.step += 1
        return loss.item(), tokens.numel()

    def write(self, weights: Path) -> None:
        """Write the model as transformers has it beside the run, and as the package ships it."""
        from transformers import PreTrainedTokenizerFast

        local = self.folder / "transformers"
        self.model.save_pretrained(local)
        words = PreTrainedTokenizerFast(
            tokenizer_object=self.words, eos_token=END, pad_token=SPECIAL[0], unk_token=UNKNOWN, chat_template=TEMPLATE
        )
        words.save_pretrained(local)
        tensors = {name: tensor.float().cpu().numpy() for name, tensor in self.model.state_dict().items()}
        tensors.pop("lm_head.weight", None)
        millions = sum(tensor.size for tensor in tensors.values()) / 1e6
        export(
            weights / self.name,
            name=f"pocket-{self.name}",
            shape=self.shape,
            weights=tensors,
            tokenizer=self.words,
            price={"input": round(millions / 100, 4), "output": round(millions / 25, 4)},
            manifest={
                "seed": self.seed,
                "recipe": RECIPE,
                "settings": digest(self.member),
                "steps": self.step,
                "lessons": self.step * self.member.batch,
                "minutes": round(self.seconds / 60, 1),
                "device": self.device,
                "torch": torch.__version__,
            },
        )


@click.command()
@click.option("--member", type=click.Choice(sorted(MEMBERS)), required=True, help="Which of the family.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=int, default=1, show_default=True, help="Processor cores to use.")
@click.option("--runs", type=click.Path(path_type=Path), default=Path("build/pocket"), help="Where states are saved.")
@click.option("--weights", type=click.Path(path_type=Path), default=WEIGHTS, help="Where the result is written.")
@click.option("--every", type=int, default=100, show_default=True, help="Steps between two reports and saves.")
def main(member: str, seed: int, threads: int, runs: Path, weights: Path, every: int) -> None:
    """Train one of the pocket models, or go on training it."""
    try:
        run = Run(member, MEMBERS[member], runs / member, seed=seed, threads=threads)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    losses, tokens, began = list[float](), 0, time.monotonic()
    last = run.member.steps
    while run.step < last:
        loss, count = run.learn()
        losses.append(loss)
        tokens += count
        if run.step % every == 0 or run.step == last:
            seconds = time.monotonic() - began
            run.seconds += seconds
            mean = sum(losses) / len(losses)
            click.echo(f"step {run.step}/{last} loss {mean:.4f} {tokens / seconds:,.0f} tokens/s")
            run.save()
            losses, tokens, began = [], 0, time.monotonic()
    run.write(weights)


if __name__ == "__main__":
    main()
