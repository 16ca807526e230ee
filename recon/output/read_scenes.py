"""Reads nerfstudio's datasets, PLY and glTF files and our table of poses, as their descriptions say."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.errors import Cause, ReconError
from recon.output.read_back import Projection, ReadBack, ReadView, UnreadableExport, rotation_of_quaternion
from recon.output.read_colmap import camera_named, projection_of

_OPENGL_AXES = np.diag([1.0, -1.0, -1.0])
_PLY_TYPES = {"float": "<f4", "double": "<f8", "uchar": "u1", "int": "<i4", "uint": "<u4"}
_MODEL_FROM_GLTF_WORLD = (np.diag([1.0, -1.0, -1.0]), np.array([(1.0, 0, 0), (0, 0, -1), (0, 1, 0)]))
"""What the node `recon` undoes: of a model whose y points down, and of one whose z points up."""


def read_nerfstudio(folder: Path) -> ReadBack:
    """Return what transforms.json holds, with the points and photos that it names, in the frame before
    `applied_transform`."""
    content = json.loads((folder / "transforms.json").read_text("utf-8"))
    applied = np.array(content.get("applied_transform", np.eye(4)[:3]), np.float64)
    back, offset = np.linalg.inv(applied[:, :3]), applied[:, 3]
    has_photos = (folder / "images").exists()
    views = []
    for frame in content["frames"]:
        world_from_cam = np.array(frame["transform_matrix"], np.float64)
        rotation = (back @ world_from_cam[:3, :3] @ _OPENGL_AXES).T
        center = back @ (world_from_cam[:3, 3] - offset)
        views.append(
            ReadView(
                frame["file_path"].removeprefix("images/"),
                np.column_stack([rotation, -rotation @ center]),
                _nerfstudio_projection(content | frame),
                size=((content | frame)["w"], (content | frame)["h"]),
                photo=folder / frame["file_path"] if has_photos else None,
            )
        )
    reader = "nerfstudio's data conventions"
    if "ply_file_path" not in content:
        return ReadBack(reader, tuple(views), np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
    points, colors = _read_ply(folder / content["ply_file_path"])
    return ReadBack(reader, tuple(views), (points - offset) @ back.T, colors)


def _nerfstudio_projection(values: Mapping[str, Any]) -> Projection:
    k1, k2, k3, k4, p1, p2 = (float(values.get(name, 0.0)) for name in ("k1", "k2", "k3", "k4", "p1", "p2"))
    focal = np.array([values["fl_x"], values["fl_y"]], np.float64)
    middle = np.array([values["cx"], values["cy"]], np.float64)

    def perspective(in_cam: FloatArray) -> FloatArray:
        x, y = (in_cam[:, :2] / in_cam[:, 2:]).T
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * (k3 + r2 * k4)))
        bent_x = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        bent_y = y * radial + 2 * p2 * x * y + p1 * (r2 + 2 * y * y)
        pixels: FloatArray = np.column_stack([bent_x, bent_y]) * focal + middle
        return pixels

    def fisheye(in_cam: FloatArray) -> FloatArray:
        aside = np.linalg.norm(in_cam[:, :2], axis=1)
        theta = np.arctan2(aside, in_cam[:, 2])
        t2 = theta * theta
        radius = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
        pixels: FloatArray = in_cam[:, :2] * (radius / np.maximum(aside, 1e-300))[:, None] * focal + middle
        return pixels

    kinds = {"OPENCV": perspective, "OPENCV_FISHEYE": fisheye}
    if values["camera_model"] not in kinds:
        raise UnreadableExport(f"nerfstudio knows no camera_model {values['camera_model']!r}")
    return kinds[values["camera_model"]]


def read_ply(path: Path) -> ReadBack:
    """Return the points of a binary PLY file."""
    return ReadBack("the PLY header", None, *_read_ply(path))


def _read_ply(path: Path) -> tuple[FloatArray, UInt8Array]:
    head, _, body = path.read_bytes().partition(b"end_header\n")
    fields, count = [], 0
    for line in head.decode("ascii").splitlines():
        words = line.split()
        if words[:2] == ["element", "vertex"]:
            count = int(words[2])
        elif words[:1] == ["property"]:
            fields.append((words[2], _PLY_TYPES[words[1]]))
    rows = np.frombuffer(body, np.dtype(fields), count)
    positions = np.column_stack([rows[axis] for axis in "xyz"]).astype(np.float64)
    return positions, np.column_stack([rows[channel] for channel in ("red", "green", "blue")])


def read_pose_table(path: Path) -> ReadBack:
    """Return the poses and cameras of a CSV table."""
    views = []
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            w, x, y, z, *translation = (float(row[name]) for name in ("qw", "qx", "qy", "qz", "tx", "ty", "tz"))
            rotation = rotation_of_quaternion(w, x, y, z)
            center = np.array([float(row[f"center_{axis}"]) for axis in "xyz"])
            if np.linalg.norm(rotation @ center + translation) > 1e-9 * (1 + np.linalg.norm(translation)):
                raise UnreadableExport(f"the centre of {row['name']!r} is not that of its pose")
            width, height = int(row["width"]), int(row["height"])
            params = [float(word) for word in row["params"].split()]
            camera = camera_named(row["camera_model"], width, height, params)
            pose = np.column_stack([rotation, translation])
            views.append(ReadView(row["name"], pose, projection_of(camera), size=(width, height)))
    return ReadBack("its header row", tuple(views))


def read_glb(path: Path) -> ReadBack:
    """Return the points and cameras of a glTF file, by trimesh.

    Raises:
        ReconError: MISSING_LIBRARY.
    """
    try:
        import trimesh
    except ImportError as error:
        raise ReconError(
            "checking a glb file needs trimesh, which is not installed",
            code=Cause.MISSING_LIBRARY,
            try_="pip install trimesh, or export without --check",
        ) from error
    with path.open("rb") as stream:
        scene = trimesh.load_scene(stream, file_type="glb")
    views = []
    parents = scene.graph.transforms.parents
    model_from_world = np.asarray(scene.graph.get("recon")[0], np.float64)[:3, :3].T
    if not any(np.allclose(model_from_world, known) for known in _MODEL_FROM_GLTF_WORLD):
        raise UnreadableExport("the node `recon` turns neither y down nor z up to glTF's y up")
    for name in set(scene.graph.nodes) - set(scene.graph.nodes_geometry):
        if parents.get(name) != "recon":
            continue
        world_from_cam = np.asarray(scene.graph.get(name)[0], np.float64)
        rotation = (model_from_world @ world_from_cam[:3, :3] @ _OPENGL_AXES).T
        center = model_from_world @ world_from_cam[:3, 3]
        views.append(ReadView(name, np.column_stack([rotation, -rotation @ center])))
    if "points" not in scene.geometry:
        return ReadBack("trimesh", tuple(views), np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
    cloud = scene.geometry["points"]
    frame = model_from_world @ np.asarray(scene.graph.get("points")[0], np.float64)[:3, :3]
    return ReadBack(
        "trimesh", tuple(views), np.asarray(cloud.vertices, np.float64) @ frame.T, np.asarray(cloud.colors)[:, :3]
    )
