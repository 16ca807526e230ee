"""Puts a benchmark's table between two comments of a Markdown file: `<!-- peers -->` and `<!-- /peers -->`."""

from __future__ import annotations

import shutil
from pathlib import Path


def around(path: Path, name: str) -> tuple[str, str]:
    """Return what stands before and after the text between the comments of a name, the comments with it.

    Raises:
        ValueError: The comments are not there, each once, in this order.
    """
    content = path.read_bytes().decode("utf-8")
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if content.count(start) != 1 or content.count(end) != 1 or content.index(start) > content.index(end):
        raise ValueError(f"{path} needs the comments {start} and {end}, in this order, each once")
    return content[: content.index(start) + len(start)], content[content.index(end) :]


def write_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between the comments of a name; the rest of the file stays as it is, byte for byte.

    Raises:
        ValueError: As `around`; the file stays as it is.
    """
    before, after = around(path, name)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(f"{before}\n{text.strip()}\n{after}".encode())
    shutil.copymode(path, temporary)
    temporary.replace(path)


def table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
