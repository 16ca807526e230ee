"""Names that some system or tool takes for the same."""

from __future__ import annotations

from recon.preflight.findings import Severity
from recon.preflight.names import find_name_clashes


def test_capitals_alone_do_not_tell_photos_apart():
    (finding,) = find_name_clashes(["a/IMG_1.jpg", "a/img_1.JPG", "b/img_1.jpg"])

    assert finding.images == ("a/IMG_1.jpg", "a/img_1.JPG")
    assert finding.severity is Severity.WARNING


def test_capitals_of_any_script_are_compared():
    (finding,) = find_name_clashes(["STRASSE.jpg", "straße.jpg", "É.jpg"])

    assert finding.images == ("STRASSE.jpg", "straße.jpg")


def test_suffixes_alone_are_noted():
    (finding,) = find_name_clashes(["a.jpg", "a.png", "b.jpg"])

    assert finding.images == ("a.jpg", "a.png")
    assert finding.severity is Severity.NOTE


def test_a_clash_is_told_once():
    assert len(find_name_clashes(["a.jpg", "A.JPG"])) == 1


def test_ordinary_names_do_not_clash():
    assert find_name_clashes(["a/1.jpg", "b/1.jpg", "a/2.jpg", "a/1.b.jpg"]) == []
