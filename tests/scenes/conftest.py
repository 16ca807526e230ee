"""One tiny scene that many tests look at, and a server of files on this machine."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@pytest.fixture(scope="session")
def tiny_scene():
    """Return a courtyard of 6 photos of 320 px."""
    from recon.scenes.generator import SceneOptions, make_scene

    return make_scene(SceneOptions(seed=3, photos=6, size=320))


@pytest.fixture(scope="session")
def tiny_stage(tiny_scene):
    """Return the tiny scene made ready for photos."""
    from recon.scenes.render import Stage

    return Stage(tiny_scene.world)


@dataclass
class FileServer:
    """Serves `files` by path over http on 127.0.0.1; knows ranges, and cuts connections when told to."""

    files: dict[str, bytes]
    address: str = ""
    tag: str | None = '"v1"'
    knows_ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    """After how many bytes the next answers break off, one entry an answer."""
    redirects: dict[str, str] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Path and Range of each request."""


@pytest.fixture
def file_server(monkeypatch):
    """Yield a server without files."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = FileServer({})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            server.requests.append((self.path, wanted))
            if self.path in server.redirects:
                self.send_response(302)
                self.send_header("Location", server.redirects[self.path])
                self.end_headers()
            elif self.path not in server.files:
                self.send_error(404)
            else:
                self.send_file(server.files[self.path], wanted)

        def send_file(self, content, wanted):
            start = 0
            if wanted and server.knows_ranges and self.headers.get("If-Range") == server.tag:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content) - start))
            if server.tag is not None:
                self.send_header("ETag", server.tag)
            self.end_headers()
            body = content[start:]
            self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

        def log_message(self, format, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        server.address = f"http://127.0.0.1:{httpd.server_port}"
        yield server
        httpd.shutdown()
