"""Finds verified pairs that look alike and contradict the others.

Photos of one thing pass it on: between two photos that share a facade lie others, each sharing much with the next,
and all of them see that facade. Photos of two things that look alike have closely linked photos between them as well,
but those see something else: the loop leaves what the two share, and comes back to it elsewhere. A pair is
suspicious where that is so, where much is missing in either photo that the other should show, and where the rotations
along those photos do not lead from one to the other: else the two may show one background to either side of something.

After missing correspondences (Zach, Irschara and Bischof, "What can missing correspondences tell us about 3D
structure and motion?", CVPR 2008) and the path network of Yan et al. ("Distinguishing the indistinguishable:
exploring structural ambiguities via geodesic context", CVPR 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from recon.core.arrays import FloatArray, IntArray
from recon.engine.ambiguity.loops import Rotations
from recon.engine.ambiguity.overlap import Overlaps
from recon.engine.ambiguity.paths import are_linked, overlap_matrix, widest_paths
from recon.engine.database_file import open_database
from recon.engine.view_graph import Tracks, ViewGraph, link_tracks, read_view_graph

_LEAVES_BY = 0.15
"""How much wider the widest path has to be than those through photos that see what the pair shares."""
_MOST_FOUND = 0.7
"""Where more than this of what should be seen is found, the two photos show the same place."""
_SEES = 0.15
"""Share of a pair's tracks that a third photo sees, if it sees the same thing."""
_CLOSES_DEG, _CLOSES_BY_GUESS_DEG = 20.0, 45.0
"""What the rotations of neighbours may add up to, by known focal lengths without distortion and by guessed ones."""
_LEAST_MATCHES = 15


@dataclass(frozen=True, slots=True)
class SuspiciousPair:
    """A pair that verification passed and the other photos contradict."""

    image1: str
    image2: str
    inliers: int
    found: float
    """Share of what each photo should show of the other that is found there, the smaller."""
    path: float
    """Smallest share in common of neighbours on the best path of photos from one to the other."""
    path_in_sight: float
    """The same on the best path through photos that see what the two have in common; 0 where there is none."""
    loop_photos: int
    """Photos between the two on that first path."""
    loop_error_deg: float | None
    """How far the rotations along it miss the pair's own; None where a pair has no pose."""

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON object of `suspicious_pairs`."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(self).items()}

    def describe(self) -> str:
        """Return the evidence in a few words."""
        loop = f"{self.loop_photos} photos lead from one to the other and see something else"
        off = "" if self.loop_error_deg is None else f", and the loop misses by {self.loop_error_deg:.0f} deg"
        missing = f"{1 - self.found:.0%} of what each should show is missing"
        return f"{self.image1} - {self.image2}: {self.inliers} inliers, but {missing}; {loop}{off}"


def assess_database(database: Path) -> list[SuspiciousPair]:
    """Return the suspicious pairs of a COLMAP database, those with most inliers first."""
    from recon.engine.matches_cache import load_cache

    with open_database(database) as opened:
        cache = load_cache(opened, _LEAST_MATCHES)
        graph = read_view_graph(opened, cache)
        names = [cache.image(image_id).name for image_id in graph.image_ids]
        suspects = _find(graph)
        rotations = Rotations(opened, cache, graph)
        return [_describe(each, graph, names, rotations) for each in suspects if not _closes(each, rotations)]


@dataclass(frozen=True, slots=True)
class _Suspect:
    pair: int
    found: float
    path: float
    path_in_sight: float
    images: tuple[int, ...]
    """Along the widest path."""


def _find(graph: ViewGraph) -> list[_Suspect]:
    num_images = len(graph.image_ids)
    overlaps = Overlaps.of(graph)
    shared = overlap_matrix(num_images, graph.pairs, [overlaps.shared(pair) for pair in range(len(graph.pairs))])
    widest = widest_paths(shared)
    in_doubt = [p for p, (k1, k2) in enumerate(graph.pairs) if widest.overlap[k1, k2] - shared[k1, k2] > _LEAVES_BY]
    sight = _Sight.of(graph, link_tracks(graph)) if in_doubt else None
    suspects = []
    for pair in in_doubt:
        k1, k2 = graph.pairs[pair]
        assert sight is not None
        allowed = sight.seen_by(graph.matches[pair]) >= _SEES
        allowed[[k1, k2]] = True
        if are_linked(shared, allowed, k1, k2, widest.overlap[k1, k2] - _LEAVES_BY):
            continue
        if (found := overlaps.found(pair)) <= _MOST_FOUND:
            in_sight = widest_paths(shared * np.outer(allowed, allowed)).overlap[k1, k2]
            path = tuple(widest.path(k1, k2))
            suspects.append(_Suspect(pair, found, float(widest.overlap[k1, k2]), float(in_sight), path))
    return sorted(suspects, key=lambda each: -len(graph.matches[each.pair]))


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    """Which images see each track."""

    labels: IntArray
    images: IntArray
    """Images of track after track."""
    starts: IntArray
    """(N + 1,) where the images of each label begin."""
    num_images: int

    @classmethod
    def of(cls, graph: ViewGraph, tracks: Tracks) -> _Sight:
        num_images = len(graph.image_ids)
        reached = np.unique(tracks.labels * num_images + graph.image_of_row)
        starts = np.searchsorted(reached, np.arange(len(tracks.labels) + 1) * num_images)
        return cls(tracks.labels, reached % num_images, starts, num_images)

    def seen_by(self, rows: IntArray) -> FloatArray:
        """Return (I,) the share of matched keypoints whose track each image sees."""
        labels = self.labels[rows[:, 0]]
        lengths = self.starts[labels + 1] - self.starts[labels]
        firsts = np.repeat(self.starts[labels] - np.cumsum(lengths) + lengths, lengths)
        images = self.images[firsts + np.arange(lengths.sum())]
        shares: npt.NDArray[np.float64] = np.bincount(images, minlength=self.num_images) / max(1, len(rows))
        return shares


def _closes(suspect: _Suspect, rotations: Rotations) -> bool:
    error_deg = rotations.loop_error_deg(suspect.images)
    limit_deg = _CLOSES_DEG if rotations.knows_focal_lengths(suspect.images) else _CLOSES_BY_GUESS_DEG
    return error_deg is not None and error_deg <= limit_deg


def _describe(suspect: _Suspect, graph: ViewGraph, names: Sequence[str], rotations: Rotations) -> SuspiciousPair:
    k1, k2 = graph.pairs[suspect.pair]
    return SuspiciousPair(
        image1=names[k1],
        image2=names[k2],
        inliers=len(graph.matches[suspect.pair]),
        found=suspect.found,
        path=suspect.path,
        path_in_sight=suspect.path_in_sight,
        loop_photos=len(suspect.images) - 2,
        loop_error_deg=rotations.loop_error_deg(suspect.images),
    )
