"""What `recon view` shows: the models of its arguments, with what is known of their photos."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pycolmap

    from recon.core.arrays import UInt8Array
    from recon.core.frame import ModelFrame
    from recon.output.view_models import ShownModel


def read_shown(outs: Sequence[Path], all_models: bool, with_photos: bool) -> list[ShownModel]:
    """Return the models of workspaces and model folders.

    Args:
        all_models: Of a workspace all, not only the best.
        with_photos: Whether the photos are to be seen, too.

    Raises:
        UsageError, ReconError: As `recon.engine.models.read_model`.
    """
    from recon.engine.models import frame_of, read_model
    from recon.output.view_photos import picture_side

    places = [place for out in outs for place in (_models_of(out) if all_models else [out])]
    models = [(place, read_model(place), frame_of(place)) for place in places]
    side = picture_side(sum(model.num_reg_images() for _, model, _ in models)) if with_photos else 0
    return [shown_model(place, model, frame, side, SmallPhotos()) for place, model, frame in models]


class SmallPhotos:
    """Small pictures of photos and how these were held; each is read once, as long as the size stays."""

    def __init__(self) -> None:
        self._side = 0
        self._pictures: dict[str, UInt8Array] = {}
        self._orientations: dict[str, int] = {}
        self._read: set[str] = set()

    def read(self, folder: Path, names: Sequence[str], side: int) -> tuple[dict[str, int], dict[str, UInt8Array]]:
        """Return orientations other than 1, and (H, W, 3) pictures, by name; a `side` of 0 reads no pictures."""
        from recon.core.executor import available_threads
        from recon.matching.photo_orientations import photo_orientations
        from recon.matching.small_pictures import small_pictures

        if side != self._side:
            self._side, self._read = side, set()
            self._pictures.clear()
        new = [name for name in names if name not in self._read]
        self._read.update(new)
        self._orientations |= photo_orientations(folder, new)
        self._pictures |= small_pictures(folder, new, side, available_threads()) if side else {}
        return dict(self._orientations), dict(self._pictures)


def shown_model(
    place: Path, model: pycolmap.Reconstruction, frame: ModelFrame, picture_side: int, photos: SmallPhotos
) -> ShownModel:
    """Return a model with the photos that its workspace tells of; a `picture_side` of 0 reads no pictures."""
    from recon.output.view_models import ShownModel

    names = [model.image(image_id).name for image_id in model.reg_image_ids()]
    folder = _photos_of(place)
    if folder is None:
        return ShownModel(model, str(place), frame=frame)
    return ShownModel(model, str(place), *photos.read(folder, names, picture_side), frame)


def _models_of(out: Path) -> list[Path]:
    """Return the folders of all models of a workspace, the best first; any other folder as it is."""
    folders = [each for each in (out / "sparse").glob("*") if each.name.isdecimal() and each.is_dir()]
    return sorted(folders, key=lambda each: int(each.name)) or [out]


def _photos_of(place: Path) -> Path | None:
    """Return the folder of photos that the workspace of a model names; None outside of one."""
    for folder in (place, place.parent.parent):
        try:
            return Path(json.loads((folder / "recon.json").read_text("utf-8"))["photos"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None
