"""One thing that was looked at: how it is, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a thing is."""

    OK = "ok"
    NOTE = "note"
    """Something is missing or odd that `recon run` does without."""
    PROBLEM = "problem"
    """`recon run` does not work."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was looked at, and what was found."""

    topic: str
    """What was looked at, in a word or two: a stable name, for scripts."""

    state: State
    text: str
    mend: str | None = None
    """The line to type, or what to do; None where all is well."""

    def as_dict(self) -> dict[str, str | None]:
        """Return the diagnosis as JSON shows it."""
        return {"topic": self.topic, "state": str(self.state), "text": self.text, "mend": self.mend}
