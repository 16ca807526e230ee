"""What Bundler and NVM can say of a camera: one focal length, the principal point in the middle, radial distortion."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from recon.core.errors import Cause, UsageError

if TYPE_CHECKING:
    import pycolmap

_MODELS = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV", "FULL_OPENCV")
_MAX_FOCAL_EFFECT_PX = 1e-3
"""How far two focal lengths that are taken for one may move a point at the picture's edge."""


class RadialLens(NamedTuple):
    """p' = focal_length (1 + k1 r^2 + k2 r^4) p, from the principal point, in pixels."""

    focal_length: float
    k1: float
    k2: float


def radial_lens(camera: pycolmap.Camera, file_format: str) -> RadialLens:
    """Return the lens of a camera, exactly.

    Raises:
        UsageError: BAD_VALUE where the camera has more to it than these three numbers.
    """
    values = dict(zip(camera.params_info.split(", "), map(float, camera.params), strict=True))
    k1, k2 = values.get("k1", values.get("k", 0.0)), values.get("k2", 0.0)
    beyond = [name for name in ("p1", "p2", "k3", "k4", "k5", "k6") if values.get(name)]
    if camera.model_name in _MODELS and not beyond:
        focal_x, focal_y = values.get("fx", values.get("f", 0.0)), values.get("fy", values.get("f", 0.0))
        # The mean lies half the difference from either, and the edge about half a picture from the middle.
        if (
            abs(focal_x - focal_y) / 2 * max(camera.width / focal_x, camera.height / focal_y) / 2
            <= _MAX_FOCAL_EFFECT_PX
        ):
            return RadialLens((focal_x + focal_y) / 2, k1, k2)
        beyond = ["two focal lengths"]
    raise UsageError(
        f"{file_format} cannot express camera {camera.camera_id} ({camera.model_name}"
        f"{', with ' + ', '.join(beyond) if beyond else ''}): it has one focal length and radial distortion",
        code=Cause.BAD_VALUE,
        try_="run again with --camera-model SIMPLE_RADIAL or RADIAL, or export nerfstudio or colmap",
    )


def check_one_word(names: Iterable[str], file_format: str, *, forbidden: str = "", spaces: bool = False) -> None:
    """Refuse names that a file of words between blanks cannot hold.

    Args:
        forbidden: More characters that the format gives a meaning.
        spaces: Whether the format has a way to write the blank itself.

    Raises:
        UsageError: BAD_VALUE, naming the first.
    """
    for name in names:
        held = name.replace(" ", "") if spaces else name
        if not name or any(c.isspace() or not c.isprintable() or c in forbidden for c in held):
            raise UsageError(
                f"{file_format} separates its words by blanks and cannot hold the photo name {name!r}",
                code=Cause.BAD_VALUE,
                file=name,
                try_="rename the photos and map again, or export colmap, nerfstudio or csv, which hold any name",
            )
