"""Merges models that verified matches link: checked before (one similarity lays their points onto each other) and after
(every photo stays, no observation and no accuracy is lost). Where a check fails, both models stay as they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pycolmap

from recon.core.arrays import FloatArray
from recon.core.events import Noted, Observer
from recon.engine.growth import GrownModel

Complete = Callable[[pycolmap.Reconstruction, GrownModel], GrownModel]
"""Returns the model that all matches give on the poses of the first, under the demands of the second's step."""


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """When two models are parts of one."""

    min_common_points: int = 20
    """Points of one that verified matches link to a point of the other, and that the similarity explains."""
    min_inlier_ratio: float = 0.5
    """Of the linked points. Matches of look-alike places link points too, but seldom so that most agree."""
    max_error_px: float = 8.0
    """Of a point laid over, in the photos of the point it is linked to (pycolmap aligns models by as much)."""
    max_error_ratio: float = 1.5
    """Mean reprojection error afterwards, to the larger of the two before: models of fewer photos fit their points more
    closely. Rightly merged halves of cyprus had 1.25."""
    min_observations: float = 0.75
    """Share of the observations of both that the merged model keeps. In a handful of photos, points that two of them
    see count; in the merged model they may not. Rightly merged halves of cyprus kept 0.80."""


def merge_models(
    models: Sequence[GrownModel],
    cache: pycolmap.DatabaseCache,
    complete: Complete,
    observer: Observer,
    options: MergeOptions = MergeOptions(),
) -> list[GrownModel]:
    """Return the models, those that are parts of one joined."""
    left = list(models)
    while True:
        for first, second in combinations(sorted(left, key=lambda each: -each.model.num_reg_images()), 2):
            merged = _merge(first, second, cache, complete, options)
            if merged is not None:
                left = [each for each in left if each is not first and each is not second] + [merged]
                sizes = f"{first.model.num_reg_images()} and {second.model.num_reg_images()} photos"
                observer(
                    Noted(message=f"two models of {sizes} were merged: {merged.model.num_reg_images()} photos in one")
                )
                break
        else:
            return left


def _merge(
    first: GrownModel, second: GrownModel, cache: pycolmap.DatabaseCache, complete: Complete, options: MergeOptions
) -> GrownModel | None:
    links = linked_points(first.model, second.model, cache.correspondence_graph)
    first_from_second = lay_over(first.model, second.model, links, options)
    if first_from_second is None:
        return None
    merged = complete(_joined_poses(first.model, second.model, first_from_second, cache), first)
    return merged if _is_as_good(merged.model, first.model, second.model, options) else None


def linked_points(
    first: pycolmap.Reconstruction, second: pycolmap.Reconstruction, graph: pycolmap.CorrespondenceGraph
) -> list[tuple[int, int]]:
    """Return (point3D of the first, point3D of the second) that a verified match or a common keypoint links.

    Each point occurs once, in its most frequent link.
    """
    votes: dict[tuple[int, int], int] = {}

    def vote(image1: pycolmap.Image, row1: int, image2: pycolmap.Image, row2: int) -> None:
        point1, point2 = image1.points2D[row1], image2.points2D[row2]
        if point1.has_point3D() and point2.has_point3D():
            link = (int(point1.point3D_id), int(point2.point3D_id))
            votes[link] = votes.get(link, 0) + 1

    registered1, registered2 = set(first.reg_image_ids()), set(second.reg_image_ids())
    for image_id in sorted(registered1 & registered2):
        for row in range(first.image(image_id).num_points2D()):
            vote(first.image(image_id), row, second.image(image_id), row)
    for pair_id in sorted(graph.image_pairs()):
        image_id1, image_id2 = pycolmap.pair_id_to_image_pair(pair_id)
        sides = [(image_id1, image_id2, 1), (image_id2, image_id1, -1)]
        for own, other, order in sides:
            if own in registered1 and other in registered2:
                for rows in graph.extract_matches_between_images(image_id1, image_id2):
                    row1, row2 = (int(row) for row in rows[::order])
                    vote(first.image(own), row1, second.image(other), row2)
    links, taken1, taken2 = [], set(), set()
    for point1, point2 in sorted(votes, key=lambda link: (-votes[link], link)):
        if point1 not in taken1 and point2 not in taken2:
            links.append((point1, point2))
            taken1.add(point1)
            taken2.add(point2)
    return links


def lay_over(
    first: pycolmap.Reconstruction,
    second: pycolmap.Reconstruction,
    links: Sequence[tuple[int, int]],
    options: MergeOptions,
) -> pycolmap.Sim3d | None:
    """Return the similarity from the second model's world to the first's; None where too few linked points agree."""
    if len(links) < options.min_common_points:
        return None
    xyz1 = np.array([first.point3D(point1).xyz for point1, _ in links])
    xyz2 = np.array([second.point3D(point2).xyz for _, point2 in links])
    ransac = pycolmap.RANSACOptions()
    ransac.max_error = 0.05 * float(np.median(np.linalg.norm(xyz1 - np.median(xyz1, axis=0), axis=1)))
    ransac.random_seed = 0
    if ransac.max_error <= 0:
        return None
    found: Any = pycolmap.estimate_sim3d_robust(xyz2, xyz1, ransac)  # its stub says Sim3d; it is a dictionary
    if not found:
        return None
    first_from_second: pycolmap.Sim3d = found["tgt_from_src"]
    second_from_first = first_from_second.inverse()
    fits = [
        max(
            _median_error_px(first, point1, first_from_second * second.point3D(point2).xyz),
            _median_error_px(second, point2, second_from_first * first.point3D(point1).xyz),
        )
        <= options.max_error_px
        for point1, point2 in links
    ]
    is_enough = sum(fits) >= max(options.min_common_points, options.min_inlier_ratio * len(links))
    return first_from_second if is_enough else None


def _median_error_px(model: pycolmap.Reconstruction, point_id: int, xyz: FloatArray) -> float:
    """Return how far from a point's keypoints another place of it is seen; infinite behind a camera."""
    errors: list[float] = []
    for element in model.point3D(point_id).track.elements:
        image = model.image(element.image_id)
        seen = image.project_point(xyz)
        distance = np.inf if seen is None else np.linalg.norm(seen - image.points2D[element.point2D_idx].xy)
        errors.append(float(distance))
    return float(np.median(errors))


def _joined_poses(
    first: pycolmap.Reconstruction,
    second: pycolmap.Reconstruction,
    first_from_second: pycolmap.Sim3d,
    cache: pycolmap.DatabaseCache,
) -> pycolmap.Reconstruction:
    """Return the poses and intrinsics of both without points; the first's where both know them."""
    joined = pycolmap.Reconstruction()
    joined.load(cache)
    seen_by = {model.image(i).camera_id: model for model in (second, first) for i in model.reg_image_ids()}
    for camera_id, model in seen_by.items():
        joined.camera(camera_id).params = list(model.camera(camera_id).params)
    for frame_id in first.reg_frame_ids():
        joined.frame(frame_id).rig_from_world = first.frame(frame_id).rig_from_world
        joined.register_frame(frame_id)
    for frame_id in set(second.reg_frame_ids()) - set(first.reg_frame_ids()):
        moved: Any = second.frame(frame_id).rig_from_world
        joined.frame(frame_id).rig_from_world = first_from_second.transform_camera_world(moved)
        joined.register_frame(frame_id)
    return joined


def _is_as_good(
    merged: pycolmap.Reconstruction,
    first: pycolmap.Reconstruction,
    second: pycolmap.Reconstruction,
    options: MergeOptions,
) -> bool:
    registered1, registered2 = set(first.reg_image_ids()), set(second.reg_image_ids())
    if not registered1 | registered2 <= set(merged.reg_image_ids()):
        return False
    for model in (merged, first, second):
        model.update_point_3d_errors()
    error_px = merged.compute_mean_reprojection_error()
    before_px = max(first.compute_mean_reprojection_error(), second.compute_mean_reprojection_error())
    seen_twice = sum(second.image(image_id).num_points3D for image_id in registered1 & registered2)
    num_before = first.compute_num_observations() + second.compute_num_observations() - seen_twice
    return bool(
        error_px <= options.max_error_ratio * before_px
        and merged.compute_num_observations() >= options.min_observations * num_before
    )
