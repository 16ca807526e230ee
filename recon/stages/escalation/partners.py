"""Which photos those that stayed out are compared with again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

from recon.core.data import ImagePair
from recon.run import Run
from recon.stages.escalation.verifying import Found

MOST_PARTNERS = 40
"""Photos of the model with which one that stayed out is compared by the keypoints that are there."""
MOST_PHOTOS = 20
"""Photos that stayed out and are looked at with other keypoints; those that came closest."""
CLOSEST_PARTNERS = 8
"""Photos of the model that each of them is then compared with, and pairs among these: new keypoints need points."""


def pairs_to_try(run: Run, left_out: Sequence[str], registered: Collection[str]) -> list[ImagePair]:
    """Return each photo that stayed out beside the model's photos it matches best, then beside those it was not
    compared with; only pairs that the user named, where the pairs came from a file."""
    from recon.engine.diagnosis import read_match_record

    num_matches = read_match_record(run.workspace.database).num_matches
    pairs = []
    for name in left_out:
        candidates = allowed(run, [ImagePair(*sorted((name, other))) for other in sorted(registered)])
        candidates.sort(key=lambda pair: -num_matches.get((pair.name1, pair.name2), 0))
        pairs += candidates[:MOST_PARTNERS]
    return pairs


def closest_pairs(run: Run, left_out: Sequence[str], registered: Collection[str], found: Found) -> list[ImagePair]:
    """Return the few pairs that other keypoints are tried on: of each photo with its closest, and among these.

    At most 20 photos, 8 partners each, and 8 pairs among the partners of one.

    Args:
        found: What the cheap look made of the pairs.
    """
    from recon.engine.diagnosis import read_match_record

    num_inliers = read_match_record(run.workspace.database).num_inliers
    chosen = {(pair.name1, pair.name2) for pair in run.pairs}

    def closeness(pair: ImagePair) -> tuple[int, bool, int]:
        names = pair.name1, pair.name2
        matches, geometry = found.get(names, ((), None))
        return (len(geometry.inliers) if geometry is not None else 0, names in chosen, len(matches))

    by_photo: Mapping[str, list[ImagePair]] = {
        name: sorted(
            allowed(run, [ImagePair(*sorted((name, other))) for other in sorted(registered)]),
            key=closeness,
            reverse=True,
        )[:CLOSEST_PARTNERS]
        for name in left_out
    }
    photos = sorted(by_photo, key=lambda name: max(map(closeness, by_photo[name]), default=(0, False, 0)), reverse=True)
    pairs: dict[ImagePair, None] = {}
    for name in photos[:MOST_PHOTOS]:
        pairs |= dict.fromkeys(by_photo[name])
        partners = sorted({other for pair in by_photo[name] for other in (pair.name1, pair.name2)} - {name})
        among = [names for names in combinations(partners, 2) if num_inliers.get(names)]
        among.sort(key=lambda names: -num_inliers[names])
        pairs |= dict.fromkeys(ImagePair(*names) for names in among[:CLOSEST_PARTNERS])
    return list(pairs)


def allowed(run: Run, pairs: Sequence[ImagePair]) -> list[ImagePair]:
    """Return the pairs, of those alone that the user named, where the pairs came from a file."""
    if run.plan.pairs_file is None:
        return list(pairs)
    named = {(pair.name1, pair.name2) for pair in run.pairs}
    return [pair for pair in pairs if (pair.name1, pair.name2) in named]
