"""Settings reach the component they name; a misspelt one is an error with a suggestion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from recon.core.components import ComponentSpec, WeightsFile
from recon.core.errors import Cause, UsageError
from recon.core.options import Settings
from recon.core.registry import Kind, Offer


@dataclass(frozen=True)
class Options:
    max_keypoints: int = 4096
    metric: Literal["cosine", "euclidean"] = "cosine"
    ratio: float | None = 0.8

    def __post_init__(self) -> None:
        if self.max_keypoints < 1:
            raise ValueError(f"max_keypoints has to be at least 1, not {self.max_keypoints}")


def spec(name: str = "sift", weights: tuple[WeightsFile, ...] = ()) -> ComponentSpec[object]:
    return ComponentSpec(name, "A test", Options, lambda options, context: object(), "MIT", weights)


def offer(kind: Kind, name: str) -> Offer:
    return Offer(kind, spec(name), name, "recon-test", "1")


def read(*texts: str, **defaults: object) -> Options:
    return Settings.from_texts(texts).options_for(Kind.EXTRACTOR, spec(), defaults)


def cause_of(caught: pytest.ExceptionInfo[UsageError]) -> Cause:
    return caught.value.code


def test_without_settings_the_components_own_defaults_hold():
    assert read() == Options()


def test_a_setting_beats_the_preset_which_beats_the_default():
    options = read("sift.max_keypoints=100", max_keypoints=2048, ratio=0.7)

    assert (options.max_keypoints, options.ratio, options.metric) == (100, 0.7, "cosine")


def test_a_preset_says_nothing_to_a_component_without_that_option():
    assert read(edge_threshold=3) == Options()


def test_settings_of_other_components_are_passed_over():
    assert read("aliked.max_keypoints=100", "matcher:sift.ratio=0.1") == Options()


def test_the_last_of_two_settings_wins():
    assert read("sift.ratio=0.1", "extractor:sift.ratio=0.2").ratio == 0.2


def test_the_command_line_beats_the_configuration(tmp_path):
    config = tmp_path / "recon.toml"
    config.write_text('[extractor.sift]\nmax_keypoints = 7\nmetric = "euclidean"\n')
    settings = Settings.from_texts(["sift.max_keypoints=9"]).over(Settings.from_toml(config))
    options = settings.options_for(Kind.EXTRACTOR, spec(), {})

    assert (options.max_keypoints, options.metric) == (9, "euclidean")


def test_tables_that_are_no_kind_of_plugin_are_left_to_others(tmp_path):
    config = tmp_path / "recon.toml"
    config.write_text('threads = 2\nextractor = "sift"\n[run]\nseed = 1\n[matcher.nearest]\nratio = 0.9\n')

    assert [entry.written for entry in Settings.from_toml(config).entries] == ["matcher:nearest.ratio"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[extractor.sift\n", Cause.BAD_VALUE),
        ("[extractor]\nsift = 3\n", Cause.BAD_VALUE),
        (b"\xff\xfe", Cause.BAD_VALUE),
        (None, Cause.MISSING_FILE),
    ],
)
def test_a_configuration_that_cannot_be_read_is_named(content, expected, tmp_path):
    config = tmp_path / "recon.toml"
    if content is not None:
        config.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as caught:
        Settings.from_toml(config)

    assert cause_of(caught) is expected
    assert caught.value.file == str(config)


def test_an_unknown_option_comes_with_a_suggestion():
    with pytest.raises(UsageError, match="no option 'max_keypoint'; did you mean 'max_keypoints'") as caught:
        read("sift.max_keypoint=100")

    assert cause_of(caught) is Cause.UNKNOWN_OPTION


@pytest.mark.parametrize("text", ["sift.ratio=much", "sift.metric=angle", "sift.max_keypoints=1.5"])
def test_a_value_of_another_type_is_refused(text):
    with pytest.raises(UsageError, match="expected") as caught:
        read(text)

    assert cause_of(caught) is Cause.BAD_VALUE


def test_what_the_component_itself_refuses_is_told_in_its_words():
    with pytest.raises(UsageError, match="has to be at least 1, not 0") as caught:
        read("sift.max_keypoints=0")

    assert cause_of(caught) is Cause.BAD_VALUE


@pytest.mark.parametrize("text", ["sift", "sift.ratio", "ratio=3", ".ratio=1", "sift.=1", "=", ""])
def test_a_setting_of_another_form_is_refused(text):
    with pytest.raises(UsageError, match=r"NAME\.OPTION=VALUE"):
        Settings.from_texts([text])


def test_an_unknown_kind_comes_with_a_suggestion():
    with pytest.raises(UsageError, match="did you mean 'extractor'"):
        Settings.from_texts(["extracter:sift.ratio=1"])


def test_a_value_may_hold_what_separates_names():
    (entry,) = Settings.from_texts(["sift.weights=C:/a=b.c"]).entries

    assert (entry.name, entry.option, entry.value) == ("sift", "weights", "C:/a=b.c")


def test_settings_of_a_component_that_is_not_in_use_are_refused():
    """A misspelt name would else be silence."""
    with pytest.raises(UsageError, match="no component named 'sfit' is in use; did you mean 'sift'"):
        Settings.from_texts(["sfit.ratio=1"]).check_used([offer(Kind.EXTRACTOR, "sift")])


def test_a_name_of_two_kinds_has_to_be_qualified():
    offers = [offer(Kind.PAIRS, "auto"), offer(Kind.MATCHER, "auto")]
    with pytest.raises(UsageError) as caught:
        Settings.from_texts(["auto.ratio=1"]).check_used(offers)

    assert caught.value.try_ == "write pairs:auto.ratio or matcher:auto.ratio"
    Settings.from_texts(["pairs:auto.ratio=1"]).check_used(offers)


def test_matcher_speaks_of_both_kinds_of_matcher():
    """As `--matcher` does."""
    settings = Settings.from_texts(["matcher:star.ratio=0.5"])
    settings.check_used([offer(Kind.IMAGE_MATCHER, "star")])

    assert settings.options_for(Kind.IMAGE_MATCHER, spec("star"), {}).ratio == 0.5


class TestWeights:
    one = WeightsFile("a.pth", "https://example.org/a.pth", "MIT", sha256="0" * 64)
    two = WeightsFile("b.pth", "https://example.org/b.pth", "MIT", sha256="0" * 64)

    def test_a_file_is_given_beside_the_options(self):
        settings = Settings.from_texts(["sift.weights=mine.pth"])

        assert settings.options_for(Kind.EXTRACTOR, spec(weights=(self.one,)), {}) == Options()
        assert settings.weights_for(Kind.EXTRACTOR, spec(weights=(self.one,)), self.one) == Path("mine.pth")

    def test_nothing_given_is_none(self):
        assert Settings().weights_for(Kind.EXTRACTOR, spec(weights=(self.one,)), self.one) is None

    def test_a_folder_stands_for_the_file_in_it(self, tmp_path):
        settings = Settings.from_texts([f"sift.weights={tmp_path}"])

        assert settings.weights_for(Kind.EXTRACTOR, spec(weights=(self.one, self.two)), self.two) == tmp_path / "b.pth"

    def test_one_file_for_several_is_refused(self):
        settings = Settings.from_texts(["sift.weights=mine.pth"])
        with pytest.raises(UsageError, match="several weight files"):
            settings.weights_for(Kind.EXTRACTOR, spec(weights=(self.one, self.two)), self.one)

    def test_a_component_without_weights_refuses_them(self):
        with pytest.raises(UsageError, match="no option 'weights'"):
            read("sift.weights=mine.pth")
