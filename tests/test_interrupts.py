"""The first signal asks, the second ends the process at once, even while the main thread is busy in C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from recon.interrupts import watch_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_becomes_a_request_that_names_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    told: list[str] = []

    with watch_signals(told.append) as request:
        assert not request()
        os.kill(os.getpid(), number)
        deadline = time.monotonic() + 5
        while not (request() and told) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert request.signal_number == number

    assert len(told) == 1
    assert signal.getsignal(number) is before


PROGRAM = """
import hashlib, time
from recon.interrupts import watch_signals
with watch_signals(lambda text: print("asked", flush=True)) as request:
    print("ready", flush=True)
    {busy}
print("came to its end", flush=True)
"""


@pytest.mark.parametrize(
    "busy",
    ["time.sleep(60)", "hashlib.pbkdf2_hmac('sha1', b'', b'', 2**31 - 1)"],  # Python's own handlers wait for the second
)
def test_the_second_signal_ends_the_process_at_once(busy: str) -> None:
    program = [sys.executable, "-c", PROGRAM.format(busy=busy)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stdout.read() == ""


def test_sigterm_is_a_request_also_after_pycolmap_has_taken_it() -> None:
    """Its import installs a handler in C that prints a stack trace and dies."""
    program = """
import os, signal, time
from recon.interrupts import watch_signals
with watch_signals(print) as request:
    import pycolmap
    assert not request()
    os.kill(os.getpid(), signal.SIGTERM)
    while not request():
        time.sleep(0.01)
print("came to its end")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("came to its end\n")
