import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comparisons import example, signals
from delegate.bench.comparison import Row
from delegate.bench.drawing import svg
from delegate.bench.labels import arrange
from delegate.bench.plots import PLOTS, SIGNAL_PLOTS, frontier, risk, write


def words(path):
    return [text.text for text in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return write(example(), tmp_path_factory.mktemp("drawn"))


def test_every_plot_is_saved_twice_and_equal_comparisons_make_equal_files(drawn, tmp_path):
    again = write(example(), tmp_path)

    assert [path.name for path in drawn] == [f"{plot.name}.{kind}" for plot in PLOTS for kind in ("svg", "png")]
    assert all(one.read_bytes() == two.read_bytes() for one, two in zip(drawn, again, strict=True))


def test_the_frontier_names_every_row_and_lists_those_of_unknown_cost(drawn):
    said = words(drawn[0])

    assert {"small ☆", "flash ★", "agree → flash", "oracle small→flash"} <= set(said)
    assert "not shown, cost unknown: unpriced (≥ $0.740), calculator tool (≥ $0.740)" in said


def test_rows_of_unknown_time_are_left_out_of_the_times(drawn):
    said = {path.name: words(path) for path in drawn if path.suffix == ".svg"}

    assert "unpriced" in said["tokens.svg"]
    assert "unpriced" not in said["latency.svg"]


def test_a_reliability_diagram_is_of_the_policies_own_signals(drawn):
    said = words(next(path for path in drawn if path.name == "reliability.svg"))

    assert "token cascade" in said
    assert "length" not in said


def test_signals_without_a_strong_model_have_no_gap_to_draw(tmp_path):
    with_gap, without = (write(signals(strong), tmp_path / str(strong), SIGNAL_PLOTS) for strong in (True, False))

    assert {path.stem for path in with_gap} - {path.stem for path in without} == {"gap"}


def test_a_legend_of_long_names_stays_on_the_page():
    names = tuple(replace(row, name=f"{row.name} and a very long name") for row in example().rows)

    figure = risk(replace(example(), rows=names))

    assert figure.legends[0]._ncols <= 2


def test_what_has_nothing_to_show_is_skipped(tmp_path):
    row = Row(name="silent", kind="model", problems=3)

    assert write(replace(example(), rows=(), signals=()), tmp_path) == []
    assert write(replace(example(), rows=(row,), signals=()), tmp_path) == []


@pytest.mark.parametrize("costs", [(0.0, 0.0), (0.0, 3.0), (0.0, 0.001, 3.0), (1.0, 1.0), (1.0, 1.1, 1.2)])
def test_the_frontier_can_show_what_costs_nothing(costs):
    rows = tuple(replace(row, cost=cost) for row, cost in zip(example().rows, costs, strict=False))

    assert frontier(replace(example(), rows=rows)) is not None


def test_odd_names_are_drawn_as_they_are(tmp_path):
    rows = tuple(replace(row, name=f"<b>$x_{i}$</b> 中 & co") for i, row in enumerate(example().rows))

    figure = frontier(replace(example(), rows=rows))

    (tmp_path / "odd.svg").write_text(svg(figure, "odd"), encoding="utf-8")
    assert "<b>$x_1$</b> 中 & co" in words(tmp_path / "odd.svg")


def test_importing_the_plots_does_not_import_matplotlib():
    code = "import sys, delegate.bench.plots; sys.exit('matplotlib' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(50, 750), st.integers(20, 380)), min_size=1, max_size=8, unique=True))
def test_labels_stay_in_the_frame_and_apart(points):
    boxes = arrange([(float(x), float(y)) for x, y in points], [(90.0, 14.0)] * len(points), (0, 0, 800, 400))

    assert all(box[0] >= 0 and box[1] >= 0 and box[2] <= 800 and box[3] <= 400 for box in boxes)
    for one, two in combinations(boxes, 2):
        assert one[2] <= two[0] or two[2] <= one[0] or one[3] <= two[1] or two[3] <= one[1]
