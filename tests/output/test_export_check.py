"""`recon export --check`: it passes what says the same as the model, and nothing else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pycolmap
import pytest
from recon_plugins import (
    bundler_export,
    colmap_export,
    csv_export,
    glb_export,
    gsplat_export,
    nerfstudio_export,
    nvm_export,
    ply_export,
)

import recon
from recon.core.errors import Cause, UsageError
from recon.engine.models import read_model
from recon.output.export_check import check_export, require_reader

MODULES = (
    *(bundler_export, colmap_export, csv_export, glb_export),
    *(gsplat_export, nerfstudio_export, nvm_export, ply_export),
)
SPECS = {spec.name: spec for module in MODULES for spec in module.recon_exporters()}
FORMATS = sorted(SPECS)
WITH_LENS = sorted(set(FORMATS) - {"ply", "glb"})
LENSES = {
    "SIMPLE_PINHOLE": (900.0, 510.0, 390.0),
    "PINHOLE": (900.0, 880.0, 510.0, 390.0),
    "SIMPLE_RADIAL": (900.0, 510.0, 390.0, -0.08),
    "RADIAL": (900.0, 510.0, 390.0, -0.08, 0.03),
    "OPENCV": (900.0, 880.0, 510.0, 390.0, -0.08, 0.03, 0.002, -0.001),
    "FULL_OPENCV": (900.0, 880.0, 510.0, 390.0, -0.08, 0.03, 0.002, -0.001, 0.01, 0.0, 0.0, 0.0),
    "SIMPLE_FISHEYE": (900.0, 510.0, 390.0),
    "FISHEYE": (900.0, 880.0, 510.0, 390.0),
    "SIMPLE_RADIAL_FISHEYE": (900.0, 510.0, 390.0, -0.05),
    "RADIAL_FISHEYE": (900.0, 510.0, 390.0, -0.05, 0.02),
    "OPENCV_FISHEYE": (900.0, 880.0, 510.0, 390.0, -0.05, 0.02, -0.01, 0.003),
}
"""Lenses that nerfstudio knows, by COLMAP's names."""


def export(model: pycolmap.Reconstruction, name: str, path: Path, **options: object) -> Path:
    spec = SPECS[name]
    spec.create(spec.options(**options), recon.RunContext()).export(model, path)
    return path


@pytest.fixture
def noisy_model(synthetic_model):
    """Return a function: a model of a lens, its keypoints half a pixel off, with and without points seen."""

    def make(lens: str = "SIMPLE_RADIAL", params: tuple[float, ...] | None = None) -> pycolmap.Reconstruction:
        model = synthetic_model()
        generator = np.random.default_rng(0)
        for camera in model.cameras.values():
            camera.model = pycolmap.CameraModelId.__members__[lens]
            camera.width, camera.height = 1024, 768
            camera.params = list(params or LENSES[lens])
        for image_id in model.reg_image_ids():
            image = model.image(image_id)
            for point in image.points2D:
                if point.has_point3D():
                    in_cam = image.cam_from_world() * model.point3D(point.point3D_id).xyz
                    seen = model.camera(image.camera_id).img_from_cam(in_cam, check_cheirality=False)
                    point.xy = seen + generator.normal(0, 0.5, 2)
        return model

    return make


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_of_a_real_model_says_the_same(finished_run, tmp_path, name):
    """Photos, points, poses and the reprojection error, from the file alone."""
    model = read_model(finished_run)
    result = check_export(model, name, export(model, name, tmp_path / "made"))

    assert result.problems == ()
    assert result.agrees
    assert result.photos == (None if name == "ply" else model.num_reg_images())
    assert result.points == (None if name == "csv" else model.num_points3D())
    if name in WITH_LENS:
        tolerance = 0.1 if name == "nvm" else 1e-3
        assert result.model_error_px > 0.05
        assert result.error_px == pytest.approx(result.model_error_px, abs=tolerance)
    if name in ("colmap", "colmap-text", "gsplat", "bundler", "nvm"):
        assert result.observations == model.compute_num_observations()


def test_the_models_error_is_pycolmaps(finished_run, tmp_path):
    """Else the proof would compare two mistakes."""
    model = read_model(finished_run)
    result = check_export(model, "csv", export(model, "csv", tmp_path / "made"))

    assert result.model_error_px == pytest.approx(model.compute_mean_reprojection_error(), abs=1e-6)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("name", ["nerfstudio", "gsplat", "colmap", "colmap-text", "csv"])
def test_every_lens_keeps_its_projection(noisy_model, tmp_path, name, lens):
    model = noisy_model(lens)
    result = check_export(model, name, export(model, name, tmp_path / "made"))

    assert result.problems == ()
    assert 0.3 < result.error_px < 1.2
    assert result.error_px == pytest.approx(result.model_error_px, abs=1e-4)


@pytest.mark.parametrize("lens", ["SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL"])
def test_bundler_keeps_a_radial_lens_exactly(noisy_model, tmp_path, lens):
    model = noisy_model(lens)
    result = check_export(model, "bundler", export(model, "bundler", tmp_path / "made"))

    assert result.problems == ()
    assert result.error_px == pytest.approx(result.model_error_px, abs=1e-9)


def test_several_cameras_keep_their_own_lenses(noisy_model, tmp_path):
    """nerfstudio then has intrinsics in each frame."""
    model = noisy_model()
    other = pycolmap.Camera(model="PINHOLE", width=800, height=600, params=[700.0, 710.0, 400.0, 300.0], camera_id=7)
    model.add_camera_with_trivial_rig(other)
    image = pycolmap.Image(name="extra.png", camera_id=7, image_id=99)
    first = model.image(sorted(model.reg_image_ids())[0])
    seen = [p.point3D_id for p in first.points2D if p.has_point3D()][:20]
    pose = first.cam_from_world()
    image.points2D = pycolmap.Point2DList(
        [pycolmap.Point2D(other.img_from_cam(pose * model.point3D(i).xyz, check_cheirality=False)) for i in seen]
    )
    model.add_image_with_trivial_frame(image, pose)
    for row, point_id in enumerate(seen):
        model.add_observation(point_id, pycolmap.TrackElement(99, row))

    for name in sorted(set(FORMATS) - {"bundler", "nvm"}):
        result = check_export(model, name, export(model, name, tmp_path / name))
        assert result.problems == (), name
    frames = json.loads((tmp_path / "nerfstudio" / "transforms.json").read_text())["frames"]
    assert {frame["fl_x"] for frame in frames} == {700.0, 900.0}


@pytest.mark.parametrize("name", FORMATS)
def test_a_model_without_points_is_no_error(synthetic_model, tmp_path, name):
    model = synthetic_model()
    for point_id in sorted(model.points3D):
        model.delete_point3D(point_id)
    result = check_export(model, name, export(model, name, tmp_path / "made"))

    assert result.problems == ()
    assert result.error_px is None


@pytest.mark.parametrize("name", ["ply", "nerfstudio", "bundler", "nvm", "glb"])
def test_points_at_infinity_are_left_out(synthetic_model, tmp_path, name):
    model = synthetic_model()
    model.point3D(sorted(model.points3D)[3]).xyz = np.array([np.nan, 0, 1])
    result = check_export(model, name, export(model, name, tmp_path / "made"))

    assert result.problems == ()
    assert result.points == 119


# What must not pass. Each takes the export's path and damages it.


def _edit(path: Path, *replacements: tuple[str, str]) -> None:
    text = path.read_text("utf-8")
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")


def _edit_json(change):
    def damage(folder: Path) -> None:
        content = json.loads((folder / "transforms.json").read_text())
        change(content)
        (folder / "transforms.json").write_text(json.dumps(content))

    return damage


def _swap_poses(content):
    one, two = content["frames"][:2]
    one["transform_matrix"], two["transform_matrix"] = two["transform_matrix"], one["transform_matrix"]


def _opencv_axes(content):
    for frame in content["frames"]:
        frame["transform_matrix"] = (np.array(frame["transform_matrix"]) @ np.diag([1, -1, -1, 1])).tolist()


def _swap_lines(file: str, one: int, two: int):
    def damage(folder: Path) -> None:
        path = folder / file if file else folder
        lines = path.read_text("utf-8").split("\n")
        lines[one], lines[two] = lines[two], lines[one]
        path.write_text("\n".join(lines), "utf-8")

    return damage


def _without_line(file: str, row: int):
    def damage(folder: Path) -> None:
        path = folder / file if file else folder
        lines = path.read_text("utf-8").split("\n")
        del lines[row]
        path.write_text("\n".join(lines), "utf-8")

    return damage


def _move_bytes(file: str, at: int):
    def damage(path: Path) -> None:
        path = path / file if file else path
        content = bytearray(path.read_bytes())
        content[at] ^= 0x08
        path.write_bytes(content)

    return damage


DAMAGE = {
    "nerfstudio: a photo is missing": ("nerfstudio", _edit_json(lambda c: c["frames"].pop()), "5 photos instead of 6"),
    "nerfstudio: poses swapped": ("nerfstudio", _edit_json(_swap_poses), "away from its place"),
    "nerfstudio: OpenCV's axes": ("nerfstudio", _edit_json(_opencv_axes), "a pose is turned"),
    "nerfstudio: focal length": (
        "nerfstudio",
        _edit_json(lambda c: c.update(fl_x=c["fl_x"] * 1.01)),
        "mean reprojection error",
    ),
    "nerfstudio: distortion": ("nerfstudio", _edit_json(lambda c: c.update(k1=0.0)), "mean reprojection error"),
    "nerfstudio: frame": (
        "nerfstudio",
        _edit_json(lambda c: c.update(applied_transform=np.eye(4)[:3].tolist())),
        "away from its place",
    ),
    "nerfstudio: another lens": ("nerfstudio", _edit_json(lambda c: c.update(camera_model="FOV")), "cannot be read"),
    "nerfstudio: half written": ("nerfstudio", lambda p: (p / "transforms.json").write_text("{"), "cannot be read"),
    "colmap: cut short": (
        "colmap",
        lambda p: (p / "images.bin").write_bytes((p / "images.bin").read_bytes()[:-9]),
        "cannot be read",
    ),
    "colmap: a point moved": ("colmap", _move_bytes("points3D.bin", 8 + 8 + 6), "a point lies"),
    "colmap: a colour changed": ("colmap", _move_bytes("points3D.bin", 8 + 8 + 24), "colours of points differ"),
    "colmap: a pose turned": ("colmap", _move_bytes("images.bin", 8 + 4 + 6), "a pose is turned"),
    "colmap: a photo renamed": ("colmap", _move_bytes("images.bin", 8 + 64), "photos missing: 'image0000.png'"),
    "colmap-text: a point less": (
        "colmap-text",
        _without_line("points3D.txt", -2),
        "which the model does not have",
    ),
    "gsplat: not a pinhole": (
        "gsplat",
        lambda p: _move_bytes("sparse/0/cameras.bin", 8 + 4)(p),
        "cannot be read",
    ),
    "bundler: names in another order": ("bundler", _swap_lines("list.txt", 0, 1), "away from its place"),
    "bundler: a name less": ("bundler", _without_line("list.txt", 0), "6 cameras and list.txt 5"),
    "bundler: y down": (
        "bundler",
        lambda p: _edit(p / "bundle.out", ("# Bundle file v0.3", "# Bundle file v0.2")),
        "version 0.3",
    ),
    "nvm: cameras in another order": ("nvm", _swap_lines("", 3, 4), "mean reprojection error"),
    "nvm: another header": ("nvm", lambda p: _edit(p, ("NVM_V3", "NVM_V2")), "NVM_V3"),
    "csv: a row less": ("csv", _without_line("", 2), "photos missing: 'image0001.png'"),
    "csv: an unknown lens": ("csv", lambda p: _edit(p, ("SIMPLE_RADIAL", "MIRROR")), "cannot be read"),
    "glb: cut short": ("glb", lambda p: p.write_bytes(p.read_bytes()[:-500]), ""),
    "ply: a point moved": ("ply", _move_bytes("", -1 - 12), "a point lies"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_export_does_not_pass(noisy_model, tmp_path, case):
    name, damage, message = DAMAGE[case]
    model = noisy_model()
    path = export(model, name, tmp_path / "made")
    assert check_export(model, name, path).problems == ()
    damage(path)
    result = check_export(model, name, path)

    assert not result.agrees
    assert message in " ".join(result.problems)
    assert any(line.startswith("WRONG") for line in result.lines())
    assert result.as_dict()["ok"] is False


@pytest.mark.parametrize("name", ["nerfstudio", "gsplat"])
@pytest.mark.parametrize("what", ["missing", "another size", "damaged"])
def test_photos_of_the_export_are_looked_at(finished_run, six_photos, tmp_path, name, what):
    from PIL import Image

    model = read_model(finished_run)
    folder = export(model, name, tmp_path / "made", photos=six_photos)
    assert check_export(model, name, folder).photo_files == 6
    photo = sorted((folder / "images").iterdir())[2]
    if what == "another size":
        Image.new("RGB", (100, 80)).save(photo)
    elif what == "damaged":
        photo.write_text("no photo")
    else:
        photo.unlink()
    result = check_export(model, name, folder)

    assert result.photo_files == 5
    assert f"photos missing, damaged or of another size: '{photo.name}'" in result.problems


def test_another_model_does_not_pass(synthetic_model, tmp_path):
    path = export(synthetic_model(), "colmap", tmp_path / "made")

    assert not check_export(synthetic_model(seed=1), "colmap", path).agrees


def test_a_format_without_a_reader_is_wrong_usage():
    with pytest.raises(UsageError, match="no reader for 'word'"):
        require_reader("word")


def test_without_trimesh_it_says_what_to_install(synthetic_model, tmp_path, monkeypatch):
    path = export(synthetic_model(), "glb", tmp_path / "made")
    monkeypatch.setitem(__import__("sys").modules, "trimesh", None)

    with pytest.raises(recon.ReconError, match="trimesh") as caught:
        check_export(synthetic_model(), "glb", path)
    assert caught.value.code == Cause.MISSING_LIBRARY


NAMES = {
    "a blank": "a b.jpg",
    "emoji and quotes": "😀 \"quoted\" 'too'.jpg",
    "a tag": "<script>.jpg",
    "a subfolder": "sub/ö.jpg",
    "a new line": "new\nline.jpg",
    "a way up": "../up.jpg",
    "absolute": "/tmp/absolute.jpg",
}
WORDS_ONLY = {"colmap-text", "bundler", "nvm"}
"""Formats of words between blanks."""
REFUSED = {
    **{"a blank": {"colmap-text", "bundler"}, "emoji and quotes": WORDS_ONLY, "a new line": WORDS_ONLY},
    **{"a way up": {"nerfstudio", "gsplat"}, "absolute": {"nerfstudio", "gsplat"}},
}


@pytest.mark.parametrize("what", NAMES)
@pytest.mark.parametrize("name", FORMATS)
def test_any_name_is_held_or_refused_and_nothing_leaves_the_destination(synthetic_model, tmp_path, name, what):
    model = synthetic_model()
    model.image(sorted(model.reg_image_ids())[2]).name = NAMES[what]
    destination = tmp_path / "here" / "made"
    destination.parent.mkdir()
    if name in REFUSED.get(what, ()):
        with pytest.raises(UsageError) as caught:
            export(model, name, destination)
        assert caught.value.code == Cause.BAD_VALUE
        assert repr(NAMES[what]) in caught.value.message
        assert caught.value.try_
        assert not destination.exists()
    else:
        export(model, name, destination)
        assert check_export(model, name, destination).problems == ()
    strays = [path for path in tmp_path.rglob("*") if not path.is_relative_to(destination) and path.is_file()]
    assert strays == []


@pytest.mark.slow
@pytest.mark.photos
@pytest.mark.parametrize("name", FORMATS)
def test_fountain_p11_is_exported_with_the_same_error(photo_set, tmp_path_factory, name, fountain_run):
    model = read_model(fountain_run)
    options = {"photos": photo_set("fountain-P11") / "images"} if name in ("nerfstudio", "gsplat") else {}
    path = tmp_path_factory.mktemp("fountain") / "made"
    result = check_export(model, name, export(model, name, path, **options))

    assert result.problems == ()
    if name in WITH_LENS:
        assert result.error_px == pytest.approx(result.model_error_px, abs=0.1 if name == "nvm" else 1e-3)
    if options:
        assert result.photo_files == model.num_reg_images() == 11
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture(scope="module")
def fountain_run(photo_set, tmp_path_factory):
    from recon.cli import main

    output = tmp_path_factory.mktemp("fountain") / "out"
    assert main(["run", str(photo_set("fountain-P11") / "images"), "-o", str(output), "--preset", "fast"]) == 0
    return output


@pytest.mark.slow
def test_the_sample_sets_model_is_exported_whole(sample_photos, tmp_path):
    """All 16 photos, as the README's first run makes them."""
    from recon.cli import main

    assert main(["run", str(sample_photos), "-o", str(tmp_path / "out"), "--threads", "2"]) == 0
    model = read_model(tmp_path / "out")
    for name in FORMATS:
        options = {"photos": sample_photos} if name in ("nerfstudio", "gsplat") else {}
        result = check_export(model, name, export(model, name, tmp_path / name, **options))

        assert result.problems == (), name
        assert result.photos in (16, None)
