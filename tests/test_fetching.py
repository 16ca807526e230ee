"""Downloads are verified before they are moved into place, come over https only, and fail with advice."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from recon.core.components import WeightsFile
from recon.core.errors import Cause, ReconError
from recon.fetching import fetch_weights
from recon.weights import cache_dir, find_weights

CONTENT = bytes(range(256)) * 4096
"""One megabyte: several blocks."""


@pytest.fixture
def server():
    """Yield the address of a server on this machine that knows a few paths."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "http://example.org/net.pth")
                self.end_headers()
            elif self.path == "/missing":
                self.send_error(404)
            else:
                body = {"/good": CONTENT, "/other": b"other", "/longer": CONTENT * 2, "/cut": CONTENT[:5000]}[self.path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT) if self.path == "/cut" else len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RECON_WEIGHTS", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def weights_at(url: str) -> WeightsFile:
    return WeightsFile("net.pth", url, "MIT", sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))


def error_of(url: str, destination) -> ReconError:
    with pytest.raises(ReconError) as caught:
        fetch_weights(weights_at(url), destination, otherwise="put it there by hand")
    return caught.value


def test_a_download_is_verified_and_kept(server):
    notes = []
    path = find_weights(weights_at(f"{server}/good"), "mynet", allow_download=True, note=notes.append)

    assert path == cache_dir() / "net.pth"
    assert path.read_bytes() == CONTENT
    assert len(notes) == 1
    assert "licence: MIT" in notes[0]


def test_what_is_here_is_not_downloaded_again(server):
    find_weights(weights_at(f"{server}/good"), "mynet", allow_download=True)

    assert find_weights(weights_at(f"{server}/missing"), "mynet", allow_download=True).is_file()


def test_a_damaged_file_in_the_cache_is_replaced(server):
    cache_dir().mkdir(parents=True)
    (cache_dir() / "net.pth").write_bytes(b"half")

    assert find_weights(weights_at(f"{server}/good"), "mynet", allow_download=True).read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["/other", "/longer", "/cut"])
def test_what_is_not_the_published_file_is_thrown_away(path, server, tmp_path):
    error = error_of(f"{server}{path}", tmp_path / "net.pth")

    assert error.code in (Cause.BAD_WEIGHTS, Cause.NO_NETWORK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/missing", None])
def test_without_network_the_error_says_what_to_do(path, server, tmp_path):
    url = f"{server}{path}" if path else "http://127.0.0.1:1/net.pth"
    error = error_of(url, tmp_path / "net.pth")

    assert error.code is Cause.NO_NETWORK
    assert error.try_ is not None
    assert "put it there by hand" in error.try_
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["http://example.org/net.pth", "ftp://example.org/net.pth", "file:///etc/passwd"])
def test_only_https_is_trusted(url, tmp_path):
    assert "https only" in error_of(url, tmp_path / "net.pth").message


def test_a_redirect_is_held_to_the_same_rule(server, tmp_path):
    assert "https only" in error_of(f"{server}/elsewhere", tmp_path / "net.pth").message
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    error = error_of(f"{server}/good", tmp_path / "file" / "net.pth")

    assert error.code is Cause.NOT_WRITABLE
    assert error.file == str(tmp_path / "file" / "net.pth")
