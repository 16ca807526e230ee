"""Which versions of which packages recon asks for, read from its own metadata, and whether a version will do."""

from __future__ import annotations

import re
from importlib import metadata

PACKAGE = "recon-sfm"
_COMPARISONS = {
    ">=": lambda have, asked: have >= asked,
    "<=": lambda have, asked: have <= asked,
    "==": lambda have, asked: have == asked,
    "!=": lambda have, asked: have != asked,
    "<": lambda have, asked: have < asked,
    ">": lambda have, asked: have > asked,
}


def required_versions() -> dict[str, str]:
    """Return what recon asks of each package, extras included, such as `{"pycolmap": ">=4.2,<4.3"}`.

    Raises:
        PackageNotFoundError: recon is not installed, but run from its source.
    """
    asked: dict[str, str] = {}
    for line in metadata.requires(PACKAGE) or []:
        found = re.match(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?\s*\(?([^;)]*)", line)
        if found:
            asked.setdefault(_normal(found[1]), found[2].replace(" ", ""))
    return asked


def installed_version(package: str) -> str | None:
    """Return the version of a package by its name for pip; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def is_within(version: str, asked: str) -> bool:
    """Whether a version such as `4.2.1` fits `>=4.2,<4.3`; what is not understood fits."""
    for part in filter(None, asked.split(",")):
        found = re.fullmatch(r"(>=|<=|==|!=|<|>)(\d[\d.]*)", part)
        if found and not _COMPARISONS[found[1]](_numbers(version), _numbers(found[2])):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """Return `4.2.1` as (4, 2, 1, 0, 0, 0), without what marks a build or a release candidate."""
    leading = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in leading[0].split(".")] if leading else []
    return tuple([*numbers, 0, 0, 0, 0, 0, 0][:6])


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
