import time
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegate.prediction import read

NOTHING = read("", "")


@given(st.text(), st.none() | st.text())
def test_every_text_has_the_same_traits_and_all_are_numbers(question, answer):
    traits = read(question, answer).traits
    assert list(traits) == list(NOTHING.traits)[: len(traits)]
    assert all(isfinite(value) for value in traits.values())


def test_a_question_is_read_for_numbers_cues_and_what_is_asked():
    traits = read("Ann has 12 apples and half as many pears. How many more apples than pears has she?").traits
    assert traits["numbers"] == 1
    assert traits["parts"] == 1
    assert traits["how many"] == 1
    assert traits["asked compared"] == 2
    assert traits["sentences"] == 2


def test_options_are_counted():
    assert read("Which?\n\nA. one\nB. two\nC. three").traits["options"] == 3


@pytest.mark.parametrize(
    ("answer", "trait", "value"),
    [
        ("3 + 4 = 8\n#### 8", "wrong claims", 1),
        ("3 + 4 = 7\n#### 7", "wrong claims", 0),
        ("3 + 4 = 7\n#### 7", "final is the last result", 1),
        ("3 + 4 = 7\n#### 9", "final is the last result", 0),
        ("3 + 4 = 7, 7 + 90 = 97", "invented operands", 1),
        ("3 + 4 = 7", "unused numbers", 0),
        ("3 + 3 = 6", "unused numbers", 1),
        ("3 + 3 = 6", "operands used again", 1),
        ("3 + 4 = 7, 3 * 4 = 12. #### 12", "idle results", 1),
        ("\\boxed{7}", "commits", 1),
        ("Hard to say.", "commits", 0),
        ("Hard to say.", "gives no number", 1),
        ("It is not clear; I don't know.", "refusals", 2),
        ("#### -7", "final is negative", 1),
        ("3 + 4 = 7", "every, without */", 1),
        ("#### 3.5", "final count is broken", 1),
        ("#### 7", "final count is broken", 0),
        ("#### 3.25", "decimals of final", 2),
        ("#### 7", "decimals of final", 0),
        ("#### 4", "final to largest number", 0),
        ("#### 20", "final is round", 1),
        ("#### 120", "digits of final", 3),
    ],
)
def test_an_answer_is_checked(answer, trait, value):
    traits = read("Bo buys 3 figs and 4 dates every day. How many fruits has he?", answer).traits
    assert traits[f"answer: {trait}"] == value


def test_a_final_number_is_held_against_what_was_asked_for():
    traits = read("A pen costs $2. What percent of $8 is that?", "2 / 8 = 0.255\n#### 0.255").traits
    assert (traits["answer: final price is below cents"], traits["answer: final share is above all"]) == (1, 0)
    assert read("What percent is 9 of 3?", "#### 300").traits["answer: final share is above all"] == 1


def test_the_terms_are_those_of_the_answer_where_there_is_one():
    assert "two figs" in read("Two figs?").terms
    assert set(read("Two figs?", "No.").terms) == {"no"}


@pytest.mark.parametrize(
    "text",
    ["1 " * 50_000, "9" * 100_000, "(" * 100_000 + "=1", "1+" * 50_000 + "1=2", "x = 1, " * 20_000, "<<" * 50_000],
)
def test_no_text_takes_forever(text):
    start = time.process_time()
    read(text, text)
    assert time.process_time() - start < 2
