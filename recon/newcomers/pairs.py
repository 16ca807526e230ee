"""Whom new photos are compared with: everybody in small sets, those that look most alike in large ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from recon.core.data import Features, ImageFile, ImagePair
from recon.newcomers.finished_run import FinishedRun

COMPARE_WITH_ALL = 50
"""Photos up to which a new one is compared with every one."""


class Joined(Mapping[str, Features]):
    """The features of new photos and of known ones, by name."""

    def __init__(self, new: Mapping[str, Features], known: Mapping[str, Features]) -> None:
        self._new = new
        self._known = known

    def __getitem__(self, name: str) -> Features:
        return self._new[name] if name in self._new else self._known[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._new
        yield from (name for name in self._known if name not in self._new)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def choose_pairs(
    finished: FinishedRun, images: Mapping[str, ImageFile], features: Mapping[str, Features]
) -> list[ImagePair]:
    """Return the pairs of each new photo with known photos and with each other.

    Args:
        images: The new photos by name.
        features: Theirs; empty where the matcher sees pixels, which then compares all with all.
    """
    known, new = sorted(finished.photos), sorted(images)
    if len(known) + len(new) <= COMPARE_WITH_ALL or finished.run.sees_pixels:
        among = [ImagePair.of(name, other) for k, name in enumerate(new) for other in new[k + 1 :]]
        return sorted([*(ImagePair.of(name, other) for name in new for other in known), *among])
    selector = finished.run.create_pair_selector()
    found = selector.select([*finished.photos.values(), *images.values()], Joined(features, finished.features))
    return [pair for pair in found if pair.name1 in images or pair.name2 in images]
