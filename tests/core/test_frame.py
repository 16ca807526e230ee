"""The frame of a model: what it says to people, in files and in JSON."""

from __future__ import annotations

import json

import pytest

from recon.core.frame import FrameSource, ModelFrame, Origin, Units, frame_from_dict

FRAMES = [
    ModelFrame(),
    ModelFrame(source=FrameSource.UPRIGHT, is_z_up=True, up_error_deg=1.5, facts={"planes": 2}),
    ModelFrame(source=FrameSource.PRIOR_POSES),
    ModelFrame(Units.METRES, FrameSource.LENGTH, scale_error=0.002, facts={"length": {"length_m": 1.2}}),
    ModelFrame(Units.GEOGRAPHIC, FrameSource.GPS, True, 2.0, 0.02, Origin(55.7, 13.2, None), {"photos": 29}),
    ModelFrame(Units.GEOGRAPHIC, FrameSource.GPS, True, 2.0, 0.02, Origin(-55.7, -13.2, -3.0)),
]


@pytest.mark.parametrize("frame", FRAMES)
def test_json_brings_a_frame_back(frame):
    assert frame_from_dict(json.loads(json.dumps(frame.as_dict()))) == frame


@pytest.mark.parametrize(
    ("frame", "word"), list(zip(FRAMES, ["arbitrary", "+z is up", "poses", "metres", "east", "east"], strict=True))
)
def test_it_says_what_lengths_and_axes_mean(frame, word):
    assert word in frame.describe()
    assert frame.plain_lines()[0] == f"units: {frame.units}"
    assert "".join(frame.plain_lines()).isascii()


@pytest.mark.parametrize(
    "change",
    [
        {"units": "furlongs"},
        {"units": "geographic"},
        {"origin": {"latitude_deg": 1.0, "longitude_deg": 2.0}},
        {"origin": {"latitude_deg": 91, "longitude_deg": 2.0}, "units": "geographic"},
        {"origin": {"latitude_deg": "1; drop", "longitude_deg": 2.0}, "units": "geographic"},
        {"origin": [1, 2], "units": "geographic"},
        {"scale_error": "much"},
        {"scale_error": float("nan")},
        {"is_z_up": "yes"},
        {"facts": 3},
        {"source": None},
    ],
)
def test_a_file_that_somebody_edited_is_refused(change):
    with pytest.raises(ValueError):
        frame_from_dict({**ModelFrame().as_dict(), **change})


@pytest.mark.parametrize("told", [None, [], "metres", {}, 3])
def test_what_is_no_frame_is_refused(told):
    with pytest.raises(ValueError):
        frame_from_dict(told)
