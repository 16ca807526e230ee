"""The catalogue is complete, consistent, and claims nothing that nobody published."""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

import pytest

from recon.core.errors import UsageError
from recon.scenes.catalogue import CATALOGUE, find_set


@pytest.mark.parametrize("photo_set", CATALOGUE, ids=lambda photo_set: photo_set.name)
def test_every_set_says_where_it_is_and_what_may_be_done_with_it(photo_set):
    assert re.fullmatch(r"[a-z0-9-]+", photo_set.name)
    assert photo_set.title
    assert photo_set.licence
    assert photo_set.page.startswith("https://")
    assert photo_set.files
    for file in photo_set.files:
        assert urlsplit(file.url).scheme == "https"
        assert re.search(r"\.(zip|z\d\d|7z|tar\.gz)$", file.name)
        assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
        assert file.size_bytes is None or file.size_bytes > 1_000_000


def test_names_are_unique():
    assert len({photo_set.name for photo_set in CATALOGUE}) == len(CATALOGUE)


def test_an_archive_in_parts_ends_with_the_zip():
    """The last part stands for all when the set is unpacked."""
    for photo_set in CATALOGUE:
        if len(photo_set.files) > 1:
            assert photo_set.files[-1].name.endswith(".zip")


def test_a_set_of_unknown_size_says_so():
    assert find_set("person-hall").size_bytes is None
    assert find_set("person-hall").as_dict()["size_bytes"] is None
    assert find_set("south-building").size_bytes == 400_000_000


def test_the_catalogue_is_json():
    assert json.loads(json.dumps([photo_set.as_dict() for photo_set in CATALOGUE]))


def test_an_unknown_name_comes_with_a_suggestion():
    with pytest.raises(UsageError, match="did you mean 'south-building'"):
        find_set("south-bilding")
