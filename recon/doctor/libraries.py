"""The libraries that recon uses: installed, of a version that will do, and loading."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from recon.core.libraries import missing_library
from recon.doctor.diagnosis import Diagnosis, State
from recon.doctor.requirements import installed_version, is_within
from recon.doctor.trial import Trial, try_script


@dataclass(frozen=True, slots=True)
class Library:
    """A library as Python and as pip call it."""

    module: str
    package: str
    use: str
    """What needs it, for people."""
    is_needed: bool = True
    """Whether `recon run` with its default plugins needs it."""
    is_optional: bool = False
    """Whether it is an extra, whose absence is nothing to tell."""
    attribute: str = ""
    """Something that it must have: a package of the same name, or half of one, may lie in its place."""


LIBRARIES = (
    Library("numpy", "numpy", "everything"),
    Library("cv2", "opencv-python", "reading photos, SIFT", attribute="SIFT_create"),
    Library("pycolmap", "pycolmap", "verification and mapping", attribute="IncrementalMapper"),
    Library("PIL.Image", "pillow", "reading photos", attribute="open"),
    Library("pluggy", "pluggy", "plugins"),
    Library("click", "click", "the command line"),
    Library("filelock", "filelock", "workspaces"),
    Library("platformdirs", "platformdirs", "the cache's place"),
    Library("rich", "rich", "progress and tables"),
    Library("threadpoolctl", "threadpoolctl", "sharing the cores out"),
    Library("torch", "torch", "learned extractors and matchers", is_needed=False, attribute="no_grad"),
    Library("open3d", "open3d", "recon view", is_needed=False),
    Library("lightning_fabric", "lightning-fabric", "recon train", is_needed=False, is_optional=True),
    Library("kornia", "kornia", "some learned matchers", is_needed=False, is_optional=True),
    Library("pillow_heif", "pillow-heif", "HEIC photos", is_needed=False, is_optional=True),
)

# zlib first: pycolmap's own copy clashes with one that is loaded later. os._exit: some libraries hang at exit.
_IMPORT = """
import importlib, json, os, sys, zlib
module = importlib.import_module(sys.argv[1])
if sys.argv[2]:
    getattr(module, sys.argv[2])
print(json.dumps(getattr(module, "__file__", None)), flush=True)
os._exit(0)
"""


def examine_libraries(asked: Mapping[str, str], threads: int) -> list[Diagnosis]:
    """Return a diagnosis for each library, and leave out extras that are not installed.

    Args:
        asked: What recon asks of each package's version.
    """
    worth_trying = [each for each in LIBRARIES if installed_version(each.package) or not each.is_optional]
    with ThreadPoolExecutor(threads) as pool:
        trials = list(pool.map(_try_import, worth_trying))
    return [
        diagnosis
        for library, trial in zip(worth_trying, trials, strict=True)
        for diagnosis in _diagnose(library, trial, asked.get(library.package, ""))
    ]


def loading_modules(diagnoses: list[Diagnosis]) -> set[str]:
    """Return the modules that were found to load."""
    broken = {each.topic for each in diagnoses if "does not load" in each.text}
    told = {each.topic for each in diagnoses}
    return {each.module for each in LIBRARIES if each.package in told and each.package not in broken}


def _try_import(library: Library) -> Trial:
    return try_script(_IMPORT, library.module, library.attribute)


def _diagnose(library: Library, trial: Trial, asked: str) -> Iterator[Diagnosis]:
    version = installed_version(library.package)
    worst = State.PROBLEM if library.is_needed else State.NOTE
    wanted = f"'{library.package}{asked}'" if asked else library.package
    named = f"{library.package} {version}" if version else library.package
    if trial.failure is not None:
        _, _, reason = trial.failure.partition(": ")
        missing = missing_library(named, reason or trial.failure)
        mend = f"pip install {wanted}" if version is None else f"pip install --force-reinstall {wanted}"
        if missing is not None and version is not None:
            mend = missing.try_ or mend
        text = f"{named} does not load ({library.use}): {trial.failure}"
        yield Diagnosis(library.package, worst, text, mend)
    elif version is None:
        text = f"{library.module} loads from {trial.answer}, and pip does not know it: its version cannot be checked"
        yield Diagnosis(library.package, State.NOTE, text, f"pip install {wanted}")
    elif not is_within(version, asked):
        text = f"{named} is not the version that recon was made for ({asked}): {library.use}"
        yield Diagnosis(library.package, worst, text, f"pip install {wanted}")
    else:
        yield Diagnosis(library.package, State.OK, f"{version}, for {library.use}")
