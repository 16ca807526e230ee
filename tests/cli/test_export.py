"""`recon export`: complete or not there, and never over something by accident."""

from __future__ import annotations

import json
import shutil

import pytest

from recon.cli import main
from recon.engine.models import read_model, write_models

PLUGIN = """
from dataclasses import dataclass
import recon

@dataclass(frozen=True)
class Options:
    word: str = "none"

class Exporter:
    def __init__(self, options):
        self.options = options

    def export(self, model, destination):
        destination.write_text(self.options.word)
        if self.options.word == "full":
            raise OSError(28, "No space left on device")

@recon.hookimpl
def recon_exporters():
    return [recon.ComponentSpec("word", "one word", Options, lambda o, c: Exporter(o), licence="MIT")]
"""


@pytest.fixture
def export(tmp_path, synthetic_model, capsys, write_plugin):
    """Return a function that runs `recon export` on a small model; it returns exit status, output and errors."""
    write_models([synthetic_model()], tmp_path / "out")
    plugins = write_plugin("word", PLUGIN)

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["export", str(tmp_path / "out"), *map(str, arguments), "--plugins-dir", str(plugins)])
        return status, *capsys.readouterr()

    return run


def test_a_file_is_written(export, tmp_path):
    status, output, _ = export("ply", tmp_path / "points.ply")

    assert status == 0
    assert (tmp_path / "points.ply").read_bytes().startswith(b"ply")
    assert "6 photos, 120 points" in output


@pytest.mark.parametrize("name", ["colmap", "colmap-text"])
def test_a_folder_is_written(export, tmp_path, name):
    assert export(name, tmp_path / "model")[0] == 0
    assert read_model(tmp_path / "model").num_reg_images() == 6


def test_an_empty_folder_is_as_good_as_none(export, tmp_path):
    (tmp_path / "model").mkdir()

    assert export("colmap", f"{tmp_path}/model/")[0] == 0
    assert read_model(tmp_path / "model").num_reg_images() == 6


def test_the_current_folder_is_a_destination(export, tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")

    assert export("colmap", ".")[0] == 0
    assert read_model(tmp_path / "model").num_reg_images() == 6


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_there_stays(export, tmp_path, what):
    dest = tmp_path / "dest"
    if what == "folder":
        dest.mkdir()
    held = dest / "mine.txt" if what == "folder" else dest
    held.write_text("mine")

    status, _, errors = export("colmap" if what == "folder" else "ply", dest)

    assert status == 2
    assert "--force" in errors
    assert held.read_text() == "mine"


def test_force_replaces_files_and_keeps_strangers(export, tmp_path):
    dest = tmp_path / "dest"
    dest.mkdir()
    (dest / "mine.txt").write_text("mine")
    (dest / "points3D.bin").write_text("old")

    assert export("colmap", dest, "--force")[0] == 0
    assert (dest / "mine.txt").read_text() == "mine"
    assert read_model(dest).num_points3D() == 120


@pytest.mark.parametrize(("name", "is_folder"), [("ply", True), ("colmap", False)])
def test_a_file_never_takes_the_place_of_a_folder_or_the_other_way(export, tmp_path, name, is_folder):
    dest = tmp_path / "dest"
    if is_folder:
        dest.mkdir()
        (dest / "mine.txt").write_text("mine")
    else:
        dest.write_text("mine")

    status, _, errors = export(name, dest, "--force")

    assert status == 2
    assert "this format makes" in errors
    assert (dest / "mine.txt" if is_folder else dest).read_text() == "mine"


def test_a_failed_export_leaves_nothing(export, tmp_path):
    before = set(tmp_path.iterdir())
    status, _, errors = export("word", tmp_path / "dest", "--set", "word.word=full")

    assert status == 1
    assert "the disk is full" in errors
    assert set(tmp_path.iterdir()) == before


def test_a_foreign_exporter_gets_its_options(export, tmp_path):
    assert export("word", tmp_path / "dest", "--set", "word.word=hello")[0] == 0
    assert (tmp_path / "dest").read_text() == "hello"


def test_an_unknown_format_or_option_is_wrong_usage_with_a_suggestion(export, tmp_path):
    status, _, errors = export("plyy", tmp_path / "dest")
    option_status, _, option_errors = export("word", tmp_path / "dest", "--set", "word.wort=x")

    assert (status, option_status) == (2, 2)
    assert "did you mean 'ply'" in errors
    assert "did you mean 'word'" in option_errors


def test_a_missing_folder_is_named(export, tmp_path):
    status, _, errors = export("ply", tmp_path / "no" / "points.ply")

    assert status == 2
    assert f"mkdir -p {tmp_path / 'no'}" in errors


def test_the_help_lists_the_formats(capsys):
    assert main(["export", "--help"]) == 0
    output = capsys.readouterr().out

    for name in ("bundler", "colmap", "colmap-text", "csv", "glb", "gsplat", "nerfstudio", "nvm", "ply"):
        assert f"\n  {name} " in output


@pytest.mark.parametrize(
    "name", ["colmap", "colmap-text", "ply", "nerfstudio", "gsplat", "bundler", "nvm", "glb", "csv"]
)
def test_check_prints_the_proof(finished_run, tmp_path, capsys, name):
    """On a workspace as a run leaves it: the photos are found without a word."""
    status = main(["export", str(finished_run), name, str(tmp_path / "made"), "--check"])
    output = capsys.readouterr().out

    assert status == 0
    assert "\ncheck     read back as " in output
    assert "\nresult    the same model" in output
    assert (tmp_path / "made").exists()


def test_check_as_json_is_one_object(finished_run, tmp_path, capsys):
    status = main(["export", str(finished_run), "gsplat", str(tmp_path / "made"), "--check", "--json"])
    result = json.loads(capsys.readouterr().out)

    assert status == 0
    assert (result["format"], result["dest"], result["photos"]) == ("gsplat", str(tmp_path / "made"), 6)
    check = result["check"]
    assert (check["ok"], check["photos"], check["photo_files"], check["problems"]) == (True, 6, 6, [])
    assert check["observations"] > 100
    assert abs(check["error_px"] - check["model_error_px"]) < 1e-3


def test_json_without_a_check_says_so(finished_run, tmp_path, capsys):
    assert main(["export", str(finished_run), "csv", str(tmp_path / "made.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["check"] is None


def test_an_export_that_differs_is_not_kept_and_exits_1(export, tmp_path, monkeypatch):
    from recon.output import ply

    write = ply.write_points
    monkeypatch.setattr(ply, "write_points", lambda positions, *rest: write(positions + 0.01, *rest))
    (tmp_path / "points.ply").write_text("mine")
    status, output, errors = export("ply", tmp_path / "points.ply", "--check", "--force")

    assert status == 1
    assert "WRONG     a point lies" in output
    assert "was not kept" in errors
    assert (tmp_path / "points.ply").read_text() == "mine"


def test_a_foreign_format_cannot_be_checked_and_nothing_is_written(export, tmp_path):
    status, _, errors = export("word", tmp_path / "dest", "--check")

    assert status == 2
    assert "no reader for 'word'" in errors
    assert not (tmp_path / "dest").exists()


@pytest.mark.parametrize("name", ["nerfstudio", "gsplat"])
def test_a_plain_model_folder_has_to_be_told_where_the_photos_are(finished_run, six_photos, tmp_path, capsys, name):
    model, dest = str(finished_run / "sparse" / "0"), str(tmp_path / "made")
    status = main(["export", model, name, dest])
    errors = capsys.readouterr().err
    told_status = main(["export", model, name, dest, "--photos", str(six_photos), "--check"])

    assert status == 2
    assert "does not say where they are" in errors
    assert "--photos DIR" in errors
    assert told_status == 0
    assert len(list((tmp_path / "made" / "images").iterdir())) == 6


def test_photos_that_moved_since_the_run_are_asked_for(finished_run, six_photos, tmp_path, capsys):
    manifest = json.loads((finished_run / "recon.json").read_text())
    (finished_run / "recon.json").write_text(json.dumps(manifest | {"photos": str(tmp_path / "gone")}))
    status = main(["export", str(finished_run), "gsplat", str(tmp_path / "made")])

    assert status == 2
    assert "--photos DIR" in capsys.readouterr().err
    assert main(["export", str(finished_run), "gsplat", str(tmp_path / "made"), "--photos", str(six_photos)]) == 0


def test_a_photo_deleted_since_the_run_is_named(finished_run, six_photos, tmp_path, capsys):
    photos = shutil.copytree(six_photos, tmp_path / "photos")
    first = sorted(photos.iterdir())[0]
    first.unlink()
    status = main(["export", str(finished_run), "nerfstudio", str(tmp_path / "made"), "--photos", str(photos)])

    assert status == 2
    assert f"1 of the model's 6 photos are not in {photos}, the first is {first.name!r}" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_the_photos_can_be_left_out(finished_run, tmp_path):
    arguments = [str(finished_run / "sparse" / "0"), "nerfstudio", str(tmp_path / "made")]

    assert main(["export", *arguments, "--set", "nerfstudio.photos=none", "--check"]) == 0
    assert not (tmp_path / "made" / "images").exists()


def test_an_undistorted_set_is_exported_on_with_its_own_photos(finished_run, tmp_path, capsys):
    """As the message of formats that cannot hold a lens advises."""
    assert main(["export", str(finished_run), "gsplat", str(tmp_path / "splat")]) == 0
    for name in ("nvm", "bundler", "nerfstudio"):
        assert main(["export", str(tmp_path / "splat"), name, str(tmp_path / name), "--check"]) == 0
        assert capsys.readouterr().out.endswith("result    the same model\n")
    assert len(list((tmp_path / "nerfstudio" / "images").iterdir())) == 6


def test_photos_for_a_format_without_them_are_wrong_usage(export, tmp_path):
    status, _, errors = export("ply", tmp_path / "points.ply", "--photos", tmp_path)

    assert status == 2
    assert "takes no photos" in errors


def test_what_is_approximate_is_said(finished_run, tmp_path, capsys):
    assert main(["export", str(finished_run), "nvm", str(tmp_path / "made.nvm"), "--check"]) == 0
    output = capsys.readouterr().out

    assert "note      nvm has one distortion parameter" in output
    assert "result    the same model, but for that" in output


def test_a_link_inside_the_destination_is_not_followed(finished_run, tmp_path, capsys):
    """Else --force would write where the link leads."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "images").symlink_to(tmp_path / "elsewhere")
    status = main(["export", str(finished_run), "nerfstudio", str(tmp_path / "made"), "--force"])

    assert status == 2
    assert "is a link to a folder elsewhere" in capsys.readouterr().err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_workspace_of_a_newer_version_is_said_to_be_one(finished_run, tmp_path, capsys):
    manifest = json.loads((finished_run / "recon.json").read_text())
    (finished_run / "recon.json").write_text(json.dumps(manifest | {"format": 99}))

    assert main(["export", str(finished_run), "gsplat", str(tmp_path / "made")]) == 2
    assert "newer recon" in capsys.readouterr().err


ALBUM = """
from dataclasses import dataclass
from pathlib import Path
import recon

@dataclass(frozen=True)
class Options:
    photos: Path | None = None

class Exporter:
    def __init__(self, options):
        self.options = options

    def export(self, model, destination):
        destination.write_text(str(self.options.photos))

@recon.hookimpl
def recon_exporters():
    return [recon.ComponentSpec("album", "the photos' folder", Options, lambda o, c: Exporter(o), licence="MIT")]
"""


def test_a_foreign_exporter_with_the_option_photos_is_told_where_they_are(
    finished_run, six_photos, tmp_path, write_plugin
):
    plugins = write_plugin("album", ALBUM)
    arguments = [str(finished_run), "album", str(tmp_path / "dest"), "--plugins-dir", str(plugins)]

    assert main(["export", *arguments]) == 0
    assert (tmp_path / "dest").read_text() == str(six_photos)


def test_clean_leaves_wild_points_out_and_check_compares_with_what_is_left(export, tmp_path):
    model = read_model(tmp_path / "out")
    model.point3D(min(model.points3D)).error = 99.0
    shutil.rmtree(tmp_path / "out")
    write_models([model], tmp_path / "out")
    status, output, _ = export("ply", tmp_path / "clean.ply", "--clean", "--check", "--json")
    result = json.loads(output)

    assert status == 0
    assert result["left_out"]["uncertain"] == 1
    assert result["points3D"] == model.num_points3D() - sum(result["left_out"].values())
    assert f"element vertex {result['points3D']}\n".encode() in (tmp_path / "clean.ply").read_bytes()
    assert read_model(tmp_path / "out").num_points3D() == model.num_points3D()
