"""Writes a model as VisualSFM's NVM_V3.

Cameras have OpenCV's axes, a quaternion (w, x, y, z) from world to camera, and their centre; positions in a photo are
from the principal point, x to the right, y down, in pixels. The one distortion parameter r works on what was
measured: (1 + r |m|^2) m = P.xy / P.z with m = position / f. COLMAP's lenses work the other way round, so that r is
fitted to the inverse over the model's own observations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.errors import Cause, UsageError
from recon.output.files import replacing
from recon.output.photo_files import registered_images
from recon.output.radial import RadialLens, check_one_word, radial_lens
from recon.output.tracks import Track, exact_words, finite_tracks

if TYPE_CHECKING:
    import pycolmap

_MAX_MEAN_MISFIT_PX = 0.5
"""On average over the observations: above the noise of good keypoints, the file would be a worse model."""
_WORTH_A_NOTE_PX = 0.1
"""The largest misfit below which nobody would notice: keypoints are placed no better."""


def write_nvm(model: pycolmap.Reconstruction, path: Path, note: Callable[[str], None] = lambda message: None) -> None:
    """Write the file `path`; a blank in a photo's name becomes a quotation mark, as VisualSFM has it.

    Args:
        note: Told how well r fits, where that shows.

    Raises:
        UsageError: A camera or a name that the format cannot hold.
        OSError: The file cannot be written.
    """
    images = registered_images(model)
    check_one_word((image.name for image in images), "nvm", forbidden='"', spaces=True)
    lenses = {image.camera_id: radial_lens(model.camera(image.camera_id), "nvm") for image in images}
    tracks = finite_tracks(model, images)
    inverse = _inverse_distortions(images, lenses, tracks, note)
    lines = ["NVM_V3", "", str(len(images))]
    for image in images:
        x, y, z, w = image.cam_from_world().rotation.quat
        pose = (w, x, y, z, *image.projection_center())
        numbers = (lenses[image.camera_id].focal_length, *pose, inverse[image.camera_id])
        lines.append(f"{image.name.replace(' ', chr(34))} {exact_words(numbers)} 0")
    lines += ["", str(len(tracks))]
    for track in tracks:
        sightings = [f"{s.image_row} {s.keypoint_row} {exact_words((s.x, s.y))}" for s in track.sightings]
        lines.append(" ".join([exact_words(track.position), *map(str, track.color), str(len(sightings)), *sightings]))
    with replacing(path) as temporary:
        temporary.write_text("\n".join([*lines, "", "0", ""]), "utf-8")


def _inverse_distortions(
    images: Sequence[pycolmap.Image],
    lenses: dict[int, RadialLens],
    tracks: Sequence[Track],
    note: Callable[[str], None],
) -> dict[int, float]:
    """Return r by camera id."""
    seen: dict[int, list[tuple[float, float]]] = {camera_id: [] for camera_id in lenses}
    for track in tracks:
        for sighting in track.sightings:
            seen[images[sighting.image_row].camera_id].append((sighting.x, sighting.y))
    inverse, worst = {}, (0.0, 0.0)
    for camera_id, lens in lenses.items():
        inverse[camera_id] = -lens.k1
        if not seen[camera_id] or not (lens.k1 or lens.k2):
            continue
        inverse[camera_id], misfits = _fit(np.array(seen[camera_id]) / lens.focal_length, lens)
        mean, largest = float(misfits.mean()) * lens.focal_length, float(misfits.max()) * lens.focal_length
        if mean > _MAX_MEAN_MISFIT_PX:
            raise UsageError(
                f"nvm's one distortion parameter misses the lens of camera {camera_id} by {mean:.2f} px on average",
                code=Cause.BAD_VALUE,
                try_="undistort first: `recon export OUT gsplat DIR`, then `recon export DIR nvm DEST`",
            )
        worst = max(worst, (mean, largest))
    if worst[1] > _WORTH_A_NOTE_PX:
        note(
            f"nvm has one distortion parameter, of the inverse kind: it is {worst[0]:.2f} px off on average, at most "
            f"{worst[1]:.1f} px; exact after `recon export OUT gsplat DIR`"
        )
    return inverse


def _fit(measured: FloatArray, lens: RadialLens) -> tuple[float, FloatArray]:
    """Return the least-squares r for (N, 2) measured positions, and (N,) how far it misses; all in focal lengths."""
    radii = np.linalg.norm(measured, axis=1)
    straight = radii.copy()
    for _ in range(50):  # Newton's method on straight (1 + k1 straight^2 + k2 straight^4) = radius
        squared = straight**2
        value = straight * (1 + lens.k1 * squared + lens.k2 * squared**2) - radii
        straight -= value / (1 + 3 * lens.k1 * squared + 5 * lens.k2 * squared**2)
    cubes = radii**3
    r = float((cubes * (straight - radii)).sum() / max(float((cubes**2).sum()), 1e-300))
    return r, np.abs(radii + r * cubes - straight)
