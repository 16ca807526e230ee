"""What the page holds, and that nothing from outside can become a part of it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recon.cli.report import command
from recon.core.errors import Cause, UsageError
from recon.report.budget import share_out
from recon.report.upright import upright_places
from recon.report.writing import write_report


def contents_of(page: Path) -> dict[str, Any]:
    """Return the JSON in a page."""
    text = page.read_text("utf-8")
    start = text.index('id="data">') + len('id="data">')
    contents: dict[str, Any] = json.loads(text[start : text.index("</script>", start)])
    return contents


def page_of(out, **options):
    write_report(out, out / "report.html", **options)
    return out / "report.html"


def test_every_photo_has_a_card_with_its_keypoints_and_its_place_in_the_model(make_workspace):
    contents = contents_of(page_of(make_workspace()))

    assert len(contents["photos"]) == 6
    for photo in contents["photos"]:
        assert photo["model"] == 0
        assert photo["keypoints"] >= photo["observations"] == 150
        assert photo["error_px"] < 0.01  # the scene is exact
        assert photo["thumbnail"].startswith("data:image/jpeg;base64,")
        assert max(photo["thumbnail_size"]) == 320


def test_the_pairs_are_those_of_the_database(make_workspace):
    contents = contents_of(page_of(make_workspace()))

    assert len(contents["pairs"]) == 15
    assert all(inliers == matches == 150 for _, _, matches, inliers in contents["pairs"])


def test_the_points_are_the_model_s(make_workspace):
    import pycolmap

    out = make_workspace()
    model = contents_of(page_of(out))["models"][0]
    positions = np.frombuffer(base64.b64decode(model["positions"]), "<f4").reshape(-1, 3)
    truth = pycolmap.Reconstruction(str(out / "sparse" / "0"))

    expected = np.array([truth.points3D[k].xyz for k in sorted(truth.points3D)])
    np.testing.assert_allclose(positions, expected, rtol=1e-6)
    assert model["points"] == model["shown"] == 150


def test_a_sighting_lies_where_the_photo_sees_the_point(make_workspace):
    import pycolmap

    out = make_workspace()
    model = contents_of(page_of(out))["models"][0]
    truth = pycolmap.Reconstruction(str(out / "sparse" / "0"))
    starts = np.frombuffer(base64.b64decode(model["track_starts"]), "<u4")
    tracks = np.frombuffer(base64.b64decode(model["tracks"]), "<u2").reshape(-1, 3)
    images = sorted((truth.image(i) for i in truth.reg_image_ids()), key=lambda image: image.name)

    for row, point_id in enumerate(sorted(truth.points3D)):
        for image_row, x, y in tracks[starts[row] : starts[row + 1]]:
            image = images[image_row]
            camera = truth.camera(image.camera_id)
            seen = camera.img_from_cam(image.cam_from_world() * truth.points3D[point_id].xyz)
            np.testing.assert_allclose([x / 65535 * camera.width, y / 65535 * camera.height], seen, atol=0.1)


def test_cameras_say_where_their_focal_length_came_from(make_workspace):
    contents = contents_of(page_of(make_workspace()))

    assert [camera["source"] for camera in contents["cameras"]] == ["EXIF, 35 mm equivalent"]
    assert contents["cameras"][0]["photos"] == 6


@pytest.mark.parametrize(
    "name", ["<script>alert(1)<", "a\"b'c.jpg", "line\nbreak.jpg", "fox 🦊 中.jpg", "</script><b>.jpg"]
)
def test_names_stay_text(make_workspace, name):
    page = page_of(make_workspace([name]))
    text = page.read_text("utf-8")

    assert name in [photo["name"] for photo in contents_of(page)["photos"]]
    assert text.count("<script") == 2
    assert text.count("</script>") == 2
    assert "<b>.jpg" not in text


def test_a_name_that_leads_out_of_the_folder_shows_no_file(make_workspace, tmp_path):
    out = make_workspace(["../secret.jpg"])
    assert (tmp_path / "secret.jpg").is_file()

    photos = {photo["name"]: photo for photo in contents_of(page_of(out))["photos"]}
    assert photos["../secret.jpg"]["thumbnail"] is None


def test_a_run_without_a_model_explains_itself(make_workspace):
    error = {"code": "no_parallax", "message": "the camera <hardly> moved", "file": None, "try": "walk"}
    left_out = [{"image": "gone.jpg", "cause": "unreadable", "detail": "empty file", "try": "copy it again"}]
    summary = {"registered": 0, "left_out": left_out, "error": error}
    page = page_of(make_workspace(with_model=False, summary=summary))

    contents = contents_of(page)
    assert contents["error"] == error
    assert contents["models"] == []
    assert "gone.jpg" in [photo["name"] for photo in contents["photos"]]
    assert "<hardly>" not in page.read_text("utf-8")


def test_the_photos_may_be_gone(make_workspace, tmp_path):
    import shutil

    out = make_workspace()
    shutil.rmtree(tmp_path / "pictures")

    assert all(photo["thumbnail"] is None for photo in contents_of(page_of(out))["photos"])


def test_a_plain_model_folder_will_do(make_workspace):
    out = make_workspace()
    contents = contents_of(page_of(out / "sparse" / "0", photos=out.parent / "pictures"))

    assert contents["summary"]["registered"] == 6
    assert all(photo["thumbnail"] for photo in contents["photos"])


def test_nothing_of_the_page_comes_from_elsewhere(make_workspace):
    text = page_of(make_workspace()).read_text("utf-8")

    assert "default-src 'none'" in text
    without_names = text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"https?://|<link|@import|\bsrc=\"(?!data:)", without_names)


def test_a_page_keeps_its_size(make_workspace):
    out = make_workspace()
    size = write_report(out, out / "small.html", megabytes=1.0)

    assert size == (out / "small.html").stat().st_size < 1e6


@pytest.mark.parametrize("photos", [1, 50, 252, 5000, 100_000])
@pytest.mark.parametrize("megabytes", [1.0, 15.0, 200.0])
def test_what_is_shared_out_fits(photos, megabytes):
    budget = share_out(megabytes, photos, mean_track_length=10)
    side = budget.thumbnail_px

    used = (
        photos * (side * side * 0.75 * 0.3 + budget.keypoints_per_photo * 7) + budget.points * 110 + budget.pairs * 18
    )
    assert used <= megabytes * 1e6
    assert budget.points > 0


@pytest.mark.parametrize("megabytes", [0.0, -1.0, float("nan")])
def test_a_page_too_small_for_anything_is_refused(megabytes):
    with pytest.raises(UsageError) as caught:
        share_out(megabytes, 10, 3.0)
    assert caught.value.code is Cause.BAD_VALUE


@pytest.mark.parametrize("orientation", range(1, 9))
def test_places_are_those_of_the_photo_as_it_is_shown(orientation):
    from PIL import Image, ImageOps

    pixels = np.zeros((60, 80), np.uint8)
    pixels[10, 20] = 255
    picture = Image.fromarray(pixels)
    picture.getexif()[0x0112] = orientation
    shown = np.asarray(ImageOps.exif_transpose(picture))
    row, column = np.argwhere(shown)[0]

    x = 80 - 20.5 if orientation in (2, 4, 5, 7) else 20.5  # what is stored mirrored is mirrored back on the sensor
    place = upright_places(np.array([[x, 10.5]]), (80, 60), orientation)[0]
    np.testing.assert_allclose(place, [(column + 0.5) / shown.shape[1], (row + 0.5) / shown.shape[0]], atol=1e-6)


def test_the_command_does_not_replace_a_file_of_others(make_workspace):
    out = make_workspace()
    (out / "report.html").write_text("mine")

    with pytest.raises(UsageError) as caught:
        command.main([str(out)], standalone_mode=False)
    assert caught.value.code is Cause.NOT_WRITABLE
    assert (out / "report.html").read_text() == "mine"
    command.main([str(out), "--force"], standalone_mode=False)
    command.main([str(out)], standalone_mode=False)  # its own
    assert len(contents_of(out / "report.html")["photos"]) == 6


def test_nothing_to_report_on_is_said(tmp_path):
    with pytest.raises(UsageError) as caught:
        command.main([str(tmp_path / "nowhere")], standalone_mode=False)
    assert caught.value.code is Cause.MISSING_FILE


def test_photos_say_how_sure_their_place_is(make_workspace):
    contents = contents_of(page_of(make_workspace()))
    sure = [photo["uncertainty"] for photo in contents["photos"] if photo["uncertainty"]]

    assert len(sure) >= 4  # all but the two that hold the frame still
    assert all(0 <= position < 1e-3 and 0 <= degrees < 1e-3 for position, degrees in sure)  # the scene is exact


def test_what_a_run_found_out_becomes_tables(make_workspace):
    summary = {
        "apart": [{"model": 1, "images": 4, "detail": "no pair ties it", "try": "take photos between"}],
        "suspicious_pairs": [{"image1": "a", "image2": "b", "inliers": 41, "found": 0.25}],
        "suspicious_effect": {"points3D": 12, "observations": 30, "photos": 0},
        "overlays": [{"width": 640, "height": 480, "share": 0.05}],
        "ladder": {"best_pairs": [{"image1": "a", "image2": "b", "inliers": 9, "gate": "inliers"}]},
        "left_out": [
            {"image": "x.jpg", "cause": "blurred", "detail": "2 px", "try": "again",
             "evidence": {"matches": [{"image": "a", "matches": 9, "inliers": 0, "registered": True}]}},
        ],
    }  # fmt: skip
    contents = contents_of(page_of(make_workspace(summary=summary)))

    titles = [table["title"] for table in contents["findings"]]
    assert titles == ["Separate models", "What stopped the best pairs", "Suspicious pairs", "Overlays"]
    assert contents["findings"][0]["rows"] == [["1", "4", "no pair ties it", "take photos between"]]
    assert "12 points" in contents["findings"][2]["note"]
    left_out = next(photo for photo in contents["photos"] if photo["name"] == "x.jpg")["left_out"]
    assert left_out["matches"] == [["a", 9, 0, True]]
