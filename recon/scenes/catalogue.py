"""The field's public photo sets: where each lies, how large it is, what may be done with it.

A size or digest is given only where somebody measured it; None says that nobody published it. The owners
publish no sha256: those below are what two projects measured apart from each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from recon.core.errors import Cause, UsageError
from recon.core.suggestions import did_you_mean

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One archive of a set."""

    url: str
    size_bytes: int | None = None
    """About, as somebody measured it; a download is checked against what the server says."""
    sha256: str | None = None

    @property
    def name(self) -> str:
        """File name, as it is kept while the download goes on."""
        return PurePosixPath(urlsplit(self.url).path).name


@dataclass(frozen=True, slots=True)
class PhotoSet:
    """A public set of photos."""

    name: str
    title: str
    photos: int | None
    files: tuple[RemoteFile, ...]
    licence: str
    """As its owners state it; "unknown" where they state none."""
    truth: str
    """What is known about the cameras."""
    page: str
    """Where its owners describe it."""

    @property
    def size_bytes(self) -> int | None:
        """Size of all archives, None where that of one is not known."""
        sizes = [file.size_bytes for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def as_dict(self) -> dict[str, Any]:
        """Return the set as one JSON object."""
        return {
            "name": self.name,
            "title": self.title,
            "photos": self.photos,
            "size_bytes": self.size_bytes,
            "licence": self.licence,
            "truth": self.truth,
            "page": self.page,
            "files": [{"url": file.url, "size_bytes": file.size_bytes, "sha256": file.sha256} for file in self.files],
        }


def find_set(name: str) -> PhotoSet:
    """Return a set of the catalogue by name.

    Raises:
        UsageError: There is none of that name.
    """
    for photo_set in CATALOGUE:
        if photo_set.name == name:
            return photo_set
    raise UsageError(
        f"no photo set named {name!r}{did_you_mean(name, [photo_set.name for photo_set in CATALOGUE])}",
        code=Cause.BAD_VALUE,
        try_="`recon datasets list` shows them all",
    )


def _colmap(name: str, title: str, photos: int, *files: tuple[str, int | None]) -> PhotoSet:
    """Return a set of COLMAP's page, whose files are assets of its release 3.11.1."""
    base = "https://github.com/colmap/colmap/releases/download/3.11.1/"
    archives = tuple(RemoteFile(base + file, size) for file, size in files)
    return PhotoSet(name, title, photos, archives, UNKNOWN, "COLMAP model", "https://colmap.github.io/datasets.html")


def _eth3d(scene: str, photos: int, size: int | None = None, sha256: str | None = None) -> PhotoSet:
    """Return a training scene of ETH3D, high resolution, undistorted."""
    return PhotoSet(
        f"eth3d-{scene.replace('_', '-')}",
        f"ETH3D {scene.replace('_', ' ')} (DSLR, undistorted)",
        photos,
        (RemoteFile(f"https://www.eth3d.net/data/{scene}_dslr_undistorted.7z", size, sha256),),
        "CC-BY-NC-SA-4.0",
        "poses aligned to laser scans",
        "https://www.eth3d.net/datasets",
    )


def _tanks(name: str, title: str, photos: int | None, archive: str) -> PhotoSet:
    """Return image sets of Tanks and Temples."""
    return PhotoSet(
        f"tanks-{name}",
        f"Tanks and Temples {title}",
        photos,
        (RemoteFile(f"https://storage.googleapis.com/t2-downloads/image_sets/{archive}"),),
        "non-commercial research",
        "laser scan of the training scenes, apart",
        "https://www.tanksandtemples.org/download/",
    )


def _mip_nerf_360(name: str, title: str, archive: str, size: int | None) -> PhotoSet:
    """Return one of the two archives of Mip-NeRF 360."""
    return PhotoSet(
        name,
        title,
        None,
        (RemoteFile(f"https://storage.googleapis.com/gresearch/refraw360/{archive}", size),),
        UNKNOWN,
        "COLMAP model",
        "https://jonbarron.info/mipnerf360/",
    )


def _github(name: str, title: str, photos: int, repository: str, commit: str, truth: str) -> PhotoSet:
    """Return a repository as it was at a commit."""
    url = f"https://github.com/{repository}/archive/{commit}.zip"
    return PhotoSet(name, title, photos, (RemoteFile(url),), UNKNOWN, truth, f"https://github.com/{repository}")


CATALOGUE: tuple[PhotoSet, ...] = (
    _colmap("south-building", "South Building, UNC Chapel Hill", 128, ("south-building.zip", 400_000_000)),
    _colmap("gerrard-hall", "Gerrard Hall, UNC Chapel Hill", 100, ("gerrard-hall.zip", 959_000_000)),
    _colmap("person-hall", "Person Hall, UNC Chapel Hill", 330, ("person-hall.z01", None), ("person-hall.zip", None)),
    _colmap(
        "graham-hall",
        "Graham Hall, UNC Chapel Hill, inside and out",
        1273,
        *((f"graham-hall.z{part:02d}", None) for part in range(1, 6)),
        ("graham-hall.zip", None),
    ),
    _eth3d("courtyard", 38, 500_990_569),
    _eth3d("delivery_area", 44, 478_076_254),
    _eth3d("electro", 45, 514_345_623),
    _eth3d("facade", 76, 1_252_088_400, "046e577388db0633eeb2d8d72da6a2de53857434b4a7a98e4c97485795f9ce82"),
    _eth3d("kicker", 31),
    _eth3d("meadow", 15),
    _eth3d("office", 26, 288_765_137, "316c0c10c79cc173e4b5c26102fed3caedbde7e1865fd896ae15423f0f8cf04c"),
    _eth3d("pipes", 14),
    _eth3d("playground", 38),
    _eth3d("relief", 31),
    _eth3d("relief_2", 31),
    _eth3d("terrace", 23),
    _eth3d("terrains", 42),
    _github(
        "strecha",
        "Strecha: fountain-P11, Herz-Jesus-P8 and -P25, castle-P19 and -P30, entry-P10",
        103,
        "openMVG/SfM_quality_evaluation",
        "348a981ef51112e9848acfb20004f4ed6fbc6ce3",
        "surveyed poses and intrinsics",
    ),
    _github(
        "sceaux-castle",
        "Castle of Sceaux (openMVG)",
        11,
        "openMVG/ImageDataset_SceauxCastle",
        "fde7f5faba555e3c54700477c304488613346a19",
        "intrinsics",
    ),
    _tanks("ignatius", "Ignatius", 263, "Ignatius.zip"),
    _tanks("intermediate", "intermediate group, 8 scenes", None, "intermediate.zip"),
    _tanks("advanced", "advanced group, 6 scenes", None, "advanced.zip"),
    PhotoSet(
        "tanks-deep-blending",
        "Tanks and Temples: Truck, Train; Deep Blending: Dr Johnson, Playroom",
        None,
        (
            RemoteFile(
                "https://repo-sam.inria.fr/fungraph/3d-gaussian-splatting/datasets/input/tandt_db.zip", 680_000_000
            ),
        ),
        UNKNOWN,
        "COLMAP model",
        "https://repo-sam.inria.fr/fungraph/3d-gaussian-splatting/",
    ),
    _mip_nerf_360(
        "mip-nerf-360",
        "Mip-NeRF 360: bicycle, bonsai, counter, garden, kitchen, room, stump",
        "360_v2.zip",
        12_000_000_000,
    ),
    _mip_nerf_360("mip-nerf-360-extra", "Mip-NeRF 360: flowers, treehill", "360_extra_scenes.zip", None),
    PhotoSet(
        "temple-ring",
        "Temple ring, Middlebury",
        47,
        (RemoteFile("https://vision.middlebury.edu/mview/data/data/templeRing.zip", 11_707_443),),
        UNKNOWN,
        "calibrated gantry",
        "https://vision.middlebury.edu/mview/data/",
    ),
)
"""Every set that `recon datasets get` can fetch."""
