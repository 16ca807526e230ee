"""Whether a photo was left out because it is mirrored: its features never match, those of its flipped pixels do.

A handful of photos is tried, small, each against a few others, so that this costs a fraction of the matching.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.data import Features, Image, ImageFile, LeftOut, Matches
from recon.core.errors import Cause
from recon.matching.images import UnreadableImage, load_image
from recon.run import Run

MOST_TRIED = 4
_PHOTOS_PER_TRIAL = 12
"""Photos left out that are flipped: at most four, and one for each dozen of the set, but one in any case."""
_PARTNERS = 8
"""Photos that a flipped one is compared with."""
_MAX_SIZE = 400
_MOST_KEYPOINTS = 600
_MAX_RATIO = 0.85
"""Between the distances to the nearest and the second nearest descriptor."""
_MIN_INLIERS = 50
"""With one partner. Photos of lund_door and cyprus that were flipped have 200 to 380; two of a symmetric building, each
as it was taken, 27."""
_TRIED = frozenset(
    {
        Cause.NO_MATCHES,
        Cause.NO_VERIFIED_GEOMETRY,
        Cause.NOT_CONNECTED,
        Cause.FEW_CORRESPONDENCES,
        Cause.POSE_REJECTED,
    }
)


def find_mirrored(run: Run, left_out: Sequence[LeftOut], registered: frozenset[str]) -> list[LeftOut]:
    """Return the photos left out, with those named that fit a registered one when they are flipped left to right."""
    if run.sees_pixels or not registered:
        return list(left_out)
    doubtful = _most_likely_first(run, [each for each in left_out if each.cause in _TRIED], registered)
    if not doubtful:
        return list(left_out)
    images = {image.name: image for image in run.usable}
    num_tried = min(MOST_TRIED, max(1, len(images) // _PHOTOS_PER_TRIAL))
    extraction = run.make_extraction()
    found: dict[str, LeftOut] = {}
    for each in doubtful[:num_tried]:
        try:
            seen = load_image(images[each.image], min(_MAX_SIZE, run.plan.max_size))
        except UnreadableImage:
            continue
        features = _strongest(extraction.extractor.extract(_flipped(seen)))
        partners = _partners(each.image, sorted(images), registered)
        if fit := _fit(run, images[each.image], features, partners):
            found[each.image] = _mirrored(each, fit, images[each.image])
    return [found.get(each.image, each) for each in left_out]


def _most_likely_first(run: Run, photos: Sequence[LeftOut], registered: frozenset[str]) -> list[LeftOut]:
    """Return those of a camera that took registered photos first: others rather show another place."""
    known = {
        name
        for camera in run.grouping.cameras
        if not registered.isdisjoint(camera.image_names)
        for name in camera.image_names
    }

    def rank(photo: LeftOut) -> tuple[bool, int, str]:
        return photo.image not in known, -photo.evidence["keypoints"], photo.image

    return sorted(photos, key=rank)


def _flipped(image: Image) -> Image:
    mask = None if image.mask is None else np.ascontiguousarray(image.mask[:, ::-1])
    return Image(image.name, np.ascontiguousarray(image.pixels[:, ::-1]), mask)


def _strongest(features: Features) -> Features:
    if len(features) <= _MOST_KEYPOINTS or features.scores is None:
        return features
    rows = np.argsort(-features.scores, kind="stable")[:_MOST_KEYPOINTS]
    return Features(features.keypoints[rows], features.descriptors[rows], features.image_size)


def _partners(name: str, names: Sequence[str], registered: Collection[str]) -> list[str]:
    """Return the photos to compare with: the nearest registered ones by name, and others evenly spread."""
    others = [other for other in names if other in registered]
    place = sum(other < name for other in others)
    near = others[max(0, place - _PARTNERS // 4) : place + _PARTNERS // 4]
    rest = [other for other in others if other not in near]
    step = max(1, len(rest) // max(1, _PARTNERS - len(near)))
    return [*near, *rest[::step]][:_PARTNERS]


def _fit(run: Run, image: ImageFile, flipped: Features, partners: Sequence[str]) -> Mapping[str, int]:
    """Return the partners with which the flipped photo is verified, with the number of inliers, most first."""
    from recon.engine.database import make_camera
    from recon.engine.two_view import verify_pair

    cameras = {name: make_camera(group) for group in run.grouping.cameras for name in group.image_names}
    # The camera of a photo that is stored sideways lies across the seen pixels: its focal length is what counts here.
    keypoints = flipped.keypoints * np.float32(max(image.width, image.height) / max(flipped.image_size))
    found = {}
    for other in partners:
        features = run.features[other]
        matches = _match(flipped.descriptors, features.descriptors)
        geometry = verify_pair(
            cameras[image.name], keypoints, cameras[other], features.keypoints, matches, run.verification
        )
        if len(geometry.inliers) >= _MIN_INLIERS:
            found[other] = len(geometry.inliers)
    return dict(sorted(found.items(), key=lambda each: -each[1]))


def _match(descriptors1: FloatArray, descriptors2: FloatArray) -> Matches:
    """Return mutual nearest neighbours that pass the ratio test; descriptors have length 1."""
    if len(descriptors1) < 2 or len(descriptors2) < 2:
        return Matches.none()
    products = descriptors1 @ descriptors2.T
    rows = np.arange(len(products))
    nearest = products.argmax(1)
    best = products[rows, nearest]
    is_mutual = products.argmax(0)[nearest] == rows
    products[rows, nearest] = -1
    distance, second = (np.sqrt(np.maximum(2 - 2 * each, 0)) for each in (best, products.max(1)))
    kept = rows[is_mutual & (distance < _MAX_RATIO * second)]
    return Matches(np.stack([kept, nearest[kept]], 1).astype(np.uint32))


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.stem}-flipped{path.suffix}")


def _mirrored(left_out: LeftOut, fit: Mapping[str, int], image: ImageFile) -> LeftOut:
    closest = next(iter(fit))
    fits = f"flipped left to right it is verified with {closest} by {fit[closest]} inliers"
    detail = f"{fits}; as it is, {left_out.detail}"
    flip = (
        "from PIL import Image, ImageOps; "
        f"ImageOps.mirror(Image.open({str(image.path)!r})).save({str(_beside(image.path))!r})"
    )
    return replace(
        left_out,
        cause=Cause.MIRRORED,
        detail=detail,
        try_=f"put a flipped copy in its place, and give the same command again: python -c {shlex.quote(flip)}",
        evidence={**left_out.evidence, "flipped_inliers": dict(fit), "so": str(left_out.cause)},
    )
