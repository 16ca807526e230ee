"""The whole examination: every part by itself, so that what breaks one leaves the others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import metadata

import recon
from recon.core.executor import available_threads
from recon.doctor.conflicts import examine_devices, examine_opencv, examine_together
from recon.doctor.diagnosis import Diagnosis, State
from recon.doctor.libraries import examine_libraries, loading_modules
from recon.doctor.plugins import examine_plugins
from recon.doctor.requirements import PACKAGE, required_versions
from recon.doctor.storage import examine_storage
from recon.doctor.system import examine_machine, examine_python, examine_screen, examine_system_libraries


def examine() -> list[Diagnosis]:
    """Return everything that was looked at; takes some seconds, for libraries are loaded in processes of their own."""
    diagnoses = [*_safely("python", examine_python), *_safely("recon", _examine_recon)]
    libraries = _safely("libraries", partial(examine_libraries, _asked(), available_threads()))
    loading = loading_modules(libraries)
    return [
        *diagnoses,
        *libraries,
        *_safely("opencv", examine_opencv),
        *_safely("together", partial(examine_together, loading)),
        *_safely("device", partial(examine_devices, loading)),
        *_safely("system libraries", examine_system_libraries),
        *_safely("screen", examine_screen),
        *_safely("machine", examine_machine),
        *_safely("storage", examine_storage),
        *_safely("plugins", examine_plugins),
    ]


def _safely(topic: str, examine_part: Callable[[], list[Diagnosis]]) -> list[Diagnosis]:
    try:
        return examine_part()
    except Exception as error:  # noqa: BLE001 - a doctor that dies of what it looks for helps nobody
        text = f"could not be looked at: {type(error).__name__}: {error}"
        return [Diagnosis(topic, State.PROBLEM, text, f"pip install --force-reinstall {PACKAGE}")]


def _asked() -> dict[str, str]:
    try:
        return required_versions()
    except metadata.PackageNotFoundError:
        return {}


def _examine_recon() -> list[Diagnosis]:
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        text = f"recon {recon.__version__} runs from its source without being installed: its plugins are not found"
        return [Diagnosis("recon", State.PROBLEM, text, "pip install . (in the folder that holds pyproject.toml)")]
    return [Diagnosis("recon", State.OK, version)]
