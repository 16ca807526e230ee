"""What is compared: an extractor with a matcher, or an image matcher alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind
from recon.core.registry import PluginRegistry


@dataclass(frozen=True, slots=True)
class Candidate:
    """A combination of plugins."""

    label: str
    """As the user wrote it."""
    extractor: str | None
    """None where the matcher sees pixels."""
    matcher: str
    """`auto`, or a name."""

    @property
    def folder(self) -> str:
        """The name of its workspace."""
        return re.sub(r"[^A-Za-z0-9._-]", "_", self.label)

    @property
    def arguments(self) -> list[str]:
        """The options of `recon run` that choose it."""
        extractor = [] if self.extractor is None else ["--extractor", self.extractor]
        return [*extractor, "--matcher", self.matcher]


def parse_candidates(text: str, registry: PluginRegistry) -> list[Candidate]:
    """Return the combinations in `EXTRACTOR[:MATCHER],...`; an image matcher stands alone.

    Raises:
        UsageError: A plugin that is not there, one combination twice, fewer than two.
    """
    labels = [label.strip() for label in text.split(",") if label.strip()]
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise UsageError(
            f"--with {text!r} does not name two or more different combinations",
            code=Cause.BAD_VALUE,
            try_="such as --with sift,xfeat or --with xfeat:nearest,xfeat:lightglue",
        )
    return [_parse(label, registry) for label in labels]


def _parse(label: str, registry: PluginRegistry) -> Candidate:
    first, separator, matcher = label.partition(":")
    if not separator and first in _names(registry, Kind.IMAGE_MATCHER):
        return Candidate(label, None, first)
    registry.find(Kind.EXTRACTOR, first)
    if separator and matcher in _names(registry, Kind.IMAGE_MATCHER):
        raise UsageError(
            f"--with {label}: {matcher} matches pixels, not the keypoints of {first}",
            code=Cause.BAD_VALUE,
            try_=f"name it alone: --with {matcher},...",
        )
    if separator:
        registry.find(Kind.MATCHER, matcher)
    return Candidate(label, first, matcher or "auto")


def _names(registry: PluginRegistry, kind: Kind) -> Sequence[str]:
    return [offer.spec.name for offer in registry.offers(kind)]
