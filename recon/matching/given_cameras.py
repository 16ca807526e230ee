"""Intrinsics that the user gives in files, and the photos that they belong to.

Pixels are COLMAP's in every format read here, nerfstudio's too: the centre of the first one is (0.5, 0.5).
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from recon.core.data import ImageFile
from recon.core.errors import Cause, UsageError
from recon.matching.camera_params import check_params, check_size
from recon.matching.colmap_cameras import CamerasFile, read_colmap_cameras
from recon.matching.given_camera import GivenCamera
from recon.matching.gt_cameras import read_gt_or_transforms
from recon.matching.photo_names import names_of_photos

_COLMAP = ("cameras.bin", "cameras.txt")
_TRANSFORMS = "transforms.json"


def given_cameras(path: Path, images: Sequence[ImageFile]) -> dict[str, GivenCamera]:
    """Return the given camera of each photo that has one, by name.

    Args:
        path: A `transforms.json` of nerfstudio; a `cameras.txt` or `cameras.bin` of COLMAP; or a folder with one of
            them. Where COLMAP's images.txt or .bin lies beside, it says which photo has which camera. Else the
            camera belongs to all photos, and one that lies in a subfolder to the photos of that subfolder: the
            nearest counts.

    Raises:
        UsageError: There is no such file, or it is damaged; it names none of the photos; what it says contradicts
            itself or a photo.
    """
    found: dict[str, GivenCamera] = {}
    for file, place in _files_of(path):
        below = [image for image in images if place in PurePosixPath(image.name).parents]
        found |= _cameras_in(file, below)
    if images and not found:
        raise UsageError(
            f"{path} has a camera for none of the photos: it does not know {images[0].name}",
            code=Cause.BAD_VALUE,
            file=str(path),
            try_="photos are named in it by their paths below the photos' folder, or by the ends of these",
        )
    by_name = {image.name: image for image in images}
    for name, camera in found.items():
        check_params(camera.model, camera.params, camera.origin)
        if camera.size is not None:
            check_size(camera.size, by_name[name], camera.origin)
    return found


def _files_of(path: Path) -> Iterator[tuple[Path, PurePosixPath]]:
    """Return the files that a path stands for, and the subfolder whose photos each speaks of, outer ones first."""
    if path.is_file():
        yield path, PurePosixPath()
        return
    if not path.is_dir():
        raise _nothing_there(path, "does not exist")
    for model in (path / "sparse" / "0", path / "sparse"):  # a workspace, COLMAP's or ours
        if file := _file_in(model):
            yield file, PurePosixPath()
            return
    found = False
    for directory, subfolders, _ in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        file = _file_in(Path(directory))
        if file is not None:
            found = True
            place = Path(directory).relative_to(path).as_posix()
            yield file, PurePosixPath(unicodedata.normalize("NFC", place))
    if not found:
        raise _nothing_there(path, f"holds no {', '.join(_COLMAP)} or {_TRANSFORMS}")


def _file_in(folder: Path) -> Path | None:
    return next((folder / name for name in (*_COLMAP, _TRANSFORMS) if (folder / name).is_file()), None)


def _nothing_there(path: Path, what: str) -> UsageError:
    return UsageError(
        f"--cameras {path} {what}",
        code=Cause.MISSING_FILE,
        file=str(path),
        try_=f"give a {_TRANSFORMS} of nerfstudio, a cameras.txt of COLMAP, or the folder of one",
    )


def _cameras_in(file: Path, images: Sequence[ImageFile]) -> dict[str, GivenCamera]:
    if file.suffix.lower() == ".json":
        frames = read_gt_or_transforms(file)
        names = names_of_photos(images, list(frames), file)
        return {photo: frames[name] for photo, name in names.items()}
    cameras = read_colmap_cameras(file)
    if cameras.of_image is None:
        return {image.name: _camera_for(image, cameras, file) for image in images}
    names = names_of_photos(images, list(cameras.of_image), file)
    return {photo: cameras.by_id[cameras.of_image[name]] for photo, name in names.items()}


def _camera_for(image: ImageFile, cameras: CamerasFile, file: Path) -> GivenCamera:
    """Return the one camera of a file, or the one of the photo's size."""
    if len(cameras.by_id) == 1:
        return next(iter(cameras.by_id.values()))
    fitting = [camera for camera in cameras.by_id.values() if camera.size == (image.width, image.height)]
    if len(fitting) == 1:
        return fitting[0]
    raise UsageError(
        f"{file} has {len(cameras.by_id)} cameras, {len(fitting)} of them of {image.width}x{image.height} pixels, and "
        f"no images.txt beside it says which one took {image.name}",
        code=Cause.BAD_VALUE,
        file=str(file),
        try_="put COLMAP's images.txt beside it, or one cameras.txt into each subfolder of photos",
    )
