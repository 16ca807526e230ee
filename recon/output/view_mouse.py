"""The mouse in a window: dragging turns, moves and rolls; a click is handed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray

_PRESS, _LEFT, _MIDDLE = 1, 0, 2
_SHIFT, _CONTROL = 1, 2
_CLICK_PX = 3.0
"""A mouse that moves no farther between press and release clicks; else it drags."""


class Mouse:
    """Takes the place of Open3D's own handling, which tells nobody of a click; the wheel stays Open3D's."""

    def __init__(
        self, visualizer: Any, on_click: Callable[[tuple[float, float]], None], on_drag: Callable[[], None]
    ) -> None:
        """Args: `on_click` is called with the pixel; `on_drag` before each change of the view."""
        self._visualizer = visualizer
        self._on_click = on_click
        self._on_drag = on_drag
        self._place = self._pressed_at = np.zeros(2)
        self._drag: Callable[[FloatArray], None] | None = None

    def listen(self) -> None:
        """Be told by the window from now on."""
        self._visualizer.register_mouse_button_callback(lambda _, *event: self.press_or_release(*event))
        self._visualizer.register_mouse_move_callback(lambda _, x, y: self.move(x, y))

    def press_or_release(self, button: int, action: int, modifiers: int) -> bool:
        """Begin or end dragging; a click is handed on."""
        if action == _PRESS:
            self._pressed_at = self._place
            self._drag = self._drag_for(button, modifiers)
        elif self._drag is not None:
            self._drag = None
            if button == _LEFT and np.linalg.norm(self._place - self._pressed_at) <= _CLICK_PX:
                self._on_click((float(self._place[0]), float(self._place[1])))
        return False

    def move(self, x: float, y: float) -> bool:
        """Turn, move or roll, while a button is held."""
        before, self._place = self._place, np.array([x, y])
        if self._drag is not None and np.linalg.norm(self._place - self._pressed_at) > _CLICK_PX:
            self._on_drag()
            self._drag(before)
        return False

    def _drag_for(self, button: int, modifiers: int) -> Callable[[FloatArray], None] | None:
        if button == _MIDDLE or (button == _LEFT and modifiers & _CONTROL):
            return lambda before: self._control().translate(*(self._place - before), *before)
        if button == _LEFT and modifiers & _SHIFT:
            return self._roll
        return (lambda before: self._control().rotate(*(self._place - before), *before)) if button == _LEFT else None

    def _roll(self, before: FloatArray) -> None:
        """Turn the picture about its middle, as the mouse goes around it."""
        parameters = self._control().convert_to_pinhole_camera_parameters()
        middle = np.array(parameters.intrinsic.intrinsic_matrix)[:2, 2]
        was, now = before - middle, self._place - middle
        angle = np.arctan2(was[0] * now[1] - was[1] * now[0], was @ now)
        turn = np.eye(4)
        turn[:2, :2] = [(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))]
        parameters.extrinsic = turn @ parameters.extrinsic
        self._control().convert_from_pinhole_camera_parameters(parameters, allow_arbitrary=True)

    def _control(self) -> Any:
        return self._visualizer.get_view_control()
