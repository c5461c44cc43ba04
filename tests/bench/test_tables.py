from dataclasses import replace

import pytest
from rich.console import Console

from comparisons import example, signals
from delegate.bench.columns import columns
from delegate.bench.comparison import Row
from delegate.bench.tables import ComparisonTable, SignalTables, markdown, trace_tree
from delegate.bench.wording import headline, sections
from delegate.completion import Completion, Failure, Span, Usage
from delegate.message import Message, Request


def printed(what, width=120):
    console = Console(width=width, record=True, file=None, quiet=True)
    with console.capture() as capture:
        console.quiet = False
        console.print(what)
    return capture.get()


def call(model, role, answer, *trace, **usage):
    completion = Completion(
        model=model, message=Message(role="assistant", content=answer), usage=Usage(calls=1, **usage), trace=trace
    )
    return Span(model=model, role=role, request=Request.of("What is 6·7?"), outcome=completion, start=0, seconds=1.25)


@pytest.mark.parametrize("width", [80, 100, 120, 160, 200])
def test_the_table_fits_the_terminal_and_says_everything(width):
    text = printed(ComparisonTable(example()), width)

    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for group in columns(example()).values():
        for column in group:
            assert column.title in text
            assert all(column.cell(row) in text for row in example().rows)


@pytest.mark.parametrize("width", [80, 100, 160, 200])
def test_every_dominated_policy_is_said_to_be(width):
    words = " ".join(printed(ComparisonTable(example()), width).split())

    assert words.count("DOMINATED BY") == 2
    assert words.count("dominated by agree → flash") == 1


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_signals_stand_in_a_table_of_their_own(width):
    text = printed(ComparisonTable(example()), width)
    words = " ".join(text.split())

    assert max(map(len, text.splitlines())) <= width
    assert "signals about small's answers" in words
    assert "token cascade loses to length: AUROC" in words
    assert "who answered" in words
    shown = printed(SignalTables([signals(strong=True)]), width)
    assert "gap area" in shown
    assert "0.500 [0.500, 0.500]" in printed(SignalTables([signals()]), 160)


def test_signals_are_in_the_markdown():
    text = markdown(example())

    assert "| always confident |" in text
    assert "| token cascade | small | 345 |" in text


def test_the_marks_and_the_missing_problems_stand_beside_the_names():
    text = printed(ComparisonTable(example()))

    assert "flash ★" in text
    assert "small ☆" in text
    assert "pro (n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}482)" in text


def test_unknown_money_is_never_zero():
    text = printed(ComparisonTable(example()))

    assert "≥ $0.370" in text
    assert "$0 " not in text


def test_names_are_no_markup():
    row = Row(name="[bold]odd[/] name", kind="model", problems=1)

    text = printed(ComparisonTable(replace(example(), rows=(row,))))

    assert "[bold]odd[/] name" in text


def test_a_comparison_of_nothing_prints():
    assert "math500" in printed(ComparisonTable(replace(example(), rows=())))


def test_rows_stand_by_kind_and_cost_with_unknown_costs_last():
    found = sections(example())

    assert list(found) == ["models", "policies", "baselines"]
    assert [row.name for row in found["models"]] == ["small", "medium", "flash-lite", "flash", "pro", "unpriced"]


def test_markdown_is_a_table_a_subject_with_pipes_escaped():
    rows = (replace(example().rows[0], name="a|b"), *example().rows[1:])

    text = markdown(replace(example(), rows=rows, signals=(), handoffs={}))

    assert len(text.split("\n\n")) == 3
    assert r"| a\|b | 72.0 [67.9, 75.8]" in text
    assert "| token cascade **DOMINATED BY flash-lite** |" in text


def test_the_tree_shows_who_asked_whom_for_what_at_what_price():
    worker = call(
        "small", "worker", "It is 42.", input_tokens=12_345, output_tokens=80, reasoning_tokens=60, cost=0.0281
    )
    lost = Failure(kind="timeout", detail="no answer in 60 s", usage=Usage.unknown())
    root = call("main", "answer", "42", worker, replace(worker, model="large", outcome=lost, seconds=None), cost=None)

    text = printed(trace_tree(root))

    assert "worker small  12.3k in · 80 out (60 reasoning) · $0.0281 · 1.25 s" in text
    assert "→ timeout: no answer in 60 s" in text
    assert "unknown cost" in text
    assert text.count("← What is 6·7?") == 3


def test_the_headline_is_computed_from_the_numbers():
    assert headline(example()) == (
        "agree → flash reaches 94.6 points where flash reaches 93.6, at 44 % of its cost; "
        "difference +1.0 [\N{MINUS SIGN}1.4, +3.4] points. flash-lite alone answers 91.8 at 10 %, "
        "\N{MINUS SIGN}1.8 [\N{MINUS SIGN}4.2, +0.6] points. 2 of 4 policies are dominated."
    )


def test_the_headline_claims_no_saving_that_is_not_there():
    rows = example().rows
    unpriced = tuple(replace(row, cost=None) if row.name == "flash" else row for row in rows)
    models = tuple(row for row in rows if row.kind == "model")
    dear = tuple(replace(row, cost=99.0) if row.kind == "policy" else row for row in rows)

    assert "no saving can be stated" in headline(replace(example(), rows=unpriced))
    assert "no policy was compared" in headline(replace(example(), rows=models))
    assert "no policy keeps more for less" in headline(replace(example(), rows=dear))
    assert "nothing to hold the others against" in headline(replace(example(), rows=()))
