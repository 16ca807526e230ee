"""What a plugin offers: a spec that lists a component without heavy imports, and the component's protocol.

A component is one method. What it may need beyond its arguments (device, threads, seed, weights) comes
with the `RunContext` when it is created.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from recon.core.arrays import FloatArray, UInt8Array
from recon.core.data import Features, Image, ImageFile, ImagePair, Matches, PairPositions
from recon.core.events import Observer
from recon.core.frame import ModelFrame

if TYPE_CHECKING:
    import pycolmap
    import torch


class FeatureExtractor(Protocol):
    """Finds keypoints in one image. May also have `extract_batch(images) -> list[Features]`."""

    def extract(self, image: Image) -> Features:
        """Return the features of an image of any size; none (N = 0) for a blank one.

        Keypoints lie in the pixels of `image`, inside it; equal input gives equal output.
        """
        ...


class PairSelector(Protocol):
    """Chooses which images are worth matching."""

    def select(self, images: Sequence[ImageFile], features: Mapping[str, Features]) -> list[ImagePair]:
        """Return pairs of images, each once; `features` is read lazily, by image name."""
        ...


class FeatureMatcher(Protocol):
    """Finds keypoints of two images that look alike."""

    def match(self, features1: Features, features2: Features) -> Matches:
        """Return one-to-one matches; none for empty features."""
        ...


class ImageMatcher(Protocol):
    """Finds corresponding positions in two images directly from their pixels."""

    def match_images(self, image1: Image, image2: Image) -> PairPositions:
        """Return corresponding positions in the pixels of either image; M = 0 is allowed."""
        ...


@dataclass(frozen=True, slots=True)
class MappingOptions:
    """What every mapper is told besides its own options."""

    threads: int = 1
    seed: int = 0
    min_model_size: int = 3
    """Smallest number of registered images that counts as a model."""
    fixed_camera_ids: frozenset[int] = frozenset()
    """Cameras of the database whose intrinsics must not change."""
    checkpoint_dir: Path | None = None
    """A folder in which a mapper may keep what a later call with equal input resumes from."""
    should_stop: Callable[[], bool] = field(default=lambda: False)
    """Asked between steps; once true, the mapper returns the models it has."""


class Mapper(Protocol):
    """Turns verified matches into models."""

    def map(self, database: Path, options: MappingOptions, observer: Observer) -> Sequence[pycolmap.Reconstruction]:
        """Return the models that a COLMAP database supports, best first; none is a valid answer."""
        ...


class Refiner(Protocol):
    """Moves keypoints by fractions of a pixel so that each track agrees on one place."""

    def refine(
        self,
        keypoints: Mapping[str, FloatArray],
        tracks: Sequence[Sequence[tuple[str, int]]],
        cameras: Mapping[str, pycolmap.Camera],
        poses: Mapping[str, pycolmap.Rigid3d],
        load_image: Callable[[str], UInt8Array],
    ) -> Mapping[str, FloatArray]:
        """Return keypoints with the same rows; a track is (image name, row) of each observation.

        `poses` are `cam_from_world`; keypoints are full-size pixels, COLMAP origin.
        """
        ...


class Exporter(Protocol):
    """Writes a model for another tool."""

    def export(self, model: pycolmap.Reconstruction, destination: Path) -> None:
        """Write below `destination` only."""
        ...


class DenseOutputs(Protocol):
    """What a trainable network makes of a batch of images."""

    @property
    def keypoint_logits(self) -> torch.Tensor:
        """(B, H, W): the larger, the likelier a keypoint lies in the pixel."""
        ...

    def place(self, positions: torch.Tensor) -> torch.Tensor:
        """Return where exactly, (B, N, 2), the keypoints lie whose pixels (B, N, 2) positions fall into."""
        ...

    def describe(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (B, N, D) descriptors of length 1 and (B, N) reliability logits of (B, N, 2) positions in pixels."""
        ...


class Trainable(Protocol):
    """A network that `recon train` can train.

    May also have `pretrained(options) -> Path`, the weights that `recon train tune` begins with, and `early_layers`,
    beginnings of the names of the weights that it then leaves as they are.
    """

    def build(self, options: Any) -> torch.nn.Module:
        """Return a module, freshly initialised from the run's seed.

        It maps (B, 1, H, W) grey images, each of mean 0 and standard deviation 1, to `DenseOutputs`.
        """
        ...

    def save(self, module: torch.nn.Module, path: Path) -> None:
        """Write the module's weights as safetensors."""
        ...

    def load(self, module: torch.nn.Module, path: Path) -> None:
        """Read weights whose names and shapes fit exactly."""
        ...


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A weight file that a component needs, and how to know the right one."""

    name: str
    """File name, as it is looked for in `$RECON_WEIGHTS` and kept in the cache."""
    url: str
    """Pinned to a commit."""
    licence: str
    sha256: str | None = None
    git_blob: str | None = None
    """SHA-1 as git computes it over "blob SIZE\\0CONTENT", where only that is published."""
    size: int | None = None
    optional: bool = False
    """The component does without: taken where it is at hand, never downloaded, and no error where it is missing."""

    def __post_init__(self) -> None:
        if self.sha256 is None and self.git_blob is None:
            raise ValueError(f"weights file {self.name}: give its sha256 or its git blob id")


def _no_weights(name: str) -> Path:
    raise LookupError(f"this component declared no weights, and asked for {name!r}")


def _say_nothing(message: str) -> None:
    return None


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run brings to its components: a component never looks these up on its own."""

    device: str = "cpu"
    """`cpu`, `cuda:0`, `mps`: already checked to exist."""
    threads: int = 1
    seed: int = 0
    weights: Callable[[str], Path] = _no_weights
    """Returns the verified local file of a declared `WeightsFile`, by its name. Raises a ReconError with the code
    MISSING_WEIGHTS for an optional one that is not on this machine."""
    note: Callable[[str], None] = _say_nothing
    """Tells the user, in a sentence, of a choice that the component made on its own."""
    extractor: str | None = None
    """For matchers: the name of the extractor whose features they get; None where it is not known."""
    frame: ModelFrame | None = None
    """For exporters: the units and frame of the model; None where nothing is known of them."""


Component = TypeVar("Component", covariant=True)


@dataclass(frozen=True, slots=True)
class ComponentSpec(Generic[Component]):
    """A component on offer: enough to list it, and the means to build it."""

    name: str
    """What the user types: `--extractor sift`."""
    summary: str
    """One line for `recon plugins`."""
    options: type
    """A frozen dataclass; its fields are what `--set name.option=value` may set."""
    create: Callable[[Any, RunContext], Component]
    """Build the component from an instance of `options` and the run's device, threads, seed and weights.
    Heavy imports happen here."""
    licence: str
    """Of code and weights together, as an SPDX expression."""
    weights: tuple[WeightsFile, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    """Kinds of device it runs on: `cpu`, `cuda`, `mps`."""
    position_tolerance_px: float | None = None
    """Extractors: the largest median offset from the true place of a corner that the contract allows
    (0.1 for sub-pixel keypoints, 1.0 for whole pixels). Infinite where a learned detector answers to structure beside
    corners: its keypoints then have to move with the picture."""
    thread_safe: bool = False
    """Whether one instance may be called from several threads at once; else the host calls it from one."""
    version: str = "1"
    """Of the result, not of the package: raised when equal input gives another output, so that results
    kept from an earlier run are not reused."""
    matching_defaults: Mapping[str, Any] = field(default_factory=dict)
    """Extractors: values for those of the matcher's options that it has, below whatever the user sets. What is a
    clear match depends on the descriptor: a ratio of 0.8 suits SIFT, and leaves XFeat a third of its right matches."""
    uses_seed: bool = False
    """Extractors and matchers: whether the result depends on the context's seed. Where it does not, that seed
    is 0 and results are kept when the run's seed changes."""
