"""Materials have detail, do not repeat, and are averaged where a pixel covers much of them."""

from __future__ import annotations

import numpy as np
import pytest

from recon.scenes.textures import DETAIL_M, MATERIALS, SHEET_M, Palette, Texture


@pytest.mark.parametrize("name", MATERIALS)
def test_a_material_has_detail_at_the_scale_of_texels(name):
    """Keypoints need it."""
    sheet = MATERIALS[name](256, 4).astype(float).mean(axis=2)

    assert np.abs(np.diff(sheet, axis=1)).mean() > 2.0
    assert 20.0 < sheet.mean() < 230.0


def test_far_surfaces_show_the_mean():
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 200
    texture = Texture.of(checks.astype(np.uint8)[:, :, None].repeat(3, axis=2), 1.0)
    places = np.random.default_rng(0).uniform(0.0, 1.0, (100, 2))

    near = texture.sample(places, np.full(100, 1e-4))
    far = texture.sample(places, np.full(100, 0.5))

    assert near.std() > 20.0
    assert np.abs(far.astype(int) - 100).max() <= 2


def test_no_two_places_look_the_same():
    """A sheet repeats every 3 m; a surface that shows it does not."""
    sheet = MATERIALS["granite"](256, 4)
    detail = np.random.default_rng(1).integers(0, 255, (256, 256), np.uint8)
    palette = Palette([Texture.of(sheet, SHEET_M)], Texture.of(detail, DETAIL_M))
    places = np.random.default_rng(0).uniform(0.0, 1.0, (500, 2))

    def albedo(shift: float):
        return palette.albedo(np.zeros(500, np.uint8), places + np.array([shift, 0.0]), np.full(500, 0.005))

    alike = np.corrcoef(albedo(0.0).ravel(), albedo(SHEET_M).ravel())[0, 1]
    assert alike < 0.9
