import pytest

from delegate.bench.comparison import Row
from delegate.bench.metrics import Interval
from delegate.bench.wording import count, duration, excerpt, money, part, percent, points, spent, spread

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("dollars", "text"),
    [
        (0, "$0"),
        (2.79, "$2.79"),
        (123.456, "$123.46"),
        (12_345.6, "$12,346"),
        (0.0281, "$0.0281"),
        (0.99999, "$1.00"),
        (0.000012345, "$0.0000123"),
        (1e-9, "<$0.000001"),
    ],
)
def test_money_keeps_what_matters(dollars, text):
    assert money(dollars) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(None, "?"), (0, "0"), (987, "987"), (999.6, "1k"), (12_345, "12.3k"), (1_234_567, "1.23M"), (999_999, "1M")],
)
def test_counts_are_short(number, text):
    assert count(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "?"), (0.0004, "<0.001"), (0.0123, "0.012"), (5.24, "5.24"), (12.56, "12.6"), (385.2, "385")],
)
def test_durations_keep_three_digits(seconds, text):
    assert duration(seconds) == text


def test_shares_have_one_decimal_and_no_negative_zero():
    assert percent(0.946) == "94.6"
    assert percent(-0.0001) == "0.0"
    assert points(-0.014) == f"{MINUS}1.4"
    assert points(0.0) == "+0.0"
    assert spread(Interval(value=0.01, low=-0.014, high=0.034), signed=True) == f"+1.0 [{MINUS}1.4, +3.4]"


def test_what_is_inside_stands_in_parentheses_where_there_is_any():
    assert part(54_000, 10_800) == "54k (10.8k)"
    assert part(54_000, 0) == "54k"
    assert part(54_000, None) == "54k (?)"
    assert part(None, None) == "?"


def test_a_cost_is_known_a_lower_bound_or_unknown():
    assert spent(Row(name="a", kind="model", problems=500, cost=1.5), per=1000) == "$3.00"
    assert spent(Row(name="a", kind="model", problems=500, known_cost=1.5)) == "≥ $1.50"
    assert spent(Row(name="a", kind="model", problems=500)) == "unknown"
    assert spent(Row(name="a", kind="model", problems=0, cost=0.0), per=1000) == "$0"


def test_an_excerpt_keeps_both_ends_on_one_line():
    assert excerpt("short\n text", 20) == "short text"
    assert excerpt("0123456789" * 3, 11) == "01234…56789"
