import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from test_environment import LOST, PLAN, SPENT, Open, by_length, delegator, model, scripted

from delegate.bench.metrics import Interval
from delegate.completion import Usage
from delegate.errors import DataError, ModelError, SpecError
from delegate.models.function import FunctionModel
from delegate.models.replay import Replay, simulate
from delegate.policies.decompose import Decompose
from delegate.store import Log, records
from delegate.task import Sample
from delegate.train import page
from delegate.train.environment import Environment
from delegate.train.rollouts import collect, read
from delegate.train.summary import summary

SAMPLES = [Sample(id=f"s{i}", question=f"What is {i} + 2, and why?", target=str(i + 2)) for i in range(6)]


def environment(*, boss=None, worker=None, judge=by_length, single="Look it up."):
    return Environment(
        task=Open(),
        policy=Decompose(
            delegator=boss or delegator(), workers=(worker or model(lambda r: "done", "worker"),), name="main"
        ),
        judge=model(judge, "judge") if callable(judge) else judge,
        single=model(lambda r: single, "single") if isinstance(single, str) else single,
    )


def go(where, folder, **options):
    """Collect into a folder; what was asked of whom meanwhile."""
    meter = simulate(collect(where, SAMPLES, folder / "out.jsonl", folder / "out", **{"group": 2, **options}))
    return meter, list(read(folder / "out.jsonl"))


def test_every_problem_is_played_as_often_as_asked_a_line_each(tmp_path):
    seen = []
    meter, found = go(environment(), tmp_path, progress=lambda one, meter: seen.append((one.sample, one.draw)))
    wanted = {(f"s{i}", draw) for i in range(6) for draw in range(2)}
    assert {(one.sample, one.draw) for one in found} == set(seen) == wanted
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 12
    assert meter.cost == pytest.approx(12 * 0.007 + 6 * 0.001)
    line = json.loads((tmp_path / "out.jsonl").read_bytes().splitlines()[0])
    assert {
        "question",
        "plan",
        "subtasks",
        "work",
        "answer",
        "single",
        "verdicts",
        "scores",
        "parts",
        "reward",
        "cost",
    } <= line.keys()


def test_the_single_model_is_asked_once_a_problem_and_kept_as_a_run(tmp_path):
    asked = []
    single = FunctionModel(function=lambda r: asked.append(r.question) or "Look it up.", name="single", usage=SPENT)
    go(environment(single=single), tmp_path)
    go(environment(single=single), tmp_path, group=3)
    assert sorted(asked) == sorted(sample.question for sample in SAMPLES)
    assert {key[0] for key in records(tmp_path / "out")} == {sample.id for sample in SAMPLES}


def test_what_is_there_is_not_played_again_and_what_was_not_scored_is(tmp_path):
    calls = []

    def moody(request):
        calls.append(request)
        return "hm" if len(calls) <= 2 else by_length(request)

    _, before = go(environment(judge=moody), tmp_path, concurrency=1)
    assert [one.unscored for one in before].count("judge") == 1
    many = len(calls)
    _, after = go(environment(judge=moody), tmp_path)
    assert [one.unscored for one in after] == [None] * 12
    assert len(calls) == many + 2
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 13


def test_rollouts_can_be_replayed_down_to_the_judge(tmp_path):
    _, first = go(environment(), tmp_path)
    again = {name: Replay(run=tmp_path / "out.jsonl", name=name) for name in ("delegator", "worker", "judge")}
    where = Environment(
        task=Open(),
        policy=Decompose(delegator=again["delegator"], workers=(again["worker"],), name="main"),
        judge=again["judge"],
        single=Replay(run=tmp_path / "out", name="single"),
    )
    _, second = go(where, tmp_path / "again")
    assert [(one.sample, one.draw, one.reward) for one in sorted(first, key=lambda o: (o.sample, o.draw))] == [
        (one.sample, one.draw, one.reward) for one in sorted(second, key=lambda o: (o.sample, o.draw))
    ]
    _, third = go(where, tmp_path / "more", group=1)
    assert {one.unscored for one in third} == {None}


def test_what_a_recording_lacks_is_missing(tmp_path):
    go(environment(), tmp_path, group=1)
    lacking = Replay(run=tmp_path / "out.jsonl", name="worker")
    other = json.dumps(["Find another way to Rome", "Find another hotel there", "Find other food to try"])
    _, found = go(environment(boss=delegator(other), worker=lacking), tmp_path / "again", group=1)
    assert {one.unscored for one in found} == {"missing"}


SCRIPT = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_rollouts import SAMPLES, environment, collect
from delegate.models.function import FunctionModel

async def slow(request):
    await asyncio.sleep(0.02)
    return "done"

where = environment(worker=FunctionModel(function=slow, name="worker"))
print("ready", flush=True)
folder = Path(sys.argv[1])
asyncio.run(collect(where, SAMPLES, folder / "out.jsonl", folder / "out", group=8, concurrency=2))
"""


def test_a_killed_run_goes_on_and_ends_as_an_undisturbed_one(tmp_path, request):
    folders = [str(folder) for folder in (request.path.parent, request.path.parents[1])]
    script = SCRIPT.replace("sys.argv[2])", f"sys.argv[2]); sys.path.insert(0, {folders[1]!r})")
    command = [sys.executable, "-c", script, str(tmp_path), folders[0]]
    path, lengths = tmp_path / "out.jsonl", []
    for _ in range(3):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            before = path.stat().st_size if path.exists() else 0
            while not path.exists() or path.stat().st_size == before:
                time.sleep(0.005)
            assert process.poll() is None
            process.kill()
        lengths.append(len(path.read_bytes().splitlines()))
    path.write_bytes(path.read_bytes() + b'{"sample": "s1", "dr')
    subprocess.run(command, check=True, capture_output=True)
    assert lengths == sorted(set(lengths))
    assert lengths[-1] < 48
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert sorted((row["sample"], row["draw"]) for row in rows) == sorted(
        (sample.id, draw) for sample in SAMPLES for draw in range(8)
    )


def test_two_runs_do_not_write_into_one_file(tmp_path):
    taken = pytest.raises(DataError, match="is being written by another process")
    with Log(tmp_path / "out.jsonl", alone=True), taken:
        go(environment(), tmp_path)


@pytest.mark.parametrize(
    ("who", "fields"),
    [
        ("policy 'main'", {"boss": scripted(LOST)}),
        ("judge 'judge'", {"judge": scripted(LOST, name="judge")}),
        ("single model 'single'", {"single": scripted(LOST, name="single")}),
    ],
)
def test_who_never_answers_ends_the_run(tmp_path, who, fields):
    with pytest.raises(SpecError, match=f"the {who} never answered"):
        go(environment(**fields), tmp_path, concurrency=1)
    assert (tmp_path / "out.jsonl").exists()


def test_a_limit_on_cost_holds_and_the_rest_is_owed(tmp_path):
    with pytest.raises(SpecError, match="5 rollouts are still owed"):
        go(environment(), tmp_path, max_cost=0.05, concurrency=1)
    assert len(list(read(tmp_path / "out.jsonl"))) == 7
    _, found = go(environment(), tmp_path, max_cost=1.0)
    assert len(found) == 12


def test_a_limit_on_cost_holds_for_the_single_model_too(tmp_path):
    with pytest.raises(SpecError, match=r"\$0.0020 are spent and 12 rollouts are still owed"):
        go(environment(), tmp_path, max_cost=0.002, concurrency=1)
    assert len(records(tmp_path / "out")) == 2
    assert list(read(tmp_path / "out.jsonl")) == []


def test_the_summary_counts_both_sides_the_faults_and_what_it_took(tmp_path):
    def moody(request):
        if request.index == 1 and "JSON list" in request.question:
            return "no plan"
        if request.index == 2 and "What is 0" in request.question:
            raise ModelError(LOST)
        return PLAN if "JSON list" in request.question else "A fine answer, which is longer."

    _, found = go(environment(boss=model(moody, "delegator")), tmp_path, group=4)
    told = summary(found)
    assert (told.rollouts, told.problems, told.unscored) == (24, 6, {"unasked": 1})
    assert told.faults["format"] == 6 / 24
    assert (told.faults["none"], told.faults["silent"]) == (17 / 24, 1 / 24)
    assert (told.answer, told.single) == (len("A fine answer, which is longer."), len("Look it up."))
    assert told.margin == Interval(value=20.0, low=20.0, high=20.0)
    assert told.wins.value == pytest.approx((5 * 3 / 4 + 2 / 3) / 6)
    assert told.subtasks == pytest.approx(17 * 3 / 24)
    assert told.cost_ratio == pytest.approx((17 * 5 + 6 * 2 + 1) / 24)
    assert told.reward.low < told.reward.value < told.reward.high


def test_an_unknown_cost_is_unknown_in_the_summary_and_nothing_sums_up_to_nothing():
    from test_environment import environment as one
    from test_environment import play

    found = play(one(boss=FunctionModel(function=delegator().function, name="d", usage=Usage.unknown())))
    assert (summary([found]).cost, summary([found]).cost_ratio) == (None, None)
    nothing = summary([])
    assert (nothing.rollouts, nothing.reward, nothing.faults) == (0, None, {})
    assert page.figures(nothing)


def test_the_page_shows_the_best_and_the_worst_and_escapes_what_models_wrote(tmp_path):
    bad = "<script>alert(1)</script> and more of the same, at length"

    def by_problem(request):
        if "JSON list" in request.question:
            return PLAN
        return bad if "What is 5" in request.question else "x" * (5 + int(request.question.split()[2]))

    _, found = go(environment(boss=model(by_problem, "delegator"), single="Ten chars."), tmp_path)
    found = [replace(one, reward=float(i)) if i % 2 else one for i, one in enumerate(found)]
    page.write(summary(found), found, tmp_path / "out.html", title="main on open", most=2)
    text = (tmp_path / "out.html").read_text()
    assert "<script>" not in text
    assert "Best" in text
    assert "Worst" in text
    assert text.count("<article>") == 4
    assert "http" not in text
    best, worst = page.extremes(found, 2)
    assert [one.reward for one in best] == sorted((one.reward for one in best), reverse=True)
    assert min(one.reward for one in found) == worst[0].reward
    assert len({one.sample for one in best}) == 2
