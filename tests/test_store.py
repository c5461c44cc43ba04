import gzip
from dataclasses import replace
from math import inf, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delegate.completion import Completion, Failure, Span, TokenLogprob
from delegate.errors import DataError
from delegate.message import Message, Request
from delegate.store import Log, Record, lines, mend, read_json, records, write_json

REQUEST = Request.of("1 + 1?")
ANSWER = Completion(model="m", message=Message(role="assistant", content="2"))


def record(draw=0, outcome=ANSWER):
    span = Span(model="m", role="answer", request=REQUEST.draw(draw), outcome=outcome, start=1.5, seconds=0.25)
    return Record(sample="s", policy="m", draw=draw, span=span)


def test_what_is_appended_is_read_again(tmp_path):
    failed = record(1, Failure(kind="timeout", detail="no answer in 1 s"))
    with Log(tmp_path / "records.jsonl") as log:
        log.append(record())
        log.append(failed)
    assert list(records(tmp_path).values()) == [record(), failed]


def test_a_log_probability_that_json_cannot_say_is_read_as_nan(tmp_path):
    odd = TokenLogprob(token="2", logprob=nan, top={"3": -inf, "4": -1.0})
    with Log(tmp_path / "records.jsonl") as log:
        log.append(record(outcome=replace(ANSWER, logprobs=(odd,))))

    (read,) = records(tmp_path)["s", "m", 0].outcome.logprobs
    assert isnan(read.logprob)
    assert isnan(read.top["3"])
    assert read.top["4"] == -1.0


@given(cut=st.integers(min_value=1, max_value=400))
def test_a_torn_last_line_is_cut_off_and_the_rest_kept(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("torn") / "records.jsonl"
    with Log(path) as log:
        log.append(record(0))
        whole = path.stat().st_size
        log.append(record(1))
    torn = path.read_bytes()[: max(whole, path.stat().st_size - cut)]
    path.write_bytes(torn)
    mend(path)
    assert path.read_bytes() == torn[:whole]


def test_appending_to_a_torn_file_mends_it_first(tmp_path):
    path = tmp_path / "records.jsonl"
    with Log(path) as log:
        log.append(record(0))
    path.write_bytes(path.read_bytes() + b'{"sample": "s", "pol')
    with Log(path) as log:
        log.append(record(1))
    assert [r.draw for r in records(path).values()] == [0, 1]


def test_a_file_torn_in_its_first_line_becomes_empty(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"sample')
    assert mend(path) == 8
    assert path.read_bytes() == b""


def test_a_malformed_line_is_named(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"sample": 1}\n')
    with pytest.raises(DataError, match=r"records.jsonl:1: is no record \(Record.sample: expected str"):
        records(path)
    path.write_text("{}\nnonsense\n")
    with pytest.raises(DataError, match=r"records.jsonl:2: is not valid JSON"):
        list(lines(path))


def test_a_torn_gzip_is_named(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 100)[:-10])
    with pytest.raises(DataError, match=r"rows.jsonl.gz: cannot be read"):
        list(lines(path))


def test_json_files_are_written_whole_and_read_back(tmp_path):
    write_json(tmp_path / "spec.json", {"a": [1, None]})
    assert read_json(tmp_path / "spec.json") == {"a": [1, None]}
    assert [p.name for p in tmp_path.iterdir()] == ["spec.json"]
    (tmp_path / "spec.json").write_text("[1]")
    with pytest.raises(DataError, match="is not a JSON object"):
        read_json(tmp_path / "spec.json")


def test_half_a_character_costs_only_itself(tmp_path):
    with Log(tmp_path / "notes.jsonl") as log:
        log.append({"text": "so \ud83d it goes"})
    assert [value for _, value in lines(tmp_path / "notes.jsonl")] == [{"text": "so ? it goes"}]
