"""What the pocket models learn from: transcripts in exactly the words of the policies."""

import json
from random import Random

from delegate.policies.plan import read_plan
from delegate.tasks.pocket import draw, split
from delegate.tasks.working import recipe
from delegate.train.lessons import Mix, bare, lesson, phrases, plan, story, transcript

ALL = Mix(story={"gain": 1, "part": 1, "both": 1}, bare=1, tool=1, plan=1)


def problem(level=4, seed=0):
    return draw(Random(seed), level=level)


def test_the_same_seed_gives_the_same_lessons():
    first = [lesson(Random(seed), ALL) for seed in range(30)]

    assert first == [lesson(Random(seed), ALL) for seed in range(30)]


def test_lessons_are_about_train_problems_alone():
    one = problem()

    assert split(one.start, one.steps) == "train"


def test_a_story_is_answered_with_its_solution():
    assert story(Random(0), problem()).answer.text == problem().solution


def test_a_bare_calculation_names_every_step():
    assert recipe(problem().start, problem().steps) in bare(Random(0), problem()).request.question


def test_the_delegator_hands_over_the_calculation_and_takes_its_result():
    asked, told = transcript(Random(1), problem(), "tool")

    (call,) = asked.answer.tool_calls
    assert call.name == asked.request.tools[0].name
    assert json.loads(call.arguments) == {"task": recipe(problem().start, problem().steps)}
    assert told.request.messages[-1].role == "tool"
    assert told.answer.text.endswith(rf"\boxed{{{problem().answer}}}.")


def test_a_delegator_without_a_result_works_it_out():
    pairs = [transcript(Random(seed), problem(), "tool")[1] for seed in range(40)]
    without = [pair.answer.text for pair in pairs if "boxed" not in pair.request.messages[-1].text]

    assert without
    assert set(without) == {problem().solution}


def test_an_explained_call_first_says_which_way_round_each_step_is_told():
    one = draw(Random(3), level=5, kind="compare")
    asked, told = transcript(Random(1), one, "tool", explained=True)
    plain, _ = transcript(Random(1), one, "tool")
    change = draw(Random(3), level=3, kind="part")

    assert asked.answer.text == "- " + ", ".join(one.ways)
    assert asked.answer.tool_calls == plain.answer.tool_calls
    assert told.request.messages[-2].text == asked.answer.text
    assert plain.answer.text == ""
    assert not any(change.ways)
    assert transcript(Random(1), change, "tool", explained=True)[0].answer.text == ""


def test_an_explained_lesson_is_answered_with_the_explained_solution():
    one = draw(Random(3), level=5, kind="compare")

    assert story(Random(0), one, explained=True).answer.text == one.explained != one.solution


def test_lessons_are_of_the_levels_asked_for():
    mix = Mix(story={"compare": 1}, bare=0, levels=(1,))

    assert all(lesson(Random(seed), mix).answer.text.count("\n") == 1 for seed in range(20))


def test_a_plan_is_read_by_the_policy_and_holds_the_whole_calculation_twice():
    for level in range(1, 6):
        one = problem(level)
        planned, _ = transcript(Random(0), one, "plan")
        subtasks = read_plan(planned.answer.text)
        assert subtasks == plan(one)
        assert 3 <= len(subtasks) <= 5
        assert len(set(subtasks)) == len(subtasks)
        assert sum(subtask.endswith(recipe(one.start, one.steps)) for subtask in subtasks) >= 2


def test_results_that_disagree_are_not_believed():
    answers = {transcript(Random(seed), problem(), "plan")[1].answer.text for seed in range(40)}

    assert answers == {problem().solution, rf"The answer is \boxed{{{problem().answer}}}."}


def test_phrases_are_the_policies_own_words():
    planned, joined = transcript(Random(3), problem(), "plan")
    asked, _ = transcript(Random(3), problem(), "tool")
    known = list(phrases())

    assert any(planned.request.question.endswith(phrase) for phrase in known)
    assert any(phrase in joined.request.question for phrase in known)
    assert asked.request.messages[0].text in known
