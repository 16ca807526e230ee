"""How good a network is on pairs that it was not trained on: what a user of it would see, in numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recon.core.arrays import FloatArray
from recon.learning.crops import MARGIN_PX, mapped
from recon.learning.losses import RADIUS
from recon.learning.samples import PairSample, collate

KEYPOINTS = 300
"""Found in each crop."""
_RIGHT_PX = 3.0
"""A match further than this from the truth is wrong."""


def measured(network: nn.Module, samples: Sequence[PairSample], batch: int = 8) -> dict[str, float]:
    """Return measures of a network on pairs, in evaluation mode; the mode is put back.

    Returns:
        `described`: share of true places whose descriptors are each other's nearest. On pairs under a homography also
        `matches`: right matches a pair among 300 keypoints each, `precision`: share of the matches that are right,
        `within_half_px`: share of the matches within 0.5 px, and `error_px`: median error of the right ones.
    """
    was_training = network.training
    network.eval()
    described: list[float] = []
    errors: list[FloatArray] = []
    try:
        with torch.inference_mode():
            for start in range(0, len(samples), batch):
                some = samples[start : start + batch]
                data = collate(some).to(next(network.parameters()).device)
                outputs = network(data.images)
                first, second = outputs.describe(data.points)[0].chunk(2)
                described += _described(first, second, data.is_point)
                positions = outputs.place(_found(outputs.keypoint_logits))
                descriptors = outputs.describe(positions)[0]
                for row, sample in enumerate(some):
                    if np.isfinite(sample.homography).all():
                        two = [row, row + len(some)]
                        errors.append(_errors(positions[two], descriptors[two], sample))
    finally:
        network.train(was_training)
    measures = {"described": float(np.mean(described)) if described else 0.0}
    return measures | _summary(errors)


def _described(first: Tensor, second: Tensor, exists: Tensor) -> list[float]:
    shares = []
    for one, other, rows in zip(first, second, exists, strict=True):
        similarity = one[rows] @ other[rows].T
        if len(similarity):
            identity = torch.arange(len(similarity), device=similarity.device)
            right = (similarity.argmax(dim=1) == identity) & (similarity.argmax(dim=0) == identity)
            shares.append(float(right.float().mean()))
    return shares


def _found(logits: Tensor) -> Tensor:
    """Return (B, 300, 2) the pixels of the highest peaks of (B, H, W) logits."""
    side = 2 * RADIUS + 1
    peaks = functional.max_pool2d(logits[:, None], side, 1, RADIUS)[:, 0]
    inner = torch.zeros_like(logits, dtype=torch.bool)
    inner[:, MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX] = True
    heights = logits.masked_fill(~((logits >= peaks) & inner), -1e4)
    best = heights.flatten(1).topk(KEYPOINTS, dim=1).indices
    width = logits.shape[2]
    return torch.stack([best % width, best // width], dim=2) + 0.5


def _errors(positions: Tensor, descriptors: Tensor, sample: PairSample) -> FloatArray:
    """Return (M,) how far the matches of mutual nearest neighbours are from the truth, in pixels of the second crop.

    Matches of places that the second crop does not show are none: nobody could get them right.

    Args:
        positions: (2, N, 2) in either crop.
        descriptors: (2, N, D)
        sample: The pair.
    """
    (positions1, positions2), (descriptors1, descriptors2) = positions, descriptors
    similarity = descriptors1 @ descriptors2.T
    to, back = similarity.argmax(dim=1), similarity.argmax(dim=0)
    rows = torch.nonzero(back[to] == torch.arange(len(to), device=to.device))[:, 0]
    truth = mapped(sample.homography, positions1[rows].double().cpu().numpy())
    seen = ((truth > 0) & (truth < sample.images.shape[2])).all(axis=1)
    return np.asarray(np.linalg.norm(truth - positions2[to[rows]].cpu().numpy(), axis=1)[seen])


def _summary(errors: Sequence[FloatArray]) -> dict[str, float]:
    if not errors:
        return {}
    every = np.concatenate(errors)
    right = every[every < _RIGHT_PX]
    return {
        "matches": len(right) / len(errors),
        "precision": len(right) / max(len(every), 1),
        "within_half_px": float((every < 0.5).sum() / max(len(every), 1)),
        "error_px": float(np.median(right)) if len(right) else _RIGHT_PX,
    }
