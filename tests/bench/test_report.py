import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from comparisons import example, signals
from delegate.bench import disagreements
from delegate.bench.comparison import Tokens
from delegate.bench.disagreements import Disagreement
from delegate.bench.report import render, write, write_signals
from delegate.completion import Completion, Failure, Span, Usage
from delegate.message import Message, Request
from delegate.store import Record

EVIL = "<script>alert('x')</script>"
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Reads a page and sees that every element is closed where it should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.links, self.ids = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def record(text=EVIL):
    leaf = Span(
        model="small",
        role="worker",
        request=Request.of(text, system="Be brief."),
        outcome=Completion(model="small", message=Message(role="assistant", content=text), notes={"why": text}),
        start=0,
        seconds=0.5,
    )
    lost = replace(leaf, model="large", outcome=Failure(kind="server", detail=text, usage=Usage.unknown()))
    whole = Completion(model="p", message=Message(role="assistant", content=text), trace=(leaf, lost))
    return Record(sample="algebra/1", policy="p", span=replace(leaf, model="p", outcome=whole))


@pytest.fixture(scope="module")
def page():
    return render([example()], examples=[record("6·7 = 42")])


def small():
    """A comparison with one plot, so that drawing takes no time."""
    rows = tuple(
        replace(row, large=Tokens(), small=Tokens(), latency_p50=None, risk_coverage=()) for row in example().rows
    )
    return replace(example(), signals=(), rows=tuple(replace(row, accuracy=None) for row in rows[1:]) + rows[:1])


def test_a_run_folder_gets_its_plots_and_one_page_that_needs_nothing_else(tmp_path):
    paths = write(example(), tmp_path / "run")

    assert all(path.is_file() for path in paths)
    assert [path.name for path in paths if path.parent == tmp_path / "run"] == ["report.html"]
    page = Page((tmp_path / "run" / "report.html").read_text(encoding="utf-8"))
    assert all(link.startswith("#") for link in page.links)
    assert page.seen.count("svg") == 6


def test_the_page_says_what_the_table_says(page):
    for said in (
        "agree → flash reaches 94.6 points",
        "DOMINATED BY flash-lite",
        "≥ $0.370",
        "Wilson",
        "0123456789abcdef0123456789abcdef",
        "2026-01-31T12:00:00Z",
        "nothing real can",
        "python 3.11.0",
    ):
        assert said in page


def test_what_models_and_users_wrote_is_escaped():
    rows = tuple(
        replace(row, name=f"{EVIL}{i}", note=EVIL, methods={f"{EVIL}{i}": 1}) for i, row in enumerate(example().rows)
    )

    text = render([replace(example(), task=EVIL, rows=rows)], examples=[record()])

    assert EVIL not in text
    assert Page(text).seen.count("script") == 1


def test_the_page_says_what_the_signals_are_worth(page):
    for said in ("token cascade loses to length: AUROC", "always confident", "risk area", "who answered", "87.2"):
        assert said in page


def test_signals_alone_make_a_page_that_needs_nothing_else(tmp_path):
    paths = write_signals(signals(strong=True), tmp_path)

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert {path.name for path in paths if path.suffix == ".svg"} == {"reliability.svg", "risk.svg", "gap.svg"}
    assert all(link.startswith("#") for link in Page(page).links)
    assert "going up to flash" in page
    assert "if 0.5 were the threshold" in page


def test_examples_are_shown_call_by_call(page):
    assert Page(page).seen.count("details") == 3
    assert "server: 6·7 = 42" in page


def test_several_comparisons_share_a_page_without_sharing_ids(tmp_path):
    paths = write([small(), replace(small(), task="gsm8k")], tmp_path)

    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert len(page.ids) == len(set(page.ids))
    assert {"#part-1", "#part-2"} <= set(page.links)
    assert {path.parent.name for path in paths} == {"1", "2", tmp_path.name}


def test_the_greys_of_the_plots_follow_the_page(page):
    drawings = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)

    assert drawings
    assert all("var(--soft)" in drawing and "#76808b" not in drawing for drawing in drawings)


def test_how_answers_were_found_is_shown_as_shares(page):
    row = example().rows[0]

    table = page.split("How answers were found and graded")[1].split("</table>")[0]
    head, *body = (re.findall(r"<t[hd]>(.*?)</t[hd]>", line, flags=re.DOTALL) for line in table.split("<tr>")[1:])
    shown = dict(zip(head, next(cells for cells in body if row.name in cells[0]), strict=True))

    shares = {method: f"{100 * count / row.problems:.1f} %" for method, count in row.methods.items() if count}
    counts = {"no answer": row.unanswered, "cut off": row.truncated, "in doubt": row.doubtful, "failed": row.failures}
    assert {name: cell for name, cell in shown.items() if name and cell} == {
        **shares,
        **{name: str(count) for name, count in counts.items() if count},
    }


def test_disagreements_with_math_verify_are_shown_when_somebody_looked(tmp_path):
    pair = Disagreement(kind="math", gold="5", answer=EVIL, rules="equal", math_verify="different", count=3, grader="2")

    disagreements.write([pair], tmp_path)
    write(small(), tmp_path)

    found = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "1 distinct pair, 3 answers" in found
    assert EVIL not in found
    assert Page(found).seen.count("script") == 1
    assert "Nowhere." in render([small()], differing=[[]])
    assert "plain math-verify" not in render([small()])


def test_a_comparison_of_nothing_has_a_page():
    text = render([replace(example(), rows=(), signals=(), handoffs={}, versions={}, spec="", created="")])

    assert "nothing to hold the others against" in text
    assert "<figure" not in text
