import pytest

from delegate.prediction.claims import MOST, claims, marked


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("She uses 4, so 13 - 4 = 9 eggs are left.", 9, True),
        ("16 eggs/day * 7 days = 112 eggs", 112, True),
        ("1,200 + 300 = 1,500.", 1500, True),
        ("$3.00 (laundry) + $1.50 (room) = $4.50", 4.5, True),
        ("3 x 4 = 13", 12, False),
        ("50% of 20 = 10", 10, True),
        ("(1/3) of 30 = 10", 10, True),
        ("2/2 * 1/2 = 1/2 bolt", 0.5, True),
        ("20 / 3 = 6.67", 20 / 3, True),
        ("10 - 15 = -5", -5, True),
        ("10 - 15 = 5", -5, False),
        ("9 * $2 = $<<9*2=18>>18", 18, True),
    ],
)
def test_a_calculation_is_found_among_words_and_worked_out_again(text, value, holds):
    (claim,) = claims(text)
    assert claim.value == pytest.approx(value)
    assert claim.holds is holds


@pytest.mark.parametrize(
    "text", ["", "x = 5", "5 feet = 60 inches", "12 / 0 = 3", "a = b + 2 = 5", "= = =", "1/2x = 3"]
)
def test_what_is_no_calculation_claims_nothing(text):
    assert claims(text) == []


def test_each_side_of_a_chain_is_a_claim():
    assert [claim.value for claim in claims("2 + 3 = 5 * 4 = 20")] == [5, 20]


def test_operands_and_operators_are_kept():
    (claim,) = claims("2 * (3 + 4.5) = 15")
    assert (claim.operands, claim.operators, claim.said) == ((2.0, 3.0, 4.5), "*+", 15.0)


def test_marked_calculations_are_apart():
    assert [claim.holds for claim in marked("9 * 2 = <<9*2=18>>18 and 2 = <<1+2=4>>4")] == [True, False]


def test_a_flood_of_claims_is_cut_off():
    assert len(claims("1 + 1 = 2\n" * 10 * MOST)) == MOST
