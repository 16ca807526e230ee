"""What every mapper keeps, on synthetic scenes whose truth pycolmap knows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from recon.core.arrays import FloatArray
from recon.core.components import MappingOptions
from recon.core.events import ignore
from recon.core.kinds import Kind
from recon.testing.component import ComponentContract

if TYPE_CHECKING:
    import pycolmap

_NUM_IMAGES = 8
_OPTIONS = MappingOptions(threads=1, seed=0)


@contextmanager
def _scene_database(num_images: int, change: Callable[[pycolmap.Camera], None] | None = None) -> Iterator[Path]:
    """Yield a COLMAP database of a synthetic scene with verified matches; `change` alters its one camera."""
    import pycolmap

    with tempfile.TemporaryDirectory(prefix="recon-") as folder:
        path = Path(folder) / "database.db"
        with pycolmap.Database.open(path) as database:
            if num_images:
                synthesize_scene(num_images, database)
            for camera in database.read_all_cameras():
                if change:
                    change(camera)
                    database.update_camera(camera)
        yield path


def synthesize_scene(num_images: int, database: pycolmap.Database | None = None) -> pycolmap.Reconstruction:
    """Return a model of images of one camera that look at a cloud of points, the same at every call."""
    import pycolmap

    options = pycolmap.SyntheticDatasetOptions(num_rigs=1, num_frames_per_rig=num_images, num_points3D=200)
    pycolmap.set_random_seed(0)
    return pycolmap.synthesize_dataset(options) if database is None else pycolmap.synthesize_dataset(options, database)


class MapperContract(ComponentContract):
    """Every image of an easy scene, best model first, reproducible; and what it is told is obeyed."""

    kind = Kind.MAPPER

    def map(
        self,
        num_images: int,
        options: MappingOptions = _OPTIONS,
        change: Callable[[pycolmap.Camera], None] | None = None,
    ) -> Sequence[pycolmap.Reconstruction]:
        """Return the models of a synthetic scene."""
        with _scene_database(num_images, change) as database:
            return list(self.create().map(database, options, ignore))

    def test_an_easy_scene_is_mapped_whole(self) -> None:
        """Without noise and outliers nothing may be left out."""
        models = self.map(_NUM_IMAGES)

        assert models, "no model"
        model = models[0]
        error_px = model.compute_mean_reprojection_error()
        assert model.num_reg_images() == _NUM_IMAGES, f"{model.num_reg_images()} of {_NUM_IMAGES} images registered"
        assert model.num_points3D() >= 100, f"{model.num_points3D()} of 200 points triangulated"
        assert error_px < 1, f"the mean reprojection error is {error_px} px"

    def test_nothing_to_map_is_no_error(self) -> None:
        """No model is a valid answer."""
        assert not self.map(0), "a model of an empty database"

    def test_small_models_are_left_out(self) -> None:
        """`min_model_size` is the host's to say."""
        options = replace(_OPTIONS, min_model_size=_NUM_IMAGES + 1)

        assert not self.map(_NUM_IMAGES, options), f"a model with fewer images than {options.min_model_size}"

    def test_a_stop_is_obeyed(self) -> None:
        """Ctrl-C asks between the steps; the models so far, if any, are returned."""
        options = replace(_OPTIONS, should_stop=lambda: True)

        models = self.map(_NUM_IMAGES, options)

        registered = [model.num_reg_images() for model in models]
        assert sum(registered) < _NUM_IMAGES, "it went on to the end although it was told to stop"

    def test_fixed_intrinsics_stay(self) -> None:
        """A camera that the user calibrated is not adjusted, even where that would fit better."""

        def lengthen_focal(camera: pycolmap.Camera) -> None:
            camera.params = camera.params * np.array([1.02, 1, 1, 1])

        models = self.map(_NUM_IMAGES, replace(_OPTIONS, fixed_camera_ids=frozenset({1})), lengthen_focal)
        params = [camera.params for model in models for camera in model.cameras.values()]

        expected = synthesize_scene(_NUM_IMAGES).cameras[1].params * np.array([1.02, 1, 1, 1])
        assert params, "no model"
        assert all(np.array_equal(found, expected) for found in params), f"expected {expected}, got {params}"

    def test_one_thread_and_one_seed_give_one_result(self) -> None:
        """The reproducible mode: every pose the same to the last bit."""
        first, again = (_poses(self.map(_NUM_IMAGES)) for _ in range(2))

        assert first.keys() == again.keys(), f"registered {sorted(first)}, the second time {sorted(again)}"
        for name, pose in first.items():
            assert np.array_equal(pose, again[name]), f"{name} has another pose the second time"


def _poses(models: Sequence[pycolmap.Reconstruction]) -> dict[str, FloatArray]:
    """Return (3, 4) `cam_from_world` of each registered image of the best model, by name."""
    images = (models[0].images[image_id] for image_id in models[0].reg_image_ids()) if models else ()
    return {image.name: image.cam_from_world().matrix() for image in images}
