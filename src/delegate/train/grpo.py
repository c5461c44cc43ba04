"""GRPO, by trl: Group Relative Policy Optimization (Shao et al. 2024, arXiv:2402.03300).

What is drawn, and what it earns, is a player's business: here is what every one of them has in common.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from delegate.errors import SpecError
from delegate.train.weights import Weights, arguments, checkpointing, last_checkpoint, lora, quietly, told

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a seat is trained."""

    steps: int = 100
    prompts: int = 8
    """Problems a step."""
    group: int = 8
    """Rollouts of each."""
    rate: float = 1e-5
    """The learning rate: it rises over a tenth of the steps, and stays."""
    lora: int = 16
    """Rank of the adapter; 0: all weights are trained."""
    beta: float = 0.0
    """How much is lost for moving away from the start (a KL divergence)."""
    temperature: float = 1.0
    longest: int = 512
    """Most tokens of a turn."""
    batch: int = 16
    """Sequences at the same time in a training pass, at most."""
    seed: int = 0
    save: int = 25
    """Steps between two checkpoints."""
    report_to: str = "none"
    """Where transformers sends its curves, such as `tensorboard` or `wandb`."""

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("prompts", 1), ("group", 2), ("longest", 1), ("batch", 1), ("save", 1)):
            if getattr(self, name) < least:
                raise SpecError(f"`{name}` must be at least {least}, found {getattr(self, name)}")
        if self.rate <= 0 or self.temperature <= 0:
            raise SpecError("`rate` and `temperature` must be above 0")
        if self.lora < 0 or self.beta < 0:
            raise SpecError("`lora` and `beta` must not be below 0")


Scale = Literal["group", "batch", "none"]
"""A standard deviation: of the group's rewards, as in the paper; of all rewards of the step; nothing."""


class Player(Protocol):
    """What trl calls for the sequences of a step, and for what each of them earned."""

    @property
    def names(self) -> Sequence[str]:
        """Of everything there is to play: the prompts that trl knows."""

    @property
    def turns(self) -> int:
        """Sequences of a rollout."""

    @property
    def scale(self) -> Scale:
        """What advantages are divided by."""

    def __call__(self, prompts: list[str], trainer: Any) -> dict[str, Any]:
        """Play a step (`rollout_func`): trl gives every prompt as often as it wants sequences of it."""

    def reward(self, earned: list[float], log_metric: Callable[[str, float], None], **_: Any) -> list[float]:
        """What each sequence earned."""


@runtime_checkable
class Host(Protocol):
    """What trl calls when it plays by itself, through environments with tools (`environment_factory`)."""

    @property
    def turns(self) -> int:
        """Sequences of a rollout."""

    @property
    def scale(self) -> Scale:
        """What advantages are divided by."""

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The problems: each with a `prompt`, and with what its environment is reset with."""

    def environment(self) -> Any:
        """Another environment."""

    @property
    def reward(self) -> Callable[..., Awaitable[list[float | None]]]:
        """What each rollout of a step earned; `None` where nobody can say."""


def once(prompts: Sequence[str], many: int) -> list[str]:
    """The prompts of a step, each once.

    Args:
        prompts: as trl gives them.
        many: sequences of each.

    Raises:
        SpecError: not all of a prompt's sequences are there.
    """
    found = list(prompts[::many])
    if list(prompts) != [one for one in found for _ in range(many)]:
        raise SpecError("a group is cut in two; let every process have whole groups")
    return found


@contextmanager
def still(model: Any) -> Iterator[None]:
    """Without dropout, for as long as it speaks."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def learn(
    weights: Weights,
    out: Path,
    player: Player | Host,
    settings: Settings,
    progress: Progress = lambda what, done, many: None,
    enough: Callable[[], bool] = lambda: False,
) -> tuple[Any, list[dict[str, float]]]:
    """Train; the network, and what is said of each step. A run that was stopped goes on at its last checkpoint.

    Args:
        weights: where it starts; they are changed in place.
        out: where checkpoints are kept.
        player: plays the steps.
        settings: how.
        progress: told how far it is.
        enough: asked after each step; once it says so there is a checkpoint, and no further step.

    Raises:
        SpecError: the model cannot be trained this way.
    """
    with quietly():
        trainer = make_trainer(weights, out, player, settings)
        trainer.add_callback(told(progress, "training", enough))
        trainer.train(resume_from_checkpoint=last_checkpoint(out))
    return trainer.model, [row for row in trainer.state.log_history if "reward" in row]


def make_trainer(weights: Weights, out: Path, player: Player | Host, settings: Settings) -> Any:
    """A trainer of trl's, set up.

    Raises:
        SpecError: the model cannot be trained this way.
    """
    from transformers import PrinterCallback
    from trl import GRPOConfig, GRPOTrainer

    sequences_a_group = settings.group * player.turns
    whole = settings.prompts * sequences_a_group
    at_once = max(size for size in range(1, min(settings.batch, whole) + 1) if whole % size == 0)
    config = GRPOConfig(
        output_dir=str(out),
        max_steps=settings.steps,
        num_generations=sequences_a_group,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=whole // at_once,
        steps_per_generation=whole // at_once,
        max_completion_length=settings.longest,
        max_tool_calling_iterations=1,
        temperature=settings.temperature,
        scale_rewards=player.scale,
        beta=settings.beta,
        learning_rate=settings.rate,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=settings.steps // 10,
        save_steps=settings.save,
        save_total_limit=2,
        seed=settings.seed,
        report_to=settings.report_to,
        logging_steps=1,
        **checkpointing(GRPOConfig, on=False),
        **arguments(weights.network),
    )
    trainer = GRPOTrainer(
        model=weights.network,
        args=config,
        processing_class=weights.tokens.tokenizer,
        reward_funcs=[player.reward],
        peft_config=lora(settings.lora),
        **_played_by(player, weights.tokens.tokenizer),
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _played_by(player: Player | Host, tokenizer: Any) -> dict[str, Any]:
    """What there is to play, and how trl has it played."""
    from datasets import Dataset

    if isinstance(player, Host):
        check_tools(tokenizer)
        return {"train_dataset": Dataset.from_list(list(player.rows)), "environment_factory": player.environment}
    # a prompt is only a name; what is shown to the model is made by the player
    return {"train_dataset": Dataset.from_list([{"prompt": name} for name in player.names]), "rollout_func": player}


def check_tools(tokenizer: Any) -> None:
    """See that trl can show a model tools, and read its calls of them; a format it knows is noted in the tokenizer.

    Raises:
        SpecError: it cannot.
    """
    from trl.chat_template_utils import add_response_schema, supports_tool_calling

    cure = "take a model whose template trl knows, such as Qwen's, or say --loop own"
    if not supports_tool_calling(tokenizer):
        raise SpecError(f"the model's chat template has no place for tool calls; {cure}")
    if getattr(tokenizer, "response_template", None) is None:
        try:
            add_response_schema(tokenizer)
        except ValueError:
            raise SpecError(f"trl does not know how the model's chat template writes tool calls; {cure}") from None
