"""The peers of `pairs.py`: kornia's XFeat and ALIKED, OpenCV's SIFT, and plain mutual nearest neighbours in torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

import recon


def weights(name: str) -> dict[str, Any]:
    """Return the tensors of a file in $RECON_WEIGHTS."""
    import torch

    tensors: dict[str, Any] = torch.load(
        Path(os.environ["RECON_WEIGHTS"]) / name, weights_only=True, map_location="cpu"
    )
    return tensors


def tensor_of(image: recon.Image) -> Any:
    """Return (1, 3, H, W) in [0, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.pixels.transpose(2, 0, 1)))[None].float() / 255


def features_of(keypoints: Any, descriptors: Any, scores: Any, image: recon.Image) -> recon.Features:
    """Return what a network found; its pixel centres are whole numbers."""
    size = np.array(image.size, np.float32)
    xy = np.clip(np.asarray(keypoints, np.float32) + np.float32(0.5), 0, size)
    return recon.Features(xy, np.asarray(descriptors, np.float32), image.size, np.asarray(scores, np.float32))


class KorniaXFeat:
    """kornia.feature.XFeat with its own defaults."""

    def __init__(self, max_keypoints: int) -> None:
        from kornia.feature import XFeat

        self._model = XFeat(top_k=max_keypoints)
        self._model.net.load_state_dict(weights("xfeat.pt"))
        self._model.eval()

    def extract(self, image: recon.Image) -> recon.Features:
        found = self._model.detectAndCompute(tensor_of(image))[0]
        return features_of(found["keypoints"], found["descriptors"], found["scores"], image)


class KorniaAliked:
    """kornia.feature.ALIKED, n16, with its own defaults."""

    def __init__(self, max_keypoints: int, model: str = "aliked-n16") -> None:
        from kornia.feature import ALIKED

        self._model = ALIKED(model, max_num_keypoints=max_keypoints)
        self._model.load_state_dict(weights(f"{model}.pth"), strict=False)
        self._model.eval()

    def extract(self, image: recon.Image) -> recon.Features:
        import torch

        with torch.inference_mode():
            found = self._model(tensor_of(image))[0]
        return features_of(found.keypoints, found.descriptors, found.keypoint_scores, image)


class OpenCvSift:
    """cv2.SIFT with its own defaults and at most so many keypoints, RootSIFT descriptors."""

    def __init__(self, max_keypoints: int) -> None:
        self._max_keypoints = max_keypoints

    def extract(self, image: recon.Image) -> recon.Features:
        import cv2

        grey = cv2.cvtColor(image.pixels, cv2.COLOR_RGB2GRAY)
        keypoints, descriptors = cv2.SIFT.create(self._max_keypoints).detectAndCompute(grey, None)
        xy = np.array([keypoint.pt for keypoint in keypoints], np.float32).reshape(-1, 2)
        responses = np.array([keypoint.response for keypoint in keypoints], np.float32)
        if descriptors is None:
            descriptors = np.zeros((0, 128), np.float32)
        sums = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-12)
        found = features_of(xy, np.sqrt(descriptors / sums), responses, image)
        strongest = np.argsort(-responses, kind="stable")[: self._max_keypoints]  # OpenCV keeps ties beyond its limit
        return recon.Features(
            found.keypoints[strongest], found.descriptors[strongest], image.size, responses[strongest]
        )


def mutual_nearest(descriptors1: Any, descriptors2: Any) -> tuple[Any, Any]:
    """Return the rows that are each other's nearest: two products and two maxima, in torch."""
    import torch

    _, nearest2 = (descriptors1 @ descriptors2.t()).max(dim=1)
    _, nearest1 = (descriptors2 @ descriptors1.t()).max(dim=1)
    rows1 = torch.arange(len(nearest2))
    rows1 = rows1[nearest1[nearest2] == rows1]
    return rows1, nearest2[rows1]


class Mutual:
    """Plain mutual nearest neighbours, with Lowe's ratio test from the first photo where one is given."""

    def __init__(self, max_keypoints: int, ratio: str = "none") -> None:
        self._ratio = None if ratio == "none" else float(ratio)

    def match(self, features1: recon.Features, features2: recon.Features) -> recon.Matches:
        import torch

        if min(len(features1), len(features2)) < 2:
            return recon.Matches.none()
        tensors = [torch.from_numpy(np.array(features.descriptors)) for features in (features1, features2)]
        rows1, rows2 = mutual_nearest(*tensors)
        if self._ratio is not None:
            best = (tensors[0][rows1] @ tensors[1].t()).topk(2, dim=1).values
            distances = (2 - 2 * best).clamp(min=0).sqrt()
            is_clear = distances[:, 0] < self._ratio * distances[:, 1]
            rows1, rows2 = rows1[is_clear], rows2[is_clear]
        return recon.Matches(torch.stack([rows1, rows2], dim=1).numpy().astype(np.uint32))


PEER_EXTRACTORS = {"kornia-xfeat": KorniaXFeat, "kornia-aliked": KorniaAliked, "opencv-sift": OpenCvSift}
PEER_MATCHERS = {"mutual": Mutual}
PEERS = {
    "kornia-xfeat": ("kornia-xfeat", "mutual"),
    "kornia-aliked": ("kornia-aliked", "mutual"),
    "opencv-sift": ("opencv-sift", "mutual@ratio=0.8"),
}
"""What a peer's name alone stands for."""
