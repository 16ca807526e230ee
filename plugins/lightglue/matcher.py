"""From features to matches: what the network is given of a photo, and what is made of its answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

import recon

from ..processor import is_bfloat16_fast
from .network import LightGlueNetwork, Stops, Tokens
from .options import LightGlueOptions
from .weights import LoadedModel, Shape, load_model

_SCALE_SIDE_PX = 1024
"""Longer side of the photos whose SIFT scales the network saw in training."""


class LightGlueMatcher:
    """Matches keypoints by attention: each is judged with its surroundings, and with what the other photo shows."""

    def __init__(self, loaded: LoadedModel, options: LightGlueOptions, device: str) -> None:
        self._shape = loaded.shape
        self._options = options
        self._device = torch.device(device)
        self._network = LightGlueNetwork(
            loaded.model.to(self._device),
            options.layers or loaded.shape.layers,
            dtype=_number_format(options.precision, self._device),
            stops=Stops(options.depth_confidence, options.width_confidence),
        )

    def match(self, features1: recon.Features, features2: recon.Features) -> recon.Matches:
        """Return one-to-one matches in the order of `features1`; scores are probabilities.

        Raises:
            UsageError: The weights are for other features.
        """
        if not len(features1) or not len(features2):
            return recon.Matches.none()
        rows1, rows2 = (_best(each, self._options.max_keypoints) for each in (features1, features2))
        tokens1, tokens2 = self._tokens(features1, rows1), self._tokens(features2, rows2)
        pairs, scores = self._network.match(tokens1, tokens2, self._options.filter_threshold)
        indices = pairs.cpu().numpy()
        indices = np.stack([rows1[indices[:, 0]], rows2[indices[:, 1]]], axis=1)
        return recon.Matches(indices.astype(np.uint32), scores.float().cpu().numpy())

    def _tokens(self, features: recon.Features, rows: npt.NDArray[np.intp]) -> Tokens:
        check_fit(features, self._shape)
        descriptors = features.descriptors[rows]
        return self._network.tokens(
            torch.from_numpy(_places(features, self._shape)[rows]).to(self._device),
            torch.from_numpy(np.ascontiguousarray(descriptors, np.float32)).to(self._device),
        )


def create_matcher(component: str, file: str, options: LightGlueOptions, context: recon.RunContext) -> LightGlueMatcher:
    """Return a matcher with the weights of a declared file.

    Raises:
        ReconError: BAD_WEIGHTS.
        UsageError: BAD_VALUE, an option that the weights do not allow.
    """
    import kornia.feature  # noqa: F401  # its absence is told before that of the weights

    torch.set_num_threads(context.threads)
    path = context.weights(file)
    loaded = load_model(path, component)
    check_options(options, loaded, str(path), component)
    return LightGlueMatcher(loaded, options, context.device)


def check_options(options: LightGlueOptions, loaded: LoadedModel, file: str, component: str) -> None:
    """Refuse options for which a weight file lacks the tensors.

    Raises:
        UsageError: BAD_VALUE.
    """
    skipping = [name for name in ("depth_confidence", "width_confidence") if getattr(options, name) is not None]
    if skipping and not loaded.can_skip:
        raise recon.UsageError(
            f"{component} cannot leave out points or layers with {file}: the file lacks the parts that decide it",
            code=recon.Cause.BAD_VALUE,
            file=file,
            try_=f"leave {' and '.join(skipping)} unset, or give the complete file by --set {component}.weights=FILE",
        )
    layers = options.layers or loaded.shape.layers
    if layers not in loaded.finishing_layers:
        choices = ", ".join(map(str, sorted(loaded.finishing_layers))) or "none"
        raise recon.UsageError(
            f"{component} cannot stop after {layers} layers with {file}: it has what makes matches after: {choices}",
            code=recon.Cause.BAD_VALUE,
            file=file,
            try_=f"set {component}.layers to one of: {choices}",
        )


def check_fit(features: recon.Features, shape: Shape) -> None:
    """Refuse features that the weights were not trained for, as far as can be seen.

    Raises:
        UsageError: BAD_VALUE.
    """
    length = features.descriptors.shape[1]
    has_orientation = features.scales_px is not None and features.orientations_rad is not None
    if length != shape.input_length or (shape.place_length == 4 and not has_orientation):
        needed = f"descriptors of {shape.input_length} numbers" + (
            ", scales and orientations" if shape.place_length == 4 else ""
        )
        raise recon.UsageError(
            f"LightGlue's weights are for {needed}, and the photos' features have {length} numbers"
            f"{' with' if has_orientation else ' without'} scale and orientation",
            code=recon.Cause.BAD_VALUE,
            try_="use lightglue for xfeat, lightglue-aliked for aliked, lightglue-disk for disk, lightglue-sift for "
            "sift; or --matcher nearest, which fits every extractor",
        )


def _places(features: recon.Features, shape: Shape) -> npt.NDArray[np.float32]:
    """Return (N, 2) positions, -1 to 1 along the longer side; (N, 4) with scale in pixels and orientation."""
    size = np.array(features.image_size, np.float32)
    xy = (features.keypoints - size / 2) / (size.max() / 2)
    if shape.place_length == 2:
        return np.ascontiguousarray(xy, np.float32)
    assert features.scales_px is not None
    assert features.orientations_rad is not None
    scales = features.scales_px * np.float32(_SCALE_SIDE_PX / size.max())
    return np.column_stack([xy, scales, features.orientations_rad]).astype(np.float32)


def _best(features: recon.Features, count: int | None) -> npt.NDArray[np.intp]:
    """Return the ascending rows of the `count` best keypoints; all where there are no more, or all are wanted."""
    if count is None or len(features) <= count:
        return np.arange(len(features))
    if features.scores is None:
        return np.linspace(0, len(features) - 1, count).astype(np.intp)
    return np.sort(np.argsort(-features.scores, kind="stable")[:count])


def _number_format(precision: str, device: torch.device) -> torch.dtype:
    if precision == "bf16" or (precision == "auto" and _is_bfloat16_fast_on(device)):
        return torch.bfloat16
    return torch.float32


def _is_bfloat16_fast_on(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and is_bfloat16_fast()
