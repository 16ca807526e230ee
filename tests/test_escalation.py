"""Photos that stay out get a second look, which gains what verifies and loses nothing."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

SELECTOR = """
@dataclass(frozen=True)
class NoOptions:
    pass

class Forgetful:
    def select(self, images, features):
        names = sorted(image.name for image in images)
        return [recon.ImagePair(a, b) for a in names[1:] for b in names[1:] if a < b]

@recon.hookimpl
def recon_pair_selectors():
    return [recon.ComponentSpec("forgetful", "Forgets the first photo", NoOptions, lambda o, c: Forgetful(), "MIT")]
"""


@pytest.fixture
def run(run_cli, write_plugin, tmp_path):
    """Return a function that runs six photos of which the pair selector forgets one."""
    folder = write_plugin("forgetful", SELECTOR)

    def run(*options):
        forgetful = ("--plugins-dir", str(folder), "--pairs", "forgetful", "--threads", "1", "--extractor", "sift")
        return run_cli(tmp_path / "out", *forgetful, *options)

    return run


def messages(folder):
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text("utf-8").splitlines()]
    return [event["message"] for event in events if event["event"] == "Noted"]


def test_a_photo_in_no_pair_joins_the_model(run, tmp_path):
    status, summary = run()

    assert status == 0
    assert summary["registered"] == 6
    assert summary["left_out"] == []
    assert summary["plan"]["escalate"] is True
    assert any(
        "1 of 1 photos that had stayed out were registered after all" in line for line in messages(tmp_path / "out")
    )
    assert not (tmp_path / "out" / ".cache" / "escalation").exists()


def test_it_is_left_out_where_that_was_asked_for(run):
    _, summary = run("--no-escalate")

    assert summary["registered"] == 5
    assert len(summary["left_out"]) == 1
    assert summary["seconds"].get("escalate") is None


def test_the_same_command_finds_nothing_to_do_and_another_answer_is_mapped_again(run):
    _, first = run()
    _, again = run()
    _, without = run("--no-escalate")

    assert again["registered"] == first["registered"] == 6
    assert without["registered"] == 5


def test_pairs_that_the_user_named_are_all_that_is_tried(run_cli, six_photos, tmp_path):
    names = sorted(path.name for path in six_photos.iterdir())
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("".join(f"{a} {b}\n" for a in names[1:] for b in names[1:] if a < b), "utf-8")

    _, summary = run_cli(tmp_path / "out", "--pairs-file", str(pairs), "--extractor", "sift")

    assert summary["registered"] == 5
    assert not any("escalate" in line for line in messages(tmp_path / "out"))


def test_nothing_is_done_where_every_photo_is_in_the_model(run_cli, tmp_path):
    _, summary = run_cli(tmp_path / "out", "--extractor", "sift")

    assert summary["left_out"] == []
    assert summary["seconds"].get("escalate") is None


def test_a_stranger_stays_out(run_cli, six_photos, tmp_path):
    """A photo of something else: noise here."""
    import cv2
    import numpy as np

    photos = tmp_path / "photos"
    shutil.copytree(six_photos, photos)
    blobs = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (400, 300, 3)).astype(np.uint8), (0, 0), 3)
    cv2.imwrite(str(photos / "stranger.png"), cv2.normalize(blobs, None, 0, 255, cv2.NORM_MINMAX))

    _, summary = run_cli(tmp_path / "out", "--extractor", "sift", photos=photos)

    assert summary["registered"] == 6
    assert [each["image"] for each in summary["left_out"]] == ["stranger.png"]
    assert any("no further photo could be registered" in line for line in messages(tmp_path / "out"))


@pytest.fixture
def faded(six_photos, tmp_path):
    """Return a function that copies six photos, the first of them faded and noisy, and returns the folder."""
    import cv2
    import numpy as np

    def fade(contrast, noise):
        photos = tmp_path / "photos"
        shutil.copytree(six_photos, photos)
        first = min(photos.iterdir())
        pixels = cv2.imread(str(first), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        pixels = 128 + (pixels.astype(float) - 128) * contrast
        pixels += np.random.default_rng(0).normal(0, noise, pixels.shape)
        exif = Image.open(first).info["exif"]
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)[..., ::-1]).save(first, quality=95, exif=exif)
        return photos

    return fade


@pytest.fixture
def without_weights(monkeypatch, tmp_path):
    """Let no weights be at hand."""
    monkeypatch.delenv("RECON_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def rotation_errors(folder, truth):
    """Return the error of each photo's rotation relative to the other photos', degrees, in the median, by name."""
    import numpy as np
    import pycolmap

    from recon.evaluation.truth_files import read_truth

    model, poses = pycolmap.Reconstruction(folder / "sparse" / "0"), read_truth(truth).poses
    images = [model.image(image_id) for image_id in model.reg_image_ids()]
    found = {image.name: image.cam_from_world().rotation.matrix() for image in images}

    def error(a, b):
        apart = found[a] @ found[b].T @ (poses[a].rotation @ poses[b].rotation.T).T
        return np.degrees(np.arccos(np.clip((np.trace(apart) - 1) / 2, -1, 1)))

    return {a: float(np.median([error(a, b) for b in found if b != a])) for a in found}


FEW = ("--extractor", "sift", "--threads", "1", "--max-keypoints", "250")


@pytest.mark.usefixtures("without_weights")
def test_more_keypoints_of_larger_pictures_bring_in_a_photo_at_the_right_pose(run_cli, faded, tmp_path, sample_photos):
    photos = faded(0.12, 3)

    _, without = run_cli(tmp_path / "without", *FEW, "--no-escalate", photos=photos)
    _, summary = run_cli(tmp_path / "out", *FEW, photos=photos)

    assert summary["registered"] > without["registered"]
    told = [line for line in messages(tmp_path / "out") if line.startswith("escalation: ")]
    assert len(told) == 1
    assert "matched again with 500 keypoints at 800 px: 1 joined" in told[0]
    assert max(rotation_errors(tmp_path / "out", sample_photos.parent / "gt.json").values()) < 1


@pytest.mark.usefixtures("without_weights")
def test_one_thread_gives_the_same_model_twice(run_cli, faded, tmp_path):
    photos = faded(0.12, 3)

    for out in ("one", "two"):
        run_cli(tmp_path / out, *FEW, photos=photos)

    one, two = ((tmp_path / out / "sparse" / "0" / "points3D.bin").read_bytes() for out in ("one", "two"))
    assert one == two


FEWER = ("--extractor", "sift", "--threads", "1", "--max-keypoints", "160")
"""On which no model begins, and on twice as many one does."""


@pytest.mark.usefixtures("without_weights")
def test_a_set_without_a_model_is_begun_anew_where_two_seeds_agree(run_cli, tmp_path, sample_photos):
    status_without, _ = run_cli(tmp_path / "without", *FEWER, "--no-escalate")
    status, summary = run_cli(tmp_path / "out", *FEWER)

    assert (status_without, status) == (1, 0)
    assert summary["registered"] == 6
    assert any("a model of 6 photos, on which two seeds agree" in line for line in messages(tmp_path / "out"))
    assert max(rotation_errors(tmp_path / "out", sample_photos.parent / "gt.json").values()) < 1


@pytest.mark.usefixtures("without_weights")
def test_a_model_that_does_not_come_twice_is_none(run_cli, tmp_path, monkeypatch):
    monkeypatch.setattr("recon.engine.agreement.models_agree", lambda first, second: False)

    status, summary = run_cli(tmp_path / "out", *FEWER)

    assert status == 1
    assert summary["registered"] == 0
    assert len(summary["left_out"]) == 6
    assert "was not repeatable" in summary["error"]["message"]
    assert not (tmp_path / "out" / "sparse").exists()


@pytest.mark.weights
def test_attention_brings_in_a_photo_and_add_goes_on_from_there(run_cli, faded, tmp_path, sample_photos):
    """Its keypoints are in the model and not in the database, which `recon add` has to make up for."""
    from recon.cli import main

    photos = faded(0.08, 2)

    _, summary = run_cli(tmp_path / "out", *FEW, "--max-keypoints", "400", photos=photos)

    assert summary["registered"] == 6
    assert any("xfeat and lightglue" in line and "1 joined" in line for line in messages(tmp_path / "out"))
    truth = sample_photos.parent / "gt.json"
    assert max(rotation_errors(tmp_path / "out", truth).values()) < 1

    further = sorted(sample_photos.iterdir())[6:8]
    statuses = [main(["add", str(photo), str(tmp_path / "out")]) for photo in further]

    assert statuses == [0, 0]
    errors = rotation_errors(tmp_path / "out", truth)
    assert {photo.name for photo in further} < set(errors)
    assert max(errors.values()) < 1


@pytest.mark.slow
@pytest.mark.photos
@pytest.mark.weights
def test_strangers_have_no_model_with_attention_either(run_cli, photo_set, tmp_path):
    status, summary = run_cli(
        tmp_path / "out", "--extractor", "sift", "--max-size", "1600", photos=photo_set("alamo4") / "images"
    )

    assert status == 1
    assert len(summary["left_out"]) == 4
    assert all(each["detail"] for each in summary["left_out"])
    assert any("xfeat and lightglue" in line for line in messages(tmp_path / "out"))


@pytest.mark.weights
def test_a_photo_held_upside_down_joins_where_features_know_no_rotation(six_photos, tmp_path, capsys):
    """XFeat's do not, and no EXIF says how the photo was held."""
    from recon.cli import main

    photos = shutil.copytree(six_photos, tmp_path / "photos")
    name = sorted(path.name for path in photos.iterdir())[2]
    with Image.open(photos / name) as picture:
        turned = picture.rotate(180)
    turned.save(photos / name, quality=95)
    command = ["run", str(photos), "-o", str(tmp_path / "out"), "--extractor", "xfeat", "--max-size", "640", "--json"]

    assert main([*command, "--threads", "1", "--no-escalate"]) == 0
    assert [each["image"] for each in json.loads(capsys.readouterr().out)["left_out"]] == [name]
    assert main([*command, "--threads", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["registered"] == 6
    assert any("turned by 180 degrees: 1 joined" in line for line in messages(tmp_path / "out"))
