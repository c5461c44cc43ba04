"""What the benchmarks write into README and docs: texts between two marks of a page."""

from __future__ import annotations

from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Put a text between the marks of that name, in place of what is there; a page without them stays as it is."""
    head, begin, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name} -->\n")
    _, end, tail = rest.partition(f"<!-- /{name} -->")
    if end:
        page.write_text(f"{head}{begin}{text}\n{end}{tail}", encoding="utf-8")
