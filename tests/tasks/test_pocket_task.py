"""The endless word problems: solved right, told as stories, and never shared between splits."""

import re
from itertools import islice
from random import Random

import pytest

from delegate.errors import SpecError
from delegate.registry import part
from delegate.tasks.pocket import LEVELS, Pocket, Problem, draw, problems, solve, split
from delegate.tasks.story import NAMES
from delegate.tasks.working import PERCENT, Step, minus, over, plus, recipe, times, work
from delegate.testing import check_task

EXACT = {
    "add": lambda value, step: value + step.number,
    "take": lambda value, step: value - step.number,
    "add_each": lambda value, step: value + step.number * step.each,
    "take_each": lambda value, step: value - step.number * step.each,
    "times": lambda value, step: value * step.number,
    "share": lambda value, step: value / step.number,
    "part": lambda value, step: value * step.number / 100,
    "cut": lambda value, step: value - value * step.number / 100,
    "rise": lambda value, step: value + value * step.number / 100,
}


def some(of: str, count: int) -> list[Problem]:
    return list(islice(problems(of), count))


def test_it_is_a_task_like_any_other():
    check_task(Pocket(size=60))


def test_it_is_found_by_its_name():
    assert part("tasks", "pocket") is Pocket


def test_a_solution_is_accepted_as_an_answer():
    task = Pocket(size=40)

    assert all(task.grade(sample, sample.metadata["solution"]).correct for sample in task.samples())


def test_answers_are_exact():
    for problem in some("train", 400):
        value = float(problem.start)
        for step in problem.steps:
            value = EXACT[step.act](value, step)
        assert value == problem.answer, problem


def test_every_line_of_the_working_is_true():
    for problem in some("train", 300):
        for line in problem.lines:
            told, _, columns = line.partition(" (")
            columns, _, result = columns.partition(")")
            assert all(map(true, (told + result, *filter(None, columns.split(","))))), line


def true(claim: str) -> bool:
    left, _, right = claim.partition("=")
    quotient, rests, rest = right.partition("r")
    if not rests:
        return eval(left) == int(right)
    top, _, divisor = left.partition("/")
    return divmod(int(top), int(divisor)) == (int(quotient), int(rest))


def test_an_explained_solution_says_which_way_round_comparisons_are_told():
    signs = {"has more": "-", "has fewer": "+", "has times": "/", "With more": "-", "With times": "/"}
    signs |= {"more than": "+", "fewer than": "-", "times as": "*", "each of": "*"}
    seen = set()
    for problem in some("train", 400):
        sentences = re.findall(r"[^.?]+[.?]", problem.question)
        for number, way in enumerate(problem.ways):
            if way:
                first, _, rest = sentences[number + 1].strip().partition(" ")
                known = first == "Each" or (first in NAMES and first in " ".join(sentences[: number + 1]))
                assert known == way.startswith("has"), problem
                assert way.split()[way.startswith("has")].lower() in f"{first} {rest}".lower()
                seen.add(way)
        told = re.findall(r"^- ([A-Za-z ]+): \d+(.)", problem.explained, re.MULTILINE)
        assert told == [(way, signs[way]) for way in problem.ways if way]
        assert re.sub(r"^- [A-Za-z ]+: ", "", problem.explained, flags=re.MULTILINE) == problem.solution
    assert seen == set(signs)


def test_every_number_of_the_chain_is_in_the_story():
    for problem in some("train", 300):
        told = sorted(int(number) for number in re.findall(r"\d+", problem.question))
        said = sorted(int(number) for number in re.findall(r"\d+", recipe(problem.start, problem.steps)))
        assert told == said, problem


def test_levels_say_how_many_steps_and_how_large_the_numbers():
    for problem in some("validation", 300):
        level = LEVELS[problem.level]
        assert len(problem.steps) == level.steps
        assert all(int(number) <= level.largest for number in re.findall(r"(\d+)(?![\d%])", problem.question))
        assert all(int(line.rpartition("=")[2]) <= level.limit for line in problem.lines)


def test_no_two_splits_share_a_problem():
    chains = {
        of: {(problem.start, problem.steps) for problem in some(of, 600)} for of in ("test", "train", "validation")
    }

    assert not chains["test"] & chains["train"]
    assert not chains["test"] & chains["validation"]
    assert not chains["train"] & chains["validation"]


def test_a_chain_decides_its_split_whatever_the_story():
    first = draw(Random(1), level=3, split="test")

    assert split(first.start, first.steps) == "test"
    assert solve(first.start, first.steps) == (first.lines, first.answer)


def test_no_question_comes_twice():
    questions = [problem.question for problem in some("test", 1500)]

    assert len(set(questions)) == len(questions)


def test_a_smaller_task_is_the_beginning_of_a_larger_one():
    small, large = list(Pocket(size=20).samples()), list(Pocket(size=50).samples())

    assert large[:20] == small


def test_the_seed_and_the_levels_choose_the_problems():
    plain = [sample.question for sample in Pocket(size=10).samples()]
    other = [sample.question for sample in Pocket(size=10, seed=1).samples()]
    easy = list(Pocket(size=10, levels=(1, 2)).samples())

    assert plain != other
    assert {sample.metadata["level"] for sample in easy} == {1, 2}


def test_the_test_problems_stay_what_they_are():
    sample = next(iter(Pocket(size=1).samples()))

    assert (sample.id, sample.question, sample.target) == FIRST


FIRST = (
    "pocket/test/0/00000",
    "At first Dana has 4 pens. Ada has as many pens as Dana and 16 more. How many pens does Ada have in the end?",
    "20",
)


@pytest.mark.parametrize("settings", [{"split": "all"}, {"levels": ()}, {"levels": (6,)}, {"size": 0}], ids=str)
def test_what_there_is_not_is_refused(settings):
    with pytest.raises(SpecError):
        Pocket(**settings)


def test_sums_and_differences_go_column_by_column():
    assert plus(47, 38) == ("47+38 (7+8=15,4+3+1=8)=85", 85)
    assert minus(302, 78) == ("302-78 (12-8=4,10-1-7=2,3-1-0=2)=224", 224)


def test_products_and_quotients_go_digit_by_digit():
    assert times(47, 6) == ("47*6 (7*6=42,4*6+4=28)=282", 282)
    assert over(282, 6) == ("282/6 (28/6=4r4,42/6=7r0)=47", 47)


def test_a_percentage_is_two_calculations():
    assert work(80, Step("cut", 30)) == (["80/10=8", "8*3=24", "80-24 (10-4=6,8-1-2=5)=56"], 56)
    assert all(below * percent == 100 * above for percent, (below, above) in PERCENT.items())


@pytest.mark.parametrize("step", [Step("take", 9), Step("share", 5), Step("part", 50)])
def test_what_does_not_come_out_whole_and_positive_is_refused(step):
    with pytest.raises(ValueError, match=r"whole|below"):
        work(9 if step.act == "take" else 7, step)
