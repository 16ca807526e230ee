"""Sizes and orientations: which the photos have, and which of them are out of the ordinary."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from recon.core.data import ImageFile
from recon.preflight.findings import Finding, Severity, Topic, count

_ORIENTATIONS = {
    1: "upright",
    2: "mirrored",
    3: "upside down",
    4: "mirrored, upside down",
    5: "mirrored, on its side",
    6: "turned left",
    7: "mirrored, on its side",
    8: "turned right",
}
"""How the sensor pixels lie, by EXIF's value."""


def count_sizes(images: Sequence[ImageFile]) -> list[tuple[tuple[int, int], int]]:
    """Return each size of sensor pixels, width and height, and how many photos have it; the most frequent first."""
    return Counter((image.width, image.height) for image in images).most_common()


def count_orientations(images: Sequence[ImageFile]) -> dict[int, int]:
    """Return how many photos have each EXIF orientation."""
    return dict(sorted(Counter(image.orientation for image in images).items()))


def find_odd_sizes(images: Sequence[ImageFile]) -> list[Finding]:
    """Return what there is to say of sizes and orientations."""
    findings = []
    sizes = count_sizes(images)
    if len(sizes) > 1:
        listed = ", ".join(f"{number} of {width}x{height}" for (width, height), number in sizes[:4])
        more = f" and {len(sizes) - 4} more" if len(sizes) > 4 else ""
        aspects = {round(max(size) / min(size), 2) for size, _ in sizes}
        detail = f"{len(sizes)} sizes, {count(len(aspects), 'aspect ratio')}: {listed}{more}; each needs its own camera"
        findings.append(Finding(Topic.MIXED_SIZES, Severity.NOTE, detail))
    findings += _edited(images)
    turned = {value: number for value, number in count_orientations(images).items() if value != 1}
    if turned:
        listed = ", ".join(f"{number} {_ORIENTATIONS[value]} ({value})" for value, number in turned.items())
        names = tuple(image.name for image in images if image.orientation != 1)
        detail = f"EXIF turns {count(len(names), 'photo')}: {listed}; recon turns them for the extractor only"
        findings.append(Finding(Topic.ORIENTATION, Severity.NOTE, detail, names))
    return findings


def _edited(images: Sequence[ImageFile]) -> list[Finding]:
    """Return photos of a size that hardly any other photo of the same camera has: cropped, resized or turned."""
    by_camera = defaultdict(list)
    for image in images:
        if image.exif.make and image.exif.model:
            by_camera[image.exif.make, image.exif.model].append(image)
    findings = []
    for (make, model), photos in by_camera.items():
        (usual, number), *others = count_sizes(photos)
        if not others or number < 3 or number <= len(photos) // 2:
            continue
        odd = [image for image in photos if (image.width, image.height) != usual]
        all_turned = all((image.height, image.width) == usual for image in odd)
        how = "turned" if all_turned else "cropped or resized"
        detail = (
            f"{how}: {number} other photos of this {make} {model} have {usual[0]}x{usual[1]} pixels, "
            f"{'these' if len(odd) > 1 else 'this one'} {odd[0].width}x{odd[0].height}"
        )
        next_step = "use the originals: editing moves the optical centre, and these photos get a camera of their own"
        names = tuple(image.name for image in odd)
        findings.append(Finding(Topic.ODD_SIZE, Severity.WARNING, detail, names, next_step))
    return findings
