"""`recon scale`: a marked length gives a finished run metres, and a later run keeps them."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest

from recon.cli import main
from recon.core.frame import FrameSource, ModelFrame, Origin, Units
from recon.engine.models import frame_of, read_model, write_models


def far_apart(model):
    """Return two far points that the same two photos see: ids, and the command line's marks of each."""
    best = None
    for image1, image2 in combinations(sorted(model.reg_image_ids()), 2):
        seen = [{p.point3D_id: p.xy for p in model.image(i).get_observation_points2D()} for i in (image1, image2)]
        shared = sorted(seen[0].keys() & seen[1].keys())
        if len(shared) < 20:
            continue
        places = np.array([model.points3D[each].xyz for each in shared])
        apart = np.linalg.norm(places[:, None] - places[None], axis=2)
        row, column = np.unravel_index(int(apart.argmax()), apart.shape)
        if best is None or apart.max() > best[0]:
            names = [model.image(i).name for i in (image1, image2)]
            ends = [shared[row], shared[column]]
            best = (
                apart.max(),
                ends,
                [[f"{n}:{s[e][0]:.3f},{s[e][1]:.3f}" for n, s in zip(names, seen, strict=True)] for e in ends],
            )
    return best[1], best[2]


def distance(model, ends):
    return float(np.linalg.norm(model.points3D[ends[0]].xyz - model.points3D[ends[1]].xyz))


@pytest.fixture
def marked(finished_run):
    """Return a workspace, two points' ids, and `--points ...` of both."""
    ends, marks = far_apart(read_model(finished_run))
    return finished_run, ends, ["--points", *marks[0], "--points", *marks[1]]


def scale(*arguments):
    return main(["scale", *map(str, arguments)])


def test_the_length_between_the_marks_becomes_metres(marked, capsys):
    out, ends, points = marked
    before = read_model(out)

    assert scale(out, *points, "--length", "2.5m") == 0
    model, frame = read_model(out), frame_of(out)
    told = capsys.readouterr().out
    assert distance(model, ends) == pytest.approx(2.5, rel=0.03)  # the marks are keypoints: a pixel off the point
    assert model.compute_mean_reprojection_error() == pytest.approx(before.compute_mean_reprojection_error(), rel=1e-6)
    assert (frame.units, frame.source) == (Units.METRES, FrameSource.LENGTH)
    assert 0 < frame.scale_error < 0.05
    assert "2.5 m (±" in told
    manifest = json.loads((out / "recon.json").read_text("utf-8"))
    assert manifest["summary"]["units"] == "metres"
    assert manifest["state"] == "finished"
    assert b"comment units: metres" in (out / "points.ply").read_bytes()[:300]


@pytest.mark.parametrize(
    ("length", "metres"),
    [("250cm", 2.5), ("2500 mm", 2.5), ("10ft", 3.048), ("12in", 0.3048), ("0.001km", 1.0), ("2.5M", 2.5)],
)
def test_lengths_have_units(marked, length, metres):
    out, ends, points = marked

    assert scale(out, *points, "--length", length) == 0
    assert distance(read_model(out), ends) == pytest.approx(metres, rel=0.03)


def test_scaling_again_replaces_the_scale(marked):
    out, ends, points = marked

    assert scale(out, *points, "--length", "9m") == 0
    assert scale(out, *points, "--length", "3m") == 0
    assert distance(read_model(out), ends) == pytest.approx(3, rel=0.03)


def test_a_later_run_that_finds_nothing_to_do_keeps_the_metres(marked, run_cli):
    out, _, points = marked
    assert scale(out, *points, "--length", "3m") == 0
    kept = {path: path.read_bytes() for path in (out / "sparse").rglob("*.bin")}
    status, summary = run_cli(out, "--threads", "1")

    assert status == 0
    assert summary["units"] == "metres"
    assert {path: path.read_bytes() for path in (out / "sparse").rglob("*.bin")} == kept


def test_four_marks_at_once_and_names_like_numbers(marked):
    out, ends, points = marked
    at_once = [each for each in points[1:] if each != "--points"]

    assert scale(out, "--points", *at_once, "--length", "3m") == 0
    assert distance(read_model(out), ends) == pytest.approx(3, rel=0.03)


def test_a_dry_run_and_another_folder_leave_the_workspace_as_it_is(marked, tmp_path, capsys):
    out, ends, points = marked
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    assert scale(out, *points, "--length", "3m", "--dry-run") == 0
    assert scale(out, *points, "--length", "3m", "-o", tmp_path / "scaled") == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert distance(read_model(tmp_path / "scaled"), ends) == pytest.approx(3, rel=0.03)
    assert frame_of(tmp_path / "scaled").units is Units.METRES
    assert scale(out, *points, "--length", "3m", "-o", tmp_path / "scaled") == 2
    assert "is there already" in capsys.readouterr().err


def test_a_model_on_earth_keeps_its_place_and_its_middle(marked):
    out, _, points = marked
    model = read_model(out)
    write_models([model], out, [ModelFrame(Units.GEOGRAPHIC, FrameSource.GPS, True, origin=Origin(50.0, 8.0))])
    middle = np.mean([model.image(i).projection_center() for i in model.reg_image_ids()], axis=0)

    assert scale(out, *points, "--length", "3m") == 0
    scaled, frame = read_model(out), frame_of(out)
    assert (frame.units, frame.origin) == (Units.GEOGRAPHIC, Origin(50.0, 8.0))
    new_middle = np.mean([scaled.image(i).projection_center() for i in scaled.reg_image_ids()], axis=0)
    assert new_middle == pytest.approx(middle, abs=1e-9)


def test_json_tells_the_same(marked, capsys):
    out, _, points = marked

    assert scale(out, *points, "--length", "3m", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["units"] == "metres"
    assert told["units_before"] == "arbitrary"
    assert told["length_error_m"] == pytest.approx(3 * told["relative_error"])
    assert len(told["ends"]) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda points: points[:3], "two ends"),
        (lambda points: [*points[:2], *points[4:]], "two ends"),
        (lambda points: [*points, "--points", points[1], points[2]], "two ends"),
        (lambda points: ["--points", points[1], points[1], *points[3:]], "two different photos"),
        (lambda points: ["--points", "nobody.jpg:1,1", points[2], *points[3:]], "no photo of the model"),
        (lambda points: ["--points", points[1], points[2], "--points", points[1], points[2]], "no more than the error"),
        (lambda points: ["--points", points[1], points[5], "--points", points[4], points[2]], "show"),
    ],
)
def test_marks_that_make_no_length_are_refused_and_nothing_changes(marked, change, message, capsys):
    out, _, points = marked
    before = {path: path.read_bytes() for path in (out / "sparse").rglob("*") if path.is_file()}

    assert scale(out, *change(points), "--length", "3m") == 2
    assert message in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (out / "sparse").rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("length", ["0m", "-1m", "3", "3 parsec", "infm", "", "1e400m"])
def test_what_is_no_length_is_refused(marked, length, capsys):
    out, _, points = marked

    assert scale(out, *points, "--length", length) == 2
    assert "length" in capsys.readouterr().err


def test_a_folder_without_a_model_is_refused(tmp_path, capsys):
    marks = ["--points", "a.jpg:1,1", "b.jpg:1,1", "--points", "a.jpg:2,2", "b.jpg:2,2", "--length", "1m"]

    assert scale(tmp_path / "nothing", *marks) == 2
    assert scale(tmp_path, *marks) == 2
    assert "error:" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_model_folder_is_not_changed_in_place(marked, capsys):
    out, _, points = marked

    assert scale(out / "sparse" / "0", *points, "--length", "1m") == 2
    assert "-o DIR" in capsys.readouterr().err


def test_names_with_colons_and_commas(synthetic_model, tmp_path):
    model = synthetic_model(points=300)
    for number, image_id in enumerate(sorted(model.reg_image_ids())):
        model.image(image_id).name = f"a:1,2 {number}.png"
    ends, marks = far_apart(model)
    write_models([model], tmp_path / "m")

    assert (
        scale(tmp_path / "m", "--points", *marks[0], "--points", *marks[1], "--length", "3m", "-o", tmp_path / "s") == 0
    )
    assert distance(read_model(tmp_path / "s"), ends) == pytest.approx(3, rel=0.01)


def test_marks_count_in_the_photo_as_it_is_shown(tmp_path):
    """EXIF orientation 6: the file's pixels are turned by a viewer, and marks are turned back."""
    from PIL import Image

    from recon.cli.scale import _as_stored
    from recon.georeference.marked_points import Mark

    photos = tmp_path / "photos"
    photos.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 300)).save(photos / "a.jpg", exif=exif)
    out = tmp_path / "out"
    out.mkdir()
    from recon.workspace.manifest import Manifest

    Manifest("0", photos=str(photos)).write(out / "recon.json")
    end = (Mark("a.jpg", 290.0, 20.0), Mark("b.jpg", 7.0, 8.0))

    (turned, as_it_was), _ = _as_stored((end, end), out)

    assert (turned.x, turned.y) == pytest.approx((20.0, 10.0))  # shown 300 wide: x is the sensor's 300 - y
    assert as_it_was == end[1]
