"""LightGlue's network on kornia's modules, arranged for a processor: attention fused, memory bounded, no dense scores.

kornia's own pass keeps every product of two photos' keypoints several times over (64 MB each at 4096 keypoints), also
between photos; torch's fused attention gives the same numbers without them. Lindenberger, Sarlin, Pollefeys 2023.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_BLOCK_ROWS = 512
"""Rows of the table of scores that are looked at together: 8 MB at 4096 keypoints."""
_BLOCK_QUERIES = 256
"""Points that look at all others together: 2 MB of weights at 4096 keypoints, which stay in the second cache."""


@dataclass(frozen=True, slots=True)
class Stops:
    """When points or layers are left out; None for never."""

    depth_confidence: float | None = None
    """Share of sure points at which the remaining layers are left out."""
    width_confidence: float | None = None
    """How sure a point without partner is left out: those with a chance of 1 - this or less."""

    @property
    def are_any(self) -> bool:
        """Whether the heads that only serve these are needed."""
        return self.depth_confidence is not None or self.width_confidence is not None


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """The keypoints of a photo on their way through the layers."""

    x: Tensor
    """(1, N, D) what is known of each so far."""
    rotation: Tensor
    """(2, 1, 1, N, D / heads) cosines and sines of its place."""
    rows: Tensor
    """(N,) which keypoint each is."""

    def only(self, kept: Tensor) -> Tokens:
        """Return those where the (N,) mask is true."""
        return Tokens(self.x[:, kept], self.rotation[..., kept, :], self.rows[kept])


class LightGlueNetwork:
    """Runs the layers of a kornia LightGlue on two photos and picks mutual best partners."""

    def __init__(self, model: Any, layers: int, *, dtype: torch.dtype, stops: Stops) -> None:
        """Take over a loaded model.

        Args:
            layers: How many are run, at most the model's.
            dtype: In which the attention and linear layers count; sums stay in float32.
        """
        self._model = model
        self._layers = layers
        self._dtype = dtype
        self._stops = stops

    @torch.inference_mode()
    def tokens(self, keypoints: Tensor, descriptors: Tensor) -> Tokens:
        """Return a photo ready for the layers.

        Args:
            keypoints: (N, 2) or, with scale and orientation, (N, 4), -1 to 1 along the longer side.
            descriptors: (N, input) rows of length 1.
        """
        x = self._model.input_proj(descriptors[None])
        rotation = self._model.posenc(keypoints[None])
        return Tokens(x, rotation, torch.arange(len(keypoints), device=keypoints.device))

    @torch.inference_mode()
    def match(self, side1: Tokens, side2: Tokens, threshold: float) -> tuple[Tensor, Tensor]:
        """Return (M, 2) rows that are each other's best partner, and (M,) probabilities above the threshold."""
        num_points = len(side1.rows) + len(side2.rows)
        last = self._layers - 1
        for layer in range(self._layers):
            side1, side2 = self._through(layer, side1, side2)
            if layer == last or not self._stops.are_any:
                continue
            sure1, sure2 = self._model.token_confidence[layer](side1.x, side2.x)
            if self._is_enough(layer, torch.cat([sure1[0], sure2[0]]), num_points):
                last = layer
                break
            side1, side2 = self._pruned(layer, side1, sure1[0]), self._pruned(layer, side2, sure2[0])
            if not len(side1.rows) or not len(side2.rows):
                return torch.zeros(0, 2, dtype=torch.int64), torch.zeros(0)
        pairs, scores = _mutual_best(*self._projected(last, side1), *self._projected(last, side2))
        kept = scores > threshold
        pairs, scores = pairs[kept], scores[kept]
        return torch.stack([side1.rows[pairs[:, 0]], side2.rows[pairs[:, 1]]], 1), scores

    def _through(self, layer: int, side1: Tokens, side2: Tokens) -> tuple[Tokens, Tokens]:
        block = self._model.transformers[layer]
        with torch.autocast(side1.x.device.type, self._dtype, enabled=self._dtype != torch.float32):
            x1, x2 = (_look_around(block.self_attn, side.x, side.rotation) for side in (side1, side2))
            x1, x2 = _look_across(block.cross_attn, x1, x2)
        return Tokens(x1, side1.rotation, side1.rows), Tokens(x2, side2.rotation, side2.rows)

    def _is_enough(self, layer: int, sureness: Tensor, num_points: int) -> bool:
        limit = self._stops.depth_confidence
        if limit is None:
            return False
        num_unsure = int((sureness < self._model.confidence_thresholds[layer]).sum())
        return 1 - num_unsure / num_points > limit

    def _pruned(self, layer: int, side: Tokens, sureness: Tensor) -> Tokens:
        limit = self._stops.width_confidence
        if limit is None:
            return side
        chances = self._model.log_assignment[layer].get_matchability(side.x)[0]
        kept = chances > 1 - limit
        if self._stops.depth_confidence is not None:  # as kornia: the unsure stay only where sureness is asked for
            kept |= sureness <= self._model.confidence_thresholds[layer]
        return side.only(kept)

    def _projected(self, layer: int, side: Tokens) -> tuple[Tensor, Tensor]:
        """Return (N, D) vectors whose products are similarities, and (N,) logarithms of the chance of a partner."""
        head = self._model.log_assignment[layer]
        vectors = head.final_proj(side.x)[0]
        return vectors / vectors.shape[1] ** 0.25, functional.logsigmoid(head.matchability(side.x)[0, :, 0])


def _look_around(block: Any, x: Tensor, rotation: Tensor) -> Tensor:
    """Return a photo's points after each has looked at the others of the photo."""
    mixed = block.Wqkv(x).view(*x.shape[:-1], block.num_heads, -1, 3).transpose(1, 2)
    queries, keys = (_rotated(mixed[..., part], rotation) for part in (0, 1))
    return _updated(block, block.out_proj, x, _attention(queries, keys, mixed[..., 2]))


def _look_across(block: Any, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
    """Return both photos' points after each has looked at the other photo's, as those were before."""

    def heads(values: Tensor) -> Tensor:
        return values.view(*values.shape[:-1], block.heads, -1).transpose(1, 2)

    keys1, keys2 = heads(block.to_qk(x1)), heads(block.to_qk(x2))
    values1, values2 = heads(block.to_v(x1)), heads(block.to_v(x2))
    seen1, seen2 = _attention(keys1, keys2, values2), _attention(keys2, keys1, values1)
    return _updated(block, block.to_out, x1, seen1), _updated(block, block.to_out, x2, seen2)


def _updated(block: Any, output: Any, x: Tensor, seen: Tensor) -> Tensor:
    message = output(seen.transpose(1, 2).flatten(start_dim=-2))
    return torch.as_tensor(x + block.ffn(torch.cat([x, message], -1)))


def _rotated(values: Tensor, rotation: Tensor) -> Tensor:
    """Return (1, heads, N, d) with neighbouring pairs of numbers turned by the angles of the point's place."""
    turned = torch.stack([-values[..., 1::2], values[..., ::2]], -1).flatten(-2)
    return values * rotation[0] + turned * rotation[1]


def _attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return (1, heads, N, d): the mean of the values, weighted by how well a query fits each key."""
    if queries.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return functional.scaled_dot_product_attention(queries.contiguous(), keys.contiguous(), values.contiguous())
    # torch's fused kernel is no faster in bfloat16 than in float32 where a processor has AVX-512 but no AMX.
    dtype = torch.get_autocast_dtype("cpu")
    queries = (queries * queries.shape[-1] ** -0.5).to(dtype)
    keys, values = keys.transpose(-1, -2).to(dtype).contiguous(), values.to(dtype).contiguous()
    blocks = [(block @ keys).softmax(-1, dtype=dtype) @ values for block in torch.split(queries, _BLOCK_QUERIES, -2)]
    return torch.cat(blocks, dim=-2)


def _mutual_best(vectors1: Tensor, chances1: Tensor, vectors2: Tensor, chances2: Tensor) -> tuple[Tensor, Tensor]:
    """Return (M, 2) rows that are each other's best partner, and (M,) their probabilities.

    The probability of a pair is the softmax of its similarity along its row times that along its column, times the
    chances of both to have a partner. The table is made twice, block by block, so that it need not be kept.
    """
    vectors1, vectors2 = vectors1.float(), vectors2.float()
    row_sums = torch.empty(len(vectors1), device=vectors1.device)
    column_sums = torch.full((len(vectors2),), -torch.inf, device=vectors1.device)
    for start in range(0, len(vectors1), _BLOCK_ROWS):
        similarities = vectors1[start : start + _BLOCK_ROWS] @ vectors2.T
        row_sums[start : start + _BLOCK_ROWS] = similarities.logsumexp(1)
        column_sums = torch.logaddexp(column_sums, similarities.logsumexp(0))
    offsets1, offsets2 = chances1.float() - row_sums, chances2.float() - column_sums
    best = torch.empty(len(vectors1), device=vectors1.device)
    partners = torch.empty(len(vectors1), dtype=torch.int64, device=vectors1.device)
    best_of_columns = torch.full((len(vectors2),), -torch.inf, device=vectors1.device)
    for start in range(0, len(vectors1), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        scores = torch.addmm(offsets2[None], vectors1[block], vectors2.T, alpha=2).add_(offsets1[block, None])
        best[block], partners[block] = scores.max(1)
        best_of_columns = torch.maximum(best_of_columns, scores.amax(0))
    rows = torch.nonzero(best >= best_of_columns[partners])[:, 0]
    pairs = torch.stack([rows, partners[rows]], 1)
    _, firsts = _first_of_each(pairs[:, 1])  # equal keypoints: the first row keeps the partner
    return pairs[firsts], best[rows[firsts]].exp()


def _first_of_each(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the distinct values, and the ascending positions at which each first stands."""
    distinct, inverse = torch.unique(values, return_inverse=True)
    positions = torch.full((len(distinct),), len(values), device=values.device)
    positions.scatter_reduce_(0, inverse, torch.arange(len(values), device=values.device), "amin")
    return distinct, positions.sort().values
