"""`recon plugins` lists what works and what does not, and begins new packages."""

from __future__ import annotations

import json

import pytest

from recon.cli import main
from recon.core.registry import Kind, load_plugins

OFFER = "@recon.hookimpl\ndef recon_feature_extractors():\n    return "


@pytest.fixture
def recon(capsys):
    """Return a function that runs `recon plugins` and returns its exit status, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["plugins", *arguments])
        return status, *capsys.readouterr()

    return run


def test_the_list_is_one_json_object(recon, write_plugin):
    _, output, _ = recon("--json", "--plugins-dir", str(write_plugin("mine")))
    told = json.loads(output)

    assert sorted(told) == ["disabled", "plugins", "problems"]
    (mine,) = [plugin for plugin in told["plugins"] if plugin["name"] == "mine"]
    assert mine["kind"] == "extractor"
    assert mine["licence"] == "MIT"
    assert mine["weights_present"] is True
    assert mine["options"] == {"max_keypoints": {"default": 100, "type": "a whole number"}}
    assert {"package", "version", "plugin", "summary", "devices", "weights"} <= mine.keys()


def test_with_bundled_plugins_alone_all_is_well(recon):
    status, output, _ = recon()

    assert status == 0
    assert "sift" in output


def test_a_plugin_that_does_not_load_is_listed_and_fails_the_command(recon, write_plugin):
    folder = str(write_plugin("broken", "import does_not_exist"))
    status, output, _ = recon("--plugins-dir", folder)
    json_status, json_output, _ = recon("--json", "--plugins-dir", folder)

    assert (status, json_status) == (1, 1)
    assert "does not load: broken" in output
    (problem,) = [p for p in json.loads(json_output)["problems"] if p["plugin"] == "broken"]
    assert problem["package"].endswith("broken.py")
    assert "does_not_exist" in problem["reason"]


def test_nothing_is_cut_short_when_piped(recon, write_plugin):
    """`recon plugins | grep` sees whole words, whatever the width of the terminal."""
    summary = "word " * 60
    folder = write_plugin("mine", f"{OFFER}[spec('mine', summary={summary.strip()!r})]")

    assert summary.strip() in recon("--plugins-dir", str(folder))[1]


def test_missing_weights_are_told(recon, write_plugin, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("RECON_WEIGHTS", raising=False)
    file = "recon.WeightsFile('net.pth', 'https://example.org/net.pth', 'MIT', sha256='0' * 64)"
    folder = write_plugin("mine", f"{OFFER}[spec('mine', weights=({file},))]")
    _, output, _ = recon("--json", "--plugins-dir", str(folder))
    (mine,) = [plugin for plugin in json.loads(output)["plugins"] if plugin["name"] == "mine"]

    assert mine["weights_present"] is False
    assert mine["weights"] == [{"name": "net.pth", "present": False, "path": None, "licence": "MIT"}]


def test_disabled_plugins_are_told(recon, monkeypatch):
    monkeypatch.setenv("RECON_DISABLE_PLUGINS", "sift")
    told = json.loads(recon("--json")[1])

    assert told["disabled"] == ["sift"]
    assert "sift" not in {plugin["name"] for plugin in told["plugins"]}


def test_show_tells_the_options(recon, write_plugin):
    status, output, _ = recon("show", "mine", "--plugins-dir", str(write_plugin("mine")))

    assert status == 0
    assert "max_keypoints  100      a whole number" in output
    assert "licence: MIT" in output


def test_show_refuses_an_unknown_name(recon, write_plugin):
    status, _, errors = recon("show", "mnie", "--plugins-dir", str(write_plugin("mine")))

    assert status == 2
    assert "did you mean 'mine'" in errors


def test_show_says_why_a_plugin_does_not_load(recon, write_plugin):
    status, _, errors = recon("show", "broken", "--plugins-dir", str(write_plugin("broken", "import does_not_exist")))

    assert status == 2
    assert "does_not_exist" in errors


def test_new_writes_a_package(recon, tmp_path):
    folder = tmp_path / "new" / "recon-mine"
    status, output, errors = recon("new", "mine", "-o", str(folder))

    assert status == 0
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "recon_mine.py",
        "tests/test_recon_mine.py",
    }
    assert output.count("\n") == 5
    assert "pip install -e" in errors


def test_new_writes_beside_by_default(recon, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recon("new", "my-feature", "--kind", "matcher")

    assert (tmp_path / "recon-my-feature" / "recon_my_feature.py").is_file()


def test_new_never_overwrites(recon, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    status, _, errors = recon("new", "mine", "-o", str(tmp_path))

    assert status == 2
    assert "is not empty" in errors
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("name", ["My.Feature", "../mine", "mine!", ""])
def test_new_refuses_a_name_that_cannot_be_chosen(name, recon, tmp_path):
    status, _, errors = recon("new", name, "-o", str(tmp_path / "new"))

    assert status == 2
    assert "no name for a plugin" in errors
    assert not (tmp_path / "new").exists()


def test_new_refuses_a_name_that_is_taken(recon, tmp_path):
    """recon would refuse the second plugin of a name."""
    taken = load_plugins().find(Kind.MAPPER, "incremental").spec.name
    status, _, errors = recon("new", taken, "--kind", "mapper", "-o", str(tmp_path / "new"))

    assert status == 2
    assert "already offered" in errors
