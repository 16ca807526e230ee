"""The exact truth of a scene as `gt.json`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from recon.scenes.generator import Shot


def truth_of(shots: Iterable[Shot]) -> dict[str, Any]:
    """Return the JSON object of `gt.json`: R, t, K, width, height and dist of each photo.

    x_cam = R X + t, OpenCV axes, metres, pixel centres at whole numbers (add 0.5 to cx, cy for COLMAP).
    """
    images = {
        shot.name: {
            "R": shot.camera.rotation.tolist(),
            "t": shot.camera.translation.tolist(),
            "K": shot.camera.matrix.tolist(),
            "width": shot.camera.width,
            "height": shot.camera.height,
            "dist": list(shot.camera.distortion),
        }
        for shot in shots
    }
    return {"images": images}
