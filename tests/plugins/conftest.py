"""Features of real photos for the tests of matchers and pair selectors."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from recon_plugins.sift import SiftExtractor, SiftOptions

from recon import Features
from recon.matching.images import load_image
from recon.matching.listing import list_images

if TYPE_CHECKING:
    import pycolmap


@pytest.fixture(scope="session")
def features_of(photo_set: Callable[[str], Path]) -> Callable[..., Mapping[str, Features]]:
    """Return a function: the SIFT features of a set's photos, or of every `step`-th, at 1024 px."""

    @cache
    def extract(name: str, step: int = 1) -> Mapping[str, Features]:
        extractor = SiftExtractor(SiftOptions(max_keypoints=2048), threads=1)
        images = list_images(photo_set(name) / "images").images[::step]
        return {image.name: extractor.extract(load_image(image, 1024)) for image in images}

    return extract


@pytest.fixture(autouse=True)
def _one_thread_a_product() -> Iterator[None]:
    """As in a run, where pairs are what runs in parallel."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture
def colmap_program() -> Callable[..., str]:
    """Return a function that runs COLMAP's own program, and returns what it printed."""
    program = shutil.which("colmap") or pytest.fail("a test that needs COLMAP's program is not marked so")

    def run(*arguments: object) -> str:
        finished = subprocess.run(
            [program, *map(str, arguments)],
            env=os.environ | {"QT_QPA_PLATFORM": "offscreen"},
            check=True,
            timeout=60,
            capture_output=True,
            text=True,
        )
        return finished.stdout + finished.stderr

    return run


@pytest.fixture
def colmap_converter(tmp_path: Path, colmap_program: Callable[..., str]) -> Callable[..., list[Path]]:
    """Return a function that has COLMAP's own program convert a model, and returns the files that it wrote."""

    def convert(model: pycolmap.Reconstruction, output_type: str, *files: str) -> list[Path]:
        folder = tmp_path / "colmap"
        (folder / "model").mkdir(parents=True)
        model.write_binary(str(folder / "model"))
        output = folder / ("out.nvm" if output_type == "NVM" else "out")
        source = folder / "model"
        colmap_program("model_converter", "--input_path", source, "--output_path", output, "--output_type", output_type)
        return [folder / file for file in files]

    return convert
