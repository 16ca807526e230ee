"""A matcher that sees pixels takes the place of extractor and matcher: keypoints come from the pairs, and tracks too.

The one used here is a plugin in a file of its own: SIFT in both photos, placed a little differently in every pair,
as a detector-free matcher does.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pycolmap
import pytest

import recon
from recon.cli import main
from recon.core.events import Event, Progress
from recon.core.registry import load_plugins
from recon.pipeline import RunRequest, carry_out
from recon.plan import make_plan

PLUGIN = """
import hashlib
from dataclasses import dataclass
import numpy as np
import recon

@dataclass(frozen=True)
class Options:
    jitter_px: float = 0.1

class Pairwise:
    def __init__(self, options):
        self.options = options

    def match_images(self, image1, image2):
        import cv2
        found = []
        for image in (image1, image2):
            grey = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
            keypoints, rows = cv2.SIFT_create(400).detectAndCompute(grey, None)
            found.append((np.array([k.pt for k in keypoints], np.float32).reshape(-1, 2) + 0.5, rows))
        (xy1, rows1), (xy2, rows2) = found
        if rows1 is None or rows2 is None or len(rows2) < 2:
            none = np.zeros((0, 2), np.float32)
            return recon.PairPositions(none, none.copy(), none[:, 0].copy())
        good = [one for one, two in cv2.BFMatcher().knnMatch(rows1, rows2, k=2) if one.distance < 0.8 * two.distance]
        digest = hashlib.sha256(image1.pixels.tobytes() + image2.pixels.tobytes()).digest()
        random = np.random.default_rng(list(digest[:8]))
        places = []
        for xy, rows, image in ((xy1, [g.queryIdx for g in good], image1), (xy2, [g.trainIdx for g in good], image2)):
            moved = xy[rows] + random.uniform(-1, 1, (len(good), 2)) * self.options.jitter_px
            places.append(np.clip(moved, 0, image.size).astype(np.float32))
        return recon.PairPositions(*places, np.array([1 / (1 + g.distance) for g in good], np.float32))

class Outside:
    def match_images(self, image1, image2):
        far = np.full((1, 2), 1e6, np.float32)
        return recon.PairPositions(far, far.copy(), np.ones(1, np.float32))

@recon.hookimpl
def recon_image_matchers():
    return [
        recon.ComponentSpec("pairwise", "By pairs", Options, lambda o, c: Pairwise(o), "MIT", thread_safe=True),
        recon.ComponentSpec("alone", "By pairs", Options, lambda o, c: Pairwise(o), "MIT"),
        recon.ComponentSpec("outside", "Nonsense", Options, lambda o, c: Outside(), "MIT"),
    ]
"""


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Return the options that choose the image matcher of this file."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "pairwise.py").write_text(PLUGIN, "utf-8")
    return "--matcher", "pairwise", "--plugins-dir", str(folder)


@pytest.fixture(scope="session")
def _made(plugin, six_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("made") / "out"
    size = ("--max-size", "400", "--max-keypoints", "800", "--threads", "1")
    assert main(["run", str(six_photos), "-o", str(output), *size, *plugin]) == 0
    return output


@pytest.fixture
def made(_made: Path, tmp_path: Path) -> Path:
    """Return a copy of the workspace of six photos, matched by pixels with one thread, for a test to change."""
    return Path(shutil.copytree(_made, tmp_path / "made"))


def events(workspace: Path) -> list[dict]:
    return [json.loads(line) for line in (workspace / "events.jsonl").read_text().splitlines()]


def redone(workspace: Path, position: int) -> Counter:
    """Return how many photos and pairs were done since, and not taken from an earlier run."""
    return Counter(event["event"] for event in events(workspace)[position:] if not event.get("cached"))


def model_of(workspace: Path) -> pycolmap.Reconstruction:
    return pycolmap.Reconstruction(workspace / "sparse" / "0")


def test_every_photo_is_registered_with_tracks_longer_than_two(made: Path) -> None:
    model = model_of(made)
    lengths = np.array([point.track.length() for point in model.points3D.values()])
    summary = json.loads((made / "recon.json").read_text())["summary"]

    assert model.num_reg_images() == 6
    assert lengths.mean() > 2.5
    assert (lengths > 2).mean() > 0.4
    assert model.compute_mean_reprojection_error() < 1.5
    assert summary["plan"]["extractor"] is None
    assert summary["plan"]["matcher"] == "pairwise"


def test_points_have_the_colours_of_the_photos(made: Path) -> None:
    colours = np.array([point.color for point in model_of(made).points3D.values()])

    assert colours.std(axis=0).min() > 5


def test_the_same_command_has_nothing_to_do(made: Path, plugin, run_cli) -> None:
    position = len(events(made))

    assert run_cli(made, "--threads", "1", *plugin)[0] == 0
    assert not redone(made, position).keys() & {"ImageDone", "PairDone", "ImageRegistered", "StageStarted"}


def test_two_threads_and_a_matcher_that_needs_its_own_find_the_same(
    made: Path, plugin, tmp_path: Path, run_cli
) -> None:
    """One instance called from several threads, or from one only while photos are decoded ahead of it."""
    databases = []
    for name, matcher in (("two", "pairwise"), ("alone", "alone")):
        run_cli(tmp_path / name, "--threads", "2", "--matcher", matcher, *plugin[2:])
        databases.append(json.loads((tmp_path / name / "recon.json").read_text())["stages"]["match"]["digests"])
    one = json.loads((made / "recon.json").read_text())["stages"]["match"]["digests"]

    assert databases == [one, one]


def test_what_was_lost_or_damaged_is_made_again(made: Path, plugin, run_cli) -> None:
    database = (made / "recon.json", "stages", "match", "digests")
    before = json.loads(database[0].read_text())["stages"]["match"]["digests"]
    (made / "database.db").unlink()
    for path in (made / ".cache").rglob("*.npz"):
        path.write_bytes(b"damaged")
    position = len(events(made))
    run_cli(made, "--threads", "1", *plugin)

    assert redone(made, position)["ImageDone"] == 6
    assert json.loads(database[0].read_text())["stages"]["match"]["digests"] == before
    shutil.rmtree(made / ".cache")
    shutil.rmtree(made / "sparse")
    run_cli(made, "--threads", "1", *plugin)
    assert model_of(made).num_reg_images() == 6
    assert np.array([point.color for point in model_of(made).points3D.values()]).std() > 5


def test_an_option_of_the_matcher_redoes_the_pairs(made: Path, plugin, run_cli) -> None:
    position = len(events(made))
    run_cli(made, "--threads", "1", *plugin, "--set", "pairwise.jitter_px=0")

    assert redone(made, position)["PairDone"] == 15


def test_another_photo_leaves_the_positions_of_the_others(made: Path, plugin, six_photos, tmp_path, run_cli) -> None:
    """Keypoints are merged anew; the expensive part, looking at pixels, is done for the new photo's pairs alone."""
    photos = Path(shutil.copytree(six_photos, tmp_path / "copy"))
    (photos / sorted(path.name for path in photos.iterdir())[0]).unlink()
    looks = []
    for path in (photos, six_photos):
        position = len(events(made))
        run_cli(made, "--threads", "1", *plugin, photos=path)
        progress = [
            each["done"] for each in events(made)[position:] if each["event"] == "Progress" and each["stage"] == "match"
        ]
        looks.append(progress[0])

    assert looks == [10, 15]  # every pair was there already, and is counted at once


def test_an_interrupted_run_goes_on_where_it_was(made: Path, plugin, six_photos, tmp_path: Path) -> None:
    """Positions are kept pair by pair; the model is that of a run that was left alone."""
    registry = load_plugins(Path(plugin[3]))
    plan = make_plan(matcher="pairwise", max_size=400, max_keypoints=800, threads=1)
    pairs_seen = []

    def watch(event: Event) -> None:
        if isinstance(event, Progress) and event.stage == "match":
            pairs_seen.append(event.done)

    asked = iter(range(1000))
    with pytest.raises(recon.Interrupted):
        carry_out(
            RunRequest(six_photos, plan, tmp_path / "stopped"), registry, [watch], should_stop=lambda: next(asked) > 12
        )
    result = carry_out(RunRequest(six_photos, plan, tmp_path / "stopped"), registry, [watch])

    assert result.summary["registered"] == 6
    digests = [
        json.loads((path / "recon.json").read_text())["stages"]["match"]["digests"]
        for path in (made, tmp_path / "stopped")
    ]
    assert digests[0] == digests[1]
    assert pairs_seen[-1] == 15


def test_photos_held_sideways_give_keypoints_in_sensor_pixels(
    made: Path, plugin, six_photos, tmp_path, run_cli
) -> None:
    """The same pictures stored turned by EXIF 6: what the matcher sees is equal, and keypoints lie on the sensor."""
    from PIL import Image

    photos = tmp_path / "turned"
    photos.mkdir()
    for path in six_photos.iterdir():
        with Image.open(path) as upright:
            exif = upright.getexif()
            exif[0x0112] = 6
            upright.transpose(Image.Transpose.ROTATE_90).save(photos / path.with_suffix(".png").name, exif=exif)
    status, summary = run_cli(tmp_path / "sideways", "--threads", "1", *plugin, photos=photos)

    assert status == 0
    assert summary["registered"] == 6
    model, upright = model_of(tmp_path / "sideways"), model_of(made)
    assert model.num_points3D() == pytest.approx(upright.num_points3D(), rel=0.2)
    camera = next(iter(model.cameras.values()))
    assert (camera.height, camera.width) == next((c.width, c.height) for c in upright.cameras.values())
    for image in model.images.values():
        xy = np.array([point.xy for point in image.points2D])
        assert (xy <= (camera.width, camera.height)).all()
        assert xy[:, 1].max() > camera.width  # the long side is the other one


def test_pairs_by_similarity_take_features_of_their_own(plugin, tmp_path: Path, run_cli) -> None:
    """`retrieval` reads features: the default extractor finds some for it, and for nothing else."""
    status, summary = run_cli(tmp_path / "out", *plugin, "--pairs", "retrieval", "--set", "retrieval.k=3")

    assert status == 0
    assert summary["registered"] == 6
    told = [each["message"] for each in events(tmp_path / "out") if each["event"] == "Noted"]
    assert any("by the features of sift" in message for message in told)
    assert summary["plan"]["extractor"] is None


def test_pairs_by_name_alone_look_at_no_features(plugin, tmp_path: Path, run_cli) -> None:
    status, _ = run_cli(tmp_path / "out", *plugin, "--pairs", "sequential", "--set", "sequential.loop_closure=false")

    assert status == 0
    assert not any("by the features of" in each.get("message", "") for each in events(tmp_path / "out"))


def test_a_photo_that_cannot_be_decoded_is_left_out(plugin, six_photos, tmp_path: Path, run_cli) -> None:
    photos = Path(shutil.copytree(six_photos, tmp_path / "photos"))
    broken = photos / "zz.png"
    whole = shutil.copy(sorted(six_photos.iterdir())[0], tmp_path / "whole.jpg")
    content = Path(whole).read_bytes()
    broken = broken.with_suffix(".jpg")
    broken.write_bytes(content[: len(content) // 50])
    status, summary = run_cli(tmp_path / "out", *plugin, photos=photos)

    assert status == 0
    assert summary["registered"] == 6
    assert [(each["image"], each["cause"]) for each in summary["left_out"]] == [("zz.jpg", "unreadable")]


def test_the_stages_alone_are_match_and_map(made: Path, plugin, tmp_path: Path, run_cli) -> None:
    status, summary = run_cli(tmp_path / "out", *plugin, command="extract")

    assert status == 2
    assert "recon match" in summary["error"]["try"]
    assert not (tmp_path / "out").exists()
    for command in ("match", "map"):
        assert run_cli(tmp_path / "out", "--threads", "1", *plugin, command=command)[0] == 0
    assert model_of(tmp_path / "out").num_points3D() == model_of(made).num_points3D()


def test_an_extractor_beside_it_is_wrong_usage(plugin, tmp_path: Path, run_cli) -> None:
    status, summary = run_cli(tmp_path / "out", *plugin, "--extractor", "sift")

    assert status == 2
    assert "--extractor sift" in summary["error"]["message"]


def test_an_answer_outside_the_images_names_the_plugin_at_fault(plugin, tmp_path: Path, run_cli) -> None:
    status, summary = run_cli(tmp_path / "out", *plugin, "--matcher", "outside")

    assert status == 1
    assert summary["error"]["code"] == "broken_plugin"
    assert "recon.testing" in summary["error"]["try"]
