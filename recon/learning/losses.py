"""What a network is taught: where keypoints are, to the fraction of a pixel, and descriptors that tell places apart.

Descriptors learn from true correspondences by a dual softmax (Sun et al., LoFTR, CVPR 2021), and, where there is a
teacher, from its descriptors (through a linear map: its space may have other dimensions) and from its similarities
(Hinton et al., 2015: soft targets with a temperature). Keypoints learn a teacher's as soft targets by the quality
focal loss (Li et al., NeurIPS 2020); and, from whichever pixel nearby they were found, to be placed where the other
crop places them, too (the reprojection error, as in ALIKE, Zhao et al., 2022), which is not far from the teacher's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from recon.core.components import DenseOutputs
from recon.learning.samples import Batch

RADIUS = 2
"""Pixels around a keypoint in which there is no other."""
_ASIDE_PX = 1.0
"""So far from its true pixel, across and down, a keypoint may have been found."""
_SPREAD_PX = 0.8
"""Standard deviation of the target around a keypoint."""


@dataclass(frozen=True, slots=True)
class LossOptions:
    """Weights of the terms, and temperatures."""

    keypoints: float = 1.0
    positions: float = 0.1
    consistency: float = 2.0
    descriptors: float = 1.0
    reliability: float = 0.3
    teacher_descriptors: float = 2.0
    teacher_similarities: float = 1.0
    temperature: float = 0.05
    """Of the similarities of the network's descriptors."""
    teacher_temperature: float = 0.05
    """Of the similarities of the teacher's."""


class TeacherMap(nn.Linear):
    """From the network's descriptors to the teacher's; needed only while training."""

    def __init__(self, length: int, teacher_length: int) -> None:
        super().__init__(length, teacher_length, bias=False)


def losses(
    outputs: DenseOutputs, batch: Batch, teacher_map: nn.Module | None, options: LossOptions = LossOptions()
) -> dict[str, Tensor]:
    """Return the weighted terms by name; their sum is what training makes small."""
    terms = {
        **_keypoint_terms(outputs, batch),
        **_descriptor_terms(outputs, batch, teacher_map, options),
    }
    weights: Mapping[str, float] = {name: getattr(options, name) for name in terms}
    return {name: term * weights[name] for name, term in terms.items()}


def _keypoint_terms(outputs: DenseOutputs, batch: Batch) -> dict[str, Tensor]:
    aside = (2 * torch.rand_like(batch.points) - 1) * _ASIDE_PX
    found = outputs.place(batch.points + aside) - batch.points
    target = _target(outputs.keypoint_logits, batch)
    return {
        "keypoints": _quality_focal(outputs.keypoint_logits, target) / batch.is_keypoint.sum().clamp(min=1),
        "positions": _mean(found[batch.is_point.repeat(2, 1)].square()),
        "consistency": _consistency(found, batch),
    }


def _target(logits: Tensor, batch: Batch) -> Tensor:
    """Return (2B, H, W) how likely a keypoint is at each pixel: bells of the keypoints' scores."""
    height, width = logits.shape[1:]
    steps = torch.arange(-RADIUS, RADIUS + 1, device=logits.device)
    window = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1).reshape(-1, 2)
    pixels = batch.keypoints.floor().long()[:, :, None] + window
    distances = (pixels + 0.5 - batch.keypoints[:, :, None]).square().sum(dim=3)
    values = batch.scores[:, :, None] * torch.exp(-distances / (2 * _SPREAD_PX**2))
    columns, rows = pixels[..., 0].clamp(0, width - 1), pixels[..., 1].clamp(0, height - 1)
    target = logits.new_zeros(len(logits), height * width)
    flat = (rows * width + columns).flatten(1)
    return target.scatter_reduce(1, flat, values.flatten(1).to(target.dtype), "amax").view_as(logits)


def _quality_focal(logits: Tensor, target: Tensor) -> Tensor:
    """Return the sum over all pixels of the cross-entropy, each weighted by how wrong it is."""
    error = (target - logits.sigmoid()).abs()
    return (error * functional.binary_cross_entropy_with_logits(logits, target, reduction="none")).sum()


def _consistency(found: Tensor, batch: Batch) -> Tensor:
    """Return how far apart the two crops place keypoints, given how far each places them from the truth."""
    first, second = found.chunk(2)
    carried = (torch.nan_to_num(batch.jacobians) @ first[..., None])[..., 0]
    known = batch.is_point & batch.jacobians.isfinite().all(dim=3).all(dim=2)
    apart = (second - carried)[known]
    return _mean(functional.smooth_l1_loss(apart, torch.zeros_like(apart), reduction="none", beta=0.25))


def _descriptor_terms(
    outputs: DenseOutputs, batch: Batch, teacher_map: nn.Module | None, options: LossOptions
) -> dict[str, Tensor]:
    descriptors, reliability = outputs.describe(batch.points)
    first, second = descriptors.chunk(2)
    exists = batch.is_point
    both = exists[:, :, None] & exists[:, None, :]
    logits = (first @ second.transpose(1, 2) / options.temperature).masked_fill(~both, -1e4)
    across, down = logits.log_softmax(dim=2), logits.log_softmax(dim=1)
    right = torch.diagonal(across + down, dim1=1, dim2=2)[exists] / 2
    identity = torch.arange(logits.shape[1], device=logits.device)
    is_right = (logits.argmax(dim=2) == identity) & (logits.argmax(dim=1) == identity)
    told = torch.cat([reliability.chunk(2)[0][exists], reliability.chunk(2)[1][exists]])
    truth = is_right[exists].to(told.dtype).repeat(2)
    terms = {
        "descriptors": -_mean(right),
        "reliability": _mean(functional.binary_cross_entropy_with_logits(told, truth, reduction="none")),
    }
    if teacher_map is not None and batch.teachers.shape[2]:
        terms |= _teacher_terms(descriptors, across, down, batch, teacher_map, options)
    return terms


def _teacher_terms(
    descriptors: Tensor, across: Tensor, down: Tensor, batch: Batch, teacher_map: nn.Module, options: LossOptions
) -> dict[str, Tensor]:
    """Return how far the descriptors and their similarities are from the teacher's."""
    taught = batch.is_point.repeat(2, 1) & (batch.teachers.abs().sum(dim=2) > 0)
    mapped = functional.normalize(teacher_map(descriptors), dim=2)
    cosine = (mapped * batch.teachers).sum(dim=2)[taught]
    first, second = batch.teachers.chunk(2)
    taught1, taught2 = taught.chunk(2)
    both = taught1[:, :, None] & taught2[:, None, :]
    similarities = (first @ second.transpose(1, 2) / options.teacher_temperature).masked_fill(~both, -1e4)
    divergence = _divergence(similarities, across, taught1, 2) + _divergence(similarities, down, taught2, 1)
    return {"teacher_descriptors": 1 - _mean(cosine), "teacher_similarities": divergence / 2}


def _divergence(similarities: Tensor, logs: Tensor, rows: Tensor, dim: int) -> Tensor:
    """Return the mean Kullback-Leibler divergence of the teacher's softmax from the network's, along a dimension."""
    target = similarities.log_softmax(dim=dim)
    return _mean((target.exp() * (target - logs)).sum(dim=dim)[rows])


def _mean(values: Tensor) -> Tensor:
    """Return the mean, 0 of nothing."""
    return values.sum() / max(values.numel(), 1)
