"""`recon export`: complete or not there, and never over something by accident."""

from __future__ import annotations

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

    for name in ("colmap ", "colmap-text ", "ply "):
        assert f"\n  {name}" in output
