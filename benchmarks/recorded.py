"""The comparisons of the README, from recorded answers of real models: import once, replay, grade, report."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import click
from pages import put

from delegate.cli import main as cli

HERE = Path(__file__).parent
RUNS = HERE.parent / "runs"

SETS: dict[str, tuple[str, str, dict[str, str]]] = {
    "math500": (
        "math500",
        "math500",
        {
            "slm-1.5b": "qwen2.5-math-1.5b-instruct__seed-default",
            "slm-1.5b-conf": "qwen2.5-math-1.5b-instruct-conf__seed-confidence-lora",
            "slm-7b": "qwen2.5-math-7b-instruct__seed-default",
            "flash-lite": "gemini-2.5-flash-lite__seed-default",
            "flash": "gemini-2.5-flash__seed-default",
            "pro": "gemini-2.5-pro__seed-default",
            "hand-off": "router-flash+qwen1.5b__seed-system",
        },
    ),
    "gsm8k": (
        "gsm8k",
        "gsm8k_test",
        {
            "slm-1.5b": "qwen2.5-math-1.5b-instruct__seed-default",
            "slm-7b": "qwen2.5-math-7b-instruct__seed-default",
            "pro": "gemini-2.5-pro__seed-default",
        },
    ),
    "date-cot": ("date", "date", {"llama-2-13b": "llama-2-13b__mot-cot1", "gpt-3.5-turbo": "gpt-3.5-turbo__mot-cot1"}),
    "date-mixed": (
        "date",
        "date",
        {"llama-2-13b": "llama-2-13b__mot-pot2", "gpt-3.5-turbo": "gpt-3.5-turbo__mot-cot2-t-0.8"},
    ),
    "gsm8k-mux": (
        "gsm8k",
        "gsm8k_test",
        {"llama-2-13b": "llama-2-13b__mot-pot2", "llama-3.1-8b": "llama-3.1-8b__cot-5runs"},
    ),
}
"""Set -> (task, folder of recordings, name -> file)."""


def delegate(*arguments: str | int | Path) -> None:
    """Run a command of the library as a user would."""
    try:
        cli([str(argument) for argument in arguments])
    except SystemExit as ended:
        if ended.code:
            raise


def table(run: Path) -> list[str]:
    """The table of a finished comparison as Markdown."""
    from delegate.bench.columns import columns, verdict
    from delegate.bench.compare import saved
    from delegate.bench.wording import marked, sections

    found = saved(run)
    shown = [c for c in columns(found)["quality and money"] if c.title not in ("$ / 1,000", "failed")]
    lines = ["| | " + " | ".join(c.title for c in shown) + " | |", "|---|" + "---:|" * len(shown) + "---|"]
    for kind, rows in sections(found).items():
        for row in rows:
            if kind == "baselines" and len(found.rows) > MANY and row.name not in SHOWN:
                continue
            bold = "**" if row.name == found.reference else ""
            cells = [f"{bold}{marked(row, found).replace('|', 'or')}{bold}", *(c.cell(row) for c in shown)]
            lines.append("| " + " | ".join(cells) + f" | {verdict(row)} |")
    return lines


def tell(name: str) -> None:
    """Write a set's table into the README, between its marks, so that the figures there are those of this command."""
    put(HERE.parent / "README.md", name, "\n".join(table(RUNS / name)))
    picture = HERE.parent / "docs" / f"{name}-frontier.svg"
    if picture.exists():
        shutil.copyfile(RUNS / name / "plots" / "frontier.svg", picture)


MANY = 20
"""Rows from which on the README shows only some of the baselines."""
SHOWN = {
    "random 31 % slm-1.5b-conf→flash",
    "shortest 31 % slm-1.5b-conf→flash",
    "oracle slm-1.5b-conf→flash",
}
"""Those of the confidence-token cascade."""


@click.command()
@click.argument("name", type=click.Choice([*SETS, "all"]))
@click.option("--data", required=True, type=click.Path(path_type=Path, exists=True), help="Folder of recordings.")
@click.option("--readme", is_flag=True, help="Write the table into the README.")
@click.option("--fresh", is_flag=True, help="Import and run again even if it was done before.")
def main(name: str, data: Path, readme: bool, fresh: bool) -> None:
    """Compare every policy on recorded answers of real models."""
    for chosen in SETS if name == "all" else [name]:
        task, folder, files = SETS[chosen]
        recorded, out = RUNS / f"recorded-{chosen}", RUNS / chosen
        if fresh:
            shutil.rmtree(recorded, ignore_errors=True)
            shutil.rmtree(out, ignore_errors=True)
        if not (recorded / "spec.json").exists():
            paths = [f"{model}={data / 'recordings' / folder / file}.jsonl.gz" for model, file in files.items()]
            draws = ["--draws", 5, "--at-least", 3] if chosen == "gsm8k-mux" else []
            delegate("import", *paths, "--task", task, "--data", data, "--out", recorded, *draws)
        start = time.perf_counter()
        delegate("compare", HERE / "specs" / f"{chosen}.toml", "--data", data, "--out", out)
        if readme:
            tell(chosen)
        click.echo(f"{chosen}: compared in {time.perf_counter() - start:.1f} s\n")


if __name__ == "__main__":
    main()
