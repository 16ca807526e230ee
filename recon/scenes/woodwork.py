"""Objects of wood, clay and paper: planks, crates, barrels, signs, vases, carved plaques."""

from __future__ import annotations

import numpy as np

from recon.scenes.meshes import Mesh, box_faces, grid, joined
from recon.scenes.prints import PRINTS
from recon.scenes.stonework import turned
from recon.scenes.workshop import PRINT, Workshop


def plank(shop: Workshop, size: tuple[float, float, float]) -> Mesh:
    """Return a sawn plank about the origin, its grain along its longest side."""
    longest = int(np.argmax(size))
    tint = shop.tint(0.2)
    faces = []
    for position, place in box_faces(size, max(shop.step_m * 3.0, 0.05)):
        along_v = np.ptp(position[:, :, longest], axis=0).max() > np.ptp(position[:, :, longest], axis=1).max()
        uv = (place[:, :, ::-1] if along_v else place) + shop.fresh_place()
        faces.append(grid(position, uv, shop.material("wood"), tint))
    return joined(faces)


def crate(shop: Workshop, size: tuple[float, float, float], prints: tuple[str, ...] = ("label",)) -> Mesh:
    """Return a planked crate standing at the origin, a label on its -y side, a second one on its +x side."""
    width, depth, height = size
    board = 0.025
    parts = [plank(shop, (width - 2 * board, depth - 2 * board, height - board)).moved((0, 0, height / 2.0))]
    rows = max(2, round(height / 0.14))
    for row in range(rows):
        z = (row + 0.5) * height / rows
        tall = height / rows - 0.009
        for side in (-1.0, 1.0):
            shift = shop.uniform(-0.004, 0.004)
            parts.append(plank(shop, (width, board, tall)).moved((0, side * (depth - board) / 2.0 + shift, z)))
            parts.append(plank(shop, (board, depth - 2 * board, tall)).moved((side * (width - board) / 2.0, shift, z)))
    for x in np.arange(-width / 2.0 + 0.06, width / 2.0, 0.12):
        parts.append(plank(shop, (0.112, depth, board)).moved((float(x), 0, height + board / 2.0)))
    for x_side in (-1.0, 1.0):  # battens
        for y_side in (-1.0, 1.0):
            place = (x_side * (width / 2.0 - 0.05), y_side * (depth / 2.0 + 0.012), height / 2.0)
            parts.append(plank(shop, (0.08, 0.024, height)).moved(place))
    for number, name in enumerate(prints):
        across = min(0.62 * (width, depth)[number % 2], 0.6)
        panel = sign(shop, name, across)
        middle = height / 2.0
        if number == 0:
            parts.append(panel.moved((-across / 2.0, -depth / 2.0 - 0.006, middle - panel.vertices[:, 2].max() / 2.0)))
        else:
            lift = middle - panel.vertices[:, 2].max() / 2.0
            parts.append(panel.moved((-across / 2.0, 0, 0)).moved((width / 2.0 + 0.006, 0, lift), 90.0))
    return joined(parts)


def sign(shop: Workshop, name: str, width: float) -> Mesh:
    """Return a print, its lower left corner at the origin, along x and up, facing -y, slightly wavy."""
    left, top, full_width, full_height = PRINTS[name]
    height = width * full_height / full_width
    columns = max(2, round(width / shop.step_m) + 1)
    rows = max(2, round(height / shop.step_m) + 1)
    across, down = np.meshgrid(np.linspace(0.0, 1.0, columns), np.linspace(1.0, 0.0, rows))
    points = np.stack([across * width, np.zeros_like(across), (1.0 - down) * height], 2)
    points[:, :, 1] = -0.004 - 0.003 * shop.bumps(points, 0.4, 2)
    uv = np.stack([left + across * full_width, top + down * full_height], 2)
    return grid(points, uv, shop.material(PRINT), 1.0)


def barrel(shop: Workshop, height: float, radius: float) -> Mesh:
    """Return a staved barrel with hoops, standing at the origin."""
    where = np.linspace(0.0, 1.0, 9)
    profile = [(radius * (0.82 + 0.18 * float(np.sin(np.pi * w))), height * float(w)) for w in where]
    inner = profile[-1][0] - 0.03
    lid = [(inner, height), (inner, height - 0.03), (0.0, height - 0.03)]
    parts = [
        turned(shop, profile, "wood", bump_m=0.006, flutes=18, flute_m=0.006),
        turned(shop, lid, "wood", bump_m=0.0),
    ]
    for level in (0.12, 0.32, 0.68, 0.88):
        r = radius * (0.82 + 0.18 * float(np.sin(np.pi * level))) + 0.006
        low, high = height * level - 0.022, height * level + 0.022
        hoop = turned(shop, [(r - 0.01, low), (r + 0.004, low), (r + 0.004, high), (r - 0.01, high)], "granite")
        parts.append(hoop)
    return joined(parts)


def vase(shop: Workshop, height: float) -> Mesh:
    """Return a painted amphora standing at the origin."""
    shape = [
        (0.0, 0.0), (0.2, 0.0), (0.22, 0.03), (0.2, 0.06), (0.3, 0.18), (0.4, 0.34), (0.43, 0.48), (0.4, 0.62),
        (0.28, 0.76), (0.17, 0.85), (0.15, 0.92), (0.22, 0.99), (0.23, 1.0), (0.2, 1.0), (0.12, 0.9), (0.0, 0.9),
    ]  # fmt: skip
    profile = [(radius * height * 0.8, z * height) for radius, z in shape]
    left, top, _, _ = PRINTS["vase"]
    return turned(shop, profile, PRINT, bump_m=0.003, place=(left, top - 0.35 * height))


def plaque(shop: Workshop, width: float, material: str) -> Mesh:
    """Return a carved rosette on a square slab, its lower left corner at the origin, facing -y."""
    count = max(8, round(width / (shop.step_m * 0.5)) + 1)
    across, up = np.meshgrid(np.linspace(-1.0, 1.0, count), np.linspace(-1.0, 1.0, count))
    distance, angle = np.hypot(across, up), np.arctan2(up, across)
    petals = np.abs(np.cos(4.0 * angle)) * np.exp(-(((distance - 0.5) / 0.22) ** 2))
    boss = np.sqrt(np.clip(1.0 - (distance / 0.2) ** 2, 0.0, 1.0))
    rim = np.exp(-(((np.maximum(np.abs(across), np.abs(up)) - 0.92) / 0.06) ** 2))
    circle = np.exp(-(((distance - 0.84) / 0.04) ** 2))
    carved = 0.05 * petals + 0.06 * boss + 0.03 * rim + 0.02 * circle
    points = np.stack([(across + 1.0) * width / 2.0, np.zeros_like(across), (up + 1.0) * width / 2.0], 2)
    edge = np.clip((1.0 - np.maximum(np.abs(across), np.abs(up))) / 0.04, 0.0, 1.0)
    points[:, :, 1] = -(0.05 + carved + 0.006 * shop.bumps(points, 0.1, 3)) * edge + 0.03 * (1.0 - edge)
    uv = np.stack([points[:, :, 0], width - points[:, :, 2]], 2) + shop.fresh_place()
    shade = 0.55 + 0.45 * np.clip(carved / 0.05, 0.0, 1.0)
    return grid(points, uv, shop.material(material), shade[:, :, None])
