"""Photos warped by known transforms, rendered as in `tests/benchmarks/alignment.py`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import recon
from recon.core.kinds import Kind
from recon.core.registry import load_plugins
from recon.registration import KeypointMatcher

SIZE = (384, 300)
"""Of the photos of these tests: width and height."""


@pytest.fixture(scope="session")
def warps() -> ModuleType:
    """Return the module that renders photos warped by known transforms."""
    path = Path(__file__).parents[1] / "benchmarks" / "alignment.py"
    spec = importlib.util.spec_from_file_location("alignment_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for their annotations
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def source(warps: ModuleType, sample_photos: Path) -> Any:
    """Return a photo of twice the tests' size."""
    pixels = warps.read_rgb(sample_photos / "0000.jpg")
    return pixels[-2 * SIZE[1] :, : 2 * SIZE[0]]


@pytest.fixture(scope="session")
def matcher(warps: ModuleType) -> Any:
    """Return SIFT and nearest neighbours, which answer a pair of photos once."""
    registry = load_plugins()
    context = recon.RunContext(threads=1)
    specs = [registry.find(kind, name).spec for kind, name in ((Kind.EXTRACTOR, "sift"), (Kind.MATCHER, "nearest"))]
    return warps.Remembering(KeypointMatcher(*(spec.create(spec.options(), context) for spec in specs)))


@pytest.fixture(scope="session")
def make_pair(warps: ModuleType, source: Any) -> Callable[..., tuple[recon.Image, recon.Image]]:
    """Return a function that makes a photo and what a transform makes of it, disturbed: noise in both."""

    def make(matrix: Any, seed: int = 0, **disturbance: Any) -> tuple[recon.Image, recon.Image]:
        rng = np.random.default_rng(seed)
        how = warps.Disturbance(**disturbance)
        pixels1 = warps.disturbed(warps.shrunk(source, 2), warps.Disturbance(noise=how.noise), rng)
        pixels2 = warps.disturbed(warps.warped(source, 2, np.asarray(matrix, float), SIZE), how, rng)
        return recon.Image("one.png", pixels1), recon.Image("two.png", pixels2)

    return make
