"""Examples a confidence token is learnt from, and the folder that holds them.

A folder of examples: `train.jsonl` and `held_out.jsonl`, a line each · the same as Parquet, where pyarrow is · a
`README.md` by which the Hugging Face hub shows both parts · `examples.json`: how they came to be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from delegate.errors import DataError, SpecError
from delegate.message import Message, Request
from delegate.plain import plain
from delegate.store import read_json, values, write_json, write_lines

PARTS = ("train", "held_out")
MANIFEST = "examples.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """The two tokens an answer may end with."""

    confident: str = "<|c|>"
    unsure: str = "<|u|>"

    def __post_init__(self) -> None:
        if not self.confident.strip() or not self.unsure.strip() or self.confident == self.unsure:
            raise SpecError(f"the tags must be two tokens, found {self.confident!r} and {self.unsure!r}")

    @classmethod
    def of(cls, domain: str) -> Tags:
        """Those of a domain, such as `<|c_math|>` and `<|u_math|>`; without one, the general ones."""
        tail = f"_{domain}" if domain else ""
        return cls(confident=f"<|c{tail}|>", unsure=f"<|u{tail}|>")

    def __iter__(self) -> Iterator[str]:
        return iter((self.confident, self.unsure))


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of what was asked."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One recorded answer and its tag."""

    id: str
    """The problem's."""
    draw: int = 0
    model: str
    """The row of the run that answered."""
    messages: tuple[Turn, ...]
    """What was asked."""
    text: str
    """The response, unchanged."""
    tag: str
    correct: bool
    answer: str | None = None
    """What was read out of the response; `None` when it commits to nothing."""
    signals: Mapping[str, float] = field(default_factory=dict)
    """What can be read off the recording itself and a tag has to beat, by name of a confidence; in [0, 1]."""

    @property
    def request(self) -> Request:
        """What was asked."""
        turns = ({"role": turn.role, "content": turn.content} for turn in self.messages)
        return Request(messages=tuple(Message(**turn) for turn in turns))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Examples in their two parts, which share no question."""

    model: str
    """Whose answers they are."""
    tags: Tags
    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    """In their natural mix."""
    digest: str = ""
    """Of the files; empty while there are none."""


def write(examples: Examples, folder: Path, about: Mapping[str, Any], *, force: bool = False) -> Examples:
    """Write the folder; returns the examples with their digest.

    Args:
        examples: what.
        folder: where to.
        about: how they came to be: JSON values for the manifest.
        force: replace examples that are there.

    Raises:
        DataError: the folder holds something already.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        if not (folder / MANIFEST).is_file():
            raise DataError(str(folder), "holds something else than examples; choose another --out")
        if not force:
            raise DataError(str(folder), "holds examples already; choose another --out, or say --force")
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS:
        part = getattr(examples, name)
        write_lines(folder / f"{name}.jsonl", part)
        _parquet(part, folder / f"{name}.parquet")
    digest = _digest(folder)
    said = {**about, "model": examples.model, "tags": list(examples.tags), "counts": _counts(examples)}
    (folder / "README.md").write_text(_card(said), encoding="utf-8")
    write_json(folder / MANIFEST, {**said, "digest": digest})
    return Examples(
        model=examples.model,
        tags=examples.tags,
        train=examples.train,
        held_out=examples.held_out,
        digest=digest,
    )


def read(folder: Path) -> Examples:
    """Read a folder of examples.

    Raises:
        DataError: it is none, a line is malformed, or a part is empty.
    """
    if not (folder / MANIFEST).is_file():
        raise DataError(str(folder), "is no folder of examples; make one with `delegate annotate RUN --out FOLDER`")
    said = read_json(folder / MANIFEST)
    try:
        confident, unsure = said["tags"]
        tags, model = Tags(confident=confident, unsure=unsure), str(said["model"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DataError(str(folder / MANIFEST), "does not say `model` and two `tags`") from None
    parts = {}
    for name in PARTS:
        path = folder / f"{name}.jsonl"
        parts[name] = tuple(values(path, Example, torn=False))
        for example in parts[name]:
            if example.tag not in tuple(tags):
                raise DataError(
                    str(path), f"{example.id!r} ends in {example.tag!r}, which is none of {', '.join(tags)}"
                )
    return Examples(model=model, tags=tags, digest=_digest(folder), **parts)


def _digest(folder: Path) -> str:
    texts = (hashlib.sha256((folder / f"{name}.jsonl").read_bytes()).hexdigest() for name in PARTS)
    return hashlib.sha256(" ".join(texts).encode()).hexdigest()[:32]


def _counts(examples: Examples) -> dict[str, dict[str, int]]:
    def count(part: Sequence[Example]) -> dict[str, int]:
        right = sum(example.correct for example in part)
        return {"right": right, "wrong": len(part) - right}

    return {name: count(getattr(examples, name)) for name in PARTS}


def _parquet(part: Sequence[Example], path: Path) -> None:
    """The same as Parquet; nothing without the extra `parquet`."""
    path.unlink(missing_ok=True)
    if find_spec("pyarrow") is None:
        return
    import pyarrow
    from pyarrow import parquet

    text, number = pyarrow.string(), pyarrow.float64()
    signals = [(name, number) for name in dict.fromkeys(name for example in part for name in example.signals)]
    columns = [
        *((name, text) for name in ("id", "model", "text", "tag", "answer")),
        ("draw", pyarrow.int64()),
        ("correct", pyarrow.bool_()),
        ("messages", pyarrow.list_(pyarrow.struct([("role", text), ("content", text)]))),
        *([("signals", pyarrow.struct(signals))] if signals else []),
    ]
    rows = [{"draw": example.draw, **plain(example)} for example in part]
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(columns)), path)


def _card(said: Mapping[str, Any]) -> str:
    """The page the hub shows, and where it finds both parts."""
    confident, unsure = said["tags"]
    counts = "\n".join(
        f"- `{name}.jsonl`: {part['right']} right, {part['wrong']} wrong" for name, part in said["counts"].items()
    )
    files = "\n".join(f"  - split: {name}\n    path: {name}.jsonl" for name in PARTS)
    return (
        f"---\nconfigs:\n- config_name: default\n  data_files:\n{files}\n---\n"
        f"# Answers of {said['model']}, each with a confidence tag\n\n"
        f"`messages` is what was asked, `text` what the model said, and `tag` is `{confident}` where that was right\n"
        f"and `{unsure}` where it was wrong. Both parts share no question. Made with `delegate annotate`.\n\n{counts}\n"
    )
