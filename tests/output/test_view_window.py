"""The window itself, on a screen that nobody sees: what is drawn where, before and after each key and click."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from recon.output.scene import CAMERA_COLOR, MODEL_COLORS
from recon.output.view_models import ShownModel, view_scene
from recon.output.view_selection import MATCH_COLOR, MEASURE_COLOR, TRACK_COLOR

pytestmark = pytest.mark.screen

COLORS = np.array([(240, 0, 0), (0, 240, 0), (0, 0, 240), (240, 240, 0), (240, 0, 240), (0, 240, 240)])
"""Of the six photos' upper halves."""

_DRIVER = """
import json, os, sys
from pathlib import Path
import numpy as np
from recon.output.view_flight import fly_through
from recon.output.view_window import Window

folder = Path(sys.argv[1])
os.chdir(folder)
window = Window(folder / "scene.npz", "test", is_live=True)
window.open()
links, positions = window._shown.links, window._shown.scene.positions
facts = {}

def picture(name):
    window.visualizer.poll_events()
    window.visualizer.update_renderer()
    window.visualizer.capture_screen_image(str(folder / f"{name}.png"), do_render=True)

def places(positions):
    return window._eye().project(np.asarray(positions).reshape(-1, 3))[0].tolist()

def key(letter):
    next(action for keys, action in window._actions() if ord(letter) in keys)()

def look_at_photo(k, back=4.0):
    view, = fly_through(links.centers[[k]], links.forward[[k]], links.up[[k]], (1280, 800), 1, back * links.depth, 10.0)
    window._look_from(view)

def click(x, y, x_up=None, y_up=None):
    window.mouse.move(x, y)
    window.mouse.press_or_release(0, 1, 0)
    if x_up is not None:
        window.mouse.move((x + x_up) / 2, (y + y_up) / 2)
        window.mouse.move(x_up, y_up)
    window.mouse.press_or_release(0, 0, 0)

"""


@pytest.fixture
def drive(tmp_path, synthetic_model):
    """Return a function that runs a script on a window of a model, and returns its facts and pictures."""
    model = synthetic_model(points=300)
    photos = {f"image{k:04d}.png": np.full((48, 64, 3), color, np.uint8) for k, color in enumerate(COLORS)}
    for picture in photos.values():
        picture[24:] //= 2  # the lower half is darker
    view_scene([ShownModel(model, photos=photos)], (1280, 800)).write(tmp_path / "scene.npz")

    def run(script: str):
        code = f"{_DRIVER}{script}\n(folder / 'facts.json').write_text(json.dumps(facts))\n"
        command = ["xvfb-run", "-a", "-s", "-screen 0 1400x900x24", sys.executable, "-c", code, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        pictures = {}
        for path in tmp_path.glob("*.png"):
            with Image.open(path) as opened:
                pictures[path.stem] = np.asarray(opened.convert("RGB")).astype(int)
        return json.loads((tmp_path / "facts.json").read_text()), pictures, done.stdout

    return run


def is_near(pixels, color, tolerance=40):
    return (np.abs(pixels - np.array(color)) <= tolerance).all(axis=-1)


def share_along(picture, start, end, color):
    """Return the share of the places on a line, without its ends, at which a pixel beside has the colour."""
    found = []
    for x, y in np.linspace(start, end, 60)[8:-8]:
        x, y = round(x), round(y)
        if 2 <= x < picture.shape[1] - 2 and 2 <= y < picture.shape[0] - 2:
            found.append(is_near(picture[y - 2 : y + 3, x - 2 : x + 3], color, 60).any())
    return np.mean(found) if found else 0.0


def test_points_are_at_their_projected_places(drive):
    facts, pictures, _ = drive("""
key("C")
facts["points"] = places(positions)
picture("points")
""")
    seen = [is_near(pictures["points"][round(y), round(x), 1:], (128, 64)) for x, y in facts["points"]]
    assert np.mean(seen) > 0.95


def test_each_photo_is_in_its_frustum_the_right_way_up(drive):
    facts, pictures, _ = drive("""
key("4")  # points in a colour unlike the cameras'
for k in range(6):
    look_at_photo(k)
    top_left, top_right, bottom_right, bottom_left = links.corners[k]
    upper = [0.9 * (0.9 * a + 0.1 * b) + 0.1 * bottom_left for a, b in ((top_left, top_right), (top_right, top_left))]
    facts[f"upper{k}"] = places(upper)
    facts[f"lower{k}"] = places([0.8 * bottom_left + 0.1 * bottom_right + 0.1 * top_left])
    facts[f"edge{k}"] = places([top_left, top_right])
    picture(f"photo{k}")
    key("T")
    picture(f"outline{k}")
    key("C")
    picture(f"nothing{k}")
    key("C")
    key("T")
""")
    for k, color in enumerate(COLORS):
        for name, expected in (("upper", color), ("lower", color // 2)):
            for x, y in facts[f"{name}{k}"]:
                assert is_near(pictures[f"photo{k}"][round(y), round(x)], expected, 10)
                assert not is_near(pictures[f"outline{k}"][round(y), round(x)], expected, 10)
        assert share_along(pictures[f"outline{k}"], *facts[f"edge{k}"], CAMERA_COLOR) > 0.9
        assert share_along(pictures[f"nothing{k}"], *facts[f"edge{k}"], CAMERA_COLOR) < 0.1


def test_clicks_on_points_draw_tracks_and_distances(drive):
    facts, pictures, said = drive("""
key("C")
pixels = places(positions)
middle = sorted(range(len(positions)), key=lambda k: abs(pixels[k][0] - 640) + abs(pixels[k][1] - 400))
click(*pixels[middle[0]])
facts["point"] = window._selection.points[-1]
facts["track"] = [places(positions[facts["point"]])[0], places(links.centers[links.photos_of(facts["point"])])]
picture("track")
click(*pixels[middle[40]])
facts["measured"] = places(positions[list(window._selection.points)])
picture("measured")
click(5, 5)
picture("nothing")
""")
    start, ends = facts["track"]
    shares = [share_along(pictures["track"], start, end, TRACK_COLOR) for end in ends]
    assert len(shares) >= 2
    assert np.mean(shares) > 0.6  # points lie before some of it
    assert share_along(pictures["measured"], *facts["measured"], MEASURE_COLOR) > 0.4
    assert not is_near(pictures["nothing"], TRACK_COLOR, 20).any()
    assert f"point {facts['point']}: seen by {len(ends)} photos" in said
    assert "distance from point" in said
    assert "nothing picked" in said


def test_clicks_on_two_photos_draw_their_matches(drive):
    facts, pictures, said = drive("""
for k in (0, 1):
    look_at_photo(k)
    click(*places(links.corners[k].mean(axis=0))[0])
facts["photos"] = list(window._selection.photos)
look_at_photo(0)
key("T")  # from behind, a photo hides the lines
ends = window._selection.lines()[0][0]
facts["matches"] = [[places(a)[0], places(b)[0]] for a, b in ends]
picture("pair")
key("P")
""")
    assert facts["photos"] == [0, 1]
    assert np.mean([share_along(pictures["pair"], *line, MATCH_COLOR) for line in facts["matches"]]) > 0.7
    assert "image0000.png and image0001.png:" in said
    assert said.splitlines()[-1].startswith(("image", "point"))  # P picks what is in the middle: the photo, or a point


def test_keys_and_dragging_change_the_picture_and_r_takes_it_back(drive):
    facts, pictures, said = drive("""
picture("first")
click(640, 400, 760, 430)
picture("turned")
facts["picked"] = len(window._selection.points) + len(window._selection.photos)
key("R")
picture("again")
key("4")
picture("by-model")
key("B")
picture("white")
key("=")
picture("large")
key("S")
key("F")
facts["flight"] = len(window._flight)
for _ in range(facts["flight"] // 2):
    window.step()
picture("flying")
key("F")
facts["landed"] = len(window._flight)
window._control().set_zoom(1.0)
window.mouse.move(900.0, 300.0)
window.mouse.press_or_release(0, 1, 1)  # with Shift
before = np.array(window._eye().cam_from_world)
window.mouse.move(900.0, 340.0)
turn = np.array(window._eye().cam_from_world) @ np.linalg.inv(before)
facts["roll"] = turn[:3, :3].tolist()
""")
    first = pictures["first"]
    assert np.abs(pictures["turned"] - first).mean() > 2
    assert facts["picked"] == 0  # a drag is no click
    assert np.abs(pictures["again"] - first).mean() < 0.5
    assert is_near(pictures["by-model"], MODEL_COLORS[0], 6).sum() > 1000
    assert is_near(pictures["white"][2, 2], (255, 255, 255), 3)
    assert (
        is_near(pictures["large"], MODEL_COLORS[0], 6).sum()
        > 1.2 * is_near(pictures["white"], MODEL_COLORS[0], 6).sum()
    )
    assert "saved recon-view-1.png" in said
    assert np.abs(pictures["recon-view-1"] - pictures["large"]).mean() < 0.5
    assert facts["flight"] > 50
    assert facts["landed"] == 0
    assert np.abs(pictures["flying"] - pictures["large"]).mean() > 2
    roll = np.array(facts["roll"])
    assert roll[2] == pytest.approx([0, 0, 1], abs=1e-3)
    assert abs(roll[0, 1]) > 0.01


def test_a_newer_scene_takes_the_place_of_the_old_one(drive, tmp_path, synthetic_model):
    grown = synthetic_model(images=9, points=900, seed=1)
    view_scene([ShownModel(grown)], (1280, 800)).write(tmp_path / "grown.npz")
    facts, pictures, _ = drive("""
picture("before")
facts["idle"] = window.step()
os.replace(folder / "grown.npz", folder / "scene.npz")
os.utime(folder / "scene.npz")
window._next_look = 0
facts["changed"] = window.step()
positions = window._shown.scene.positions
facts["points"] = places(positions)
key("C")
picture("after")
""")
    assert facts["idle"] is False
    assert facts["changed"] is True
    assert len(facts["points"]) == 900
    after = pictures["after"]
    inside = [(round(x), round(y)) for x, y in facts["points"] if 0 <= x < 1279 and 0 <= y < 799]
    assert np.mean([is_near(after[y, x, 1:], (128, 64)) for x, y in inside]) > 0.95
