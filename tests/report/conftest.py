"""Workspaces to report on: exact scenes with pictures, and a browser to look at the page."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
import pytest
from PIL import Image

from recon.engine.models import write_models
from recon.workspace.manifest import Manifest, StageRecord, State

SUMMARY = {
    "models": 1, "images": 6, "registered": 6, "points3D": 150, "observations": 900, "mean_track_length": 6.0,
    "mean_reprojection_error_px": 0.0, "left_out": [], "seconds": {"extract": 1.0, "total": 2.0},
}  # fmt: skip


@pytest.fixture
def make_workspace(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a workspace of six synthetic photos, red on the left and blue on the right."""

    def make(names: list[str] | None = None, summary: dict[str, Any] | None = None, with_model: bool = True) -> Path:
        out, photos = tmp_path / "out", tmp_path / "pictures"
        out.mkdir(), photos.mkdir()
        pycolmap.set_random_seed(0)
        options = pycolmap.SyntheticDatasetOptions(num_rigs=1, num_frames_per_rig=6, num_points3D=150)
        with pycolmap.Database.open(out / "database.db") as database:
            model = pycolmap.synthesize_dataset(options, database)
            for image_id, name in zip(sorted(model.reg_image_ids()), names or [], strict=False):
                model.image(image_id).name = name
                image = database.read_image(image_id)
                image.name = name
                database.update_image(image)
        for point_id, point in model.points3D.items():
            point.color = (255, 40, 40) if point_id % 2 else (40, 255, 40)
        model.update_point_3d_errors()
        for image_id in model.reg_image_ids():
            image, camera = model.image(image_id), model.camera(model.image(image_id).camera_id)
            pixels = np.zeros((camera.height, camera.width, 3), np.uint8)
            pixels[:, : camera.width // 2, 0] = 200
            pixels[:, camera.width // 2 :, 2] = 200
            try:
                (photos / image.name).parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(photos / image.name, "JPEG")
            except (OSError, ValueError):  # a name that is no file
                continue
        if with_model:
            write_models([model], out)
        stages = {"match": StageRecord("key", {}, "", facts={"focal_sources": {"1": "exif_35mm"}})}
        manifest = Manifest(
            "0", photos=str(photos), state=State.FINISHED, command="recon run pictures", plan={"extractor": "sift"},
            stages=stages, summary={**SUMMARY, "models": int(with_model), **(summary or {})},
        )  # fmt: skip
        manifest.write(out / "recon.json")
        return out

    return make


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium with software WebGL."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = str(shutil.which("chromium"))
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--use-angle=swiftshader",
                     "--enable-unsafe-swiftshader", "--hide-scrollbars", "--force-device-scale-factor=1"):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(shutil.which("chromedriver"))))
    driver.set_page_load_timeout(120)
    driver.set_script_timeout(120)
    driver.set_window_size(1200, 900)
    yield driver
    driver.quit()
