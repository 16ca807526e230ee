"""What a run prints at its end, for people."""

from __future__ import annotations

from pathlib import Path

from recon.cli.outcome import result_lines
from recon.core.data import LeftOut, ModelApart
from recon.core.errors import Cause
from recon.core.frame import FrameSource, ModelFrame, Origin, Units
from recon.result import ReconstructionResult, empty_summary

LEFT_OUT = [LeftOut(f"{n}.jpg", Cause.NO_MATCHES, "looks like no other", "add photos").as_dict() for n in range(30)]

MODEL = {
    "model": "out/sparse/0",
    "models": 1,
    "images": 12,
    "registered": 11,
    "points3D": 12345,
    "observations": 50000,
    "mean_track_length": 4.05,
    "mean_reprojection_error_px": 0.6543,
    "seconds": {"total": 8.15},
}


def lines_of(only: str | None = None, **summary: object) -> list[str]:
    result = ReconstructionResult((), (), {**empty_summary(), **summary}, Path("my photos-recon"))
    return result_lines(result, only)


def test_a_model_is_told_in_numbers_with_the_next_command() -> None:
    lines = lines_of(
        model="out/sparse/0",
        models=2,
        images=12,
        registered=11,
        points3D=12345,
        observations=50000,
        mean_track_length=4.05,
        mean_reprojection_error_px=0.6543,
        seconds={"extract": 5.04, "match": 0.01, "total": 8.15},
        left_out=LEFT_OUT[:1],
    )
    text = "\n".join(lines)

    assert "11 of 12 registered" in text
    assert "12,345" in text
    assert "mean track length 4.05" in text
    assert "0.654 px" in text
    assert "8.2 s (extract 5.0)" in text
    assert "arbitrary" in text
    assert "1 smaller model" in text
    assert "0.jpg: no_matches: looks like no other" in text
    assert "try: add photos" in text
    assert "recon view 'my photos-recon'" in text


def test_the_scale_says_what_is_known_of_it() -> None:
    frame = ModelFrame(Units.GEOGRAPHIC, FrameSource.GPS, True, 2.0, 0.021, Origin(55.7, 13.2, 40.0))
    numbers = {"model": "out/sparse/0", "models": 1, "frame": frame.as_dict()}
    (line,) = [line for line in lines_of(**numbers) if line.startswith("scale")]

    assert "metres (± 2.1 %)" in line
    assert "latitude 55.700000" in line


def test_a_long_list_of_photos_is_cut_and_says_where_the_rest_is() -> None:
    lines = lines_of(left_out=LEFT_OUT)

    assert sum("no_matches" in line for line in lines) == 20
    assert "10 more" in lines[-1]
    assert "recon.json" in lines[-1]


def test_a_stage_alone_says_that_it_is_done() -> None:
    assert lines_of("extract")[0].startswith("extract: done")


def test_a_run_without_a_model_names_no_next_command() -> None:
    lines = lines_of(error={"code": "no_matches", "message": "none", "file": None, "try": None})

    assert not any("recon view" in line for line in lines)


def test_what_to_try_stands_once_below_the_photos_it_is_for() -> None:
    lines = lines_of(left_out=LEFT_OUT[:3])

    assert sum("try: add photos" in line for line in lines) == 1
    assert "try: add photos" in lines[-1]


def test_a_photo_left_out_is_told_with_the_photos_that_it_matches() -> None:
    matches = [
        {"image": "b.jpg", "matches": 40, "inliers": 0, "registered": True},
        {"image": "c.jpg", "matches": 30, "inliers": 20, "registered": False},
    ]
    photo = LeftOut("a.jpg", Cause.NO_MATCHES, "looks like no other", "add photos", {"matches": matches})

    lines = lines_of(left_out=[photo.as_dict()])

    assert "    matches: b.jpg (0 of 40 fit, in the model), c.jpg (20 of 30 fit)" in lines


def test_a_model_apart_is_told_with_the_reason() -> None:
    apart = ModelApart("sparse/1", 4, Cause.FEW_LINKS, "17 inliers join it", "recon view out/sparse/1")
    lines = lines_of(
        **{**MODEL, "models": 2, "apart": [apart.as_dict()], "ladder": {"began": ["few inliers", "strict"]}}
    )

    assert "  sparse/1: 4 photos: few_links: 17 inliers join it" in lines
    assert "    try: recon view out/sparse/1" in lines
    assert any(line.startswith("relaxed") and "few inliers" in line for line in lines)


def test_a_run_without_a_model_tells_what_was_relaxed_and_what_stopped_the_best_pairs() -> None:
    step = {
        "step": "strict",
        "min_inliers": 100,
        "min_angle_deg": 16.0,
        "max_forward_motion": 0.95,
        "pairs_that_pass": 0,
    }
    pair = {
        "image1": "a.jpg",
        "image2": "b.jpg",
        "inliers": 90,
        "matches": 120,
        "angle_deg": 1.0,
        "forward_motion": 0.1,
        "gate": "angle",
    }

    text = "\n".join(lines_of(ladder={"began": [], "steps": [step], "best_pairs": [pair]}))

    assert "strict: 100 inliers, 16 deg, forward motion up to 0.95: 0 pairs of the best 1" in text
    assert "a.jpg - b.jpg: 90 inliers of 120 matches, 1.0 deg, forward motion 0.10: stopped by angle" in text
