"""LightGlue: matches by attention, which looks at each keypoint's surroundings and at the other photo.

A matcher for each kind of features that has published weights; runs through kornia (the extra `attention`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import recon

from .options import LightGlueOptions

if TYPE_CHECKING:
    from .matcher import LightGlueMatcher

_RELEASE = "https://github.com/cvg/LightGlue/releases/download/v0.1_arxiv/"

LIGHTERGLUE = recon.WeightsFile(
    name="xfeat-lighterglue.pt",
    url="https://github.com/verlab/accelerated_features/raw/e92685f57f8318b18725c5c8c0bd28c7fe188d9a"
    "/weights/xfeat-lighterglue.pt",
    licence="Apache-2.0",
    git_blob="061e168b4d9db6b086172f247c8adcebb76d7ef8",
)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A LightGlue for one extractor's features."""

    name: str
    extractor: str
    weights: recon.WeightsFile

    def spec(self) -> recon.ComponentSpec[recon.FeatureMatcher]:
        """Return what is on offer."""
        return recon.ComponentSpec(
            name=self.name,
            summary=f"LightGlue: attention within and between photos, for the features of {self.extractor} (kornia)",
            options=LightGlueOptions,
            create=self._create,
            licence="Apache-2.0",
            weights=(self.weights,),
            devices=("cpu", "cuda", "mps"),
            thread_safe=True,
        )

    def _create(self, options: LightGlueOptions, context: recon.RunContext) -> LightGlueMatcher:
        from .matcher import create_matcher

        if context.extractor not in (None, self.extractor):
            context.note(f"{self.name} was trained for the features of {self.extractor}, not of {context.extractor}")
        return create_matcher(self.name, self.weights.name, options, context)


_KINDS = (
    _Kind("lightglue", "xfeat", LIGHTERGLUE),
    _Kind(
        "lightglue-aliked",
        "aliked",
        recon.WeightsFile(
            name="aliked_lightglue.pth",
            url=_RELEASE + "aliked_lightglue.pth",
            licence="Apache-2.0",
            sha256="d975e965b105311a6143194852297dff4f02aea5cc2e10cecfed966ca0e22503",
            size=47_632_827,
        ),
    ),
    _Kind(
        "lightglue-disk",
        "disk",
        recon.WeightsFile(
            name="disk_lightglue.pth",
            url=_RELEASE + "disk_lightglue.pth",
            licence="Apache-2.0",
            sha256="b5b21d47ea24f2c5e501aec9c91b9716e4c8c3429a4dc1e615c133c4c9378335",
            size=47_631_405,
        ),
    ),
    _Kind(
        "lightglue-sift",
        "sift",
        recon.WeightsFile(
            name="sift_lightglue.pth",
            url=_RELEASE + "sift_lightglue.pth",
            licence="Apache-2.0",
            sha256="5b52b8d9982d43532dc042606b346bb9594c9f5a4bd6f64362c63866287b4ac0",
            size=47_632_573,
        ),
    ),
)


@recon.hookimpl
def recon_feature_matchers() -> list[recon.ComponentSpec[recon.FeatureMatcher]]:
    """Offer `lightglue`, for the features of xfeat, and its kin for others."""
    return [kind.spec() for kind in _KINDS]
