"""What a user can act on, and the one list of causes that messages, JSON and manifests use.

ReconError            exit status 1
  UsageError          2: an unknown plugin or option, a missing folder, a bad value
  NoModel             1: the run ended without a model
  Interrupted         130 or 143: stopped by a signal, after a checkpoint
"""

from __future__ import annotations

from enum import StrEnum


class Cause(StrEnum):
    """Why a photo was left out (`left_out[].cause`), or why a run failed (`error.code`)."""

    UNREADABLE = "unreadable"
    """The file is empty, truncated, or no image that can be decoded."""
    TOO_LARGE = "too_large"
    """More than 256 megapixels."""
    FEW_KEYPOINTS = "few_keypoints"
    """Too few keypoints to be matched: blurred, dark or blank."""
    NO_MATCHES = "no_matches"
    """Looks like no other photo of the set."""
    NO_VERIFIED_GEOMETRY = "no_verified_geometry"
    """Similar to others, but no pair fits one camera motion."""
    NOT_CONNECTED = "not_connected"
    """Verified pairs lead to photos outside the model only."""
    FEW_CORRESPONDENCES = "few_correspondences"
    """Sees too few of the model's points for a pose."""
    POSE_REJECTED = "pose_rejected"
    """A pose was found but kept too few of its points."""
    NO_PRIOR_POSE = "no_prior_pose"
    """Its pose is not among those given, and poses were to stay as given."""
    OTHER_MODEL = "other_model"
    """Registered in another, smaller model of the same run."""
    BLURRED = "blurred"
    """Out of focus or shaken, so that little of it can be matched."""
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLANK = "blank"
    """Shows hardly an edge: a bare surface, fog, the sky, a lens cap."""
    MIRRORED = "mirrored"
    """Fits when it is flipped left to right."""
    SAME_PICTURE = "same_picture"
    """A copy of another photo: it adds nothing, and alone with it there is no depth."""
    WRONG_FOCAL_LENGTH = "wrong_focal_length"
    """A pose fits with another focal length than the camera's: cropped, zoomed, or EXIF is wrong."""
    NOT_COMPARED = "not_compared"
    """The pair selector compared it with no other photo."""
    FEW_LINKS = "few_links"
    """Of a model apart: verified pairs lead to the best model, and too few to join the two."""

    NO_PHOTOS = "no_photos"
    NO_USABLE_PHOTO = "no_usable_photo"
    TOO_FEW_PHOTOS = "too_few_photos"
    NO_INITIAL_PAIR = "no_initial_pair"
    NO_PARALLAX = "no_parallax"
    """Pairs were verified, but the camera turned on the spot or did not move."""
    MODEL_TOO_SMALL = "model_too_small"
    PRIOR_POSES_CONTRADICT = "prior_poses_contradict"
    """No point comes of the poses that were given: the matches say something else."""

    USAGE = "usage"
    UNKNOWN_PLUGIN = "unknown_plugin"
    BROKEN_PLUGIN = "broken_plugin"
    UNKNOWN_OPTION = "unknown_option"
    BAD_VALUE = "bad_value"
    MISSING_FILE = "missing_file"
    NOT_A_WORKSPACE = "not_a_workspace"
    WORKSPACE_LOCKED = "workspace_locked"
    WOULD_LOSE_PHOTOS = "would_lose_photos"
    """A run would replace a model to which photos were added."""
    NOT_WRITABLE = "not_writable"
    DISK_FULL = "disk_full"
    CORRUPT_FILE = "corrupt_file"
    NO_SURFACE = "no_surface"
    """A model's points are too few or too scattered for a mesh."""
    PHOTOS_CHANGED = "photos_changed"
    """The photos are not those that the model was made of."""
    MISSING_LIBRARY = "missing_library"
    MISSING_WEIGHTS = "missing_weights"
    BAD_WEIGHTS = "bad_weights"
    NO_NETWORK = "no_network"
    NO_DEVICE = "no_device"
    BAD_TRAINING = "bad_training"
    """The losses of a training are no numbers any more."""
    LOST_WORKER = "lost_worker"
    """A process that made data for a training was ended from outside, mostly for want of memory."""
    SETTINGS_CHANGED = "settings_changed"
    """A training would go on with other settings than it began with."""
    INTERRUPTED = "interrupted"


class ReconError(Exception):
    """Something the user can act on: what happened, to which file, and what to do next."""

    exit_status = 1

    def __init__(self, message: str, *, code: Cause, file: str | None = None, try_: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.file = file
        self.try_ = try_

    def as_dict(self) -> dict[str, str | None]:
        """Return the `error` object of design's JSON: code, message, file, try."""
        return {"code": str(self.code), "message": self.message, "file": self.file, "try": self.try_}


class UsageError(ReconError):
    """The command line, a configuration file or an API call asks for what does not exist."""

    exit_status = 2


class NoModel(ReconError):
    """The photos were read, and no model came of them."""


class Interrupted(ReconError):
    """Stopped by a signal; what was finished lies in the workspace."""

    def __init__(self, message: str, *, signal_number: int = 2, try_: str | None = None) -> None:
        super().__init__(message, code=Cause.INTERRUPTED, try_=try_)
        self.exit_status = 128 + signal_number
