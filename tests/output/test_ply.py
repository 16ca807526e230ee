"""Any PLY reader must get the points and their colours."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.output.ply import write_ply

VERTEX = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("r", "u1"), ("g", "u1"), ("b", "u1")])


def read(path):
    header, _, body = path.read_bytes().partition(b"end_header\n")
    return header.decode("ascii").splitlines(), np.frombuffer(body, VERTEX)


def test_points_and_colours_read_back(tmp_path, synthetic_model):
    model = synthetic_model()
    write_ply(model, tmp_path / "é.ply")

    header, vertices = read(tmp_path / "é.ply")

    assert header[:2] == ["ply", "format binary_little_endian 1.0"]
    assert f"element vertex {model.num_points3D()}" in header
    for vertex, (_, point) in zip(vertices, sorted(model.points3D.items()), strict=True):
        assert (vertex["x"], vertex["y"], vertex["z"]) == pytest.approx(tuple(point.xyz), rel=1e-6)
        assert (vertex["r"], vertex["g"], vertex["b"]) == tuple(point.color)


def test_pycolmap_reads_the_file(tmp_path, synthetic_model):
    model = synthetic_model()
    write_ply(model, tmp_path / "points.ply")
    copy = pycolmap.Reconstruction()
    copy.import_PLY(str(tmp_path / "points.ply"))

    assert copy.num_points3D() == model.num_points3D()


def test_points_at_infinity_are_left_out(tmp_path, synthetic_model):
    """One NaN makes a viewer's bounding box NaN, and the cloud invisible."""
    model = synthetic_model().__copy__()
    points = list(model.points3D.values())
    points[0].xyz = np.array([np.nan, 0, 0])
    points[1].xyz = np.array([0, np.inf, 0])
    write_ply(model, tmp_path / "points.ply")

    header, vertices = read(tmp_path / "points.ply")

    assert len(vertices) == model.num_points3D() - 2
    assert f"element vertex {len(vertices)}" in header


def test_an_empty_model_is_a_valid_file(tmp_path):
    write_ply(pycolmap.Reconstruction(), tmp_path / "points.ply")

    assert len(read(tmp_path / "points.ply")[1]) == 0
