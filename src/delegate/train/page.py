"""The page of a file of rollouts: what they came to, and the best and worst to read; needs nothing beside itself."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from delegate.bench.metrics import Interval
from delegate.bench.wording import MINUS, UNKNOWN, duration, excerpt, money, percent
from delegate.train.rollout import Rollout
from delegate.train.summary import Summary

_FAULTS = {
    "format": "broken format",
    "count": "wrong number of subtasks",
    "copy": "copied the single answer",
    "appeal": "spoke to the judge",
    "silent": "no answer",
}
_UNSCORED = {
    "missing": "not recorded",
    "unasked": "trained seat silent",
    "alone": "no single answer",
    "judge": "judge unreadable",
    "doubt": "in doubt",
}


def write(summary: Summary, found: Iterable[Rollout], path: Path, *, title: str, most: int = 5) -> None:
    """Write the page; whatever models wrote is escaped.

    Args:
        summary: what all rollouts came to.
        found: all of them.
        path: the file to write.
        title: its heading.
        most: how many of the best, and of the worst, are shown.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters.update(signed=signed, dollars=_dollars, seconds=_seconds, excerpt=excerpt, points="{:g}".format)
    template = environment.from_string(files("delegate.train").joinpath("rollouts.html.j2").read_text(encoding="utf-8"))
    best, worst = extremes(found, most)
    page = template.render(title=title, summary=summary, figures=figures(summary), best=best, worst=worst)
    path.write_text(page, encoding="utf-8", errors="replace")


def extremes(found: Iterable[Rollout], most: int) -> tuple[list[Rollout], list[Rollout]]:
    """The best and the worst scored rollouts, one a problem, the best first and the worst first, none of them twice."""
    best, worst = dict[str, tuple[float, Rollout]](), dict[str, tuple[float, Rollout]]()
    for one in found:
        if one.reward is not None:
            _keep(best, one, one.reward, most)
            _keep(worst, one, -one.reward, most)
    top, last = ([one for _, one in sorted(kept.values(), key=lambda pair: -pair[0])] for kept in (best, worst))
    shown = {(one.sample, one.draw) for one in top}
    return top, [one for one in last if (one.sample, one.draw) not in shown]


def _keep(kept: dict[str, tuple[float, Rollout]], one: Rollout, value: float, most: int) -> None:
    if one.sample not in kept or value > kept[one.sample][0]:
        kept[one.sample] = (value, one)
    if len(kept) > most:
        del kept[min(kept, key=lambda name: kept[name][0])]


def figures(found: Summary) -> list[tuple[str, str]]:
    """What rollouts came to, as pairs of name and words; what does not apply is left out."""
    rows = [("reward", _interval(found.reward))]
    rows += [(f"of it {name}", signed(value)) for name, value in found.parts.items() if value]
    if found.answer is not None and found.single is not None:
        rows += [("score of the policy", f"{found.answer:.1f}"), ("score of the single model", f"{found.single:.1f}")]
        rows.append(("margin", _interval(found.margin, digits=1)))
    if found.wins is not None:
        low, high = percent(found.wins.low), percent(found.wins.high)
        rows.append(("won", f"{percent(found.wins.value)} % [{low}, {high}]"))
    rows.append(("kept to everything", f"{percent(found.faults.get('none', 0.0))} %"))
    rows += [(name, f"{percent(found.faults[fault])} %") for fault, name in _FAULTS.items() if found.faults.get(fault)]
    rows += [(f"not scored: {_UNSCORED[why]}", str(many)) for why, many in found.unscored.items()]
    if found.subtasks is not None:
        failed = f", {percent(found.failed)} % failed" if found.failed else ""
        rows.append(("subtasks worked on", f"{found.subtasks:.2f}{failed}"))
    rows.append(("cost", _beside(_dollars(found.cost), found.cost_ratio)))
    if found.judge_cost:
        rows.append(("cost of the judge", _dollars(found.judge_cost)))
    rows.append(("critical path", _beside(_seconds(found.seconds), found.latency_ratio)))
    return rows


def signed(value: float | None, digits: int = 2) -> str:
    """A reward, or a part of one."""
    return UNKNOWN if value is None else f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", MINUS)


def _interval(found: Interval | None, digits: int = 2) -> str:
    if found is None:
        return UNKNOWN
    return f"{signed(found.value, digits)} [{signed(found.low, digits)}, {signed(found.high, digits)}]"


def _dollars(value: float | None) -> str:
    return f"{UNKNOWN} cost" if value is None else money(value)


def _seconds(value: float | None) -> str:
    return f"{UNKNOWN} time" if value is None else f"{duration(value)} s"


def _beside(text: str, ratio: float | None) -> str:
    return text if ratio is None else f"{text}, {ratio:.3g} times the single model"
