"""What a check finds: how bad, which photos, in numbers, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """What a finding means for a run."""

    PROBLEM = "problem"
    """There can be no model, or these photos cannot take part in it."""
    WARNING = "warning"
    """The model will suffer, or these photos may be left out of it."""
    NOTE = "note"
    """Worth knowing."""


class Topic(StrEnum):
    """What a finding is about: stable names, for scripts."""

    TOO_FEW_PHOTOS = "too_few_photos"
    UNREADABLE = "unreadable"
    SAME_FILE = "same_file"
    SAME_PICTURE = "same_picture"
    TURNED_COPY = "turned_copy"
    SAME_VIEW = "same_view"
    NAME_CLASH = "name_clash"
    BLURRED = "blurred"
    MOTION_BLUR = "motion_blur"
    LESS_SHARP = "less_sharp"
    TEXTURELESS = "textureless"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    CLIPPED = "clipped"
    ORIENTATION = "orientation"
    MIXED_SIZES = "mixed_sizes"
    ODD_SIZE = "odd_size"
    NO_FOCAL_LENGTH = "no_focal_length"
    GPS_ABSURD = "gps_absurd"
    GPS_PARTIAL = "gps_partial"
    MEMORY = "memory"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth knowing."""

    topic: Topic
    severity: Severity
    detail: str
    """A sentence with the numbers; photos are named only where their order matters."""

    images: tuple[str, ...] = ()
    """The photos it is about; empty where it is about all."""

    try_: str | None = None
    """What to do about it."""

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON shows it."""
        return {
            "topic": str(self.topic),
            "severity": str(self.severity),
            "images": list(self.images),
            "detail": self.detail,
            "try": self.try_,
        }


def count(number: int, noun: str) -> str:
    """Return `1 photo`, `2 photos`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
