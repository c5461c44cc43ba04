"""What signals of confidence are worth on recorded answers of real models, and how long saying so takes."""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np
from pages import put

from delegate.bench.draws import load
from delegate.bench.evaluation import Evaluation
from delegate.bench.readings import Readings, confidences
from delegate.bench.signals import Side, evaluate
from delegate.bench.survey import survey
from delegate.bench.tables import signal_markdown
from delegate.confidences.token import Token
from recorded import RUNS, delegate

PAGE = Path(__file__).parent.parent / "docs" / "confidence.md"
MATH = Token(confident="<|c_math|>", unsure="<|u_math|>")
MMLU = {"llama-8b": "llama3.1-8b__cascade-llama", "llama-405b": "llama3.1-405b__cascade-llama"}


def math500() -> Readings:
    """The 1.5B model that was taught to end its answers with a token; run `benchmarks/recorded.py math500` before."""
    return Readings(draws=load(RUNS / "math500", confidences=confidences(MATH)), model="slm-1.5b-conf", token=MATH)


def mmlu(data: Path) -> Readings:
    """An 8B model whose probability of the letter it chose was recorded."""
    run = RUNS / "recorded-mmlu-validation"
    if not (run / "grades.jsonl").exists():
        paths = [f"{name}={data / 'recordings' / 'mmlu_val' / file}.jsonl.gz" for name, file in MMLU.items()]
        delegate("import", *paths, "--task", "mmlu:validation", "--data", data, "--out", run, "--force")
        delegate("grade", run, "--data", data)
    return Readings(draws=load(run, confidences=confidences(MATH)), model="llama-8b", token=MATH)


def tell(name: str, found: Evaluation, *, write: bool) -> None:
    """Print an evaluation and, when asked, put it into the documentation between its marks."""
    said = "".join(signal_markdown([found], {}))
    click.echo(f"{name}\n\n{said}")
    if write:
        put(PAGE, name, said.removesuffix("\n"))


def speed(problems: int) -> str:
    """Seconds to judge six signals of as many different scores as problems, with every interval."""
    dice = np.random.default_rng(0)
    free = np.zeros(problems)
    weak, strong = (dice.integers(0, 2, problems).astype(float) for _ in range(2))
    scores = {f"signal {number}": dice.random(problems) for number in range(6)}
    sides = (Side(name=name, correct=right, cost=free, tokens=free) for name, right in (("a", weak), ("b", strong)))
    start = time.perf_counter()
    evaluate(scores, *sides)
    return f"{problems:,} problems, 6 signals, 1,000 resamples: {time.perf_counter() - start:.2f} s"


@click.command()
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True), help="Folder of recordings.")
@click.option("--docs", is_flag=True, help="Write the tables into docs/confidence.md.")
def main(data: Path, docs: bool) -> None:
    """Judge signals on MATH-500 and MMLU."""
    token, letter = math500(), mmlu(data)
    silent = token.silent == 1
    right = (token.score("token") >= 0.5) == token.correct
    click.echo(
        f"confidence token: right about {right.mean():.1%} of the answers with silence read as unsure, "
        f"{(right & ~silent).mean():.1%} with silence ({silent.sum()} answers) counted as a miss; "
        f"always confident {token.correct.mean():.1%}\n"
    )
    chosen = ["token", "length", "agreement:slm-1.5b", "agreement:slm-7b", "agreement:flash-lite"]
    tell("math500", survey(token, chosen, to="flash"), write=docs)
    derived = ["token", "length", "isotonic:token", "platt:token", "combined:token,length"]
    tell("math500-fitted", survey(token, derived, to="flash", split=0), write=docs)
    tell("mmlu", survey(letter, to="llama-405b", split=0), write=docs)
    for problems in (500, 14_037):
        click.echo(speed(problems))


if __name__ == "__main__":
    main()
