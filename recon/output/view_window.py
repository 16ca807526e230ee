"""The window on a scene. What is picked and what follows from it is `view_selection`'s; here it is only drawn."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from recon.output.scene import CAMERA_COLOR
from recon.output.view_drawing import lines_of, photos_of, point_radius_px, points_of
from recon.output.view_flight import fly_along
from recon.output.view_mouse import Mouse
from recon.output.view_scene import ViewScene
from recon.output.view_selection import Eye, Selection
from recon.output.viewpoint import Viewpoint

_WINDOW_SIZE = (1280, 800)
_PLAIN_BACKGROUNDS = ((0.13, 0.14, 0.16), (1.0, 1.0, 1.0))
_POLL_SECONDS = 0.02
_LOOK_SECONDS = 0.5
"""Between two looks whether there is a newer scene."""
_SECONDS_PER_CAMERA = 0.5


class Window:
    """A window on a scene; the help of `recon view` says what each key does."""

    def __init__(self, file: Path, title: str, is_live: bool = False) -> None:
        """Args: `file` holds the scene; a live window looks again and again whether it is another."""
        import open3d as o3d

        self.visualizer: Any = o3d.visualization.VisualizerWithKeyCallback()
        self._file = file
        self._title = title
        self._next_look = time.monotonic() + _LOOK_SECONDS if is_live else np.inf
        self._stamp = file.stat().st_mtime_ns
        self._shows_cameras = self._shows_photos = True
        self._colors = "colors"
        self._num_pictures = self._backgrounds = 0
        self._flight: list[Viewpoint] = []
        self._has_moved = False
        self.mouse = Mouse(self.visualizer, self.pick, self._leave_the_path)
        self._drawn: dict[str, list[Any]] = {"points": [], "cameras": [], "photos": [], "picked": []}
        self._load(ViewScene.read(file))

    def show(self) -> None:
        """Open the window and stay until the user closes it.

        Raises:
            RuntimeError: No window can be opened.
        """
        self.open()
        while self.visualizer.poll_events():
            if self.step():
                self.visualizer.update_renderer()
            time.sleep(_POLL_SECONDS)
        self.visualizer.destroy_window()

    def open(self) -> None:
        """Open the window.

        Raises:
            RuntimeError: No window can be opened.
        """
        visualizer = self.visualizer
        if not visualizer.create_window(self._title, *_WINDOW_SIZE) or visualizer.get_render_option() is None:
            raise RuntimeError("no window can be opened")
        option = visualizer.get_render_option()
        option.background_color = _PLAIN_BACKGROUNDS[0]
        option.light_on = False  # photos as they are
        option.mesh_show_back_face = True
        option.point_size = max(2.0, 2 * point_radius_px(self._shown.scene, _WINDOW_SIZE[0]))
        for keys, action in self._actions():
            for key in keys:
                visualizer.register_key_callback(key, _callback(action))
        self.mouse.listen()
        self._draw_all(is_first=True)
        self.reset()

    def step(self) -> bool:
        """Do what is due: the next picture of a flight, a newer scene; return whether anything changed."""
        if self._flight:
            self._look_from(self._flight.pop(0))
            return True
        if time.monotonic() < self._next_look:
            return False
        self._next_look = time.monotonic() + _LOOK_SECONDS
        stamp = self._file.stat().st_mtime_ns
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self._load(ViewScene.read(self._file))
        self._draw_all()
        if not self._has_moved:
            self.reset()
        return True

    def _load(self, shown: ViewScene) -> None:
        self._shown = shown
        self._selection = Selection(shown.scene.positions, shown.links)

    def _actions(self) -> list[tuple[tuple[int, ...], Callable[[], object]]]:
        # Keys as GLFW counts them: 334 and 333 are + and - of the number pad.
        return [
            ((ord("="), ord("+"), 334), lambda: self.scale_points(1.25)),
            ((ord("-"), 333), lambda: self.scale_points(0.8)),
            ((ord("C"),), self.toggle_cameras),
            ((ord("T"),), self.toggle_photos),
            ((ord("B"),), self.change_background),
            ((ord("R"),), self.reset),
            ((ord("S"),), self.save),
            ((ord("F"),), self.fly_or_land),
            ((ord("P"),), self.pick_in_the_middle),
            ((ord("1"),), lambda: self.color("colors")),
            ((ord("2"),), lambda: self.color("colors_by_images")),
            ((ord("3"),), lambda: self.color("colors_by_error")),
            ((ord("4"),), lambda: self.color("colors_by_model")),
        ]

    def scale_points(self, factor: float) -> None:
        """Draw points larger or smaller."""
        option = self.visualizer.get_render_option()
        option.point_size = float(np.clip(option.point_size * factor, 1.0, 30.0))

    def toggle_cameras(self) -> None:
        """Show or hide the cameras, with the photos in them."""
        self._shows_cameras = not self._shows_cameras
        self._draw_cameras()

    def toggle_photos(self) -> None:
        """Show or hide the photos in the cameras."""
        self._shows_photos = not self._shows_photos
        self._draw_cameras()

    def change_background(self) -> None:
        """Dark, white, dark, ..."""
        self._backgrounds += 1
        self.visualizer.get_render_option().background_color = _PLAIN_BACKGROUNDS[self._backgrounds % 2]

    def reset(self) -> None:
        """Look from the scene's viewpoint."""
        self._has_moved, self._flight = False, []
        self._look_from(self._shown.scene.viewpoint)

    def save(self) -> None:
        """Save a picture under the next free name."""
        self._num_pictures += 1
        while (path := Path(f"recon-view-{self._num_pictures}.png")).exists():
            self._num_pictures += 1
        self.visualizer.capture_screen_image(str(path), do_render=True)
        _say(f"saved {path}")

    def fly_or_land(self) -> None:
        """Begin a flight along the cameras, or end it."""
        self._has_moved = True
        count = round(max(len(self._shown.links.names), 6) * _SECONDS_PER_CAMERA / _POLL_SECONDS)
        self._flight = [] if self._flight else fly_along(self._shown, _WINDOW_SIZE, count)

    def color(self, name: str) -> None:
        """Colour the points by a field of the scene."""
        self._colors = name
        self._replace("points", [points_of(self._shown.scene.positions, getattr(self._shown.scene, name))])

    def pick(self, pixel: tuple[float, float]) -> None:
        """Pick what is drawn at a pixel, draw what follows from it, and say it in the terminal."""
        _say(self._selection.pick(self._eye(), pixel, self._shows_cameras))
        self._replace("picked", [lines_of(ends, color) for ends, color in self._selection.lines() if len(ends)])

    def pick_in_the_middle(self) -> None:
        """Pick what is in the middle of the window."""
        middle = self._eye().intrinsics[:2, 2]
        self.pick((float(middle[0]), float(middle[1])))

    def _leave_the_path(self) -> None:
        self._has_moved, self._flight = True, []

    def _control(self) -> Any:
        return self.visualizer.get_view_control()

    def _eye(self) -> Eye:
        parameters = self._control().convert_to_pinhole_camera_parameters()
        return Eye(np.array(parameters.intrinsic.intrinsic_matrix), np.array(parameters.extrinsic))

    def _look_from(self, view: Viewpoint) -> None:
        import open3d as o3d

        parameters = self._control().convert_to_pinhole_camera_parameters()
        extrinsic = np.eye(4)
        extrinsic[:3, :3] = view.cam_from_world
        extrinsic[:3, 3] = -view.cam_from_world @ view.position
        width, height = parameters.intrinsic.width, parameters.intrinsic.height
        focal_length = height / (2 * view.tangents[1])
        parameters.intrinsic = o3d.camera.PinholeCameraIntrinsic(
            width, height, focal_length, focal_length, width / 2 - 0.5, height / 2 - 0.5
        )
        parameters.extrinsic = extrinsic
        self._control().convert_from_pinhole_camera_parameters(parameters, allow_arbitrary=True)

    def _draw_all(self, is_first: bool = False) -> None:
        scene = self._shown.scene
        self._replace("points", [points_of(scene.positions, getattr(scene, self._colors))], is_first)
        self._draw_cameras(is_first)
        self._replace("picked", [])

    def _draw_cameras(self, is_first: bool = False) -> None:
        lines = [lines_of(self._shown.scene.camera_lines, CAMERA_COLOR)] if self._shows_cameras else []
        self._replace("cameras", lines, is_first)
        photos = photos_of(self._shown) if self._shows_cameras and self._shows_photos else None
        self._replace("photos", [photos] if photos is not None else [], is_first)

    def _replace(self, what: str, geometries: list[Any], is_first: bool = False) -> None:
        for geometry in self._drawn[what]:
            self.visualizer.remove_geometry(geometry, reset_bounding_box=False)
        self._drawn[what] = geometries
        for geometry in geometries:
            self.visualizer.add_geometry(geometry, reset_bounding_box=is_first)


def _callback(action: Callable[[], object]) -> Callable[[Any], bool]:
    def call(_: Any) -> bool:
        action()
        return True  # drawn anew

    return call


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
