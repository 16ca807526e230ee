"""Features that nobody may ask for: found when somebody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from recon.core.data import Features


class FeaturesOnDemand(Mapping[str, Features]):
    """Features by photo name; the first look at one finds those of every photo."""

    def __init__(self, names: Sequence[str], find: Callable[[], Mapping[str, Features]]) -> None:
        self._names = dict.fromkeys(names)
        self._find = find
        self._found: Mapping[str, Features] | None = None

    def __getitem__(self, name: str) -> Features:
        if name not in self._names:
            raise KeyError(name)
        if self._found is None:
            self._found = self._find()
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
