"""Names that clash: on systems that do not tell capitals apart, or where a tool leaves the suffix off."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from recon.preflight.findings import Finding, Severity, Topic


def find_name_clashes(names: Sequence[str]) -> list[Finding]:
    """Return the photos whose names differ too little; Unicode spellings are told apart where files are listed."""
    findings = []
    by_case = _groups(names, lambda name: unicodedata.normalize("NFC", name.casefold()))
    for group in by_case:
        detail = "their names differ in capitals only: on Windows and macOS one replaces the other"
        findings.append(Finding(Topic.NAME_CLASH, Severity.WARNING, detail, group, "rename one of them"))
    told = {name for group in by_case for name in group}
    for group in _groups([name for name in names if name not in told], _without_suffix):
        detail = "their names differ in the suffix only: masks and exports for other tools may mix them up"
        findings.append(Finding(Topic.NAME_CLASH, Severity.NOTE, detail, group, "rename one of them"))
    return findings


def _without_suffix(name: str) -> str:
    return str(PurePosixPath(name.casefold()).with_suffix(""))


def _groups(names: Sequence[str], key: Callable[[str], str]) -> list[tuple[str, ...]]:
    found = defaultdict(list)
    for name in names:
        found[key(name)].append(name)
    return [tuple(group) for group in found.values() if len(group) > 1]
