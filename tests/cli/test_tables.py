"""Tables fit a terminal and are whole when piped."""

from __future__ import annotations

import io
import sys

from recon.cli.tables import print_table

ROWS = [("sift", "finds blobs " * 20), ("[bold]", "no markup")]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_columns_are_aligned_when_piped(capsys):
    print_table(("Name", "What it does"), ROWS)
    lines = capsys.readouterr().out.splitlines()

    assert lines[0] == "name    what it does"
    assert lines[1] == "sift    " + ROWS[0][1].rstrip()
    assert lines[2] == "[bold]  no markup"


def test_headers_alone_are_a_table(capsys):
    print_table(("Name", "Kind"), [])

    assert capsys.readouterr().out == "name  kind\n"


def test_a_terminal_wraps_and_cuts_nothing(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")  # 80 columns, no colour codes
    print_table(("Name", "What it does"), ROWS)
    lines = terminal.getvalue().splitlines()

    assert max(map(len, lines)) <= 80
    assert terminal.getvalue().count("blobs") == 20
    assert "[bold]" in terminal.getvalue()
