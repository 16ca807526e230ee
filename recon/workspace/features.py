"""The features of each photo on disk, one file by key, and the few that are held in memory.

Descriptors are kept in half precision. What a run works with is what a reload would give, so that a run that
was interrupted and resumed ends with the same bytes as one that was not.
"""

from __future__ import annotations

import threading
import zipfile
import zlib
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np

from recon.core.arrays import UInt8Array
from recon.core.data import Features
from recon.core.errors import Cause, ReconError
from recon.workspace.atomic import replacing

_OPTIONAL = ("scores", "scales_px", "orientations_rad")


class FeatureStore:
    """Features by key. May be used from several threads."""

    def __init__(self, folder: Path, memory_bytes: int = 512 << 20) -> None:
        self._folder = folder
        self._memory_bytes = memory_bytes
        self._recent: OrderedDict[str, Features] = OrderedDict()
        self._recent_bytes = 0
        self._lock = threading.Lock()

    def save(self, key: str, features: Features, colours: UInt8Array) -> Features:
        """Write features with the colour of each keypoint, (N, 3) RGB, and return them as a load would."""
        descriptors = np.asarray(features.descriptors, np.float16)
        kept = replace(
            features,
            keypoints=np.ascontiguousarray(features.keypoints, np.float32),
            descriptors=descriptors.astype(np.float32),
        )
        arrays = {
            "keypoints": kept.keypoints,
            "descriptors": descriptors,
            "image_size": np.asarray(kept.image_size, np.int64),
            "colours": colours,
        }
        arrays |= {name: value for name in _OPTIONAL if (value := getattr(kept, name)) is not None}
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **arrays)
        self._remember(key, kept)
        return kept

    def load(self, key: str) -> Features:
        """Return the features of a key.

        Raises:
            ReconError: CORRUPT_FILE; the file is missing or damaged.
        """
        with self._lock:
            if key in self._recent:
                self._recent.move_to_end(key)
                return self._recent[key]
        arrays = self._read(key)
        try:
            width, height = (int(length) for length in arrays["image_size"])
            features = Features(
                keypoints=arrays["keypoints"],
                descriptors=arrays["descriptors"].astype(np.float32),
                image_size=(width, height),
                **{name: arrays[name] for name in _OPTIONAL if name in arrays},
            )
        except (KeyError, ValueError) as error:
            raise _damaged(self._path(key)) from error
        self._remember(key, features)
        return features

    def load_colours(self, key: str) -> UInt8Array:
        """Return the (N, 3) uint8 RGB colour of each keypoint.

        Raises:
            ReconError: CORRUPT_FILE; the file is missing or damaged.
        """
        colours: UInt8Array = self._read(key, "colours")["colours"]
        return colours

    def count(self, key: str) -> int | None:
        """Return the number of keypoints, None where there is no usable file."""
        with self._lock:
            if key in self._recent:
                return len(self._recent[key])
        try:
            return len(self._read(key, "keypoints")["keypoints"])
        except ReconError:
            return None

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.npz"

    def _read(self, key: str, *names: str) -> dict[str, np.ndarray]:
        path = self._path(key)
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in names or archive.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise _damaged(path) from error

    def _remember(self, key: str, features: Features) -> None:
        with self._lock:
            if key in self._recent:
                return
            self._recent[key] = features
            self._recent_bytes += _num_bytes(features)
            while self._recent_bytes > self._memory_bytes and len(self._recent) > 1:
                _, oldest = self._recent.popitem(last=False)
                self._recent_bytes -= _num_bytes(oldest)


def _num_bytes(features: Features) -> int:
    return features.keypoints.nbytes + features.descriptors.nbytes


def _damaged(path: Path) -> ReconError:
    return ReconError(
        f"the kept features {path.name} are missing or damaged",
        code=Cause.CORRUPT_FILE,
        file=str(path),
        try_="give the same `recon run` command again: it makes them anew",
    )
