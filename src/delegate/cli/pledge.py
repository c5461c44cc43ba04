"""What `delegate contract` says on the terminal: what is promised and at what price, or why nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from delegate.bench.certificate import Certificate
from delegate.bench.contract import Terms
from delegate.bench.ladder import Figures
from delegate.bench.metrics import Interval
from delegate.bench.wording import UNKNOWN, money, percent, spread
from delegate.cli.show import console

Line = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pledge:
    """Everything that came of a contract that was asked for."""

    policy: str
    reference: str
    terms: Terms
    certificate: Certificate | None
    """`None`: refused."""
    least: int
    """As `contract.least`."""
    needed: int | None
    """Where refused: about how many problems it would take; `None`: no number would do."""
    problems: int
    left_out: int
    thresholds: tuple[float, ...]
    """Set by hand; empty for a policy that has none."""
    by_hand: Figures | None
    """What the policy does with them."""
    notes: tuple[str, ...]


def tell(pledge: Pledge) -> None:
    """Print the panel."""
    table = Table.grid(padding=(0, 2))
    made = pledge.certificate
    for name, text in (*(_refusal(pledge) if made is None else _figures(pledge, made)), *_sample(pledge)):
        table.add_row(Text(name, style="dim"), Text(text))
    head = "refused" if made is None else "certified"
    notes = [Text(f"Note: {note}.", style="yellow") for note in pledge.notes]
    tail = [] if made is None else [Text("Holds while problems come from where these came from.", style="dim")]
    body = Group(Text(_sentence(pledge), style="bold"), *notes, Text(""), table, *tail)
    style = "yellow" if made is None or notes else "green"
    console.print(Panel(body, title=head, title_align="left", border_style=style, padding=(0, 1)))


def _sentence(pledge: Pledge) -> str:
    sure = f"{100 * (1 - pledge.terms.delta):.4g} %"
    limit = _points(pledge.terms.limit)
    what = f"{pledge.policy} answers at most {limit} points fewer problems right than {pledge.reference}"
    if pledge.terms.promise == "error":
        what = f"of the answers that {pledge.policy} accepts, at most {limit} % are wrong"
    if pledge.certificate is None:
        return f"It cannot be promised with {sure} confidence that {what}."
    return f"With probability {sure} or more over the problems drawn: {what}."


def _figures(pledge: Pledge, made: Certificate) -> Iterator[Line]:
    verb, unit = ("lost", "points") if pledge.terms.promise == "loss" else ("wrong", "%")
    if made.thresholds:
        yield "threshold", " ".join(f"{value:.6g}" for value in dict.fromkeys(made.thresholds))
        yield "accepted", f"{percent(made.accepted)} % of the problems; {spread(made.escalated)} % go up"
    left = made.limit - made.bound
    yield (
        verb,
        f"{_points(made.observed)} {unit} in the sample, {_points(made.bound)} at this confidence: "
        f"{_points(left)} of {_points(made.limit)} left",
    )
    yield "cost", f"{_dollars(made.cost)} a problem, {_of(made.cost, made.reference_cost)} of {made.reference}"


def _refusal(pledge: Pledge) -> Iterator[Line]:
    what = "problems, of a policy that neither loses nor wins any"
    if pledge.terms.promise == "error":
        what = "accepted answers, even without a single error"
    if pledge.needed is None:
        yield "needed", "more problems would not help: no threshold is good enough on these"
    else:
        yield "needed", f"about {_about(pledge.needed):,} problems, if they are like these"
    yield "at least", f"{pledge.least:,} {what}"


def _sample(pledge: Pledge) -> Iterator[Line]:
    if (hand := pledge.by_hand) is not None:
        values = " ".join(f"{value:.6g}" for value in pledge.thresholds)
        lost = f"{_points(abs(hand.loss))} points {'lost' if hand.loss >= 0 else 'won'}"
        wrong = "" if hand.error is None else f", {percent(hand.error)} % of the accepted wrong"
        cost = _of(hand.cost, hand.reference_cost)
        yield "by hand", f"threshold {values}: {percent(hand.accepted)} % accepted, {lost}{wrong}, {cost} of the cost"
    missing = f" ({pledge.left_out:,} more lack a recording)" if pledge.left_out else ""
    yield "sample", f"{pledge.problems:,} problems{missing}"


def _about(number: int) -> int:
    """Up to two significant digits: 1,563 is about 1,600."""
    scale = int("1" + "0" * (len(str(number)) - 2)) if number > 99 else 1
    return -(-number // scale) * scale


def _points(share: float) -> str:
    """A share in points, precise enough for small limits: 0.0004 is 0.04."""
    return f"{100 * share:.{1 if abs(share) >= 0.0095 or not share else 2}f}".replace("-", "\N{MINUS SIGN}")


def _dollars(cost: Interval | None) -> str:
    return f"{UNKNOWN} dollars" if cost is None else f"{money(cost.value)} [{money(cost.low)}, {money(cost.high)}]"


def _of(cost: Interval | None, reference: Interval | None) -> str:
    if cost is None or reference is None or not reference.value:
        return f"an {UNKNOWN} share"
    return f"{100 * cost.value / reference.value:.3g} %"
