"""The next command to type: the one that the user gave, with something changed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RunCommand:
    """A `recon run` with its options, in the user's own words where there are any."""

    photos: str = "PHOTOS"
    workspace: str = "OUT"
    """The folder of results."""

    options: tuple[tuple[str, str | None], ...] = ()
    """Option and value in the order given, `("--preset", "fast")`; the value is None where an option has none."""

    def value(self, option: str) -> str | None:
        """Return the value given to an option; None where it was not given or has none."""
        return next((value for name, value in reversed(self.options) if name == option), None)

    def changed(self, changes: Mapping[str, str], without: tuple[str, ...] = ()) -> RunCommand:
        """Return the command with other values of some options, and without some others."""
        kept = tuple(each for each in self.options if each[0] not in changes and each[0] not in without)
        return replace(self, options=kept + tuple(changes.items()))

    def with_flag(self, option: str) -> RunCommand:
        """Return the command with an option that takes no value."""
        return replace(self, options=(*(each for each in self.options if each[0] != option), (option, None)))

    def __str__(self) -> str:
        """Return the line to type into a POSIX shell."""
        words = ["recon", "run", self.photos]
        for name, value in self.options:
            words += [name] if value is None else [name, value]
        return shlex.join(words)
