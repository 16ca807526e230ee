"""Writes a model as glTF 2.0 in one binary file: coloured points, a node and camera for each photo, their outlines.

glTF's world has y up and its cameras look along -z with y up (OpenGL). The node `recon` turns the model's frame,
whose y mostly points down, by 180 degrees about x, or one whose z points up by 90; below it stand the points and poses
as the model has them. glTF counts in metres: `extras` of the asset says what this model counts in. A glTF camera is a
pinhole in the middle of the picture: the exact intrinsics stand in `extras` of the node.
"""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from recon.core.frame import ARBITRARY, ModelFrame
from recon.output.files import replacing
from recon.output.geometry import camera_poses, frustum_lines, point_cloud
from recon.output.photo_files import registered_images
from recon.output.scene import CAMERA_COLOR
from recon.output.viewpoint import frustum_depth

if TYPE_CHECKING:
    import pycolmap

_MAGIC, _VERSION, _JSON, _BIN = 0x46546C67, 2, 0x4E4F534A, 0x004E4942
_POINTS, _LINES = 0, 1
_FLOAT, _UNSIGNED_BYTE = 5126, 5121
_ARRAY_BUFFER = 34962
_Y_UP_FROM_Y_DOWN = [1.0, 0.0, 0.0, 0.0]
"""Half a turn about x, as glTF writes rotations: x, y, z, w."""
_Y_UP_FROM_Z_UP = [-math.sqrt(0.5), 0.0, 0.0, math.sqrt(0.5)]
"""A quarter turn back about x."""


def write_glb(model: pycolmap.Reconstruction, path: Path, frame: ModelFrame = ARBITRARY) -> None:
    """Write the file `path`; points without a finite position are left out.

    Raises:
        OSError: The file cannot be written.
    """
    scene = _Scene(frame)
    cloud, poses = point_cloud(model), camera_poses(model)
    if len(cloud.positions):
        scene.add_mesh("points", _POINTS, cloud.positions, cloud.colors)
    if poses.names:
        lines = frustum_lines(poses, frustum_depth(cloud, poses)).reshape(-1, 3)
        scene.add_mesh("cameras", _LINES, lines, np.full((len(lines), 3), CAMERA_COLOR, np.uint8))
    for image in registered_images(model):
        scene.add_camera(image, model.camera(image.camera_id))
    with replacing(path) as temporary:
        temporary.write_bytes(scene.to_bytes())


class _Scene:
    """glTF's tables while they grow, and the bytes that they speak of."""

    def __init__(self, frame: ModelFrame) -> None:
        turn = _Y_UP_FROM_Z_UP if frame.is_z_up else _Y_UP_FROM_Y_DOWN
        self._nodes: list[dict[str, Any]] = [{"name": "recon", "rotation": turn, "children": []}]
        self._frame = frame
        self._tables: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("meshes", "cameras", "accessors", "bufferViews")
        }
        self._content = bytearray()
        self._cameras: dict[int, int] = {}

    def add_mesh(self, name: str, mode: int, positions: npt.NDArray[Any], colors: npt.NDArray[np.uint8]) -> None:
        """Add (N, 3) positions with (N, 3) RGB colours, as points or as the ends of lines."""
        opaque = np.column_stack([colors, np.full(len(colors), 255, np.uint8)])  # four bytes: glTF aligns to four
        low_precision = positions.astype("<f4")
        bounds = {"min": low_precision.min(axis=0).tolist(), "max": low_precision.max(axis=0).tolist()}
        attributes = {
            "POSITION": self._add_array(low_precision, _FLOAT, "VEC3", **bounds),
            "COLOR_0": self._add_array(opaque, _UNSIGNED_BYTE, "VEC4", normalized=True),
        }
        mesh = self._add("meshes", {"name": name, "primitives": [{"attributes": attributes, "mode": mode}]})
        self._add_node({"name": name, "mesh": mesh})

    def add_camera(self, image: pycolmap.Image, camera: pycolmap.Camera) -> None:
        """Add a photo's camera where it was taken."""
        world_from_cam = image.cam_from_world().inverse()
        x, y, z, w = world_from_cam.rotation.quat.tolist()
        photo = {
            "name": image.name,
            # Times half a turn about x, from OpenCV's axes to OpenGL's.
            "rotation": [w, z, -y, -x],
            "translation": world_from_cam.translation.tolist(),
            "children": [len(self._nodes) + 1],
            "extras": {
                "camera_model": camera.model_name,
                "width": camera.width,
                "height": camera.height,
                "params": camera.params.tolist(),
            },
        }
        self._add_node(photo)
        # A node of its own: some readers keep of a node with a camera neither name nor place.
        self._nodes.append({"name": f"camera of {image.name}", "camera": self._camera_row(camera)})

    def to_bytes(self) -> bytes:
        """Return the file's content."""
        tables: dict[str, Any] = {name: rows for name, rows in self._tables.items() if rows}
        document = {
            "asset": {
                "version": "2.0",
                "generator": "recon",
                "extras": {"units": str(self._frame.units), "about": "; ".join(self._frame.plain_lines())},
            },
            "scene": 0,
            "scenes": [{"name": "recon", "nodes": [0]}],
            "nodes": self._nodes,
        } | tables
        if self._content:
            document["buffers"] = [{"byteLength": len(self._content)}]
        text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode("ascii")
        chunks = [(_JSON, text + b" " * (-len(text) % 4))]
        if self._content:
            chunks.append((_BIN, bytes(self._content) + bytes(-len(self._content) % 4)))
        body = b"".join(struct.pack("<II", len(chunk), kind) + chunk for kind, chunk in chunks)
        return struct.pack("<III", _MAGIC, _VERSION, 12 + len(body)) + body

    def _add(self, table: str, row: dict[str, Any]) -> int:
        self._tables[table].append(row)
        return len(self._tables[table]) - 1

    def _add_node(self, node: dict[str, Any]) -> None:
        self._nodes[0]["children"].append(len(self._nodes))
        self._nodes.append(node)

    def _add_array(self, array: npt.NDArray[Any], component: int, shape: str, **more: Any) -> int:
        content = np.ascontiguousarray(array).tobytes()
        view = {"buffer": 0, "byteOffset": len(self._content), "byteLength": len(content), "target": _ARRAY_BUFFER}
        self._content += content
        row = {
            "bufferView": self._add("bufferViews", view),
            "componentType": component,
            "count": len(array),
            "type": shape,
        }
        return self._add("accessors", row | more)

    def _camera_row(self, camera: pycolmap.Camera) -> int:
        if camera.camera_id not in self._cameras:
            # A panorama has no focal length; draw it at 90 degrees, as the viewer does.
            focal = camera.mean_focal_length() if len(camera.params) > 2 else 0.0
            focal = focal if math.isfinite(focal) and focal > 0 else camera.height / 2
            lens = {
                "aspectRatio": camera.width / max(camera.height, 1),
                "yfov": 2 * math.atan(camera.height / 2 / max(focal, 1e-9)),
                "znear": 0.01,
            }
            row = {"name": f"camera {camera.camera_id}", "type": "perspective", "perspective": lens}
            self._cameras[camera.camera_id] = self._add("cameras", row)
        return self._cameras[camera.camera_id]
