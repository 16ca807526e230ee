"""What a plugin offers can be listed, chosen and built, or is refused with the reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from recon.core.components import ComponentSpec, WeightsFile
from recon.core.kinds import Kind
from recon.core.validation import check_spec, is_valid_name


@dataclass(frozen=True)
class Options:
    max_keypoints: int = 10


@dataclass(frozen=True)
class NoBudget:
    pass


@dataclass
class Mutable:
    max_keypoints: int = 10


@dataclass(frozen=True)
class NoDefault:
    max_keypoints: int


@dataclass(frozen=True)
class UnknownType:
    max_keypoints: DoesNotExist = 10  # noqa: F821


@dataclass(frozen=True)
class RefusesItsDefaults:
    max_keypoints: int = 0

    def __post_init__(self) -> None:
        raise ValueError("max_keypoints has to be positive")


GOOD = ComponentSpec("mine", "A test", Options, lambda options, context: object(), "MIT")


def weights(name: str) -> WeightsFile:
    return WeightsFile(name, f"https://example.org/{name}", "MIT", sha256="0" * 64)


def test_a_good_spec_passes():
    assert check_spec(Kind.EXTRACTOR, GOOD) is GOOD


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"name": "My.Name"}, "a name is lower-case"),
        ({"name": None}, "a name is lower-case"),
        ({"summary": ""}, "summary has to be one line"),
        ({"summary": "two\nlines"}, "summary has to be one line"),
        ({"licence": None}, "licence has to be one line"),
        ({"version": 2}, "version has to be one line"),
        ({"create": None}, "create has to be a function"),
        ({"options": Options()}, "frozen dataclass"),
        ({"options": dict}, "frozen dataclass"),
        ({"options": Mutable}, "not frozen"),
        ({"options": NoDefault}, "'max_keypoints' has no default"),
        ({"options": UnknownType}, "DoesNotExist"),
        ({"options": RefusesItsDefaults}, "has to be positive"),
        ({"options": NoBudget}, "no max_keypoints"),
        ({"weights": [weights("a.pth")]}, "tuple of WeightsFile"),
        ({"weights": (weights("../../a.pth"),)}, "no plain file name"),
        ({"weights": (weights("a.pth"), weights("a.pth"))}, "one name"),
        ({"devices": "cpu"}, "devices has to be a tuple"),
        ({"devices": ()}, "devices has to be a tuple"),
    ],
)
def test_a_spec_that_cannot_be_used_is_refused(change, reason):
    with pytest.raises(ValueError, match=reason):
        check_spec(Kind.EXTRACTOR, replace(GOOD, **change))


def test_only_extractors_need_a_keypoint_budget():
    check_spec(Kind.MATCHER, replace(GOOD, options=NoBudget))


@pytest.mark.parametrize("name", ["sift", "xfeat-star", "colmap_text", "d2", "3d"])
def test_names_that_may_be_typed(name):
    assert is_valid_name(name)


@pytest.mark.parametrize("name", ["", "Sift", "a.b", "a:b", "a=b", "a b", "-a", "a-", "a--b", "é", "../a"])
def test_names_that_would_be_ambiguous_in_a_setting(name):
    assert not is_valid_name(name)
