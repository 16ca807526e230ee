"""Models become one scene: sightings where the photos have them; several models apart, alike, in their own units."""

from __future__ import annotations

import numpy as np
import pycolmap
import pytest

from recon.core.frame import ModelFrame, Units
from recon.output.scene import MODEL_COLORS
from recon.output.view_models import ShownModel, view_scene
from recon.output.view_scene import ViewScene, mean_up

SIZE = (400, 300)
METRES = ModelFrame(Units.METRES)


def scaled(model, factor):
    copy = model.__copy__()
    copy.transform(pycolmap.Sim3d(factor, pycolmap.Rotation3d(), np.array([3.0, -5.0, 2.0])))
    return copy


def test_a_scene_reads_back_as_written(tmp_path, synthetic_model):
    picture = np.full((20, 30, 3), 77, np.uint8)
    shown = view_scene([ShownModel(synthetic_model(), photos={"image0001.png": picture})], SIZE)
    shown.write(tmp_path / "scene.npz")
    copy = ViewScene.read(tmp_path / "scene.npz")

    assert copy.links.names == shown.links.names
    assert copy.links.units == ("units",)
    for name in ("centers", "corners", "forward", "up", "seen_points", "seen_by", "places", "scales"):
        np.testing.assert_array_equal(getattr(copy.links, name), getattr(shown.links, name))
    np.testing.assert_array_equal(copy.sheet.pixels, shown.sheet.pixels)
    np.testing.assert_array_equal(copy.scene.positions, shown.scene.positions)


def test_a_sighting_lies_on_the_ray_from_the_photo_to_its_point(synthetic_model):
    """The model is exact, so that the keypoint on the drawn picture lies on the way to the point."""
    shown = view_scene([ShownModel(synthetic_model())], SIZE)
    links = shown.links
    rays = shown.scene.positions[links.seen_points] - links.centers[links.seen_by]
    to_place = links.places - links.centers[links.seen_by]

    cosines = (rays * to_place).sum(axis=1) / np.linalg.norm(rays, axis=1) / np.linalg.norm(to_place, axis=1)
    assert len(cosines) > 300
    assert cosines.min() > np.cos(np.radians(2.0))  # the lenses of these models distort a little


def test_who_sees_what_is_the_models(synthetic_model):
    model = synthetic_model()
    links = view_scene([ShownModel(model)], SIZE).links
    point_ids = sorted(model.points3D)
    for row in (0, 17, len(point_ids) - 1):
        expected = {model.image(each.image_id).name for each in model.point3D(point_ids[row]).track.elements}
        assert {links.names[photo] for photo in links.photos_of(row)} == expected
    first, second = links.points_of(0), links.points_of(1)
    assert set(links.shared(0, 1)[0]) == set(first) & set(second)


def test_models_of_unknown_scale_stand_apart_and_are_alike_in_size(synthetic_model):
    model = synthetic_model()
    shown = view_scene([ShownModel(model, "a"), ShownModel(scaled(model, 40.0), "b")], SIZE)
    left, right = (shown.scene.positions[shown.links.model_of_point == k] for k in (0, 1))

    across = shown.scene.viewpoint.cam_from_world[0]
    assert np.percentile(left @ across, 95) < np.percentile(right @ across, 5)
    assert np.ptp(left @ across) == pytest.approx(np.ptp(right @ across), rel=0.02)
    assert shown.links.scales == pytest.approx([1.0, 40.0], rel=1e-6)
    assert shown.links.names[0] == "a: image0000.png"
    np.testing.assert_array_equal(np.unique(shown.scene.colors_by_model, axis=0), sorted(MODEL_COLORS[:2]))
    for positions in (left, right):
        in_picture, depths = shown.scene.viewpoint.project(positions)
        assert (depths > 0).all()
        assert ((in_picture > 0) & (in_picture < 1)).all(axis=1).mean() > 0.9


def test_models_in_metres_keep_their_sizes(synthetic_model):
    model = synthetic_model()
    shown = view_scene([ShownModel(model, "a", frame=METRES), ShownModel(scaled(model, 2), "b", frame=METRES)], SIZE)
    left, right = (shown.scene.positions[shown.links.model_of_point == k] for k in (0, 1))

    assert shown.links.scales == pytest.approx([1.0, 1.0])
    assert shown.links.units == ("m", "m")
    assert np.linalg.norm(right[0] - right[1]) == pytest.approx(2 * np.linalg.norm(left[0] - left[1]))


def test_each_photo_has_its_picture_in_its_cell(synthetic_model):
    pictures = {f"image{k:04d}.png": np.full((10 + k, 16, 3), 40 * k, np.uint8) for k in range(5)}  # not the sixth
    shown = view_scene([ShownModel(synthetic_model(), photos=pictures)], SIZE)

    height, width = shown.sheet.pixels.shape[:2]
    for name, cell in zip(shown.links.names, shown.sheet.cells, strict=True):
        if name not in pictures:
            assert np.isnan(cell).all()
            continue
        left, top, right, bottom = (cell * (width, height, width, height)).round(6)
        inside = shown.sheet.pixels[int(top) : int(bottom) + 1, int(left) : int(right) + 1]
        np.testing.assert_array_equal(inside, pictures[name])


def test_an_empty_model_is_a_scene():
    shown = view_scene([ShownModel(pycolmap.Reconstruction())], SIZE)

    assert shown.links.names == ()
    assert shown.links.depth == 1.0
    assert np.linalg.norm(mean_up(shown.links)) == 1.0
