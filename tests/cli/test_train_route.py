import asyncio
import json

import pytest

from delegate import Completion, Message, Usage
from delegate.bench.run import run
from delegate.models.function import FunctionModel
from delegate.tasks.jsonl import Jsonl


def model(name, right):
    """Answers what `right` says it can, and spends a dollar in a thousand calls."""

    def reply(request):
        number = int(request.question.split()[1])
        message = Message(role="assistant", content=f"\\boxed{{{number + (0 if right(number) else 1)}}}")
        return Completion(model=name, message=message, usage=Usage(calls=1, cost=0.001), finish_reason="stop")

    return FunctionModel(function=reply, name=name)


def record(place, delegate, many=80, large=lambda n: n % 5):
    rows = [
        {"question": f"Name {n}{' backwards, and then forwards' * (n % 3 == 0)}", "answer": str(n), "kind": "number"}
        for n in range(many)
    ]
    (place / "names.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    models = {"small": model("small", lambda n: n % 3), "large": model("large", large)}
    task = Jsonl(path=place / "names.jsonl")
    asyncio.run(run(models, task, list(task.samples()), place / "names"))
    assert delegate("grade", "names", "--task", "names.jsonl")[0] == 0


def test_a_route_is_learned_and_can_be_used(place, delegate):
    record(place, delegate)
    code, out, err = delegate("train", "route", "names", "--models", "small,large", "--out", "route.json", "--json")
    assert code == 0, err
    judged = json.loads(out)
    assert judged["areas"]["learned"]["value"] > 0.5
    (place / "routed.toml").write_text(
        'small = { kind = "replay", run = "names" }\nlarge = { kind = "replay", run = "names" }\n'
        '[main]\nkind = "router"\nmodels = ["@small", "@large"]\n'
        'route = { kind = "learned", path = "route.json", share = 0.35 }\n'
    )
    code, out, err = delegate("compare", "routed.toml", "--task", "names.jsonl", "--out", "out", "--no-plots", "--json")
    assert code == 0, err
    rows = {row["name"]: row["accuracy"]["value"] for row in json.loads(out)["rows"]}
    assert rows["main"] > rows["small"]


def test_a_confidence_is_learned_from_answers(place, delegate):
    record(place, delegate)
    code, out, err = delegate("train", "route", "names", "--models", "small,large", "--post", "--kind", "boosting")
    assert code == 0, err
    assert "Written to names/confidence.json" in out
    assert "hindsight" in out
    assert json.loads((place / "names" / "confidence.json").read_text())["answered"]


def test_too_little_is_said_in_a_sentence(place, delegate):
    delegate("grade", "recorded", "--task", "sums.jsonl")
    code, _, err = delegate("train", "route", "recorded")
    assert code == 2
    assert err.count("\n") == 1
    assert "12 different questions are too few" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--models", "small,large,small"), "'small' is named twice"),
        (("--models", "small"), "name two of them or more"),
        (("--models", ","), "name two of them or more"),
        (("--models", "smal,large"), "did you mean 'small'?"),
        (("--out", "."), "'--out'"),
    ],
)
def test_bad_options_are_said_in_a_sentence(place, delegate, options, said):
    delegate("grade", "recorded", "--task", "sums.jsonl")
    code, out, err = delegate("train", "route", "recorded", *options)
    assert (code, out) == (2, "")
    assert said in err


def test_a_model_that_is_never_wrong_is_refused(place, delegate):
    record(place, delegate, large=lambda _: True)
    code, _, err = delegate("train", "route", "names")
    assert code == 2
    assert err.count("\n") == 1
    assert "'large' is wrong on 0 of 80 questions" in err


def test_an_ungraded_run_says_what_to_do(place, delegate):
    code, _, err = delegate("train", "route", "recorded")
    assert code == 2
    assert "delegate grade recorded" in err
