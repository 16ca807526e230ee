"""Shows a scene with Open3D: in a window, or rendered without one. The only module here that imports Open3D.

It runs as a process of its own (`python -m recon.output.viewer`), started by `recon.output.viewer_process`:
where a graphics driver is missing, Open3D ends the process that it runs in.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.output.picture import background, shrink
from recon.output.scene import CAMERA_COLOR, Scene

CANNOT_IMPORT = 90
"""Exit status when Open3D cannot be imported; the last line of standard error says why."""
_OVERSAMPLING = 2
_MAX_TEXTURE_PX = 8192
_WINDOW_SIZE = (1280, 800)
_PLAIN_BACKGROUNDS = ((0.13, 0.14, 0.16), (1.0, 1.0, 1.0))


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
        _points(scene.positions, scene.colors),
        _material("defaultUnlit", 1.8 * _point_radius_px(scene, width)),
    )
    if len(scene.camera_lines):
        renderer.scene.add_geometry("cameras", _lines(scene.camera_lines), _material("unlitLine", 1.5 * factor))
    renderer.setup_camera(
        float(np.degrees(2 * np.arctan(view.tangents[1]))),
        view.position + view.distance * view.cam_from_world[2],
        view.position,
        -view.cam_from_world[1],
        view.distance * 0.01,
        view.distance * 20,
    )
    np.save(path, shrink(np.asarray(renderer.render_to_image())[..., :3], factor))


class Window:
    """A window on a scene; the help of `recon view` says what each key does."""

    def __init__(self, scene: Scene, title: str) -> None:
        import open3d as o3d

        self._scene = scene
        self._title = title
        self._visualizer = o3d.visualization.VisualizerWithKeyCallback()
        self._points = _points(scene.positions, scene.colors)
        self._lines = _lines(scene.camera_lines)
        self._shows_cameras = True
        self._num_pictures = 0
        self._backgrounds = 0

    def show(self) -> None:
        """Open the window and stay until the user closes it.

        Raises:
            RuntimeError: No window can be opened.
        """
        visualizer = self._visualizer
        if not visualizer.create_window(self._title, *_WINDOW_SIZE) or visualizer.get_render_option() is None:
            raise RuntimeError("no window can be opened")
        visualizer.add_geometry(self._points)
        visualizer.add_geometry(self._lines)
        option = visualizer.get_render_option()
        option.background_color = _PLAIN_BACKGROUNDS[0]
        option.point_size = max(2.0, 2 * _point_radius_px(self._scene, _WINDOW_SIZE[0]))
        for keys, action in self._actions():
            for key in keys:
                visualizer.register_key_callback(key, action)
        self._reset(visualizer)
        visualizer.run()
        visualizer.destroy_window()

    def _actions(self) -> list[tuple[tuple[int, ...], Any]]:
        # Keys as GLFW counts them: 334 and 333 are + and - of the number pad.
        scene = self._scene
        return [
            ((ord("="), ord("+"), 334), lambda visualizer: self._scale_points(visualizer, 1.25)),
            ((ord("-"), 333), lambda visualizer: self._scale_points(visualizer, 0.8)),
            ((ord("C"),), self._toggle_cameras),
            ((ord("B"),), self._change_background),
            ((ord("R"),), self._reset),
            ((ord("S"),), self._save),
            ((ord("1"),), lambda visualizer: self._color(visualizer, scene.colors)),
            ((ord("2"),), lambda visualizer: self._color(visualizer, scene.colors_by_images)),
            ((ord("3"),), lambda visualizer: self._color(visualizer, scene.colors_by_error)),
        ]

    def _scale_points(self, visualizer: Any, factor: float) -> bool:
        option = visualizer.get_render_option()
        option.point_size = float(np.clip(option.point_size * factor, 1.0, 30.0))
        return False

    def _toggle_cameras(self, visualizer: Any) -> bool:
        self._shows_cameras = not self._shows_cameras
        change = visualizer.add_geometry if self._shows_cameras else visualizer.remove_geometry
        change(self._lines, reset_bounding_box=False)
        return True

    def _change_background(self, visualizer: Any) -> bool:
        self._backgrounds += 1
        visualizer.get_render_option().background_color = _PLAIN_BACKGROUNDS[self._backgrounds % 2]
        return False

    def _reset(self, visualizer: Any) -> bool:
        """Look from the scene's viewpoint."""
        import open3d as o3d

        view = self._scene.viewpoint
        control = visualizer.get_view_control()
        parameters = control.convert_to_pinhole_camera_parameters()
        extrinsic = np.eye(4)
        extrinsic[:3, :3] = view.cam_from_world
        extrinsic[:3, 3] = -view.cam_from_world @ view.position
        width, height = parameters.intrinsic.width, parameters.intrinsic.height
        focal_length = height / (2 * view.tangents[1])
        parameters.intrinsic = o3d.camera.PinholeCameraIntrinsic(
            width, height, focal_length, focal_length, width / 2 - 0.5, height / 2 - 0.5
        )
        parameters.extrinsic = extrinsic
        control.convert_from_pinhole_camera_parameters(parameters, allow_arbitrary=True)
        return False

    def _save(self, visualizer: Any) -> bool:
        self._num_pictures += 1
        while (path := Path(f"recon-view-{self._num_pictures}.png")).exists():
            self._num_pictures += 1
        visualizer.capture_screen_image(str(path), do_render=True)
        sys.stdout.write(f"saved {path}\n")
        sys.stdout.flush()
        return False

    def _color(self, visualizer: Any, colors: UInt8Array) -> bool:
        self._points.colors = _points(self._scene.positions, colors).colors
        visualizer.update_geometry(self._points)
        return False


def _points(positions: FloatArray, colors: UInt8Array) -> Any:
    import open3d as o3d

    points = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(positions))
    points.colors = o3d.utility.Vector3dVector(colors / 255.0)
    return points


def _lines(ends: FloatArray) -> Any:
    import open3d as o3d

    rows = np.arange(2 * len(ends)).reshape(-1, 2)
    lines = o3d.geometry.LineSet(o3d.utility.Vector3dVector(ends.reshape(-1, 3)), o3d.utility.Vector2iVector(rows))
    lines.paint_uniform_color(np.array(CAMERA_COLOR) / 255.0)
    return lines


def _material(shader: str, size_px: float) -> Any:
    import open3d as o3d

    material = o3d.visualization.rendering.MaterialRecord()
    material.shader = shader
    material.point_size = material.line_width = size_px
    return material


def _point_radius_px(scene: Scene, width: int) -> float:
    return scene.point_radius / scene.viewpoint.distance * width / (2 * scene.viewpoint.tangents[0])


def _backdrop(width: int, height: int) -> Any:
    import open3d as o3d

    # Filament takes the backdrop for sRGB and, without post-processing, leaves it linear.
    linear = np.rint(255 * (background(height) / 255.0) ** (1 / 2.2)).astype(np.uint8)
    rows: Any = np.ascontiguousarray(np.broadcast_to(linear, (height, width, 3)))
    return o3d.geometry.Image(rows)


def main(arguments: list[str]) -> int:
    """Carry out `screenshot SCENE FILE WIDTH HEIGHT` or `window SCENE TITLE`."""
    try:
        import open3d  # noqa: F401
    except (ImportError, OSError) as error:
        sys.stderr.write(f"\n{error}\n")
        return CANNOT_IMPORT
    task, scene, target, *size = arguments
    if task == "screenshot":
        screenshot(Scene.read(Path(scene)), Path(target), (int(size[0]), int(size[1])))
    else:
        Window(Scene.read(Path(scene)), target).show()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
