"""What the user may have meant by a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """Return "; did you mean 'sift'?" to append to a message, or "" when nothing is near."""
    from difflib import get_close_matches

    known = {choice.lower(): str(choice) for choice in choices}
    near = get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {known[near[0]]!r}?" if near else ""
