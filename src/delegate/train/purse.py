"""What is really spent while something is trained, and where that ends; every call on file, over all sittings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from delegate.completion import Completion, Failure, Span
from delegate.errors import ModelError, SpecError
from delegate.message import Request
from delegate.model import Emit, Model, observe
from delegate.models.shared import Meter
from delegate.store import Log, lines
from delegate.train.environment import Environment
from delegate.tree import rebuild

T = TypeVar("T")


class Purse:
    """Counts US dollars up to a limit."""

    def __init__(self, limit: float | None = None, meter: Meter | None = None) -> None:
        """Begin.

        Args:
            limit: US dollars; `None`: as many as it takes.
            meter: what is spent already, and goes on counting; `None`: nothing yet.

        Raises:
            SpecError: the limit is no number of dollars.
        """
        if limit is not None and not limit >= 0:
            raise SpecError(f"--max-cost must be a number of dollars, found {limit}")
        self.limit, self.meter = limit, meter or Meter()

    @property
    def empty(self) -> bool:
        """Whether nothing more may be begun: the limit is reached, or nobody knows whether it is."""
        return self.limit is not None and (self.meter.cost >= self.limit or self.meter.unknown > 0)

    def stopped(self, owed: str) -> SpecError:
        """Why it does not go on.

        Args:
            owed: what is still to be done, such as "3 rollouts".
        """
        if self.meter.unknown:
            return SpecError("stopped: what some calls cost is unknown, so --max-cost cannot hold; give a `price`")
        return SpecError(
            f"stopped at --max-cost: ${self.meter.cost:.4f} are spent and {owed} are still owed; "
            f"give the same command with a higher limit to go on"
        )


class Account(Purse):
    """A purse with a line on file for each call, so that what earlier sittings spent is known."""

    def __init__(self, path: Path, limit: float | None = None) -> None:
        """Open.

        Args:
            path: the file.
            limit: as of `Purse`.
        """
        super().__init__(limit)
        self._log = Log(path)

    def __enter__(self) -> Self:
        self._log.__enter__()
        for _, row in lines(self._log.path, torn=True):
            self._count(row["cost"])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._log.__exit__(kind, error, tb)

    def pay(self, span: Span) -> None:
        """Count a call."""
        self._log.append({"model": span.model, "cost": span.outcome.usage.cost})
        self._count(span.outcome.usage.cost)

    def _count(self, cost: float | None) -> None:
        self.meter.cost += cost or 0.0
        self.meter.unknown += cost is None

    def over(self, part: T) -> T:
        """The same part with every single model beneath it paid from here."""
        return rebuild(part, lambda model: _Paid(model=model, account=self))

    def around(self, environment: Environment) -> Environment:
        """The same environment with everybody paid from here; who is then seated is not."""
        policy, judge, single = self.over((environment.policy, environment.judge, environment.single))
        return replace(environment, policy=policy, judge=judge, single=single)


@dataclass(frozen=True, kw_only=True)
class _Paid:
    """A model whose calls are counted."""

    model: Model
    account: Account = field(compare=False, repr=False)

    @property
    def name(self) -> str:
        """The inner model's."""
        return self.model.name

    async def complete(self, request: Request, *, emit: Emit | None = None) -> Completion:
        """Ask, and pay, whatever comes of it."""
        ledger: list[Span] = []
        try:
            outcome = await observe(self.model, request, ledger=ledger, emit=emit)
        finally:
            for span in ledger:
                self.account.pay(span)
        if isinstance(outcome, Failure):
            raise ModelError(outcome)
        return outcome
