"""Plugins that do not load, that are missing, and weights that are not here."""

from __future__ import annotations

import pytest

from recon.doctor.diagnosis import State
from recon.doctor.plugins import examine_plugins


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    for name in ("RECON_PLUGINS_DIR", "RECON_DISABLE_PLUGINS", "RECON_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def of_plugins():
    return [each for each in examine_plugins() if each.topic == "plugins"]


def test_what_a_run_needs_is_there():
    assert State.PROBLEM not in {each.state for each in of_plugins()}


def test_a_plugin_that_does_not_load_is_a_note_with_what_mends_it(write_plugin, monkeypatch):
    monkeypatch.setenv("RECON_PLUGINS_DIR", str(write_plugin("broken", "import does_not_exist")))
    (found,) = [each for each in of_plugins() if "broken" in each.text]

    assert found.state is State.NOTE
    assert "does_not_exist" in found.text
    assert "RECON_DISABLE_PLUGINS=broken" in found.mend


@pytest.mark.parametrize("name", ["sift", "nearest", "incremental"])
def test_without_what_a_run_takes_by_default_there_is_a_problem(monkeypatch, name):
    monkeypatch.setenv("RECON_DISABLE_PLUGINS", name)
    problems = [each for each in of_plugins() if each.state is State.PROBLEM]

    assert [f"{name!r}" in each.text for each in problems] == [True]
    assert problems[0].mend == "unset RECON_DISABLE_PLUGINS"


def test_a_plugins_folder_that_is_missing_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setenv("RECON_PLUGINS_DIR", str(tmp_path / "missing"))
    (diagnosis,) = examine_plugins()

    assert diagnosis.state is State.PROBLEM


WEIGHTS = """
file = recon.WeightsFile(name="w.pt", url="https://example.invalid/w.pt", sha256="0" * 64, size=10, licence="MIT")

@recon.hookimpl
def recon_feature_extractors():
    return [spec("heavy", weights=(file,)), spec("heavier", weights=(file,))]
"""


def test_missing_and_damaged_weights_are_told(write_plugin, monkeypatch):
    from recon.weights import cache_dir

    monkeypatch.setenv("RECON_PLUGINS_DIR", str(write_plugin("heavy", WEIGHTS)))
    missing = [each for each in examine_plugins() if each.topic == "weights"]
    cache_dir().mkdir(parents=True)
    (cache_dir() / "w.pt").write_bytes(b"0123456789")
    damaged = [each for each in examine_plugins() if "damaged" in each.text]

    assert any({"heavy", "heavier"} <= set(each.mend.removeprefix("recon weights get ").split()) for each in missing)
    assert [each.mend for each in damaged] in (["recon weights get heavy"], ["recon weights get heavier"])
