"""A point has the mean colour of the places that saw it."""

from __future__ import annotations

import numpy as np

from recon.output.colours import colour_points


def test_every_point_gets_the_mean_over_its_track(synthetic_model) -> None:
    model = synthetic_model(images=5, points=60)
    generator = np.random.default_rng(0)
    colours = {
        image.name: generator.integers(0, 256, (image.num_points2D(), 3)).astype(np.uint8)
        for image in model.images.values()
    }

    colour_points(model, lambda name: colours[name])

    for point in model.points3D.values():
        seen = [colours[model.image(each.image_id).name][each.point2D_idx] for each in point.track.elements]
        np.testing.assert_array_equal(point.color, np.rint(np.mean(seen, axis=0)))
