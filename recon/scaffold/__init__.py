"""Writes the package of a new plugin: complete, and passing the contract as written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from recon.core.errors import Cause, UsageError
from recon.core.kinds import Kind
from recon.core.validation import is_valid_name


@dataclass(frozen=True, slots=True)
class _Starter:
    """What the templates of one kind differ in."""

    summary: str
    contract: str
    usage: str
    dependencies: tuple[str, ...]


_STARTERS = {
    Kind.EXTRACTOR: _Starter(
        "Shi-Tomasi corners described by RootSIFT",
        "FeatureExtractorContract",
        "recon run PHOTOS --extractor $name",
        ("numpy", "opencv-python"),
    ),
    Kind.MATCHER: _Starter(
        "Mutual nearest neighbours", "FeatureMatcherContract", "recon run PHOTOS --matcher $name", ("numpy",)
    ),
    Kind.PAIRS: _Starter(
        "Each photo with those that follow it", "PairSelectorContract", "recon run PHOTOS --pairs $name", ()
    ),
    Kind.MAPPER: _Starter(
        "COLMAP's incremental mapping", "MapperContract", "recon run PHOTOS --mapper $name", ("pycolmap",)
    ),
    Kind.EXPORTER: _Starter(
        "A table of the camera centres", "ExporterContract", "recon export OUT $name", ("pycolmap",)
    ),
}

KINDS = tuple(_STARTERS)
"""Kinds of plugin that can be begun."""


def write_package(kind: Kind, name: str, folder: Path) -> list[Path]:
    """Write the package of a plugin that offers one component, and return its files.

    Args:
        kind: One of KINDS.
        name: What users will type.
        folder: Must not exist, or be empty.

    Raises:
        UsageError: BAD_VALUE for a name that no component may have; NOT_WRITABLE for a folder with something in it,
            or where nothing can be written.
    """
    from importlib.resources import files

    if not is_valid_name(name):
        raise UsageError(
            f"{name!r} is no name for a plugin",
            code=Cause.BAD_VALUE,
            try_="use lower-case letters and digits, with - or _ between them",
        )
    starter, module = _STARTERS[kind], "recon_" + name.replace("-", "_")
    words = {
        "name": name,
        "package": f"recon-{name}",
        "module": module,
        "class_name": "".join(word.capitalize() for word in name.replace("-", "_").split("_")),
        "noun": kind.noun,
        "summary": starter.summary,
        "contract": starter.contract,
        "usage": Template(starter.usage).substitute(name=name),
        "dependencies": ", ".join(f'"{package}"' for package in (*starter.dependencies, "recon-sfm")),
    }
    contents = {
        "pyproject.toml": "pyproject.toml.txt",
        "README.md": "README.md.txt",
        "LICENSE": "LICENSE.txt",
        f"{module}.py": f"{kind}.py.txt",
        f"tests/test_{module}.py": "test_plugin.py.txt",
    }
    templates = files("recon.scaffold") / "templates"
    texts = {path: Template((templates / source).read_text("utf-8")) for path, source in contents.items()}
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                f"{folder} exists and is not empty",
                code=Cause.NOT_WRITABLE,
                file=str(folder),
                try_="choose another folder with -o",
            )
        return [_write(folder / path, text.substitute(words)) for path, text in texts.items()]
    except OSError as error:
        raise UsageError(
            f"cannot write the package to {folder}: {error.strerror}",
            code=Cause.NOT_WRITABLE,
            file=str(folder),
            try_="choose another folder with -o",
        ) from error


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path
