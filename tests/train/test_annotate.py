"""From graded records to examples: what makes one, what does not, how they are split, and what is refused."""

import json
from dataclasses import replace
from math import exp

import pytest

from comparisons import Run, above, leaf
from delegate.bench import grade
from delegate.completion import TokenLogprob
from delegate.errors import DataError, SpecError
from delegate.message import Message, Request, Tool, ToolCall
from delegate.store import read_json, write_lines
from delegate.train import example
from delegate.train.annotate import SPARE, annotate, balanced, split
from delegate.train.example import Tags
from delegate.train.publish import publish


def said(text, question, **facts):
    return leaf("small", text, request=Request.of(question), **facts)


def altered(span, **facts):
    return replace(span, outcome=replace(span.outcome, **facts))


@pytest.fixture
def run():
    """Forty problems, every third answered wrongly."""
    made = Run()
    for i in range(40):
        made.add(f"p{i}", said(f"It is {i}.", f"{i}?"), correct=i % 3 > 0)
    return made


def folder(run, path):
    write_lines(path / "records.jsonl", run.records.values())
    grade.write(run.grades, path)
    return path


def both(run, path, **settings):
    made, left_out = annotate(folder(run, path), **settings)
    return [*made.train, *made.held_out], left_out


def test_an_example_is_the_answer_unchanged_and_the_tag_it_deserves(run, tmp_path):
    made, left_out = both(run, tmp_path)

    assert not left_out
    assert {one.id: (one.text, one.tag) for one in made} == {
        f"p{i}": (f"It is {i}.", "<|c|>" if i % 3 else "<|u|>") for i in range(40)
    }
    assert all(one.request == Request.of(f"{one.id[1:]}?") for one in made)
    assert made[0].model == "small"


def test_tags_are_named_for_a_domain():
    assert tuple(Tags.of("math")) == ("<|c_math|>", "<|u_math|>")
    assert tuple(Tags.of("")) == ("<|c|>", "<|u|>")
    with pytest.raises(SpecError, match="must be two tokens"):
        Tags(confident="x", unsure="x")


def test_what_can_be_no_example_is_left_out_and_counted(run, tmp_path):
    run.add("f", said("", "f?", failure="timeout"))
    run.add("m", said("", "m?", failure="not_recorded"))
    run.add("d", said("8", "d?"), correct=None)
    run.add("e", said(" \n", "e?"), correct=False)
    cut = said("It is", "l?")
    run.add("l", altered(cut, finish_reason="length"), correct=False)
    run.add("t", leaf("small", "4", request=Request(messages=cut.request.messages, tools=(Tool(name="add"),))))
    call = Message(role="assistant", tool_calls=(ToolCall(id="1", name="add", arguments="{}"),))
    run.add("c", altered(said("4", "c?"), message=call))
    image = Request(messages=(Message(role="user", content=({"type": "image_url"},)),))
    run.add("i", leaf("small", "4", request=image))

    made, left_out = both(run, tmp_path)

    assert len(made) == 40
    assert left_out == {
        "failed": 1,
        "not recorded": 1,
        "not graded, or in doubt": 1,
        "empty": 1,
        "cut short": 1,
        "with tools": 2,
        "asked with more than text": 1,
    }


def test_equal_questions_are_never_on_both_sides(run, tmp_path):
    for draw in (1, 2):
        for i in range(40):
            run.add(f"p{i}", said(f"{draw}: {i}", f"{i}?"), correct=(i + draw) % 3 > 0, draw=draw)
    for i in range(20):
        run.add(f"again{i}", said(f"{i}!", f"{i}?"))

    made, _ = annotate(folder(run, tmp_path), held_out=0.3)

    asked = {name: {one.messages for one in getattr(made, name)} for name in example.PARTS}
    assert not asked["train"] & asked["held_out"]
    assert len(asked["held_out"]) == 12
    assert len(made.train) + len(made.held_out) == 140


def test_the_seed_decides_the_split(run, tmp_path):
    folder(run, tmp_path)
    first, again, other = (annotate(tmp_path, seed=seed)[0] for seed in (0, 0, 1))

    assert first == again
    assert first.held_out != other.held_out


def test_balanced_keeps_all_of_the_rarer_kind(run, tmp_path):
    made, _ = both(run, tmp_path)
    train, _ = split(made, 0.2, 0)
    wrong = [one for one in train if not one.correct]

    kept = balanced(train, 0)

    assert [one for one in kept if not one.correct] == wrong
    assert sum(one.correct for one in kept) == len(wrong) < len(train) / 2
    assert kept == [one for one in train if one in kept]


def test_balancing_leaves_the_held_out_as_they_are(run, tmp_path):
    folder(run, tmp_path)

    (natural, _), (balance, left_out) = (annotate(tmp_path, mix=mix) for mix in ("natural", "balanced"))

    assert natural.held_out == balance.held_out
    assert left_out == {SPARE: len(natural.train) - len(balance.train)}


def test_signals_of_the_recording_go_along(run, tmp_path):
    sure = (TokenLogprob(token="a", logprob=-0.5), TokenLogprob(token="b", logprob=-1.5))
    run.add("q", altered(said("ab", "q?", tokens=(3, 400)), logprobs=sure))

    made = {one.id: one.signals for one in both(run, tmp_path)[0]}

    assert made["q"] == {
        "length": 0.5,
        "logprob:mean": pytest.approx(exp(-1)),
        "logprob:min": pytest.approx(exp(-1.5)),
    }
    assert set(made["p0"]) == {"length"}


@pytest.mark.parametrize(
    ("correct", "cure"), [(True, "are right, .* harder ones"), (False, "are wrong, .* easier ones")]
)
def test_a_single_kind_of_answer_is_refused(tmp_path, correct, cure):
    run = Run()
    for i in range(10):
        run.add(f"p{i}", said("4", f"{i}?"), correct=correct)
    with pytest.raises(SpecError, match=f"all 8 answers of 'small' to train on {cure}"):
        annotate(folder(run, tmp_path))


def test_held_out_answers_of_a_single_kind_are_refused_too(run, tmp_path):
    with pytest.raises(SpecError, match=r"all 1 answers of 'small' to hold out are (right|wrong)"):
        annotate(folder(run, tmp_path), held_out=0.03)


def test_nothing_to_learn_from_says_what_was_left_out(tmp_path):
    run = Run()
    run.add("f", said("", "f?", failure="timeout"))
    run.add("e", said("", "e?"), correct=False)
    with pytest.raises(SpecError, match=r"no answer of 'small' to train on \(left out: 1 empty, 1 failed\)"):
        annotate(folder(run, tmp_path))


def test_whose_answers_must_be_clear(run, tmp_path):
    run.add("p0", leaf("large", "0"))
    run.add("p0", above("both", leaf("small", "0")))
    folder(run, tmp_path)

    with pytest.raises(SpecError, match="say with --model whose answers to take; recorded alone: small, large"):
        annotate(tmp_path)
    with pytest.raises(SpecError, match="'both' is a policy"):
        annotate(tmp_path, model="both")
    with pytest.raises(SpecError, match="nothing is recorded of 'smal'; did you mean 'small'"):
        annotate(tmp_path, model="smal")
    assert annotate(tmp_path, model="small")[0].model == "small"


def test_answers_with_a_tag_already_are_refused(run, tmp_path):
    run.add("x", said("It is 4.<|c|>", "x?"))
    with pytest.raises(SpecError, match="holds a tag already"):
        annotate(folder(run, tmp_path))


def test_an_ungraded_run_and_a_senseless_share_are_refused(run, tmp_path):
    write_lines(tmp_path / "records.jsonl", run.records.values())
    with pytest.raises(SpecError, match="not graded yet"):
        annotate(tmp_path)
    with pytest.raises(SpecError, match="`held_out` must be between 0 and 1"):
        annotate(tmp_path, held_out=1.0)


class TestFolder:
    @pytest.fixture
    def made(self, run, tmp_path):
        return annotate(folder(run, tmp_path), tags=Tags.of("math"))[0]

    def test_holds_what_was_written(self, made, tmp_path):
        written = example.write(made, tmp_path / "examples", {"left_out": {"failed": 2}})

        assert example.read(tmp_path / "examples") == written
        said = read_json(tmp_path / "examples" / "examples.json")
        assert said["tags"] == ["<|c_math|>", "<|u_math|>"]
        assert said["left_out"] == {"failed": 2}
        assert sum(sum(count.values()) for count in said["counts"].values()) == 40
        line = json.loads((tmp_path / "examples" / "train.jsonl").read_text().splitlines()[0])
        assert {"id", "model", "messages", "text", "tag", "correct", "answer"} <= line.keys()

    def test_is_never_written_over_unless_forced(self, made, tmp_path):
        target = tmp_path / "examples"
        example.write(made, target, {})

        with pytest.raises(DataError, match="holds examples already"):
            example.write(made, target, {})
        with pytest.raises(DataError, match="holds something else"):
            example.write(made, tmp_path, {}, force=True)
        assert example.write(made, target, {}, force=True).digest == example.read(target).digest

    def test_is_readable_as_parquet_and_as_the_hub_reads_it(self, made, tmp_path):
        datasets = pytest.importorskip("datasets")
        pytest.importorskip("pyarrow")
        example.write(made, tmp_path / "examples", {})

        loaded = datasets.load_dataset(str(tmp_path / "examples"), cache_dir=str(tmp_path / "cache"))
        flat = datasets.Dataset.from_parquet(
            str(tmp_path / "examples" / "held_out.parquet"), cache_dir=str(tmp_path / "cache")
        )

        assert loaded["train"]["text"] == [one.text for one in made.train]
        assert flat["tag"] == [one.tag for one in made.held_out]
        assert flat[0]["messages"] == [{"role": "user", "content": made.held_out[0].messages[0].content}]

    def test_that_is_none_is_refused(self, made, tmp_path):
        with pytest.raises(DataError, match="no folder of examples; make one with `delegate annotate"):
            example.read(tmp_path)
        example.write(made, tmp_path / "examples", {})
        path = tmp_path / "examples" / "train.jsonl"
        path.write_text(path.read_text().replace("<|c_math|>", "<|x|>", 1))
        with pytest.raises(DataError, match=r"ends in '<\|x\|>', which is none of"):
            example.read(tmp_path / "examples")


class TestPublishing:
    def test_needs_a_token_in_the_environment(self, tmp_path, monkeypatch):
        pytest.importorskip("huggingface_hub")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        with pytest.raises(SpecError, match="needs a token of the hub in the environment variable HF_TOKEN"):
            publish(tmp_path, "me/answers")
        with pytest.raises(SpecError, match="OWNER/NAME, found 'answers'"):
            publish(tmp_path, "answers")

    def test_says_that_the_hub_is_unreachable_and_never_the_token(self, tmp_path, monkeypatch):
        pytest.importorskip("huggingface_hub")
        monkeypatch.setenv("HF_TOKEN", "a-very-secret-word")
        with pytest.raises(DataError, match="me/answers: cannot be published") as said:
            publish(tmp_path, "me/answers", endpoint="http://127.0.0.1:9")
        assert "a-very-secret-word" not in str(said.value)
