import json


def test_check_says_what_a_run_would_cost_and_spends_nothing(place, delegate):
    text = (place / "spec.toml").read_text()
    small = 'kind = "openai"\nmodel = "s"\nbase_url = "http://127.0.0.1:9/v1"'
    (place / "live.toml").write_text(text.replace('kind = "replay"\nrun = "recorded"', small))
    code, out, err = delegate("check", "live.toml", "--task", "sums.jsonl", "--json")
    assert code == 0, err
    found = {row["name"]: row for row in json.loads(out)["estimates"]}
    assert found["main"]["calls"] == [3.0, 4.0]
    assert found["mux"]["calls"] == [6.0, 6.0]
    assert 0 < found["main"]["cost"][0] < found["main"]["cost"][1]


def test_check_without_a_task_only_reads_the_spec(place, delegate):
    code, out, _ = delegate("check", "spec.toml")
    assert code == 0
    assert "small, large, main, mux" in out


def test_list_shows_parts_tasks_and_runs(place, delegate):
    assert "cascade" in delegate("list", "parts")[1]
    assert "math500" in delegate("list", "tasks")[1]
    delegate("compare", "spec.toml", "--task", "sums.jsonl", "--no-plots")
    _, out, _ = delegate("list", "runs", "--json")
    (row,) = json.loads(out)
    assert (row["kind"], row["graded"]) == ("compare", True)


def test_list_models_shows_public_prices(delegate):
    code, out, _ = delegate("list", "models", "gpt-4o-mini", "--json")
    assert code == 0
    assert any(row["model"] == "gpt-4o-mini" and row["input"] > 0 for row in json.loads(out))


def test_doctor_looks_at_the_installation_and_the_spec(place, delegate):
    code, out, _ = delegate("doctor", "spec.toml", "--json")
    assert code == 0
    found = {row["what"]: row for row in json.loads(out)}
    assert found["Python"]["ok"] is True
    assert found["model small"]["ok"] is True


def test_doctor_finds_an_endpoint_that_does_not_answer_and_exits_1(place, delegate):
    (place / "dead.toml").write_text(
        '[small]\nkind = "openai"\nmodel = "s"\nbase_url = "http://127.0.0.1:9/v1"\nretries = 0\n'
    )
    code, out, _ = delegate("doctor", "dead.toml", "--json")
    assert code == 1
    assert next(row for row in json.loads(out) if row["what"] == "model small")["ok"] is False


def test_demo_shows_one_problem_of_a_run_step_by_step(place, delegate):
    delegate("compare", "spec.toml", "--task", "sums.jsonl", "--out", "out", "--no-plots")
    code, out, err = delegate("demo", "--run", "out", "--policy", "main")
    assert code == 0, err
    assert "What is 0 + 2 ?" in out
    assert "main (policy)" in out
    assert "small" in out


def test_demo_puts_a_question_through_every_policy(place, delegate):
    code, out, err = delegate("demo", "--spec", "spec.toml", "--task", "sums.jsonl", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert [span["model"] for span in found["spans"]] == ["small", "large", "main", "mux"]


def test_list_parts_shows_the_arguments_of_one(delegate):
    code, out, _ = delegate("list", "parts", "cascade", "--json")
    assert code == 0
    found = {row["argument"]: row["default"] for row in json.loads(out)["arguments"]}
    assert found["thresholds"] == "required"
    assert found["name"] == "'cascade'"
    code, _, err = delegate("list", "parts", "cascde")
    assert code == 2
    assert "did you mean 'cascade'?" in err


def test_doctor_shows_the_whole_cure(delegate, monkeypatch):
    monkeypatch.delenv("DELEGATE_DATA", raising=False)
    _, out, _ = delegate("doctor")
    assert "or pip install 'delegate[data]'" in " ".join(out.split())
