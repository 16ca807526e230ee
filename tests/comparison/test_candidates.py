"""What `--with` may name."""

from __future__ import annotations

import pytest

from recon.comparison import Candidate, parse_candidates
from recon.core.errors import UsageError
from recon.core.registry import load_plugins


@pytest.fixture(scope="module")
def registry():
    return load_plugins()


def test_an_extractor_a_pair_and_an_image_matcher_are_told_apart(registry):
    found = parse_candidates("sift, xfeat:nearest,xfeat-star", registry)

    assert found == [
        Candidate("sift", "sift", "auto"),
        Candidate("xfeat:nearest", "xfeat", "nearest"),
        Candidate("xfeat-star", None, "xfeat-star"),
    ]
    assert found[1].folder == "xfeat_nearest"
    assert found[2].arguments == ["--matcher", "xfeat-star"]


@pytest.mark.parametrize(
    "text", ["", "sift", "sift,sift", "sift,nosuch", "sift,xfeat:nosuch", "sift,../x", "sift,sift:xfeat-star", ","]
)
def test_what_cannot_be_compared_is_refused(registry, text):
    with pytest.raises(UsageError):
        parse_candidates(text, registry)
