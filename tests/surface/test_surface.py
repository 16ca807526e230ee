"""A surface lies on its points, faces the photos, and is carved where photos look through it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh

from recon.cli import main
from recon.core.errors import Cause, ReconError
from recon.output.certain_points import MIN_ANGLE_DEG
from recon.surface import Method, SurfaceOptions, make_mesh, write_mesh
from recon.surface.mesh import _fit
from recon.surface.rays import SeenPoints, seen_points


def ball(num: int = 3000) -> tuple[np.ndarray, np.ndarray]:
    """Return points on a ball of radius 1 and, for each, the place of a photo that sees it from outside."""
    numbers = np.arange(num) + 0.5
    heights, turns = 1 - 2 * numbers / num, numbers * np.pi * (3 - np.sqrt(5))
    radii = np.sqrt(1 - heights**2)
    positions = np.column_stack([radii * np.cos(turns), radii * np.sin(turns), heights])
    return positions, 4 * positions


def seen(positions: np.ndarray, origins: np.ndarray, rows: np.ndarray | None = None) -> SeenPoints:
    rows = np.arange(len(positions)) if rows is None else rows
    colors = np.tile(np.array([200, 100, 50], np.uint8), (len(positions), 1))
    return SeenPoints(positions, colors, rows, origins, 0)


@pytest.mark.parametrize("method", Method)
def test_the_surface_of_a_ball_is_round_and_faces_outward(method):
    mesh = _fit(seen(*ball()), SurfaceOptions(method))

    radii = np.linalg.norm(mesh.vertices, axis=1)
    assert np.abs(radii - 1).max() < 0.03
    corners = mesh.vertices[mesh.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    area = np.linalg.norm(normals, axis=1) / 2
    assert area.sum() == pytest.approx(4 * np.pi, rel=0.05)
    assert area[(normals * corners.mean(axis=1)).sum(axis=1) > 0].sum() > 0.99 * area.sum()
    assert mesh.covered > 0.98
    assert np.abs(mesh.colors.astype(int) - [200, 100, 50]).max() <= 2


def test_a_ball_with_a_hole_keeps_it():
    positions, origins = ball()
    is_kept = positions[:, 2] < 0.6

    mesh = _fit(seen(positions[is_kept], origins[is_kept]), SurfaceOptions())

    assert mesh.vertices[:, 2].max() < 0.85


def test_outliers_are_left_out():
    positions, origins = ball(2000)
    far = np.random.default_rng(0).uniform(-6, 6, (30, 3))
    far = far[np.linalg.norm(far, axis=1) > 2]

    mesh = _fit(seen(np.vstack([positions, far]), np.vstack([origins, far * 2])), SurfaceOptions())

    assert mesh.num_outliers >= len(far)
    assert np.linalg.norm(mesh.vertices, axis=1).max() < 1.1


def test_what_photos_look_through_is_carved_away():
    """A sheet of false points before a wall: each is seen once, and the wall behind it by six photos."""
    across = np.stack(np.meshgrid(np.linspace(-2, 2, 45), np.linspace(-2, 2, 45)), -1).reshape(-1, 2)
    wall = np.column_stack([across, np.zeros(len(across))])
    false = np.column_stack([across[::4] * 0.4, np.full(len(across[::4]), 0.6)])
    photos = np.array([[x, y, 4.0] for x in (-0.5, 0.0, 0.5) for y in (-0.3, 0.3)])
    rows = np.concatenate([np.repeat(np.arange(len(wall)), len(photos)), len(wall) + np.arange(len(false))])
    origins = np.vstack([np.tile(photos, (len(wall), 1)), np.tile(photos[:1], (len(false), 1))])

    mesh = _fit(seen(np.vstack([wall, false]), origins, rows), SurfaceOptions())

    assert mesh.num_carved > 50
    assert np.mean(mesh.vertices[:, 2] > 0.3) < 0.08  # of the points it is a fifth


def test_uncertain_points_are_left_out(synthetic_model):
    """Few photos, a large error, or rays that are almost parallel."""
    model = synthetic_model(images=6, points=200)
    for point in model.points3D.values():
        point.error = 0.5
    numbers = sorted(model.points3D)
    model.point3D(numbers[0]).error = 9.0
    model.point3D(numbers[1]).xyz = np.array([0.0, 0.0, 1e6])
    found = seen_points(model)

    assert found.num_left_out >= 2
    assert len(found.positions) + found.num_left_out == model.num_points3D()
    for number in numbers[:2]:
        assert np.linalg.norm(found.positions - model.point3D(number).xyz, axis=1).min() > 1e-6
    for row, point in enumerate(found.positions[:20]):
        rays = found.ray_origins[found.ray_points == row] - point
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        assert len(rays) >= 3
        assert np.degrees(np.arccos(np.clip((rays @ rays.T).min(), -1, 1))) >= MIN_ANGLE_DEG


def test_too_few_points_make_no_surface(synthetic_model):
    with pytest.raises(ReconError, match="at least 100") as refused:
        make_mesh(synthetic_model(images=4, points=50), SurfaceOptions())

    assert refused.value.code is Cause.NO_SURFACE


def test_a_missing_open3d_is_named(monkeypatch, tmp_path: Path):
    (tmp_path / "open3d.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(ReconError) as refused:
        _fit(seen(*ball(200)), SurfaceOptions())

    assert refused.value.code is Cause.MISSING_LIBRARY
    assert "libgl1" in f"{refused.value.message} {refused.value.try_}"


def test_the_file_is_read_by_another_reader(tmp_path: Path):
    mesh = _fit(seen(*ball(1500)), SurfaceOptions())
    write_mesh(mesh, tmp_path / "ball.ply")

    read = trimesh.load(tmp_path / "ball.ply", process=False)

    np.testing.assert_allclose(read.vertices, mesh.vertices, atol=1e-6)
    np.testing.assert_array_equal(read.faces, mesh.triangles)
    np.testing.assert_array_equal(read.visual.vertex_colors[:, :3], mesh.colors)


@pytest.fixture
def workspace(sample_photos: Path, _meshed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_meshed, tmp_path / "out"))


@pytest.fixture(scope="module")
def _meshed(six_photos: Path, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("mesh") / "out"
    assert main(["run", str(six_photos), "-o", str(out), "--preset", "fast", "--threads", "2"]) == 0
    return out


def test_the_mesh_of_a_run_lies_on_its_points(workspace: Path, capsys):
    assert main(["mesh", str(workspace), "--json"]) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["covered"] > 0.85
    assert told["triangles"] > 500
    assert told["units"] == "arbitrary"
    read = trimesh.load(told["file"], process=False)
    assert len(read.faces) == told["triangles"]
    header = Path(told["file"]).read_bytes()[:400]
    assert b"comment units: arbitrary" in header
    assert b"no measurement" in header


def test_nothing_is_replaced_without_force(workspace: Path):
    (workspace / "mesh.ply").write_text("mine")

    assert main(["mesh", str(workspace)]) == 2
    assert (workspace / "mesh.ply").read_text() == "mine"
    assert main(["mesh", str(workspace), "--force", "--method", "ball"]) == 0


def test_what_cannot_be_meshed_is_refused(workspace: Path, tmp_path: Path):
    assert main(["mesh", str(tmp_path / "nowhere")]) == 2
    assert main(["mesh", str(workspace), "-o", str(tmp_path / "mesh.obj")]) == 2
    assert main(["mesh", str(workspace), "-o", str(tmp_path / "no folder" / "mesh.ply")]) == 2
