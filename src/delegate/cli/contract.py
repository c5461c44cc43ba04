"""The command `delegate contract`: a threshold with a promise, or an honest refusal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any

import click
import numpy as np

from delegate.bench.certificate import FORMAT, Certificate, beneath, spec_file, terse
from delegate.bench.compare import saved
from delegate.bench.contract import Held, Terms, certify, least, needed
from delegate.bench.draws import RECORDED, load, questions
from delegate.bench.grade import graders
from delegate.bench.ladder import Ladder
from delegate.bench.readings import Readings, confidences, is_fitted
from delegate.bench.rungs import Run, of_signal
from delegate.cli.pledge import Pledge, tell
from delegate.cli.setting import json_option, run_argument, show
from delegate.confidences.token import Token
from delegate.errors import SpecError
from delegate.plain import digest, plain
from delegate.registry import suggest
from delegate.spec import parse
from delegate.store import read_json, write_json

BY_HAND = 0.5
"""The threshold that a signal is held against where no spec says one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a contract is asked for."""

    policy: str
    reference: str
    ladder: Ladder
    tables: Mapping[str, Any]
    """Of a spec: the policy's and those beneath it."""
    by_hand: tuple[float, ...]
    """The thresholds the policy has now; empty for a policy without any."""


@click.command("contract")
@run_argument
@click.option("--policy", help="A policy of a comparison: a cascade is given a threshold, any other taken as it is.")
@click.option("--of", "model", help="Instead of --policy: the model whose answers are doubted,")
@click.option("--to", help="the model that answers what is not accepted,")
@click.option("--signal", help="and what the doubt is read from, as `delegate signals` calls it.")
@click.option("--confident", default="<|c|>", show_default=True, help="The token of an answer that is sure.")
@click.option("--unsure", default="<|u|>", show_default=True, help="The token of one that is not.")
@click.option("--draws", type=click.IntRange(min=2), help="Draws that consistency is counted among. [all]")
@click.option("--max-loss", "limit", type=float, required=True, help="What may be lost, a share: two points are 0.02.")
@click.option("--delta", type=float, default=0.05, show_default=True, help="How often the promise may fail.")
@click.option(
    "--promise",
    type=click.Choice(["loss", "error"]),
    default="loss",
    show_default=True,
    help="loss: of accuracy, against the reference; error: among the answers accepted.",
)
@click.option("--reference", help="Who the policy is held against. [the last model of the cascade]")
@click.option("--out", type=click.Path(path_type=Path), help="Write the certificate, a JSON file, if there is one.")
@click.option(
    "--write", type=click.Path(path_type=Path), help="Write the policy with that threshold; paths stay as they are."
)
@json_option
def contract_(
    folder: Path,
    policy: str | None,
    limit: float,
    delta: float,
    promise: Any,
    out: Path | None,
    write: Path | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Choose a threshold that a limit can be promised for, from what is recorded in RUN; no model is asked.

    With probability 1 - delta over the problems drawn: (loss) the policy's accuracy is at most --max-loss below the
    reference's, or (error) at most that share of the answers it accepts is wrong. Exit code: 0 certified, 1 refused
    because these problems do not bear the promise out, 2 wrong input.
    """
    terms = Terms(promise=promise, limit=limit, delta=delta)
    case = _of_policy(folder, policy, asked) if policy else _of_signal(folder, asked)
    case.ladder.check()
    family = case.ladder.family()
    held = certify(family, terms)
    certificate = None if held is None else _certificate(folder, case, terms, held)
    if certificate is not None:
        if out is not None:
            write_json(out, plain(certificate))
        if write is not None:
            write.write_text(spec_file(certificate.spec), encoding="utf-8")
    pledge = Pledge(
        policy=case.policy,
        reference=case.reference,
        terms=terms,
        certificate=certificate,
        least=least(terms),
        needed=needed(family, terms) if held is None else None,
        problems=len(case.ladder.problems),
        left_out=case.ladder.left_out,
        thresholds=case.by_hand,
        by_hand=case.ladder.figures(*case.by_hand) if case.by_hand else None,
        notes=tuple(_notes(case, certificate)),
    )
    show(pledge) if as_json else tell(pledge)
    return int(certificate is None)


def _notes(case: Case, certificate: Certificate | None) -> Iterator[str]:
    """What one would want to know besides."""
    yield from case.ladder.oddities() if case.by_hand else ()
    costs = (certificate.cost, certificate.reference_cost) if certificate is not None else (None, None)
    if costs[0] is not None and costs[1] is not None and costs[0].value >= costs[1].value:
        yield f"this costs no less than {case.reference} alone"


def _of_policy(folder: Path, name: str, asked: Mapping[str, Any]) -> Case:
    for option in ("model", "to", "signal"):
        if asked[option] is not None:
            raise SpecError("say either --policy, or --of, --to and --signal")
    tables, run = _tables(folder), Run.load(folder)
    if name not in tables:
        raise SpecError(f"{folder} compared no policy {name!r}{suggest(name, tables)}")
    table = tables[name]
    if table.get("kind") != "cascade" or not table.get("thresholds"):
        reference = asked["reference"] or saved(folder).reference
        ladder = run.as_it_stands(name, reference)
        return Case(policy=name, reference=reference, ladder=ladder, tables=tables, by_hand=())
    models = [m.removeprefix("@") if isinstance(m, str) else m["name"] for m in table["models"]]
    reference = asked["reference"] or models[-1]
    return Case(
        policy=name,
        reference=reference,
        ladder=run.cascade(name, models, reference),
        tables=tables,
        by_hand=tuple(table["thresholds"]),
    )


def _of_signal(folder: Path, asked: Mapping[str, Any]) -> Case:
    model, to, signal = asked["model"], asked["to"], asked["signal"]
    if model is None or to is None or signal is None:
        raise SpecError("say --policy, or all of --of, --to and --signal")
    if model == to:
        raise SpecError(f"what {to!r} answers cannot go up to {to!r} itself; name another model with --to")
    if is_fitted(signal):
        raise SpecError(
            f"{signal!r} would be fitted on the very problems that are to judge it; fit it on others with "
            f"`delegate signals --fit`, put it into a spec, and compare that"
        )
    reference = asked["reference"] or to
    token = Token(confident=asked["confident"], unsure=asked["unsure"])
    draws = load(folder, confidences=confidences(token))
    found = Readings(draws=draws, model=model, token=token, many=asked["draws"])
    ladder = of_signal(found, signal, to, reference)
    confidence = {"kind": "noted"} if signal == RECORDED else found.table(signal, np.ones(0, dtype=np.bool_))
    policy = f"{model}-{to}"
    cascade = {"kind": "cascade", "models": [f"@{model}", f"@{to}"], "confidence": confidence}
    replays = {name: {"kind": "replay", "run": str(folder.absolute())} for name in draws.models}
    tables = {**(_tables(folder, other=True) or replays), policy: cascade}
    return Case(policy=policy, reference=reference, ladder=ladder, tables=tables, by_hand=(BY_HAND,))


def _tables(folder: Path, *, other: bool = False) -> dict[str, Any]:
    """The tables of a run's spec; none of an `other` run than a comparison that has no spec."""
    found = read_json(folder / "spec.json")
    if found.get("kind") != "compare" and not other:
        raise SpecError(f"{folder} is no comparison and ran no policy; say --of, --to and --signal instead of --policy")
    tables = found.get("asked", {}).get("spec", {})
    return dict(tables) if isinstance(tables, Mapping) else {}


def _certificate(folder: Path, case: Case, terms: Terms, held: Held) -> Certificate:
    """Everything that is known of what is certified."""
    ladder, levels = case.ladder, len(case.by_hand)
    threshold = float(ladder.thresholds[held.place])
    figures = ladder.figures(threshold)
    tables = beneath(case.tables, case.policy)
    if levels:
        tables[case.policy] = {**tables[case.policy], "thresholds": [threshold] * levels}
    spec = parse(terse(tables)).resolved
    task = read_json(folder / "spec.json").get("asked", {}).get("task", "")
    samples = questions(folder)
    problems = [samples.get(problem) for problem in ladder.problems]
    told = [[s.question, list(s.choices), s.target] for s in problems if s is not None]
    seen = [list(ladder.problems), ladder.score.tolist(), ladder.correct.tolist(), ladder.reference.tolist()]
    return Certificate(
        format=FORMAT,
        policy=case.policy,
        spec=spec,
        digest=digest(spec),
        thresholds=(threshold,) * levels,
        promise=terms.promise,
        limit=terms.limit,
        delta=terms.delta,
        observed=held.observed,
        bound=held.bound,
        problems=len(ladder.problems),
        left_out=ladder.left_out,
        unscored=ladder.unscored,
        reference=case.reference,
        accepted=figures.accepted,
        escalated=figures.escalated,
        cost=figures.cost,
        reference_cost=figures.reference_cost,
        task=task if isinstance(task, str) else str(task.get("kind", "")),
        task_digest=digest(told),
        data_digest=digest(seen),
        grader=graders(folder),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"delegate": version("delegate"), "python": python_version(), "numpy": np.__version__},
    )
