"""Everything that can be said of a photo set before a run: each photo looked at once, then all of them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from recon.core.data import ImageFile, LeftOut
from recon.core.events import Observer, Progress, StageStarted, ignore
from recon.core.executor import never, run_in_order
from recon.matching.cameras import CameraGrouping, CameraOptions, FocalSource, group_cameras
from recon.matching.listing import ImageListing
from recon.preflight.blur import find_blurred
from recon.preflight.duplicates import find_duplicates
from recon.preflight.exposure import find_badly_exposed
from recon.preflight.findings import Finding, Severity, Topic, count
from recon.preflight.looking import Look, look_at
from recon.preflight.names import find_name_clashes
from recon.preflight.places import Places, find_gps_problems, locate
from recon.preflight.sizes import find_odd_sizes
from recon.preflight.threads import one_thread

_STAGE = "check"
_POOR = frozenset({Topic.BLURRED, Topic.MOTION_BLUR, Topic.TEXTURELESS, Topic.TOO_DARK, Topic.TOO_BRIGHT})
_COPIES = frozenset({Topic.SAME_FILE, Topic.SAME_PICTURE, Topic.TURNED_COPY})


@dataclass(frozen=True, slots=True, eq=False)
class PhotoSetCheck:
    """What is known of a photo set."""

    looks: tuple[Look, ...]
    """The photos that can be used, by name."""
    unusable: tuple[LeftOut, ...]
    findings: tuple[Finding, ...]
    cameras: CameraGrouping | None
    """None where no photo can be used."""
    places: Places

    @property
    def images(self) -> list[ImageFile]:
        """The photos that can be used."""
        return [look.image for look in self.looks]

    @property
    def num_different(self) -> int:
        """How many of the usable photos are no copies of another."""
        return len(self.looks) - len(self._copies())

    @property
    def is_usable(self) -> bool:
        """Whether a run can make a model of these photos: at least two that differ."""
        return self.num_different >= 2

    def recommended(self) -> list[str]:
        """Return the names of the photos without copies and without those that are blurred, bare, dark or white."""
        left_out = self._poor() | self._copies()
        return [image.name for image in self.images if image.name not in left_out]

    def with_findings(self, more: Sequence[Finding]) -> PhotoSetCheck:
        """Return the same check with more findings."""
        return replace(self, findings=(*self.findings, *more))

    def _poor(self) -> set[str]:
        return {name for each in self.findings if each.topic in _POOR for name in each.images}

    def _copies(self) -> set[str]:
        """Return all but one photo of each picture: the first that is not poor is kept."""
        poor, copies = self._poor(), set[str]()
        for each in self.findings:
            if each.topic in _COPIES:
                rest = [name for name in each.images if name not in copies] or list(each.images)
                kept = next((name for name in rest if name not in poor), rest[0])
                copies |= set(each.images) - {kept}
        return copies


def check_photo_set(
    listing: ImageListing,
    options: CameraOptions,
    threads: int,
    observer: Observer = ignore,
    should_stop: Callable[[], bool] = never,
) -> PhotoSetCheck:
    """Return what the photos' files and pixels say.

    Raises:
        UsageError: The camera options do not fit the photos.
        Interrupted: `should_stop` said so.
    """
    looks, damaged = _look_at_all(listing.images, threads, observer, should_stop)
    images = [look.image for look in looks]
    names = [image.name for image in images]
    unusable = tuple(sorted((*listing.unusable, *damaged), key=lambda left_out: left_out.image))
    cameras = group_cameras(images, options) if images else None
    places = locate(images, [look.image.name for look in looks if look.has_unusable_position])
    findings = [
        *(Finding(Topic.UNREADABLE, Severity.PROBLEM, each.detail, (each.image,), each.try_) for each in unusable),
        *find_duplicates(images, {look.image.name: look.fingerprint for look in looks}),
        *find_name_clashes(names),
        *find_blurred({look.image.name: look.sharpness for look in looks}),
        *find_badly_exposed({look.image.name: look.exposure for look in looks}),
        *find_odd_sizes(images),
        *_without_focal_length(cameras),
        *find_gps_problems(images, places),
    ]
    check = PhotoSetCheck(tuple(looks), unusable, tuple(findings), cameras, places)
    return check if check.is_usable else _with_verdict(check)


def _look_at_all(
    images: Sequence[ImageFile], threads: int, observer: Observer, should_stop: Callable[[], bool]
) -> tuple[list[Look], list[LeftOut]]:
    observer(StageStarted(stage=_STAGE, total=len(images), summary="sharpness, exposure, copies"))
    looks: list[Look] = []
    damaged: list[LeftOut] = []
    with one_thread():  # photos are shared out, not their rows
        answers = run_in_order(look_at, images, threads=threads, should_stop=should_stop)
        for done, answer in enumerate(answers, 1):
            if isinstance(answer, Look):
                looks.append(answer)
            else:
                damaged.append(answer)
            observer(Progress(stage=_STAGE, done=done, total=len(images)))
    return looks, damaged


def _without_focal_length(cameras: CameraGrouping | None) -> list[Finding]:
    if cameras is None:
        return []
    guessed = [camera for camera in cameras.cameras if camera.focal_source is FocalSource.DEFAULT]
    if not guessed:
        return []
    names = tuple(name for camera in guessed for name in camera.image_names)
    detail = f"no focal length known for {count(len(names), 'photo')}: it is assumed, and refined by the model"
    next_step = "if you know the camera's, give --camera-model and --camera-params; or use files that kept their EXIF"
    return [Finding(Topic.NO_FOCAL_LENGTH, Severity.NOTE, detail, names, next_step)]


def _with_verdict(check: PhotoSetCheck) -> PhotoSetCheck:
    found = len(check.looks) + len(check.unusable)
    if not found:
        detail = "the folder holds no photos"
    elif not check.looks:
        detail = f"none of the {count(found, 'photo')} can be used"
    elif check.num_different == len(check.looks):
        detail = "only one photo can be used, and a model needs at least two"
    else:
        detail = f"the {count(len(check.looks), 'usable photo')} show one picture, and a model needs two that differ"
    next_step = "give a folder of photos (JPEG, PNG, TIFF, WebP, BMP) that overlap by two thirds"
    verdict = Finding(Topic.TOO_FEW_PHOTOS, Severity.PROBLEM, detail, (), next_step)
    return replace(check, findings=(verdict, *check.findings))
