"""The page over HTTP: for this machine alone, and nothing but the page."""

from __future__ import annotations

import http.client
import threading

import pytest

from recon.core.errors import Cause, UsageError
from recon.report.serving import make_server


@pytest.fixture
def server():
    with make_server(b"<p>the page</p>", 0) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def answer(server, path="/", host=None):
    port = server.server_address[1]
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers={"Host": host or f"127.0.0.1:{port}"})
    response = connection.getresponse()
    return response.status, response.read()


def test_it_listens_to_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_the_page_is_served(server):
    assert answer(server) == (200, b"<p>the page</p>")


@pytest.mark.parametrize("path", ["/etc/passwd", "/../recon.json", "/report.html", "/index.html"])
def test_nothing_else_is(server, path):
    assert answer(server, path)[0] == 404


def test_a_foreign_name_that_leads_here_is_turned_away(server):
    assert answer(server, host="evil.example:80")[0] == 421


def test_a_port_that_is_taken_is_said(server):
    with pytest.raises(UsageError) as caught:
        make_server(b"", server.server_address[1])

    assert caught.value.code is Cause.NOT_WRITABLE
    assert "is in use" in caught.value.message
