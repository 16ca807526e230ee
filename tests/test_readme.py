"""README.md told as it is: its commands exist, its examples work, and every hook is documented."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from recon.cli import recon_command
from recon.core import hookspecs
from recon.core.options import Settings
from recon.core.registry import load_plugins

_ROOT = Path(__file__).parents[1]
_README = (_ROOT / "README.md").read_text("utf-8")
_BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)
_PYTHON = [text for language, text in _BLOCKS if language == "python"]
_PLUGIN = next(text for text in _PYTHON if "@recon.hookimpl" in text)
_PLUGIN_TEST = next(text for text in _PYTHON if "recon.testing" in text)
_API = next(text for text in _PYTHON if "recon.reconstruct" in text)
_HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("recon_"))


def _commands() -> list[list[str]]:
    """Return the arguments of every `recon ...` in README, in blocks and between backticks."""
    lines = [line for language, text in _BLOCKS if language == "sh" for line in text.splitlines()]
    spans = re.findall(r"`(recon [^`\n]+)`", _README)
    words = [shlex.split(line, comments=True) for line in (*lines, *spans)]
    return [each[1:] for each in words if each and each[0] in ("recon", ".venv/bin/recon")]


def _parse(command: click.Command, arguments: list[str], parent: click.Context | None = None) -> None:
    """Parse as the command line does, without asking whether files exist; an unknown option or command raises."""
    context = command.make_context(command.name, list(arguments), parent, resilient_parsing=True)
    if isinstance(command, click.Group):
        names = [word for word in arguments if not word.startswith("-")]
        if names:
            subcommand = command.get_command(context, names[0])
            assert subcommand is not None, f"{command.name} has no command {names[0]!r}"
            _parse(subcommand, arguments[arguments.index(names[0]) + 1 :], context)


@pytest.mark.parametrize("arguments", _commands(), ids=" ".join)
def test_every_command_exists_with_its_options(arguments: list[str]):
    words = arguments[: arguments.index(">")] if ">" in arguments else arguments

    _parse(recon_command, [word for word in words if word != "..."])


def test_every_setting_exists(tmp_path: Path):
    (tmp_path / "orb.py").write_text(_PLUGIN, "utf-8")
    texts = re.findall(r"--set (\S+?=[^\s`]+)", _README)

    offers = {offer.spec.name: offer for offer in load_plugins(tmp_path).offers()}
    assert texts
    for text in texts:
        offer = offers[text.partition(".")[0]]
        Settings.from_texts([text]).options_for(offer.kind, offer.spec, {})


def test_the_plugin_keeps_the_contract(tmp_path: Path):
    (tmp_path / "orb.py").write_text(_PLUGIN, "utf-8")
    (tmp_path / "test_orb.py").write_text(_PLUGIN_TEST, "utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:dash", "-p", "no:cacheprovider", "test_orb.py"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout
    assert len(_PLUGIN.splitlines()) <= 30


@pytest.mark.slow
def test_the_plugin_reconstructs_the_sample(tmp_path: Path, sample_photos: Path):
    (tmp_path / "orb.py").write_text(_PLUGIN, "utf-8")
    command = [sys.executable, "-m", "recon", "run", str(sample_photos), "--plugins-dir", ".", "--extractor", "orb"]

    result = subprocess.run([*command, "-o", "work"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr


@pytest.mark.slow
def test_the_python_example_runs(tmp_path: Path, sample_photos: Path):
    (tmp_path / "photos").symlink_to(sample_photos)

    result = subprocess.run([sys.executable, "-c", _API], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
    assert "16 photos" in result.stdout


@pytest.mark.parametrize("hook", _HOOKS)
def test_every_hook_is_documented(hook: str):
    """That each is tested, tests/core/test_hookspecs.py sees to."""
    assert f"| `{hook}` |" in _README


def test_the_files_it_shows_exist():
    """Pictures and links within the repository."""
    targets = re.findall(r"\]\((?!https?:)([^)#]+)\)", _README)

    assert targets
    assert [target for target in targets if not (_ROOT / target).exists()] == []
