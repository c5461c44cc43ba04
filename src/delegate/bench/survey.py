"""One evaluation of everything a recording says about how far a model's answers can be trusted."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from delegate.bench.draws import RECORDED, Draws
from delegate.bench.evaluation import Evaluation, Signal
from delegate.bench.halves import halves
from delegate.bench.readings import LENGTH, MAPS, TOKEN, Mask, Readings, is_fitted
from delegate.bench.signals import CONSTANT, Side, evaluate
from delegate.errors import SpecError


def survey(
    found: Readings,
    names: Sequence[str] | None = None,
    *,
    to: str | None = None,
    split: int | None = None,
    seed: int = 0,
    **facts: Any,
) -> Evaluation:
    """Judge signals about a model's answers.

    Args:
        found: what they say.
        names: which signals; `None`: every one there is anything of and, with a `split`, the first of those that ask
            nobody calibrated, and all of those combined.
        to: the model that answers what goes up.
        split: seed of a split in halves, one to fit on and one to judge on; `None` judges on every problem and fits
            nothing.
        seed: of the bootstrap.
        facts: further fields of `Evaluation`.

    Raises:
        SpecError: an unknown name, or a named signal that cannot be read or fitted.
    """
    fitted = [name for name in names or () if is_fitted(name)]
    if fitted and split is None:
        raise SpecError(f"{fitted[0]} is fitted, and must be judged on other problems; say --split 0")
    judged, learned = parted(found, to, split)
    scores, notes = {}, []
    for name in found.names(to) if names is None else names:
        if name != CONSTANT:
            scores[name] = found.read(name, learned)
    for name in _derived(found, list(scores), learned) if names is None and split is not None else ():
        try:
            scores[name] = found.read(name, learned)
        except SpecError as error:
            notes.append(f"{name} is left out: {error}")
    silent = {TOKEN: found.silent[judged]} if TOKEN in scores else {}
    judgement = evaluate(
        {name: score[judged] for name, score in scores.items()},
        _side(found.draws, found.model, judged),
        None if to is None else _side(found.draws, to, judged),
        spent={name: (cost[judged], tokens[judged]) for name in scores for cost, tokens in [found.spent(name)]},
        silent=silent,
        seed=seed,
        fitted=int(learned.sum()) if split is not None else 0,
        notes=tuple(notes),
        **facts,
    )
    return replace(judgement, signals=tuple(_quiet(signal, scores) for signal in judgement.signals))


def _quiet(signal: Signal, names: Container[str]) -> Signal:
    """A map brings no answer before another, so where a signal is judged itself nothing is said of it calibrated."""
    kind, _, rest = signal.name.partition(":")
    return replace(signal, loses=()) if kind in MAPS and rest in names else signal


def parted(found: Readings, to: str | None, split: int | None) -> tuple[Mask, Mask]:
    """The problems to judge on, and those to fit on; without a `split` all of them are both.

    Raises:
        SpecError: there is no such model, or it is the one whose answers these are.
    """
    usable = found.answered
    if to == found.model:
        raise SpecError(f"what {to!r} answers cannot go up to {to!r} itself; name another model with --to")
    if to is not None:
        usable = usable & found.draws.recorded[:, found.draws.place(to), 0]
    if split is None:
        return usable, usable
    learned = np.zeros_like(usable)
    learned[usable] = halves(int(usable.sum()), split)[0]
    return usable & ~learned, learned


def _derived(found: Readings, names: Sequence[str], learned: Mask) -> Iterator[str]:
    """What is fitted where nobody says: the first of the signals read off one answer, and all of these together."""

    def varied(name: str) -> bool:
        score = found.score(name)[learned]
        return np.unique(score[~np.isnan(score)]).size > 1

    own = [name for name in names if not name.startswith(("agreement:", "consistency")) and varied(name)]
    first = [name for name in (RECORDED, TOKEN, "logprob:mean", LENGTH) if name in own][:1]
    yield from (f"{kind}:{name}" for name in first for kind in MAPS)
    if len(own) > 1:
        yield f"combined:{','.join(own)}"


def _side(draws: Draws, model: str, where: Mask) -> Side:
    place = draws.place(model)
    correct, cost, tokens = (array[where, place, 0] for array in (draws.correct, draws.cost, draws.length))
    return Side(name=model, correct=correct, cost=cost, tokens=tokens)
