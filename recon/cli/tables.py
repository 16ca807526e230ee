"""Tables for people: fitted to a terminal, and never cut short when piped."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under headers on standard output; each row has one text a header."""
    if sys.stdout.isatty():
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(*headers, box=box.SIMPLE, padding=(0, 1, 0, 0))
        for column in table.columns[:-1]:
            column.no_wrap = True  # the last column, the longest, makes room
        for row in rows:
            table.add_row(*(Text(cell, overflow="fold") for cell in row))  # Text: no cell is read as markup
        Console().print(table)
        return
    lines = [tuple(header.lower() for header in headers), *(tuple(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
