import asyncio
import json
import os
import random
import re
import sys
from pathlib import Path

import pytest

from delegate.train.rollouts import read
from endpoint import Endpoint, answer

OPEN = Path(__file__).parents[2] / "examples" / "open.jsonl"
PLAN = json.dumps(["List what is known about it", "Weigh what speaks for it", "Weigh what speaks against it"])
SPEC = """
[same]
kind = "openai"
model = "same"
base_url = "{url}"
price = {{ input = 1.0, output = 4.0 }}

[main]
kind = "decompose"
delegator = "@same"
workers = ["@same"]
"""
COMMAND = ("rollouts", "spec.toml", "--judge", "@same", "--out", "artifacts.jsonl")


def play_all_seats(body):
    """One model in every seat: delegator, worker, judge and single."""
    said = body["messages"][-1]["content"]
    chance = random.Random(said)
    if "compared for their quality" in said:
        return answer(f"Hard to say.\nSCORES: first={chance.randint(30, 90)} second={chance.randint(30, 90)}")
    if "JSON list of strings" in said:
        return answer(PLAN if chance.random() < 0.9 else "I would begin with the facts.")
    if "Assistants have worked on parts" in said:
        return answer(f"All in all: {said[:60]}")
    return answer(f"In short: {said[:60]}", delay=0.01)


async def start(folder, url, *more):
    """The command, as a process of its own."""
    (folder / "spec.toml").write_text(SPEC.format(url=url))
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "delegate",
        *map(str, (*COMMAND, *more)),
        cwd=folder,
        env={**os.environ, "OPENAI_API_KEY": "none", "COLUMNS": "160"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_forty_open_questions_with_one_model_in_all_seats_write_the_artifacts(tmp_path):
    async with Endpoint(play_all_seats) as endpoint:
        process = await start(tmp_path, endpoint.url, "--task", OPEN, "--json")
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told, found = json.loads(out), list(read(tmp_path / "artifacts.jsonl"))
    assert (told["rollouts"], told["problems"], told["unscored"]) == (40, 40, {})
    assert len({one.question for one in found}) == 40
    assert {body["model"] for body in endpoint.bodies} == {"same"}
    kept = [one for one in found if not one.faults]
    assert {len(one.verdicts) for one in kept} == {2}
    assert {one.faults[-1] for one in found if one.faults} == {"format"}
    assert told["reward"]["value"] == pytest.approx(sum(one.reward for one in found) / 40)
    assert endpoint.count == 40 + sum(one.span.outcome.usage.calls for one in found)
    html = (tmp_path / "artifacts.html").read_text()
    assert "Best" in html
    assert "score of the single model" in html
    assert {path.name for path in (tmp_path / "artifacts").iterdir()} == {
        "spec.json",
        "samples.jsonl",
        "records.jsonl",
        "summary.json",
    }


async def test_a_killed_run_resumes_and_asks_only_what_is_owed(tmp_path):
    async with Endpoint(lambda body: play_all_seats(body).but(delay=0.03)) as endpoint:
        options = ("--task", OPEN, "--concurrency", 4)
        process = await start(tmp_path, endpoint.url, *options)
        path = tmp_path / "artifacts.jsonl"
        await endpoint.reached(100)  # 40 are the single model's
        process.kill()
        await process.communicate()
        kept, before = path.read_bytes(), endpoint.count
        assert 0 < kept.count(b"\n") < 40
        process = await start(tmp_path, endpoint.url, *options)
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert path.read_bytes().startswith(kept[: kept.rfind(b"\n") + 1])
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert sorted(row["sample"] for row in rows) == sorted({row["sample"] for row in rows})
    assert len(rows) == 40
    fresh = list(read(path))[kept.count(b"\n") :]
    assert endpoint.count - before <= sum(one.span.outcome.usage.calls for one in fresh) + 4
    assert "won" in out.decode()


def test_the_questions_are_forty_in_eight_domains():
    rows = [json.loads(line) for line in OPEN.read_text().splitlines()]
    assert len({row["prompt"] for row in rows}) == len(rows) == 40
    assert len({row["domain"] for row in rows}) == 8
    assert all(re.fullmatch(rf"{row['domain']}-[1-5]", row["id"]) for row in rows)


def test_the_embedded_models_are_graded_by_their_task(place, delegate):
    command = ("rollouts", "pocket", "-n", 2, "--group", 2, "--side", "train", "--out", "out")
    code, out, err = delegate(*command, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["rollouts"], told["problems"], told["judge_cost"]) == (4, 2, 0.0)
    assert "correct" in told["parts"]
    before = (place / "out.jsonl").read_bytes()
    assert delegate(*command)[0] == 0
    assert (place / "out.jsonl").read_bytes() == before
    code, _, err = delegate(*command[:-4], "--side", "test", "--out", "out")
    assert code == 2
    assert "side was 'train', is now 'test'" in err


DEAD = """
[m]
kind = "openai"
model = "m"
base_url = "http://127.0.0.1:9/v1"
retries = 0

[main]
kind = "decompose"
delegator = "@m"
workers = ["@m"]
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("spec.toml",), "spec.toml: has no policy of kind decompose"),
        (("live.toml", "--policy", "mian"), "--policy 'mian' is no table of kind decompose; did you mean 'main'?"),
        (("live.toml", "--judge", "@n"), "--judge 'n' is no table of the spec"),
        (("live.toml", "--task", "prompts.jsonl"), "say --judge, who compares the answers"),
        (("live.toml", "--rubric", "wrong.toml"), "wrong.toml: is no rubric (Rubric has no field 'cots')"),
        (("live.toml", "--rubric", "gamed.toml"), "gamed.toml: is no rubric (`format` must be above"),
        (("live.toml", "--rubric", "absent.toml"), "absent.toml: cannot be read"),
        (("live.toml", "--task", "absent.jsonl"), "absent.jsonl: cannot be read"),
        (("live.toml",), "single model 'm' never answered (unreachable"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(place, delegate, monkeypatch, options, said):
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    (place / "live.toml").write_text(DEAD)
    (place / "prompts.jsonl").write_text('{"prompt": "Why?"}\n')
    (place / "wrong.toml").write_text("cots = 1.0\n")
    (place / "gamed.toml").write_text("format = 0.1\n")
    task = () if "--task" in options else ("--task", "sums.jsonl")
    code, out, err = delegate("rollouts", *options, *task, "--out", "out.jsonl")
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert out == ""
