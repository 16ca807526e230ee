"""What a run tells its watchers: typed events, from which progress, JSON lines and reports are made."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a run."""

    time: float = field(default_factory=time.time)
    """Seconds since the epoch."""

    def as_dict(self) -> dict[str, Any]:
        """Return the event as one JSON object; `event` is its type."""
        return {"event": type(self).__name__, **asdict(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A run begins."""

    photos: str
    output: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted(Event):
    """A stage begins: extract, match, map; `summary` says with what, for people."""

    stage: str
    total: int | None = None
    summary: str = ""
    done: int = 0
    """Of the total, by an earlier run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Event):
    """`done` of `total` photos, pairs or registrations of a stage are finished."""

    stage: str
    done: int
    total: int
    detail: str = ""
    """What else there is to tell, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDone(Event):
    """The keypoints of a photo are found (or were found by an earlier run)."""

    name: str
    keypoints: int
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PairDone(Event):
    """A pair of photos is matched and verified."""

    name1: str
    name2: str
    matches: int
    inliers: int
    cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRegistered(Event):
    """A photo got a pose in the model that is growing."""

    name: str
    registered: int
    """Photos in the model, this one included."""
    points3D: int  # noqa: N815 - COLMAP's name


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDone(Event):
    """A model is finished."""

    images: int
    points3D: int  # noqa: N815 - COLMAP's name
    mean_reprojection_error_px: float
    step: str = ""
    """Which step of the mapper's ladder of demands it began at; empty where the mapper has none."""
    first_image: str = ""
    """The first of its photos by name, which tells it from the other models of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    """Something the user should know, in a sentence; `file` names the photo where there is one."""

    message: str
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """A choice that recon made on its own, with the reason, in a sentence."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event):
    """A run ends; `summary` is design's JSON of a run."""

    exit_status: int
    summary: dict[str, Any]


Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """An observer that does nothing."""


class Announcer:
    """Passes each event to every observer; one that raises is reported once and dropped."""

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = list(observers)

    def __call__(self, event: Event) -> None:
        """Tell every observer, in the order in which they were given."""
        for observer in list(self._observers):
            if observer not in self._observers:
                continue  # dropped meanwhile, when it was told of another's failure
            try:
                observer(event)
            except Exception as error:  # noqa: BLE001 - an observer is foreign code, like a plugin
                self._observers.remove(observer)
                name = getattr(observer, "__qualname__", type(observer).__qualname__)
                self(Warned(message=f"observer {name} failed and is dropped: {type(error).__name__}: {error}"))
