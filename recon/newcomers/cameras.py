"""Which camera took a new photo: one of the model's, as the run would group them, or one of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from recon.core.data import ImageFile
from recon.core.errors import UsageError
from recon.matching.cameras import CameraGroup, CameraOptions, FocalSource, Grouping, group_cameras
from recon.newcomers.finished_run import FinishedRun

if TYPE_CHECKING:
    import pycolmap

_SOURCES = {
    FocalSource.GIVEN: "given",
    FocalSource.EXIF_35MM: "EXIF's 35 mm equivalent",
    FocalSource.EXIF_SENSOR_TABLE: "EXIF and COLMAP's table of sensor sizes",
    FocalSource.EXIF_FOCAL_PLANE: "EXIF's focal plane resolution",
    FocalSource.DEFAULT: "a guess",
    FocalSource.FISHEYE_DEFAULT: "a guess for a fisheye",
    FocalSource.NONE: "the size of the sphere",
}


@dataclass(frozen=True, slots=True, eq=False)
class Newcomer:
    """A new photo, and the camera that it is taken for."""

    image: ImageFile
    camera: pycolmap.Camera
    """Of a camera of the model, its refined intrinsics and its id there; else what is known beforehand, with the id
    that `camera_groups` counts from."""
    source: str
    """Where the intrinsics came from, in a few words."""
    is_calibrated: bool
    """Whether they stay as they are: given, or those of a camera of the model."""
    has_prior_focal_length: bool
    """Whether the focal length is more than a guess."""


def newcomers_of(
    finished: FinishedRun, images: Sequence[ImageFile], given: CameraOptions | None = None
) -> list[Newcomer]:
    """Return the new photos with their cameras; those that share one have the same camera id.

    Args:
        given: What the user says of their cameras; None means what the run was told.

    Raises:
        UsageError: Parameters that do not fit a photo.
    """
    shared = {} if given is not None else _shared_cameras(finished, images)
    rest = [image for image in images if image.name not in shared]
    options = finished.run.plan.camera if given is None else given
    first_id = max(finished.model.cameras, default=0) + 1
    own: dict[str, tuple[int, CameraGroup]] = {}
    for group in _group(rest, options):
        own |= dict.fromkeys(group.image_names, (first_id + group.camera_id - 1, group))
    newcomers = []
    for image in images:
        if image.name in shared:
            camera = finished.model.camera(shared[image.name])
            newcomers.append(Newcomer(image, camera, f"camera {camera.camera_id} of the model", True, True))
        else:
            newcomers.append(_with_own_camera(image, *own[image.name]))
    return newcomers


def _group(images: Sequence[ImageFile], options: CameraOptions) -> Sequence[CameraGroup]:
    if not images:
        return ()
    try:
        return group_cameras(images, options).cameras
    except UsageError:
        if options.grouping is not Grouping.SINGLE:
            raise
        # They are of several sizes: the one camera that the run was told of took none of them.
        return group_cameras(images, replace(options, grouping=Grouping.AUTO)).cameras


def _with_own_camera(image: ImageFile, camera_id: int, group: CameraGroup) -> Newcomer:
    from recon.engine.database import make_camera

    camera = make_camera(group)
    camera.camera_id = camera_id
    return Newcomer(image, camera, _SOURCES[group.focal_source], group.is_fixed, group.has_prior_focal_length)


def _shared_cameras(finished: FinishedRun, images: Sequence[ImageFile]) -> dict[str, int]:
    """Return the id of the model's camera that took a photo, by name, where a run of both would find one camera."""
    taken = defaultdict(list)
    for name, image_id in finished.registered.items():
        # A camera of a rig takes no photo alone.
        if name in finished.photos and _is_alone(finished, image_id):
            taken[finished.model.image(image_id).camera_id].append(finished.photos[name])
    shared = {}
    for image in images:
        for camera_id, photos in taken.items():
            is_group = len(photos) > 1 or len(taken) == 1 or _names_camera(photos[0])
            camera = finished.model.camera(camera_id)
            same_size = (camera.width, camera.height) == (image.width, image.height)
            if is_group and same_size and _is_one_camera([*photos, image], finished.run.plan.camera):
                shared[image.name] = camera_id
                break
    return shared


def _is_alone(finished: FinishedRun, image_id: int) -> bool:
    frame = finished.model.frame(finished.model.image(image_id).frame_id)
    return bool(finished.model.rig(frame.rig_id).num_sensors() == 1)


def _names_camera(image: ImageFile) -> bool:
    return bool(image.exif.make and image.exif.model)


def _is_one_camera(images: Sequence[ImageFile], options: CameraOptions) -> bool:
    if options.grouping is Grouping.PER_FOLDER:  # a photo from elsewhere has no folder among the run's
        options = replace(options, grouping=Grouping.AUTO)
    return len(group_cameras(images, options).cameras) == 1
