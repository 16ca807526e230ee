"""Which files of a folder are its photos, under which names."""

from __future__ import annotations

import os
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest

from recon import Cause, UsageError
from recon.matching.images import list_images


def _names(listing):
    return [image.name for image in listing.images]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def test_photos_are_listed_by_name_with_their_path_below_the_folder(photo, folder):
    for name in ["b.JPG", "a/z.png", "a/b/c.tiff", "c.jpeg"]:
        photo(name)

    listing = list_images(folder)

    assert _names(listing) == ["a/b/c.tiff", "a/z.png", "b.JPG", "c.jpeg"]
    assert listing.unusable == ()


@pytest.mark.parametrize("name", ["with space.jpg", "é.jpg", "中文/写真.jpg", "🏛️ temple.jpg", "a#b%20'c'.jpg"])
def test_a_name_may_hold_anything_that_can_be_printed(photo, folder, name):
    photo(name)

    assert _names(list_images(folder)) == [unicodedata.normalize("NFC", name)]


def test_hidden_files_and_folders_are_passed_over(photo, folder):
    for name in [".a.jpg", "._b.jpg", ".cache/c.jpg", "d.jpg"]:
        photo(name)

    assert _names(list_images(folder)) == ["d.jpg"]


def test_files_that_nobody_takes_for_photos_are_passed_over(photo, folder):
    photo("a.jpg")
    for name in ["notes.txt", "gt.json", "film.mp4", "README", "Thumbs.db"]:
        (folder / name).write_text("no photo")

    listing = list_images(folder)

    assert (_names(listing), listing.unusable) == (["a.jpg"], ())


def test_a_workspace_below_the_folder_is_no_part_of_the_set(photo, folder):
    """`recon run .` puts its output there, and a picture of the model is no photo."""
    photo("a.jpg")
    photo("photos-recon/model.png")
    (folder / "photos-recon" / "recon.json").write_text("{}")

    assert _names(list_images(folder)) == ["a.jpg"]


def test_a_folder_with_a_photos_suffix_is_a_folder(photo, folder):
    photo("x.jpg/a.jpg")

    assert _names(list_images(folder)) == ["x.jpg/a.jpg"]


def test_an_unusable_file_is_reported_by_name_and_the_rest_is_used(photo, folder):
    photo("a.jpg")
    (folder / "b.jpg").write_bytes(b"")
    (folder / "c.png").write_text("text")

    listing = list_images(folder)

    assert _names(listing) == ["a.jpg"]
    assert [(it.image, it.cause) for it in listing.unusable] == [
        ("b.jpg", Cause.UNREADABLE),
        ("c.png", Cause.UNREADABLE),
    ]
    assert all(it.detail and it.try_ for it in listing.unusable)


def test_formats_that_cannot_be_read_are_reported(folder):
    """A phone's HEIC photos must not vanish without a word."""
    (folder / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (folder / "b.gif").write_bytes(b"GIF89a" + bytes(40))

    listing = list_images(folder)

    assert [it.image for it in listing.unusable] == ["a.heic", "b.gif"]


def test_heic_without_its_library_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (folder / "a.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))

    left_out = list_images(folder).unusable[0]

    assert "pillow-heif" in left_out.detail
    assert "recon-sfm[heic]" in left_out.try_


def test_a_raw_file_beside_its_jpeg_is_passed_over_and_alone_it_is_reported(photo, folder):
    photo("a.jpg")
    (folder / "a.NEF").write_bytes(b"raw")
    (folder / "b.NEF").write_bytes(b"raw")

    assert [it.image for it in list_images(folder).unusable] == ["b.NEF"]


def test_a_link_to_a_photo_is_followed(photo, folder, tmp_path):
    target = photo("../elsewhere/target.jpg")
    (folder / "link.jpg").symlink_to(target)

    assert _names(list_images(folder)) == ["link.jpg"]


def test_a_linked_folder_that_contains_itself_ends(photo, folder):
    photo("a.jpg")
    (folder / "again").symlink_to(folder)

    assert _names(list_images(folder)) == ["a.jpg"]


def test_names_are_composed_and_two_of_one_spelling_are_reported(photo, folder):
    composed, decomposed = "é.jpg", unicodedata.normalize("NFD", "é.jpg")
    photo(composed)
    photo(decomposed)

    listing = list_images(folder)

    assert _names(listing) == [composed]
    assert len(listing.unusable) == 1
    assert "Unicode" in listing.unusable[0].detail


@pytest.mark.parametrize(("name", "shown"), [(b"caf\xe9.jpg", r"caf\xe9.jpg"), (b"two\nlines.jpg", r"two\nlines.jpg")])
def test_a_name_that_cannot_be_printed_is_reported(photo, folder, name, shown):
    photo("a.jpg").rename(os.fsdecode(os.fsencode(folder) + b"/" + name))

    listing = list_images(folder)

    assert listing.images == ()
    assert [it.image for it in listing.unusable] == [shown]


def test_an_executor_gives_the_same_list(photo, folder):
    for number in range(8):
        photo(f"{number}.jpg", seed=number)

    with ThreadPoolExecutor(3) as executor:
        assert list_images(folder, executor=executor) == list_images(folder)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("a file")])
def test_a_folder_that_is_none_is_wrong_usage(tmp_path, make):
    path = tmp_path / "photos"
    make(path)

    with pytest.raises(UsageError, match="photos") as caught:
        list_images(path)
    assert caught.value.exit_status == 2


class TestNames:
    """The image list chooses photos by name."""

    def test_only_the_named_photos_are_listed(self, photo, folder):
        for name in ["a.jpg", "b.jpg", "sub/c.jpg"]:
            photo(name)

        assert _names(list_images(folder, ["sub/c.jpg", "./a.jpg", "a.jpg"])) == ["a.jpg", "sub/c.jpg"]

    def test_a_name_may_be_spelt_either_way_in_unicode(self, photo, folder):
        photo("é.jpg")

        assert _names(list_images(folder, [unicodedata.normalize("NFD", "é.jpg")])) == ["é.jpg"]

    def test_a_named_file_needs_no_photos_suffix(self, photo, folder):
        path = photo("a.jpg")
        path.rename(folder / "a.dat")

        assert _names(list_images(folder, ["a.dat"])) == ["a.dat"]

    def test_a_named_file_that_cannot_be_used_is_reported(self, photo, folder):
        photo("a.jpg")
        (folder / "b.jpg").write_bytes(b"")
        (folder / "c.NEF").write_bytes(b"raw")

        listing = list_images(folder, ["b.jpg", "c.NEF", "c.NEF"])

        assert [it.image for it in listing.unusable] == ["b.jpg", "c.NEF"]

    @pytest.mark.parametrize("name", ["aa.jpg", "../outside.jpg", "/etc/hostname", "", "x" * 5000, "a\0b"])
    def test_a_name_that_is_no_file_below_the_folder_is_wrong_usage(self, photo, folder, name):
        photo("a.jpg")
        photo("../outside.jpg")

        with pytest.raises(UsageError) as caught:
            list_images(folder, [name])
        assert repr(name) in caught.value.message

    def test_a_misspelt_name_brings_a_suggestion(self, photo, folder):
        photo("DSC_0001.jpg")

        with pytest.raises(UsageError, match=r"did you mean 'DSC_0001.jpg'"):
            list_images(folder, ["DSC_001.jpg"])


@pytest.mark.photos
@pytest.mark.parametrize(
    ("name", "count", "size"),
    [("berlin", 3, (3264, 2448)), ("lund_door", 12, (1296, 1936)), ("temple_ring", 19, (640, 480))],
)
def test_real_photos_are_all_usable(photo_set, name, count, size):
    listing = list_images(photo_set(name) / "images")

    assert (len(listing.images), listing.unusable) == (count, ())
    assert {(image.width, image.height) for image in listing.images} == {size}


@pytest.mark.photos
def test_berlins_phone_says_where_it_stood(photo_set):
    exif = list_images(photo_set("berlin") / "images").images[0].exif

    assert exif.lens == "iPhone 4S back camera 4.28mm f/2.4"
    assert exif.latitude_deg == pytest.approx(52.5, abs=0.1)
    assert exif.longitude_deg == pytest.approx(13.4, abs=0.1)
