"""A scene survives the way to another process, and is drawable whatever the model lacks."""

from __future__ import annotations

import numpy as np
import pycolmap

from recon.output.scene import Scene

SIZE = (320, 200)


def test_a_scene_reads_back_as_written(tmp_path, synthetic_model):
    scene = Scene.of(synthetic_model(), SIZE, {})
    scene.write(tmp_path / "scene.npz")
    copy = Scene.read(tmp_path / "scene.npz")

    names = ("positions", "colors", "colors_by_images", "colors_by_error", "colors_by_model", "camera_lines")
    for name in (*names, "point_radius"):
        np.testing.assert_array_equal(getattr(copy, name), getattr(scene, name))
    np.testing.assert_array_equal(copy.viewpoint.position, scene.viewpoint.position)
    np.testing.assert_array_equal(copy.viewpoint.cam_from_world, scene.viewpoint.cam_from_world)
    assert copy.viewpoint.tangents == scene.viewpoint.tangents
    assert copy.viewpoint.distance == scene.viewpoint.distance


def test_a_model_without_colours_is_grey(synthetic_model):
    """Black points on a dark ground would be an empty picture."""
    model = synthetic_model().__copy__()
    for point in model.points3D.values():
        point.color = (0, 0, 0)

    assert (Scene.of(model, SIZE, {}).colors == 200).all()


def test_points_seen_by_fewer_photos_have_another_colour(synthetic_model):
    model = synthetic_model().__copy__()
    point_ids = sorted(model.points3D)
    few = point_ids[: len(point_ids) // 2]
    for point_id in few:
        element = model.point3D(point_id).track.elements[0]
        model.delete_observation(element.image_id, element.point2D_idx)

    colors = Scene.of(model, SIZE, {}).colors_by_images

    assert len(np.unique(colors[: len(few)], axis=0)) == 1
    assert len(np.unique(colors[len(few) :], axis=0)) == 1
    assert tuple(colors[0]) != tuple(colors[-1])


def test_an_empty_model_is_a_scene():
    scene = Scene.of(pycolmap.Reconstruction(), SIZE, {})

    assert scene.point_radius == 0.0
    assert len(scene.camera_lines) == 0


def test_points_are_drawn_smaller_the_more_there_are_and_never_as_balls(synthetic_model):
    few, more, many = (Scene.of(synthetic_model(points=count), SIZE, {}) for count in (100, 6000, 12000))

    assert many.point_radius < 0.9 * more.point_radius
    assert few.point_radius / few.viewpoint.distance < 0.01
