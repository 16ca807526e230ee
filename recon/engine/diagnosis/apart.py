"""Why a second model is not part of the best one: what links the two."""

from __future__ import annotations

from collections.abc import Sequence

import pycolmap

from recon.core.commands import RunCommand
from recon.core.data import ModelApart
from recon.core.errors import Cause
from recon.engine.diagnosis import advice
from recon.engine.diagnosis.poses import MIN_POSE_INLIERS
from recon.engine.diagnosis.record import MatchRecord, Pair, names_of, read_verified


def diagnose_apart(
    record: MatchRecord, models: Sequence[pycolmap.Reconstruction], command: RunCommand | None = None
) -> list[ModelApart]:
    """Return each model besides the first (best) one, with what links it to that."""
    return [
        _diagnose(f"sparse/{number}", record, models[0], model, command or RunCommand())
        for number, model in enumerate(models[1:], start=1)
    ]


def _diagnose(
    place: str, record: MatchRecord, best: pycolmap.Reconstruction, model: pycolmap.Reconstruction, command: RunCommand
) -> ModelApart:
    names, best_names = names_of(model), names_of(best)
    verified = {pair: n for pair, n in record.num_inliers.items() if _joins(pair, names - best_names, best_names)}
    matched = {pair: n for pair, n in record.num_matches.items() if _joins(pair, names - best_names, best_names)}
    closest = max(verified or matched, key=lambda pair: (verified or matched)[pair], default=None)
    common = _common_points(record, list(verified), model, best)
    shared = sorted(names & best_names)
    if closest is None:
        cause, detail = Cause.NO_MATCHES, "no photo of it matches any of sparse/0"
    elif not verified:
        cause = Cause.NO_VERIFIED_GEOMETRY
        detail = (
            f"no verified pair joins it to sparse/0: {_pairs(len(matched))} matched, at most {matched[closest]} "
            f"({closest[0]} - {closest[1]}), and none fits one camera motion"
        )
    else:
        cause = Cause.FEW_LINKS
        detail = (
            f"verified pairs join it to sparse/0: {len(verified)}, at most {verified[closest]} inliers "
            f"({closest[0]} - {closest[1]}), with {common} points in common; a photo needs {MIN_POSE_INLIERS} of them"
        )
    between = "add photos from between the two parts"
    if closest is not None:
        between = f"add photos from between {closest[0]} and {closest[1]}"
    evidence = {
        "matched_pairs": len(matched),
        "verified_pairs": len(verified),
        "most_matches": max(matched.values(), default=0),
        "most_inliers": max(verified.values(), default=0),
        "closest": list(closest) if closest else None,
        "common_points": common,
        "common_images": shared,
        "points3D": model.num_points3D(),
    }
    try_ = advice.either(f"look at it: {advice.view(command, place)}", between, advice.stronger(command))
    return ModelApart(place, len(names), cause, detail, try_, evidence)


def _joins(pair: Pair, images1: frozenset[str], images2: frozenset[str]) -> bool:
    return (pair[0] in images1 and pair[1] in images2) or (pair[1] in images1 and pair[0] in images2)


def _common_points(
    record: MatchRecord, pairs: Sequence[Pair], model: pycolmap.Reconstruction, best: pycolmap.Reconstruction
) -> int:
    """Return how many points of one model are matched to a point of the other."""
    images, best_images = (
        {each.image(image_id).name: each.image(image_id) for image_id in each.reg_image_ids()} for each in (model, best)
    )
    common: set[tuple[int, int]] = set()
    for pair, matches in read_verified(record.database, pairs).items():
        is_first = pair[0] in images and pair[1] in best_images
        own, other = (pair[0], pair[1]) if is_first else (pair[1], pair[0])
        own_points, other_points = images[own].points2D, best_images[other].points2D
        for row1, row2 in matches.rows.tolist():
            row, other_row = (row1, row2) if is_first else (row2, row1)
            if own_points[row].has_point3D() and other_points[other_row].has_point3D():
                common.add((own_points[row].point3D_id, other_points[other_row].point3D_id))
    return len(common)


def _pairs(number: int) -> str:
    return f"{number} pair" if number == 1 else f"{number} pairs"
