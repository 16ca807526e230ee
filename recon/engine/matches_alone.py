"""Registers a photo through its matches to registered photos, where too few of them lie at points of the model.

Repetitive or sparse scenes give pairs whose matches meet at hardly any keypoint: every track ends after two photos,
and no photo sees enough of the points that two others made. pycolmap can find such a pose ("structure-less"), but
proposes only photos that see as many points as registration by points asks for; here they are proposed by matches.
"""

from __future__ import annotations

from collections import defaultdict

import pycolmap

MIN_INLIER_RATIO = 0.6
"""Share of the matches that a pose found without points must keep. At pycolmap's 0.25 the search takes ten times
as long on wrong matches, and then fits some of them."""

MIN_LINKS = 2
"""Registered photos that a photo must be linked to: matches to one alone leave open how far away it was taken."""

INLIERS_PER_LINK = 15
"""Matches that the pose must keep for each of those, as many as link two photos at all. (pycolmap's option counts
points; it asks for twice as many matches, since one says half as much.)"""

_RETRY_GROWTH = 1.5
"""A photo that failed is tried again when the registered photos have this many times the matches with it."""


class MatchesAlone:
    """Proposes and registers photos by their matches to the registered ones; remembers which were tried in vain."""

    def __init__(self, mapper: pycolmap.IncrementalMapper, graph: pycolmap.CorrespondenceGraph) -> None:
        self._mapper = mapper
        self._neighbours: defaultdict[int, set[int]] = defaultdict(set)
        for pair_id in graph.image_pairs():
            image_id1, image_id2 = pycolmap.pair_id_to_image_pair(pair_id)
            self._neighbours[image_id1].add(image_id2)
            self._neighbours[image_id2].add(image_id1)
        self._failed: dict[int, int] = {}

    def start(self) -> None:
        """Forget which photos failed: what follows is another model, or one on lower demands."""
        self._failed.clear()

    def register_next(self, gates: pycolmap.IncrementalMapperOptions, two_view_tracks: bool) -> int | None:
        """Return the image that was registered, or None when none fits.

        Args:
            gates: The demands on a pose; changed by this call.
            two_view_tracks: Whether the points that two photos see count. Only then do matches alone carry a photo,
                and only then are photos proposed that pycolmap would not.
        """
        gates.abs_pose_min_inlier_ratio = MIN_INLIER_RATIO
        if two_view_tracks:
            gates.abs_pose_min_num_inliers = min(gates.abs_pose_min_num_inliers, INLIERS_PER_LINK)
            candidates = self._linked()
        else:
            candidates = self._mapper.find_next_images(gates, True)
        for image_id in candidates:
            if self._mapper.register_next_structure_less_image(gates, image_id):
                return int(image_id)
            self._failed[image_id] = self._num_matches(image_id)
        return None

    def _linked(self) -> list[int]:
        """Return the images to try, those with the most matches to registered ones first."""
        registered = set(self._mapper.reconstruction.reg_image_ids())
        linked = [
            image_id
            for image_id, neighbours in self._neighbours.items()
            if image_id not in registered
            and len(neighbours & registered) >= MIN_LINKS
            and self._num_matches(image_id) >= _RETRY_GROWTH * self._failed.get(image_id, 0)
        ]
        return sorted(linked, key=lambda image_id: (-self._num_matches(image_id), image_id))

    def _num_matches(self, image_id: int) -> int:
        return int(self._mapper.observation_manager.num_visible_correspondences(image_id))
