"""Shows a scene with Open3D: in a window, or rendered without one.

It runs as a process of its own (`python -m recon.output.viewer`), started by `recon.output.viewer_process`:
where a graphics driver is missing, Open3D ends the process that it runs in.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from recon.output.picture import background, shrink
from recon.output.scene import CAMERA_COLOR, Scene
from recon.output.view_drawing import lines_of, point_radius_px, points_of
from recon.output.view_window import Window

CANNOT_IMPORT = 90
"""Exit status when Open3D cannot be imported; the last line of standard error says why."""
_OVERSAMPLING = 2
_MAX_TEXTURE_PX = 8192


def screenshot(scene: Scene, path: Path, size: tuple[int, int]) -> None:
    """Render a scene without a window, and keep the (H, W, 3) uint8 pixels as npy; `size` is width, height."""
    import open3d as o3d

    # Rendered larger and reduced, which smooths edges on every driver alike.
    factor = _OVERSAMPLING if max(size) * _OVERSAMPLING <= _MAX_TEXTURE_PX else 1
    width, height = size[0] * factor, size[1] * factor
    view = scene.viewpoint
    renderer = o3d.visualization.rendering.OffscreenRenderer(width, height)
    renderer.scene.view.set_post_processing(False)  # colours as they are
    renderer.scene.set_background(np.ones(4), _backdrop(width, height))
    renderer.scene.add_geometry(
        "points",
        points_of(scene.positions, scene.colors),
        _material("defaultUnlit", 1.8 * point_radius_px(scene, width)),
    )
    if len(scene.camera_lines):
        renderer.scene.add_geometry(
            "cameras", lines_of(scene.camera_lines, CAMERA_COLOR), _material("unlitLine", 1.5 * factor)
        )
    renderer.setup_camera(
        float(np.degrees(2 * np.arctan(view.tangents[1]))),
        view.position + view.distance * view.cam_from_world[2],
        view.position,
        -view.cam_from_world[1],
        view.distance * 0.01,
        view.distance * 20,
    )
    np.save(path, shrink(np.asarray(renderer.render_to_image())[..., :3], factor))


def _material(shader: str, size_px: float) -> Any:
    import open3d as o3d

    material = o3d.visualization.rendering.MaterialRecord()
    material.shader = shader
    material.point_size = material.line_width = size_px
    return material


def _backdrop(width: int, height: int) -> Any:
    import open3d as o3d

    # Filament takes the backdrop for sRGB and, without post-processing, leaves it linear.
    linear = np.rint(255 * (background(height) / 255.0) ** (1 / 2.2)).astype(np.uint8)
    rows: Any = np.ascontiguousarray(np.broadcast_to(linear, (height, width, 3)))
    return o3d.geometry.Image(rows)


def main(arguments: list[str]) -> int:
    """Carry out `screenshot SCENE FILE WIDTH HEIGHT`, `window SCENE TITLE` or `live SCENE TITLE`."""
    try:
        import open3d  # noqa: F401
    except (ImportError, OSError) as error:
        sys.stderr.write(f"\n{error}\n")
        return CANNOT_IMPORT
    task, scene, target, *size = arguments
    if task == "screenshot":
        screenshot(Scene.read(Path(scene)), Path(target), (int(size[0]), int(size[1])))
    else:
        Window(Path(scene), target, is_live=task == "live").show()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
