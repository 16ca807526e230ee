"""Which pairs are matched: what the selector says, or what a file says as COLMAP and hloc write it."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.core.data import ImageFile, ImagePair
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.events import Event, Warned, ignore
from recon.matching.pairs import choose_pairs, in_order_of_use, read_pairs_file

IMAGES = [ImageFile(name, Path(name), 10, 10) for name in ("a.jpg", "b.jpg", "c.jpg")]
AB, BC = ImagePair("a.jpg", "b.jpg"), ImagePair("b.jpg", "c.jpg")


class Answers:
    def __init__(self, pairs: list[ImagePair]) -> None:
        self._pairs = pairs

    def select(self, images, features) -> list[ImagePair]:
        return self._pairs


def test_a_pair_that_is_selected_twice_is_matched_once() -> None:
    assert choose_pairs(Answers([BC, AB, BC]), IMAGES, {}) == [AB, BC]


def test_a_selector_that_names_a_stranger_is_blamed() -> None:
    with pytest.raises(ReconError, match=r"z\.jpg") as caught:
        choose_pairs(Answers([ImagePair("a.jpg", "z.jpg")]), IMAGES, {})

    assert caught.value.code is Cause.BROKEN_PLUGIN


def test_a_pairs_file_reads_as_colmap_and_hloc_write_it(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("# image1 image2\r\nb.jpg a.jpg\n\na.jpg b.jpg\r\nb.jpg\tc.jpg\n", newline="")

    assert read_pairs_file(path, ["a.jpg", "b.jpg", "c.jpg"], ignore) == [AB, BC]


def test_names_may_hold_spaces(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("my photo 1.jpg my photo 2.jpg\né.jpg my photo 1.jpg\n", "utf-8")

    names = ["my photo 1.jpg", "my photo 2.jpg", "é.jpg"]
    assert read_pairs_file(path, names, ignore) == [ImagePair(names[0], names[1]), ImagePair(names[0], names[2])]


def test_pairs_of_photos_that_are_not_there_are_counted_in_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("a.jpg b.jpg\na.jpg z.jpg\na.jpg a.jpg\n")
    events: list[Event] = []

    assert read_pairs_file(path, ["a.jpg", "b.jpg"], events.append) == [AB]

    (warning,) = events
    assert isinstance(warning, Warned)
    assert "2 lines" in warning.message
    assert "a.jpg z.jpg" in warning.message


@pytest.mark.parametrize("content", ["", "# nothing\n", "x.jpg y.jpg\n", "one\n"])
def test_a_file_without_a_pair_of_the_set_is_wrong_usage(content: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text(content)

    with pytest.raises(UsageError) as caught:
        read_pairs_file(path, ["a.jpg", "b.jpg"], ignore)

    assert caught.value.file == str(path)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "pairs.txt"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(UsageError, match=r"pairs\.txt"):
        read_pairs_file(path, ["a.jpg"], ignore)


@given(num=st.integers(2, 12), block=st.integers(1, 5))
def test_the_order_of_use_loses_nothing_and_keeps_to_two_blocks_at_a_time(num: int, block: int) -> None:
    """Each photo is read from disk about once a block, and not once a pair."""
    pairs = [ImagePair.of(f"{a:02d}", f"{b:02d}") for a, b in combinations(range(num), 2)]

    ordered = in_order_of_use(pairs, block)

    assert sorted(ordered) == sorted(pairs)
    blocks = [(int(pair.name1) // block, int(pair.name2) // block) for pair in ordered]
    assert blocks == sorted(blocks)
