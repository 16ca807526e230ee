from __future__ import annotations

import numpy as np
import pytest

from recon.learning.scene_plan import MAX_VIEWS, plan_scene


def outlook(plan):
    return [
        (view.camera.centre.tolist(), view.camera.matrix.tolist(), view.sensor, view.is_later) for view in plan.views
    ]


def test_one_seed_gives_one_series_of_scenes():
    plan, again, foreign = (plan_scene(seed, 2, 3, 96) for seed in (1, 1, 2))

    assert outlook(plan) == outlook(again)
    assert outlook(plan) != outlook(foreign)
    np.testing.assert_array_equal(plan.world.mesh.vertices, again.world.mesh.vertices)
    assert [view.is_later for view in plan.views] == [False, False, True]
    assert plan.world.light.sun @ plan.later_world.light.sun < 0.999


@pytest.mark.parametrize("number", range(4))
def test_every_layout_has_views_that_look_at_one_another(number):
    """The axis of each camera meets, a few metres ahead, what most others see too."""
    plan = plan_scene(3, number, MAX_VIEWS, 96)

    ahead = [view.camera.centre + 4.0 * view.camera.rotation[2] for view in plan.views]
    seen = 0
    for view in plan.views:
        pixels, depth = view.camera.project(np.array(ahead))
        seen += int(((depth > 0) & (pixels > 0).all(1) & (pixels < (96, 72)).all(1)).sum())
    assert len(plan.views) == MAX_VIEWS
    assert seen > 0.5 * MAX_VIEWS**2
