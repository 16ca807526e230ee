"""Libraries that get on badly with each other or with the machine, though each loads alone."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from recon.doctor.diagnosis import Diagnosis, State
from recon.doctor.requirements import installed_version
from recon.doctor.trial import try_script

_OPENCVS = ("opencv-python", "opencv-contrib-python", "opencv-python-headless", "opencv-contrib-python-headless")
_CPU_TORCH = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cpu"
_GPU_TORCH = "pip install --force-reinstall torch"
_NVIDIA = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidiactl"))
_TOGETHER_ORDER = ("cv2", "pycolmap", "torch")

_TOGETHER = """
import json, os, sys
import recon
import numpy
for name in sys.argv[1:]:
    __import__(name)
pixels = numpy.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=numpy.uint8)
if "cv2" in sys.modules:
    import cv2
    assert cv2.imencode(".png", pixels)[0]
try:
    from threadpoolctl import threadpool_info
    runtimes = [each["filepath"] for each in threadpool_info() if each["user_api"] == "openmp"]
except ImportError:
    runtimes = []
print(json.dumps(runtimes), flush=True)
os._exit(0)
"""
_TORCH = """
import json, os, torch
names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
usable = torch.cuda.is_available()
if usable:
    assert float(torch.ones(8, device="cuda").sum()) == 8
mps = bool(torch.backends.mps.is_available())
print(json.dumps({"cuda": torch.version.cuda, "usable": usable, "names": names, "mps": mps}), flush=True)
os._exit(0)
"""


def examine_opencv() -> list[Diagnosis]:
    """Return what there is to say of several OpenCVs: they overwrite each other's files."""
    installed = [name for name in _OPENCVS if installed_version(name)]
    if len(installed) < 2:
        return []
    text = f"{' and '.join(installed)} are installed together: they share the folder cv2, and the last one wins"
    mend = f"pip uninstall -y {' '.join(installed)} && pip install opencv-python"
    return [Diagnosis("opencv", State.NOTE, text, mend)]


def examine_together(loading: Collection[str]) -> list[Diagnosis]:
    """Return whether the libraries that load alone also load together, and how many OpenMP runtimes that brings."""
    names = [name for name in _TOGETHER_ORDER if name in loading]
    if len(names) < 2 or "numpy" not in loading:
        return []
    trial = try_script(_TOGETHER, *names)
    if trial.failure is not None:
        text = f"{', '.join(names)} load alone, but not in one process: {trial.failure}"
        mend = "make a fresh environment: python3 -m venv .venv && .venv/bin/pip install recon-sfm"
        return [Diagnosis("together", State.PROBLEM, text, mend)]
    return [_openmp(trial.answer), Diagnosis("together", State.OK, f"{', '.join(names)} work in one process")]


def _openmp(paths: list[str]) -> Diagnosis:
    kinds = {Path(path).name.partition(".")[0].partition("-")[0] for path in paths}
    if len(kinds) > 1:
        text = f"{len(kinds)} OpenMP runtimes in one process ({', '.join(sorted(kinds))}): slow, and they may hang"
        mend = "install torch, opencv-python and pycolmap all by pip into one fresh environment, none by conda"
        return Diagnosis("openmp", State.NOTE, text, mend)
    copies = f"{len(paths)} copies of {kinds.pop()}, which do no harm" if len(paths) > 1 else "at most one runtime"
    return Diagnosis("openmp", State.OK, copies)


def examine_devices(loading: Collection[str]) -> list[Diagnosis]:
    """Return what `--device auto` finds: a GPU that torch can use, or why not."""
    has_nvidia = any(path.exists() for path in _NVIDIA)
    if "torch" not in loading:
        return [Diagnosis("device", State.NOTE, "--device auto takes the CPU: torch does not load", None)]
    trial = try_script(_TORCH)
    if trial.failure is not None:
        text = f"torch finds a GPU and cannot use it: {trial.failure}"
        return [Diagnosis("device", State.NOTE, text, "give --device cpu, or renew the driver (`nvidia-smi` tells it)")]
    found: dict[str, Any] = trial.answer
    if found["usable"]:
        return [Diagnosis("device", State.OK, f"--device auto takes cuda: {', '.join(found['names'])}")]
    if found["mps"]:
        return [Diagnosis("device", State.OK, "--device auto takes mps")]
    if has_nvidia and found["cuda"] is None:
        text = "there is an NVIDIA GPU, and this torch is a build for the CPU"
        return [Diagnosis("device", State.NOTE, text, _GPU_TORCH)]
    if has_nvidia:
        text = f"there is an NVIDIA GPU, and torch (for CUDA {found['cuda']}) cannot use it"
        return [Diagnosis("device", State.NOTE, text, "renew the driver (`nvidia-smi` tells whether it works)")]
    if found["cuda"]:
        text = f"--device auto takes the CPU: no GPU here, and torch is a build for CUDA {found['cuda']}, of several GB"
        return [Diagnosis("device", State.NOTE, text, _CPU_TORCH)]
    return [Diagnosis("device", State.OK, "--device auto takes the CPU: no GPU that torch can use")]
