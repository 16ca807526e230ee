"""Asks the pair selector which images to match, or reads the pairs from a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from recon.core.components import PairSelector
from recon.core.data import Features, ImageFile, ImagePair
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.events import Observer, Warned


def choose_pairs(
    selector: PairSelector, images: Sequence[ImageFile], features: Mapping[str, Features]
) -> list[ImagePair]:
    """Return the selector's pairs, each once, sorted.

    Raises:
        ReconError: BROKEN_PLUGIN, the selector names an image that is not there.
    """
    pairs = sorted(set(selector.select(images, features)))
    unknown = {name for pair in pairs for name in (pair.name1, pair.name2)} - {image.name for image in images}
    if unknown:
        raise ReconError(
            f"the pair selector names {min(unknown)!r}, which is no photo of this run",
            code=Cause.BROKEN_PLUGIN,
            try_="choose another one with --pairs, or tell the plugin's author",
        )
    return pairs


def read_pairs_file(path: Path, names: Collection[str], observer: Observer) -> list[ImagePair]:
    """Return the pairs of a file as COLMAP and hloc write it: two names a line, `#` begins a comment.

    Names may hold spaces where only one reading names two photos. Lines that name other photos are passed
    over, and counted in a warning.

    Raises:
        UsageError: MISSING_FILE, or BAD_VALUE when no line names two photos of the set.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read the pairs in {path}: {error}",
            code=Cause.MISSING_FILE,
            file=str(path),
            try_="check the path given to --pairs-file",
        ) from error
    known = set(names)
    pairs: set[ImagePair] = set()
    passed_over: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        words = line.strip().split(" ") if "\t" not in line else line.strip().split("\t")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pair = _pair_of(words, " " if "\t" not in line else "\t", known)
        if pair is None:
            passed_over.append((number, line.strip()))
        else:
            pairs.add(pair)
    if passed_over:
        number, line = passed_over[0]
        message = f"{len(passed_over)} lines of {path} name no two photos of this run, first line {number}: {line!r}"
        if not pairs:
            raise UsageError(
                message,
                code=Cause.BAD_VALUE,
                file=str(path),
                try_="write two names a line, as they are below the photos' folder",
            )
        observer(Warned(message=message))
    elif not pairs:
        raise UsageError(f"{path} holds no pairs", code=Cause.BAD_VALUE, file=str(path), try_="write two names a line")
    return sorted(pairs)


def in_order_of_use(pairs: Sequence[ImagePair], block: int) -> list[ImagePair]:
    """Return the pairs so that neighbours share images: blocks of images against each other.

    Args:
        block: Images a block; two blocks fit into memory.
    """
    names = sorted({name for pair in pairs for name in (pair.name1, pair.name2)})
    position = {name: index for index, name in enumerate(names)}

    def place(pair: ImagePair) -> tuple[int, int, int, int]:
        index1, index2 = position[pair.name1], position[pair.name2]
        return index1 // block, index2 // block, index1, index2

    return sorted(pairs, key=place)


def _pair_of(words: Sequence[str], separator: str, known: Collection[str]) -> ImagePair | None:
    for split in range(1, len(words)):
        name1, name2 = separator.join(words[:split]).strip(), separator.join(words[split:]).strip()
        if name1 in known and name2 in known and name1 != name2:
            return ImagePair.of(name1, name2)
    return None
