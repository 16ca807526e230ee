"""`recon weights` lists, fetches, finds and verifies what plugins declare."""

from __future__ import annotations

import hashlib
import json

import pytest

from recon.cli import main
from recon.core.registry import load_plugins
from recon.weights import cache_dir

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
DECLARES = f"""
FILE = recon.WeightsFile("net.pth", "http://127.0.0.1:1/net.pth", "MIT", sha256={DIGEST!r}, size=7)
@recon.hookimpl
def recon_feature_extractors():
    return [spec("mynet", weights=(FILE,))]
"""


@pytest.fixture
def weights(write_plugin, tmp_path, monkeypatch, capsys):
    """Return a function that runs `recon weights` and returns its exit status, output and errors."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RECON_WEIGHTS", raising=False)
    monkeypatch.setenv("RECON_PLUGINS_DIR", str(write_plugin("mynet", DECLARES)))
    bundled = {offer.plugin for offer in load_plugins().offers() if offer.spec.weights} - {"mynet"}
    monkeypatch.setenv("RECON_DISABLE_PLUGINS", ",".join(sorted(bundled)))

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["weights", *arguments])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def cached(weights):
    """Put the declared file into the cache."""
    cache_dir().mkdir(parents=True)
    (cache_dir() / "net.pth").write_bytes(CONTENT)
    return cache_dir() / "net.pth"


def test_the_list_says_what_is_missing(weights):
    status, output, _ = weights("list")

    assert status == 0
    assert [line.split()[0] for line in output.splitlines()] == ["plugin", "mynet"]
    assert output.rstrip().endswith("missing")


def test_the_list_is_one_json_object(weights, cached):
    _, output, _ = weights("list", "--json")
    told = json.loads(output)

    assert told["cache"] == str(cache_dir())
    (file,) = [file for file in told["weights"] if file["plugin"] == "mynet"]
    assert (file["name"], file["present"], file["path"], file["licence"]) == ("net.pth", True, str(cached), "MIT")


def test_without_weights_the_list_says_so(weights, monkeypatch, tmp_path):
    monkeypatch.setenv("RECON_PLUGINS_DIR", str(tmp_path))
    status, output, errors = weights("list")

    assert (status, output) == (0, "")
    assert "no installed plugin needs weights" in errors


@pytest.mark.parametrize("name", ["mynet", "net.pth"])
@pytest.mark.parametrize("command", ["path", "get"])
def test_the_path_of_a_file_that_is_here_is_printed(command, name, weights, cached):
    assert weights(command, name)[:2] == (0, f"{cached}\n")


def test_the_path_of_a_missing_file_is_an_error(weights):
    status, output, errors = weights("path", "mynet")

    assert (status, output) == (1, "")
    assert "recon weights get mynet" in errors


def test_getting_without_network_says_where_to_put_the_file(weights):
    status, _, errors = weights("get", "mynet")

    assert status == 1
    assert str(cache_dir() / "net.pth") in errors


def test_an_unknown_name_is_wrong_usage(weights):
    status, _, errors = weights("get", "mynett")

    assert status == 2
    assert "did you mean 'mynet'" in errors


def test_verify_passes_what_is_as_published(weights, cached):
    status, output, _ = weights("verify", "mynet")

    assert status == 0
    assert "as published" in output


def test_verify_fails_what_differs(weights, cached):
    cached.write_bytes(b"half")
    status, output, _ = weights("verify")

    assert status == 1
    assert "differs" in output


def test_verify_fails_for_a_missing_file_only_when_it_is_named(weights):
    assert weights("verify")[0] == 0
    assert weights("verify", "mynet")[0] == 1
