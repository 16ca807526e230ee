"""A library that is missing, broken, crashing or of the wrong version is named with the line that mends it."""

from __future__ import annotations

import pytest

from recon.doctor import libraries
from recon.doctor.diagnosis import State
from recon.doctor.libraries import Library, examine_libraries, loading_modules


@pytest.fixture
def only(monkeypatch):
    """Return a function that makes these the only libraries that are looked at."""

    def choose(*chosen: Library) -> None:
        monkeypatch.setattr(libraries, "LIBRARIES", chosen)

    return choose


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Return a function that puts a module before all others on the path."""

    def write(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return write


PLUGGY = Library("pluggy", "pluggy", "plugins")


def test_a_library_that_loads_is_fine(only):
    only(PLUGGY)
    (diagnosis,) = examine_libraries({"pluggy": ">=1.5"}, 1)

    assert diagnosis.state is State.OK
    assert loading_modules([diagnosis]) == {"pluggy"}


def test_a_library_out_of_range_is_a_problem(only):
    only(PLUGGY)
    (diagnosis,) = examine_libraries({"pluggy": "<1"}, 1)

    assert diagnosis.state is State.PROBLEM
    assert diagnosis.mend == "pip install 'pluggy<1'"


@pytest.mark.parametrize(
    ("text", "words", "mend"),
    [
        (
            "raise ImportError('it is broken')",
            "ImportError: it is broken",
            "pip install --force-reinstall 'pluggy>=1.5'",
        ),
        ("raise RuntimeError('numpy 1 wanted')", "RuntimeError: numpy 1 wanted", "--force-reinstall 'pluggy>=1.5'"),
        ("import os; os.kill(os.getpid(), 11)", "SIGSEGV", "--force-reinstall"),
        (
            "raise ImportError('libGL.so.1: cannot open shared object file: No such file or directory')",
            "libGL.so.1",
            "apt-get install",
        ),
        ("import no_such_module_at_all", "no_such_module_at_all", "pip install no_such_module_at_all"),
    ],
)
def test_a_library_that_breaks_is_told_with_what_mends_it(only, fake, text, words, mend):
    only(PLUGGY)
    fake("pluggy", text)
    (diagnosis,) = examine_libraries({"pluggy": ">=1.5"}, 1)

    assert diagnosis.state is State.PROBLEM
    assert words in diagnosis.text
    assert mend in (diagnosis.mend or "")
    assert loading_modules([diagnosis]) == set()


def test_half_a_library_is_noticed(only, fake):
    """What a broken uninstall leaves behind is imported without an error."""
    only(Library("pluggy", "pluggy", "plugins", attribute="PluginManager"))
    fake("pluggy", "")
    (diagnosis,) = examine_libraries({}, 1)

    assert diagnosis.state is State.PROBLEM
    assert "PluginManager" in diagnosis.text


def test_a_library_that_is_not_installed_is_named_by_its_package(only):
    only(Library("no_such_module", "no-such-package", "tests"))
    (diagnosis,) = examine_libraries({"no-such-package": ">=2"}, 1)

    assert diagnosis.state is State.PROBLEM
    assert diagnosis.mend == "pip install 'no-such-package>=2'"


def test_what_a_run_does_without_is_a_note(only):
    only(Library("no_such_module", "no-such-package", "tests", is_needed=False))
    (diagnosis,) = examine_libraries({}, 1)

    assert diagnosis.state is State.NOTE


def test_an_extra_that_is_not_installed_is_not_told(only):
    only(Library("no_such_module", "no-such-package", "tests", is_needed=False, is_optional=True))

    assert examine_libraries({}, 1) == []
