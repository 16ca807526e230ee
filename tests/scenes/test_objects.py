"""Every object is a sound mesh whose faces look outwards."""

from __future__ import annotations

import numpy as np
import pytest

from recon.scenes import masonry, props, stonework, woodwork
from recon.scenes.workshop import Workshop

SOLIDS = {
    "block": lambda shop: stonework.block(shop, (0.6, 0.4, 0.3), "granite"),
    "ring": lambda shop: stonework.ring(shop, 0.8, 0.24, 0.26, 12, "granite"),
    "ball": lambda shop: stonework.ball(shop, 0.3, "limestone"),
    "plank": lambda shop: woodwork.plank(shop, (0.1, 0.15, 1.2)),
}
FRONTS = {
    "wall": lambda shop: masonry.wall(shop, 3.0, 2.0, "sandstone"),
    "wall with door": lambda shop: masonry.wall(shop, 3.0, 2.2, "sandstone", masonry.Niche(1.5, 1.0, 1.8, 0.3)),
    "sign": lambda shop: woodwork.sign(shop, "poster", 0.7),
    "plaque": lambda shop: woodwork.plaque(shop, 0.8, "limestone"),
}
OTHERS = {
    "paving": lambda shop: masonry.paving(shop, (2.0, 1.5), "limestone"),
    "coping": lambda shop: masonry.coping(shop, 3.0, 2.0, "granite"),
    "column": lambda shop: stonework.column(shop, 1.2, "limestone"),
    "crate": lambda shop: woodwork.crate(shop, (0.8, 0.6, 0.5), ("label", "stamp")),
    "barrel": lambda shop: woodwork.barrel(shop, 0.9, 0.33),
    "vase": lambda shop: woodwork.vase(shop, 0.7),
    "rubble": props.rubble,
    "any prop": props.any_prop,
}


def made(make):
    return make(Workshop.open(3, 0.05))


@pytest.mark.parametrize("make", (SOLIDS | FRONTS | OTHERS).values(), ids=SOLIDS | FRONTS | OTHERS)
def test_a_mesh_is_sound_and_the_same_for_the_same_seed(make):
    mesh = made(make)

    assert np.isfinite(mesh.vertices).all()
    assert mesh.triangles.min() >= 0
    assert mesh.triangles.max() < len(mesh.vertices)
    assert (mesh.tint > 0).all()
    assert np.array_equal(mesh.vertices, made(make).vertices)


@pytest.mark.parametrize("make", SOLIDS.values(), ids=SOLIDS)
def test_a_solid_looks_outwards(make):
    """Its signed volume is positive, or light would fall on its inside."""
    mesh = made(make)
    corner = mesh.vertices[mesh.triangles].astype(float)

    assert np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum() > 0.0


@pytest.mark.parametrize("make", FRONTS.values(), ids=FRONTS)
def test_a_front_looks_to_minus_y(make):
    assert made(make).normals()[:, 1].mean() < -0.4


def test_stones_are_bumpy():
    """A textured plane would match, and prove nothing about depth."""
    wall = made(FRONTS["wall"])

    assert np.ptp(wall.vertices[:, 1]) > 0.04


def test_a_door_is_of_wood():
    wall = made(FRONTS["wall with door"])

    assert Workshop.open(0, 0.05).material("wood") in wall.material
    assert wall.vertices[:, 1].max() > 0.25
