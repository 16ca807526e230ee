"""What all tests share: the real photo sets of $RECON_DATA, the sample set, and an account of what was not run."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pycolmap

collect_ignore = ["third_party"]  # a package of its own, whose tests are run where it is installed

_NOT_RUN = pytest.StashKey[dict[str, int]]()
_SAMPLE = Path(__file__).parents[1] / "datasets" / "sample"


_NEEDS = {
    "photos": ("on real photo sets", "RECON_DATA is not set", lambda: os.environ.get("RECON_DATA")),
    "weights": ("with published weights", "RECON_WEIGHTS is not set", lambda: os.environ.get("RECON_WEIGHTS")),
    "reference": ("against reference outputs", "RECON_REFERENCE is not set", lambda: os.environ.get("RECON_REFERENCE")),
    "browser": (
        "in a browser",
        "`chromium` and `chromedriver` are not installed",
        lambda: shutil.which("chromium") and shutil.which("chromedriver"),
    ),
    "screen": ("on a virtual screen", "`Xvfb` is not installed", lambda: shutil.which("Xvfb")),
    "colmap": ("with COLMAP's own program", "`colmap` is not installed", lambda: shutil.which("colmap")),
}
"""What a marker says that a test needs: which tests these are, why they were not run, and whether it is there."""


@pytest.hookimpl(trylast=True)  # after `-m` and `-k`, so that only what was asked for is counted
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests whose material nobody named; where it is named, a missing file is a failure."""
    not_run: dict[str, int] = {}
    for marker, (_, _, find) in _NEEDS.items():
        lacking = [item for item in items if item.get_closest_marker(marker)] if not find() else []
        if lacking:
            config.hook.pytest_deselected(items=lacking)
            items[:] = [item for item in items if item not in lacking]
            not_run[marker] = len(lacking)
    config.stash[_NOT_RUN] = not_run


def pytest_unconfigure(config: pytest.Config) -> None:
    """Say on the very last lines how many tests were not run, and why."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for marker, count in config.stash.get(_NOT_RUN, {}).items() if reporter is not None else ():
        which, why, _ = _NEEDS[marker]
        reporter.write_line(f"{count} tests {which} were not run: {why} (see README.md)")


@pytest.fixture(scope="session")
def photo_set() -> Callable[[str], Path]:
    """Return the folder of a real photo set by name; a set that is missing fails the test."""

    def find(name: str) -> Path:
        folder = Path(os.environ["RECON_DATA"]) / name
        if not (folder / "images").is_dir():
            pytest.fail(f"RECON_DATA has no photo set {name!r}: {folder / 'images'} is missing")
        return folder

    return find


@pytest.fixture(scope="session")
def sample_photos() -> Path:
    """Return the folder of the sample set's photos; `gt.json` lies beside it."""
    folder = _SAMPLE / "images"
    if not folder.is_dir():
        pytest.fail(f"the sample photo set is missing: {folder}")
    return folder


@pytest.fixture(scope="session")
def synthetic_model() -> Callable[..., pycolmap.Reconstruction]:
    """Return a function that makes a small exact model: `images` photos named `image0000.png`, ..., coloured points."""
    import pycolmap

    def make(images: int = 6, points: int = 120, seed: int = 0) -> pycolmap.Reconstruction:
        pycolmap.set_random_seed(seed)
        options = pycolmap.SyntheticDatasetOptions(num_rigs=1, num_frames_per_rig=images, num_points3D=points)
        model = pycolmap.synthesize_dataset(options)
        for number, image_id in enumerate(sorted(model.reg_image_ids())):
            model.image(image_id).name = f"image{number:04d}.png"
        for point_id, point in model.points3D.items():
            point.color = (point_id % 256, 128, 64)
        return model

    return make


_EXTRACTOR_PLUGIN = """
from dataclasses import dataclass
import numpy as np
import recon

@dataclass(frozen=True)
class Options:
    max_keypoints: int = 100

class Nothing:
    def extract(self, image):
        return recon.Features(np.zeros((0, 2), np.float32), np.zeros((0, 8), np.float32), image.size)

def spec(name, **changes):
    fields = dict(name=name, summary="Finds nothing", options=Options, create=lambda o, c: Nothing(), licence="MIT")
    return recon.ComponentSpec(**{**fields, **changes})
"""


@pytest.fixture
def write_plugin(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the one-file plugin `name`.py and returns its folder, for `--plugins-dir`.

    The text stands below a definition of `spec(name, **changes)`, an extractor's; by default it offers one.
    """

    def write(name: str, text: str | None = None) -> Path:
        folder = tmp_path / "plugins"
        folder.mkdir(exist_ok=True)
        offer = f"@recon.hookimpl\ndef recon_feature_extractors():\n    return [spec({name!r})]\n"
        (folder / f"{name}.py").write_text(_EXTRACTOR_PLUGIN + (offer if text is None else text), "utf-8")
        return folder

    return write


SMALL_RUN = ("--max-size", "400", "--max-keypoints", "800")
"""Options with which six photos of the sample set take about a second."""


@pytest.fixture(scope="session")
def six_photos(sample_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with six neighbouring photos of the sample set."""
    folder = tmp_path_factory.mktemp("six") / "photos"
    folder.mkdir()
    for path in sorted(sample_photos.iterdir())[:6]:
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def _finished_run(six_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from recon.cli import main

    output = tmp_path_factory.mktemp("finished") / "out"
    assert main(["run", str(six_photos), "-o", str(output), *SMALL_RUN, "--threads", "1"]) == 0
    return output


@pytest.fixture
def finished_run(_finished_run: Path, tmp_path: Path) -> Path:
    """Return a copy of the workspace of `recon run six_photos --threads 1`, small, for a test to change."""
    return Path(shutil.copytree(_finished_run, tmp_path / "finished"))


@pytest.fixture
def run_cli(six_photos: Path) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Return a function that runs `recon run PHOTOS -o OUT ... --json` and returns its exit status and its JSON."""
    from recon.cli import main

    def run(output: Path, *options: str, photos: Path = six_photos, command: str = "run") -> tuple[int, dict[str, Any]]:
        stdout = io.StringIO()
        with contextlib.redirect_stdout(stdout):
            status = main([command, str(photos), "-o", str(output), *SMALL_RUN, *options, "--json"])
        return status, json.loads(stdout.getvalue())

    return run


@pytest.fixture(scope="session")
def write_video() -> Callable[..., Path]:
    """Return a function that writes (H, W, 3) pictures, blue, green, red, as a video, and returns its path."""
    import cv2

    def write(path: Path, frames: Iterable[Any], fourcc: str = "MJPG", fps: float = 25.0) -> Path:
        writer = None
        for frame in frames:
            if writer is None:
                height, width = frame.shape[:2]
                writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*fourcc), fps, (width, height))
                assert writer.isOpened()
            writer.write(frame)
        assert writer is not None
        writer.release()
        return path

    return write
