"""What a run prints at its end, for people."""

from __future__ import annotations

from pathlib import Path

from recon.cli.report import result_lines
from recon.core.data import LeftOut
from recon.core.errors import Cause
from recon.result import ReconstructionResult, empty_summary

LEFT_OUT = [LeftOut(f"{n}.jpg", Cause.NO_MATCHES, "looks like no other", "add photos").as_dict() for n in range(30)]


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
