"""What differs between the manifests of two runs: plan, versions, weights, and the keys of their stages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from recon.workspace import Manifest

_STAGES = ("frames", "extract", "match", "map")
_NOT_THERE = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that was one thing then and is another now; None where it was not there."""

    what: str
    """`plan.threads`, `versions.numpy`, `weights.xfeat.pt`, `stages.match`."""
    then: Any
    now: Any

    def describe(self) -> str:
        """Return the difference as a line for people."""
        if self.what.startswith("stages."):
            return f"{self.what}: another key: something that determines its result is not the same"
        return f"{self.what}: {_shown(self.then)} then, {_shown(self.now)} now"


def manifest_differences(then: Manifest, now: Manifest) -> list[Difference]:
    """Return what differs of all that determines the results of two runs."""
    keys_then = {name: then.stages[name].key for name in _STAGES if name in then.stages}
    keys_now = {name: now.stages[name].key for name in _STAGES if name in now.stages}
    return [
        *_differences("plan", then.plan, now.plan),
        *_differences("versions", then.versions, now.versions),
        *_differences("weights", then.weights, now.weights),
        *_differences("stages", keys_then, keys_now),
    ]


def _differences(title: str, then: Any, now: Any) -> Iterator[Difference]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for name in sorted({*then, *now}):
            yield from _differences(f"{title}.{name}", then.get(name, _NOT_THERE), now.get(name, _NOT_THERE))
    elif then != now:
        yield Difference(title, then, now)


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)
