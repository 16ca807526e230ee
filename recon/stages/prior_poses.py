"""Poses that are known before a run: read from a file, given to the photos of the run, and to the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from recon.choice import key_of
from recon.core.components import Mapper
from recon.core.data import ImageFile, LeftOut
from recon.core.errors import Cause, NoModel, ReconError, UsageError
from recon.core.events import Observer, Warned
from recon.matching.photo_names import names_of_photos
from recon.plan import Plan, PriorPosesUse

if TYPE_CHECKING:
    from recon.evaluation.truth import Pose

OPTION = "--prior-poses"
_MOST_NAMED = 5


def read_prior_poses(path: Path, images: Sequence[ImageFile], observer: Observer) -> dict[str, Pose]:
    """Return the pose of each photo that a file or folder knows, by the photo's name; the others are told of.

    Args:
        path: A COLMAP model (or a workspace), nerfstudio's `transforms.json`, a `gt.json`, a trajectory of TUM or
            KITTI, or a folder of Strecha's `.camera` files.

    Raises:
        UsageError: MISSING_FILE; CORRUPT_FILE; BAD_VALUE, it knows fewer than two of the photos.
    """
    poses = _read(path)
    found = names_of_photos(images, list(poses), path)
    unused = sorted(set(poses) - set(found.values()))
    if len(found) < 2:
        first = f"it knows {sorted(poses)[0]}" if poses else "it knows none at all"
        raise UsageError(
            f"{OPTION} {path} has poses for {len(found)} of the {len(images)} photos, and a model needs two; {first}",
            code=Cause.BAD_VALUE,
            file=str(path),
            try_="photos are named in it by their paths below the photos' folder, or by the ends of these",
        )
    if unused:
        shown = ", ".join(unused[:_MOST_NAMED]) + (", ..." if len(unused) > _MOST_NAMED else "")
        message = f"{len(unused)} prior poses are of no photo of this run: {shown}"
        observer(Warned(message=message, file=str(path)))
    return {photo: poses[name] for photo, name in found.items()}


def _read(path: Path) -> Mapping[str, Pose]:
    from recon.engine.models import read_model
    from recon.evaluation import is_camera_folder, read_truth
    from recon.evaluation.colmap_truth import poses_of

    if not path.exists():
        raise UsageError(
            f"{OPTION} {path} does not exist",
            code=Cause.MISSING_FILE,
            file=str(path),
            try_="give a COLMAP model folder, a transforms.json of nerfstudio, or a gt.json",
        )
    try:
        if path.is_dir() and not is_camera_folder(path):
            return poses_of(read_model(path))
        return read_truth(path).poses
    except ReconError as error:
        raise UsageError(
            f"{OPTION}: {error.message.replace('is no ground truth', 'holds no poses')}",
            code=error.code,
            file=error.file,
            try_="give a COLMAP model folder, a transforms.json of nerfstudio, or a gt.json",
        ) from error


def key_of_poses(poses: Mapping[str, Pose], use: PriorPosesUse) -> str:
    """Return the key of prior poses and of their use."""
    told = {name: [pose.rotation.tolist(), pose.translation.tolist()] for name, pose in poses.items()}
    return key_of("prior poses", str(use), told)


def mapper_on(poses: Mapping[str, Pose], use: PriorPosesUse) -> Mapper:
    """Return the mapper that takes prior poses for what the user says they are."""
    from recon.engine.prior_poses import PosesKept, PosesRefined, rigid_pose

    rigid = {name: rigid_pose(pose.rotation, pose.translation) for name, pose in poses.items()}
    return PosesKept(rigid) if use is PriorPosesUse.TRIANGULATE else PosesRefined(rigid)


def no_model_on(path: Path) -> NoModel:
    """Return the error of poses on which next to no point could be triangulated."""
    return NoModel(
        f"the matches of the photos contradict the poses in {path}: next to no point comes of them",
        code=Cause.PRIOR_POSES_CONTRADICT,
        file=str(path),
        try_="check that they are of these photos, and that intrinsics and convention are right (x_cam = R X + t; x to "
        "the right, y down, z forward; transforms.json: camera to world, y up, z back); or leave --prior-poses out",
    )


def without_poses(left_out: Sequence[LeftOut], poses: Mapping[str, Pose], plan: Plan) -> list[LeftOut]:
    """Return the photos left out, with the cause where it is that nobody gave their pose."""
    if plan.prior_poses_use is not PriorPosesUse.TRIANGULATE:
        return list(left_out)
    why = f"{plan.prior_poses} has no pose for it"
    next_step = "--prior-poses-use start registers photos without a pose, too"
    return [
        each if each.image in poses else LeftOut(each.image, Cause.NO_PRIOR_POSE, why, next_step) for each in left_out
    ]
