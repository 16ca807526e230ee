"""Reads hloc's features.h5 and matches.h5: keypoints by photo, matches by pair.

hloc's pixels have their origin in the centre of the top-left pixel, COLMAP's in its corner: half a pixel is added.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.data import ImageFile, ImagePair, Matches
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.libraries import missing_library

if TYPE_CHECKING:
    import h5py


def read_hloc_keypoints(path: Path, images: Collection[ImageFile]) -> dict[str, FloatArray]:
    """Return the (N, 2) float32 keypoints of those photos that the file names: full-size pixels, COLMAP origin.

    Raises:
        UsageError: MISSING_FILE; CORRUPT_FILE; BAD_VALUE where the file is of other photos, or of another size.
        ReconError: MISSING_LIBRARY.
    """
    found: dict[str, FloatArray] = {}
    with _open(path, "--features") as file:
        for image in images:
            group = _group(file, image.name)
            if group is None or "keypoints" not in group:
                continue
            keypoints = np.asarray(group["keypoints"], np.float32).reshape(len(group["keypoints"]), -1)[:, :2] + 0.5
            if keypoints.shape[1] != 2 or not np.isfinite(keypoints).all():
                raise _corrupt(path, f"the keypoints of {image.name} are no finite positions")
            _check_size(path, image, group, keypoints)
            found[image.name] = np.ascontiguousarray(keypoints, np.float32)
    if not found:
        raise UsageError(
            f"{path} names none of the {len(images)} photos",
            code=Cause.BAD_VALUE,
            file=str(path),
            try_="give the folder of the photos that hloc saw: names in the file are paths below it",
        )
    return found


def read_hloc_matches(path: Path, keypoints: Mapping[str, FloatArray]) -> dict[ImagePair, Matches]:
    """Return the matches of each pair of photos that have keypoints.

    Raises:
        UsageError: MISSING_FILE; CORRUPT_FILE, matches that name keypoints which are not there; BAD_VALUE where no pair
            is of these photos, or two photos have one name in the file.
        ReconError: MISSING_LIBRARY.
    """
    names: dict[str, str] = {}
    for name in keypoints:
        if names.setdefault(name.replace("/", "-"), name) != name:
            raise UsageError(
                f"{path} cannot tell {name} from {names[name.replace('/', '-')]}: it writes - for /",
                code=Cause.BAD_VALUE,
                file=name,
                try_="rename one of the two, and match again with hloc",
            )
    pairs: dict[ImagePair, Matches] = {}
    with _open(path, "--matches") as file:
        for first, second, group in _pairs(file, names):
            columns = np.asarray(group["matches0"]).astype(np.int64).ravel()
            rows = np.flatnonzero(columns >= 0)
            if len(columns) > len(keypoints[first]) or (len(rows) and columns.max() >= len(keypoints[second])):
                raise _corrupt(path, f"matches of {first} and {second} name keypoints that are not there")
            scores = np.asarray(group["matching_scores0"], np.float32).ravel() if "matching_scores0" in group else None
            indices, scores = _one_to_one(rows, columns[rows], None if scores is None else scores[rows])
            pair = ImagePair.of(first, second)
            if pair.name1 != first:
                indices = indices[:, ::-1]
            pairs[pair] = Matches(np.ascontiguousarray(indices, np.uint32), scores)
    if not pairs:
        raise UsageError(
            f"{path} holds no pair of the photos that have features",
            code=Cause.BAD_VALUE,
            file=str(path),
            try_="give the matches that hloc made of these features",
        )
    return pairs


def _one_to_one(rows: Any, columns: Any, scores: Any) -> tuple[Any, Any]:
    """Leave each keypoint of the second photo its best match, or its first where there are no scores."""
    order = np.arange(len(rows)) if scores is None else np.argsort(-scores, kind="stable")
    _, kept = np.unique(columns[order], return_index=True)
    chosen = np.sort(order[kept])
    return np.column_stack([rows[chosen], columns[chosen]]), None if scores is None else scores[chosen]


def _pairs(file: h5py.File, names: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Yield the two photos and the group of each pair, as hloc writes them now (a/b) and wrote them once (a_b)."""
    for key in file:
        group = file[key]
        if not hasattr(group, "keys"):
            continue
        if "matches0" in group:
            for cut in (place for place, letter in enumerate(key) if letter == "_"):
                if key[:cut] in names and key[cut + 1 :] in names:
                    yield names[key[:cut]], names[key[cut + 1 :]], group
        elif key in names:
            for other in group:
                if other in names and other != key and "matches0" in group[other]:
                    yield names[key], names[other], group[other]


@contextmanager
def _open(path: Path, option: str) -> Iterator[h5py.File]:
    try:
        import h5py
    except ImportError as error:
        raise missing_library("reading hloc's files", str(error)) or error from error
    if not path.is_file():
        raise UsageError(
            f"there is no file {path}",
            code=Cause.MISSING_FILE,
            file=str(path),
            try_=f"check the path given to {option}",
        )
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:  # what h5py makes of damaged files
        raise _corrupt(path, str(error).splitlines()[0] if str(error) else type(error).__name__) from error


def _group(file: h5py.File, name: str) -> Any:
    found = file.get(name)
    return found if hasattr(found, "keys") else None


def _check_size(path: Path, image: ImageFile, group: Any, keypoints: FloatArray) -> None:
    size = image.width, image.height
    told = tuple(int(length) for length in np.asarray(group["image_size"]).ravel()) if "image_size" in group else size
    outside = len(keypoints) > 0 and bool(np.any(keypoints.max(axis=0) > np.array(size) + 1))
    if told != size or outside:
        raise UsageError(
            f"the features of {image.name} are of a picture of another size than the photo's {size[0]}x{size[1]}"
            + (f": {told[0]}x{told[1]}" if told != size and len(told) == 2 else ""),
            code=Cause.BAD_VALUE,
            file=str(path),
            try_="give the photos that hloc saw",
        )


def _corrupt(path: Path, reason: str) -> ReconError:
    return UsageError(
        f"{path} cannot be read as hloc's: {reason}",
        code=Cause.CORRUPT_FILE,
        file=str(path),
        try_="give a features.h5 or matches.h5 that hloc wrote",
    )
