"""Plugins are found where pip puts them and in a folder of one-file plugins; what cannot be read is reported."""

from __future__ import annotations

import pytest

from recon.core.errors import Cause, UsageError
from recon.core.registry import Kind, load_plugins

OFFER = "@recon.hookimpl\ndef recon_feature_extractors():\n    return "


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return a function that puts a package with one plugin on the path, as pip would."""

    def install(package: str, plugin: str, module: str, text: str, version: str = "1.0") -> None:
        (tmp_path / f"{module}.py").write_text(text, "utf-8")
        info = tmp_path / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", "utf-8")
        (info / "entry_points.txt").write_text(f"[recon]\n{plugin} = {module}\n", "utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))

    return install


def test_a_one_file_plugin_is_found(write_plugin):
    offer = load_plugins(write_plugin("mine")).find(Kind.EXTRACTOR, "mine")

    assert offer.plugin == "mine"
    assert offer.package.endswith("mine.py")


def test_the_version_of_a_one_file_plugin_follows_its_content(write_plugin):
    """Results of an earlier text must not be reused."""
    before = load_plugins(write_plugin("mine")).find(Kind.EXTRACTOR, "mine").version
    after = load_plugins(write_plugin("mine", OFFER + "[spec('mine'), spec('more')]")).find(Kind.EXTRACTOR, "mine")

    assert before != after.version


def test_the_plugins_folder_may_come_from_the_environment(write_plugin, monkeypatch):
    monkeypatch.setenv("RECON_PLUGINS_DIR", str(write_plugin("mine")))

    assert load_plugins().named("mine")


def test_a_plugins_folder_that_is_missing_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError) as caught:
        load_plugins(tmp_path / "none")

    assert caught.value.code is Cause.MISSING_FILE


def test_an_installed_package_is_found(install):
    install("recon-theirs", "theirs", "recon_theirs_a", "import recon\n@recon.hookimpl\ndef recon_event(event): pass")

    assert len(load_plugins().observers()) == 1


def test_two_packages_with_plugins_of_one_name_both_work(install):
    """pluggy's own loader passes over the second without a word."""
    text = "import recon\n@recon.hookimpl\ndef recon_event(event): pass"
    install("recon-a", "same", "recon_same_a", text)
    install("recon-b", "same", "recon_same_b", text)

    assert len(load_plugins().observers()) == 2


def test_a_package_whose_entry_points_cannot_be_read_is_reported(install, tmp_path):
    install("recon-theirs", "theirs", "recon_theirs_b", "")
    (tmp_path / "recon_theirs-1.0.dist-info" / "entry_points.txt").write_text("[recon]\nno equals sign\n")
    registry = load_plugins()

    assert [problem.package for problem in registry.problems if problem.package != "recon-sfm"] == ["recon-theirs"]
    assert registry.find(Kind.MAPPER, "incremental")
