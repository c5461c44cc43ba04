"""How a comparison is put into words: numbers, names, the order of its rows, and the one sentence that sums it up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from delegate.bench.comparison import Comparison, Row
from delegate.bench.metrics import Interval
from delegate.completion import Failure, Span, Usage

KINDS = ("model", "policy", "baseline")
HEADINGS = {"model": "models", "policy": "policies", "baseline": "baselines"}
UNKNOWN = "unknown"
REFERENCE, WEAK, MINUS = "★", "☆", "\N{MINUS SIGN}"


def percent(share: float) -> str:
    """A share as percent with one decimal and no sign of percent: 0.946 is 94.6."""
    return f"{round(100 * share, 1) + 0.0:.1f}".replace("-", MINUS)


def points(share: float) -> str:
    """A difference of shares in percentage points, always signed: 0.01 is +1.0."""
    return f"{round(100 * share, 1) + 0.0:+.1f}".replace("-", MINUS)


def spread(interval: Interval | None, *, signed: bool = False) -> str:
    """An estimate and its interval: `94.6 [92.3, 96.3]`; empty for nothing."""
    if interval is None:
        return ""
    say = points if signed else percent
    return f"{say(interval.value)} [{say(interval.low)}, {say(interval.high)}]"


def money(dollars: float) -> str:
    """US dollars with three significant digits, cents from a dollar up: $2.79, $0.0281."""
    if 0 < dollars < 1e-6:
        return "<$0.000001"
    if dollars >= 1:
        return f"${dollars:,.0f}" if dollars >= 1000 else f"${dollars:.2f}"
    dollars = float(f"{dollars:.3g}")
    return f"${dollars:.{2 - math.floor(math.log10(dollars))}f}" if dollars else "$0"


def count(number: float | None) -> str:
    """A count with three significant digits: 987, 12.3k, 1.2M; "?" when unknown."""
    if number is None:
        return "?"
    number = float(f"{number:.3g}")
    for scale, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= scale:
            return f"{number / scale:g}{unit}"
    return f"{number:g}"


def duration(seconds: float | None) -> str:
    """Seconds with three significant digits and no unit: 0.012, 5.24, 12.6; "?" when unknown."""
    if seconds is None:
        return "?"
    if 0 < seconds < 0.001:
        return "<0.001"
    return f"{seconds:,.{0 if seconds >= 100 else 1 if seconds >= 10 else 2 if seconds >= 1 else 3}f}"


def part(whole: int | None, inside: int | None) -> str:
    """Tokens, and in parentheses those counted inside them; no parentheses where there are none."""
    return count(whole) + (f" ({count(inside)})" if whole and inside != 0 else "")


def spent(row: Row, *, per: int | None = None) -> str:
    """What a row cost, in total or `per` so many problems: `$2.79`, `≥ $1.20`, or unknown."""
    scale = 1.0 if per is None else per / row.problems if row.problems else 0.0
    if row.cost is not None:
        return money(row.cost * scale)
    return f"≥ {money(row.known_cost * scale)}" if row.known_cost else UNKNOWN


def rate(row: Row) -> float | None:
    """US dollars per 1,000 problems; `None` when unknown."""
    return None if row.cost is None or not row.problems else 1000 * row.cost / row.problems


def marked(row: Row, comparison: Comparison) -> str:
    """A row's name, the mark of the reference or of the weak model, and n where problems are missing."""
    marks = {comparison.weak: WEAK, comparison.reference: REFERENCE}
    missing = f"(n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{row.problems:,})" if row.missing else ""
    return " ".join(filter(None, [row.name, marks.get(row.name), missing]))


def sections(comparison: Comparison) -> dict[str, tuple[Row, ...]]:
    """The rows by heading, models first; within a heading the cheapest first and unknown costs last."""

    def dearness(row: Row) -> tuple[float, float, str]:
        known = rate(row)
        return math.inf if known is None else known, row.known_cost, row.name

    kinds = ((HEADINGS[kind], [row for row in comparison.rows if row.kind == kind]) for kind in KINDS)
    return {heading: tuple(sorted(rows, key=dearness)) for heading, rows in kinds if rows}


def best(comparison: Comparison) -> Row | None:
    """The most accurate policy that nothing dominates and that costs less than the reference; cheapest of equals."""
    cap = next((rate(row) for row in comparison.rows if row.name == comparison.reference), None)
    fit = [
        (row.accuracy.value, -cost, row)
        for row in comparison.rows
        if row.kind == "policy" and row.accuracy is not None and row.dominated_by is None
        if (cost := rate(row)) is not None and cap is not None and cost < cap
    ]
    return max(fit, key=lambda entry: entry[:2])[2] if fit else None


def headline(comparison: Comparison) -> str:
    """What the comparison found, in a sentence or two."""
    reference = next((row for row in comparison.rows if row.name == comparison.reference), None)
    policies = [row for row in comparison.rows if row.kind == "policy"]
    if reference is None or reference.accuracy is None or reference.failures == reference.problems:
        return (
            f"{comparison.reference} answered none of these problems, so there is nothing to hold the others against."
        )
    beaten = sum(row.dominated_by is not None for row in policies)
    tail = f" {beaten} of {len(policies)} policies {'is' if beaten == 1 else 'are'} dominated." if beaten else ""
    winner = best(comparison)
    said = _alone(reference, policies) if winner is None else _beside(winner, reference)
    return said + _plain(comparison, winner or reference) + tail


def _alone(reference: Row, policies: Sequence[Row]) -> str:
    accuracy = percent(reference.accuracy.value) if reference.accuracy else UNKNOWN
    said = f"{reference.name} alone answers {accuracy} % right"
    if not policies:
        return f"{said}; no policy was compared with it."
    if rate(reference) is None:
        return f"{said}; what it costs is unknown, so no saving can be stated."
    return f"{said} at {spent(reference, per=1000)} per 1,000 problems; no policy keeps more for less."


def _plain(comparison: Comparison, dearer: Row) -> str:
    """The best single model that is cheaper, for when a plain small model would have done."""
    cap, reference = rate(dearer), next(row for row in comparison.rows if row.name == comparison.reference)
    fit = [
        (row.accuracy.value, row)
        for row in comparison.rows
        if row.kind == "model" and row is not reference and row.accuracy is not None
        if (cost := rate(row)) is not None and cap is not None and cost < cap
    ]
    if not fit:
        return ""
    value, row = max(fit, key=lambda entry: entry[0])
    share = 100 * (rate(row) or 0.0) / (rate(reference) or math.inf)
    apart = f", {spread(row.difference, signed=True)} points" if row.difference else ""
    return f" {row.name} alone answers {percent(value)} at {share:.{0 if share >= 1 or not share else 1}f} %{apart}."


def _beside(winner: Row, reference: Row) -> str:
    mine, theirs = (row.accuracy.value if row.accuracy else 0.0 for row in (winner, reference))
    said = f"keeps {percent(mine)} of {percent(theirs)} points of {reference.name}"
    if mine > theirs:
        said = f"reaches {percent(mine)} points where {reference.name} reaches {percent(theirs)},"
    share = 100 * (rate(winner) or 0.0) / (rate(reference) or math.inf)
    said = f"{winner.name} {said} at {share:.{0 if share >= 1 or not share else 1}f} % of its cost"
    return said + (f"; difference {spread(winner.difference, signed=True)} points." if winner.difference else ".")


def facts(span: Span) -> str:
    """What one call took: `2 calls · 312 in · 40 out (12 reasoning) · $0.0003 · 0.8 s`."""
    usage, seconds = span.outcome.usage, span.seconds
    calls = [f"{usage.calls} calls"] if span.outcome.trace else []
    cost = UNKNOWN + " cost" if usage.cost is None else money(usage.cost)
    time = "" if seconds is None else f"{duration(seconds)} s"
    return " · ".join(filter(None, [*calls, _flow(usage), cost, time]))


def _flow(usage: Usage) -> str:
    cached = f" ({count(usage.cached_tokens)} cached)" if usage.cached_tokens else ""
    thought = f" ({count(usage.reasoning_tokens)} reasoning)" if usage.reasoning_tokens else ""
    return f"{count(usage.input_tokens)} in{cached} · {count(usage.output_tokens)} out{thought}"


def asked(span: Span) -> str:
    """The last thing the model was told."""
    return span.request.messages[-1].text if span.request.messages else ""


def answered(span: Span) -> str:
    """What came back: the text, the tools it asked for, or why there is nothing."""
    if isinstance(span.outcome, Failure):
        return f"{span.outcome.kind}: {span.outcome.detail}"
    message = span.outcome.message
    return " ".join(filter(None, [message.text, *(f"{call.name}({call.arguments})" for call in message.tool_calls)]))


def excerpt(text: str, width: int) -> str:
    """One line of at most `width` characters; the middle goes, for beginnings ask and ends answer."""
    line = " ".join(text.split())
    head = (width - 1) // 2
    return line if len(line) <= width else f"{line[:head]}…{line[len(line) - (width - 1 - head) :]}"
