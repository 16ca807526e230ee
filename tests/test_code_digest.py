"""An edited plugin is another plugin, whatever its version says."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recon.code_digest import code_digest
from recon.core.components import ComponentSpec

FILES = {
    "__init__.py": "from my_plugin.options import Options\ndef create(options, context): return None\n",
    "options.py": "class Options: pass\n",
    "network/__init__.py": "weights = 1\n",
}


@pytest.fixture
def digest_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Return a function that writes the package `my_plugin` with changed files and returns its component's digest."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(changes: dict[str, str] | None = None, *, is_bundled: bool = False, create: str = "my_plugin") -> str:
        for name, text in {**FILES, **(changes or {})}.items():
            path = tmp_path / "my_plugin" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name in [name for name in sys.modules if name.partition(".")[0] == "my_plugin"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        module = importlib.import_module(create)
        spec = ComponentSpec("mine", "A test", module.Options, getattr(module, "create", print), "MIT")
        return code_digest(spec, is_bundled=is_bundled)

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_plugin"]:
        del sys.modules[name]


def test_the_same_code_is_the_same(digest_of) -> None:
    assert digest_of() == digest_of() != ""


@pytest.mark.parametrize("name", FILES)
def test_a_change_in_any_module_of_the_package_counts(name: str, digest_of) -> None:
    """The network often stands in another file than the hook."""
    assert digest_of() != digest_of({name: FILES[name] + "# edited\n"})


@pytest.mark.parametrize("is_bundled", [False, True])
def test_a_change_in_the_weights_that_a_package_ships_counts(is_bundled: bool, digest_of) -> None:
    """New weights are another network: results of the old ones must not be reused."""
    one, other = (
        digest_of({"network/it.safetensors": text}, is_bundled=is_bundled) for text in ("weights 1", "weights 2")
    )

    assert digest_of({"network/it.safetensors": "weights 2"}, is_bundled=is_bundled) == other != one


def test_a_bundled_plugin_is_its_own_module_alone(digest_of) -> None:
    """Else every edit of one would redo the results of all."""
    module = {"one.py": FILES["__init__.py"]}
    before = digest_of(module, is_bundled=True, create="my_plugin.one")

    assert (
        digest_of({**module, "options.py": "class Options: x = 1\n"}, is_bundled=True, create="my_plugin.one") == before
    )
    edited = {"one.py": FILES["__init__.py"] + "# edited\n"}
    assert digest_of(edited, is_bundled=True, create="my_plugin.one") != before


def test_code_that_cannot_be_read_is_left_to_the_version() -> None:
    spec = ComponentSpec("mine", "A test", int, len, "MIT")

    assert code_digest(spec, is_bundled=False) == ""
