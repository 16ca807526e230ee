"""Undistorted sets as a plugin: the pinhole model and the photos fit each other to the pixel."""

from __future__ import annotations

import shutil

import numpy as np
import pycolmap
import pytest
import recon_plugins.gsplat_export as plugin
from PIL import Image

import recon
from recon.engine.models import read_model


def run(model, folder, **options):
    (spec,) = plugin.recon_exporters()
    spec.create(spec.options(**options), recon.RunContext(threads=2)).export(model, folder)
    return pycolmap.Reconstruction(str(folder / "sparse" / "0"))


def test_every_camera_becomes_a_pinhole_of_its_photos_size(finished_run, six_photos, tmp_path):
    made = run(read_model(finished_run), tmp_path / "made", photos=six_photos)

    assert {camera.model_name for camera in made.cameras.values()} == {"PINHOLE"}
    for image_id in made.reg_image_ids():
        image = made.image(image_id)
        with Image.open(tmp_path / "made" / "images" / image.name) as photo:
            assert photo.size == (made.camera(image.camera_id).width, made.camera(image.camera_id).height)


def test_only_registered_photos_are_taken_along(finished_run, six_photos, tmp_path):
    model = read_model(finished_run)
    left_out = model.image(sorted(model.reg_image_ids())[0])
    model.deregister_frame(left_out.frame_id)
    run(model, tmp_path / "made", photos=six_photos)

    names = {path.name for path in (tmp_path / "made" / "images").iterdir()}
    assert names == {path.name for path in six_photos.iterdir()} - {left_out.name}


def test_the_pixels_are_where_the_pinhole_sees_them(tmp_path, synthetic_model):
    """A photo whose colour is its position: the undistorted one says of each pixel whence it came."""
    model = synthetic_model()
    (camera,) = model.cameras.values()
    camera.model, camera.width, camera.height = pycolmap.CameraModelId.SIMPLE_RADIAL, 256, 192
    camera.params = [200.0, 128.0, 96.0, -0.2]
    x, y = np.meshgrid(np.arange(256), np.arange(192))
    pixels = np.stack([x, y, np.zeros_like(x)], axis=2).astype(np.uint8)
    (tmp_path / "photos").mkdir()
    for image_id in model.reg_image_ids():
        Image.fromarray(pixels).save(tmp_path / "photos" / model.image(image_id).name)
    made = run(model, tmp_path / "made", photos=tmp_path / "photos")
    (pinhole,) = made.cameras.values()
    straight = np.asarray(Image.open(tmp_path / "made" / "images" / "image0000.png")).astype(float)

    for column, row in ((10, 10), (130, 100), (pinhole.width - 12, pinhole.height - 12), (pinhole.width - 20, 30)):
        ray = pinhole.cam_from_img(np.array([column + 0.5, row + 0.5]))
        expected = camera.img_from_cam(np.array([*ray, 1.0])) - 0.5  # the colour says whole pixels
        assert straight[row, column, :2] == pytest.approx(expected, abs=0.6)
    assert pinhole.width > 256, "a barrel lens sees more than its photo is wide"


def test_a_real_photo_has_the_points_colours_where_the_pinhole_sees_them(finished_run, six_photos, tmp_path):
    """Two pixels aside it fits worse: photo and model are aligned to less than that."""
    made = run(read_model(finished_run), tmp_path / "made", photos=six_photos)
    misfits = {0: [], 2: []}
    for image_id in made.reg_image_ids():
        image = made.image(image_id)
        photo = np.asarray(Image.open(tmp_path / "made" / "images" / image.name)).astype(float)
        for point in image.get_observation_points2D():
            colour = made.point3D(point.point3D_id).color
            for aside, differences in misfits.items():
                column, row = np.floor(point.xy).astype(int) + aside
                if 0 <= column < photo.shape[1] and 0 <= row < photo.shape[0]:
                    differences.append(np.abs(photo[row, column] - colour).mean())

    assert len(misfits[0]) > 300
    assert np.mean(misfits[0]) < 0.7 * np.mean(misfits[2])


def test_keypoints_move_with_the_pixels(finished_run, tmp_path):
    model = read_model(finished_run)
    made = run(model, tmp_path / "made")
    image_id = sorted(model.reg_image_ids())[0]
    before, after = model.image(image_id), made.image(image_id)

    rows = [row for row, point in enumerate(before.points2D) if point.has_point3D()]
    assert rows
    for row in rows[::20]:
        seen = model.camera(before.camera_id).cam_from_img(before.points2D[row].xy)
        assert after.points2D[row].xy == pytest.approx(
            made.camera(after.camera_id).img_from_cam(np.array([*seen, 1.0])), abs=1e-9
        )
        assert after.points2D[row].point3D_id == before.points2D[row].point3D_id


@pytest.mark.colmap
def test_colmap_38_sees_pinholes_and_the_same_points(finished_run, tmp_path, colmap_program):
    model = read_model(finished_run)
    run(model, tmp_path / "made")
    printed = colmap_program("model_analyzer", "--path", tmp_path / "made" / "sparse" / "0")
    colmap_program(
        *("model_converter", "--input_path", tmp_path / "made" / "sparse" / "0"),
        *("--output_path", tmp_path, "--output_type", "TXT"),
    )

    error_px = run(model, tmp_path / "again").compute_mean_reprojection_error()
    assert f"Points: {model.num_points3D()}\n" in printed
    assert f"Mean reprojection error: {error_px:.3f}" in printed
    cameras = [line.split() for line in (tmp_path / "cameras.txt").read_text().splitlines() if line[0] != "#"]
    assert {camera[1] for camera in cameras} == {"PINHOLE"}


def test_the_model_is_not_changed(finished_run, tmp_path):
    model = read_model(finished_run)
    before = [camera.params.tolist() for camera in model.cameras.values()]
    xy = model.image(1).points2D[0].xy.tolist()
    run(model, tmp_path / "made")

    assert [camera.params.tolist() for camera in model.cameras.values()] == before
    assert model.image(1).points2D[0].xy.tolist() == xy


def _pinhole_model(synthetic_model):
    model = synthetic_model(images=3)
    (camera,) = model.cameras.values()
    camera.model, camera.width, camera.height = pycolmap.CameraModelId.SIMPLE_PINHOLE, 64, 48
    camera.params = [60.0, 32.0, 24.0]
    return model


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp", "bmp"])
def test_photos_without_distortion_stay_as_they_are(synthetic_model, tmp_path, suffix):
    """Without a second JPEG compression."""
    model = _pinhole_model(synthetic_model)
    (tmp_path / "photos").mkdir()
    for image_id in model.reg_image_ids():
        model.image(image_id).name = f"{image_id}.{suffix}"
        Image.new("RGB", (64, 48), (200, 100, 50)).save(tmp_path / "photos" / f"{image_id}.{suffix}")
    made = run(model, tmp_path / "made", photos=tmp_path / "photos")

    assert next(iter(made.cameras.values())).params.tolist() == [60, 60, 32, 24]
    for path in (tmp_path / "photos").iterdir():
        assert (tmp_path / "made" / "images" / path.name).read_bytes() == path.read_bytes()


def test_a_turned_photo_loses_its_exif_and_keeps_its_sensors_pixels(synthetic_model, tmp_path):
    """A reader that obeys EXIF would else turn it away from its camera."""
    model = _pinhole_model(synthetic_model)
    (tmp_path / "photos").mkdir()
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:10, :20] = (255, 0, 0)
    exif = Image.Exif()
    exif[0x0112] = 6
    for image_id in model.reg_image_ids():
        Image.fromarray(pixels).save(tmp_path / "photos" / model.image(image_id).name, exif=exif)
    run(model, tmp_path / "made", photos=tmp_path / "photos")

    with Image.open(tmp_path / "made" / "images" / "image0000.png") as photo:
        assert photo.getexif().get(0x0112, 1) == 1
        assert np.array_equal(np.asarray(photo), pixels)


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "P", "I;16"])
def test_photos_of_any_depth_become_rgb(synthetic_model, tmp_path, mode):
    model = synthetic_model(images=3)
    (camera,) = model.cameras.values()
    camera.model, camera.width, camera.height = pycolmap.CameraModelId.SIMPLE_RADIAL, 64, 48
    camera.params = [60.0, 32.0, 24.0, -0.1]
    (tmp_path / "photos").mkdir()
    for image_id in model.reg_image_ids():
        suffix = "tif" if mode == "CMYK" else "png"
        model.image(image_id).name = f"{image_id}.{suffix}"
        if mode == "I;16":
            photo = Image.fromarray(np.full((48, 64), 128 * 257, np.uint16))
        else:
            photo = Image.new("L", (64, 48), 128).convert("RGB").convert(mode)
        photo.save(tmp_path / "photos" / f"{image_id}.{suffix}")
    made = run(model, tmp_path / "made", photos=tmp_path / "photos")

    for image_id in made.reg_image_ids():
        with Image.open(tmp_path / "made" / "images" / made.image(image_id).name) as photo:
            assert photo.mode == "RGB"
            assert np.abs(np.asarray(photo)[20:30, 20:30].astype(int) - 128).max() <= 2


def test_photos_of_another_size_are_refused(finished_run, six_photos, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(six_photos, photos)
    first = sorted(photos.iterdir())[0]
    Image.new("RGB", (320, 240)).save(first)

    with pytest.raises(recon.UsageError, match=f"{first.name} is 320x240 px, and the model was made of 1024x768"):
        run(read_model(finished_run), tmp_path / "made", photos=photos)
    assert not (tmp_path / "made").exists()


def test_a_damaged_photo_is_named(finished_run, six_photos, tmp_path):
    photos = tmp_path / "photos"
    shutil.copytree(six_photos, photos)
    first = sorted(photos.iterdir())[0]
    first.write_bytes(first.read_bytes()[:3000])

    with pytest.raises(recon.ReconError, match=first.name):
        run(read_model(finished_run), tmp_path / "made", photos=photos)


def test_a_panorama_is_refused(synthetic_model, tmp_path):
    model = synthetic_model(images=3)
    (camera,) = model.cameras.values()
    camera.model, camera.width, camera.height = pycolmap.CameraModelId.EQUIRECTANGULAR, 200, 100
    camera.params = [200.0, 100.0]

    with pytest.raises(recon.UsageError, match="no pinhole camera sees what it sees"):
        run(model, tmp_path / "made")


@pytest.mark.parametrize("quality", [0, 101])
def test_a_jpeg_quality_is_1_to_100(quality):
    with pytest.raises(ValueError, match="1 to 100"):
        plugin.GsplatOptions(jpeg_quality=quality)
