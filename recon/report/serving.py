"""The page over HTTP, for this machine alone: some browsers open no files, and some browsers are on another machine."""

from __future__ import annotations

import errno
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from recon.core.errors import Cause, UsageError

HOST = "127.0.0.1"


def serve_page(page: bytes, port: int, ready: Callable[[str], None]) -> None:
    """Answer requests for one page until Ctrl-C.

    Args:
        port: 0 takes any that is free.
        ready: Called with the address once it answers.

    Raises:
        UsageError: NOT_WRITABLE, the port is taken or not allowed.
    """
    with make_server(page, port) as server:
        ready(f"http://{HOST}:{server.server_address[1]}/")
        server.serve_forever()


def make_server(page: bytes, port: int) -> ThreadingHTTPServer:
    """Return a server of one page, bound to 127.0.0.1 alone."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # Another site whose name leads here would read the page through the user's browser.
            host = self.headers.get("Host", "").rpartition(":")[0]
            if host not in (HOST, "localhost"):
                self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            elif self.path != "/":
                self.send_error(HTTPStatus.NOT_FOUND)
            else:
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.send_header("X-Content-Type-Options", "nosniff")
                self.end_headers()
                self.wfile.write(page)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the terminal quiet."""

    try:
        return ThreadingHTTPServer((HOST, port), Handler)
    except OSError as error:
        reason = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise UsageError(
            f"port {port} {reason}",
            code=Cause.NOT_WRITABLE,
            try_="choose another with --port N, or leave it out: any free one will do",
        ) from error
