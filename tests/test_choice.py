"""Names become components, `auto` says what it took and why, and keys change with what makes a result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from recon.choice import Team, choose_team, key_of
from recon.core.components import ComponentSpec, RunContext, WeightsFile
from recon.core.errors import Cause, ReconError, UsageError
from recon.core.kinds import Kind
from recon.core.options import Settings
from recon.core.registry import Offer, PluginRegistry
from recon.plan import make_plan


@dataclass(frozen=True)
class Options:
    max_keypoints: int = 10
    skeleton: bool = True
    path: Path = Path("x")


def offer(kind: Kind, name: str, version: str = "1.0", **fields: Any) -> Offer:
    create = lambda options, context: (options, context)  # noqa: E731
    return Offer(kind, ComponentSpec(name, name, Options, create, "MIT", **fields), name, "package", version)


OFFERS = [
    offer(Kind.EXTRACTOR, "sift"),
    offer(Kind.EXTRACTOR, "cnn", uses_seed=True),
    offer(Kind.MATCHER, "nearest"),
    offer(Kind.IMAGE_MATCHER, "star"),
    offer(Kind.PAIRS, "auto"),
    offer(Kind.PAIRS, "sift"),
    offer(Kind.MAPPER, "incremental"),
    offer(Kind.REFINER, "photometric"),
]


def choose(offers: list[Offer] = OFFERS, **plan: Any) -> tuple[Team, list[str]]:
    notes: list[str] = []
    return choose_team(make_plan(**plan), PluginRegistry(offers), notes.append), notes


def settings(*texts: str) -> Settings:
    return Settings.from_texts(texts)


def test_auto_says_what_it_takes_and_why() -> None:
    team, notes = choose()

    assert [member.name for member in team.members] == ["sift", "auto", "nearest", "incremental"]
    assert any("sift, since" in note for note in notes)
    assert any("nearest, since" in note for note in notes)


def test_a_refiner_joins_the_team_where_it_is_wanted() -> None:
    assert [choose(refiner="photometric")[0].refiner.name, choose(preset="best")[0].members[-1].name] == [
        "photometric",
        "photometric",
    ]
    assert choose()[0].refiner is None


def test_an_extractor_says_what_suits_its_descriptors_and_the_user_has_the_last_word() -> None:
    extractor = offer(Kind.EXTRACTOR, "theirs", matching_defaults={"max_keypoints": 7, "unknown": 1})
    wanted = {"extractor": "theirs", "matcher": "nearest"}

    assert choose([*OFFERS, extractor], **wanted)[0].matcher.options.max_keypoints == 7
    assert choose(matcher="nearest")[0].matcher.options.max_keypoints == 10
    team, _ = choose([*OFFERS, extractor], settings=settings("nearest.max_keypoints=9"), **wanted)
    assert team.matcher.options.max_keypoints == 9


def test_a_plugin_named_auto_decides_by_itself() -> None:
    team, notes = choose([*OFFERS, offer(Kind.MATCHER, "auto")])

    assert team.matcher.name == "auto"
    assert not any("matcher" in note for note in notes)


def test_a_named_component_is_taken_without_a_word() -> None:
    team, notes = choose(extractor="cnn", matcher="nearest", mapper="incremental")

    assert (team.extractor.name, notes) == ("cnn", [])


def test_pairs_from_a_file_need_no_selector() -> None:
    team, _ = choose(pairs_file=Path("pairs.txt"))

    assert team.pairs is None
    assert len(team.members) == 3


def test_settings_beat_the_preset_and_the_preset_beats_the_default() -> None:
    team, _ = choose(preset="best", settings=settings("incremental.skeleton=true", "nearest.max_keypoints=3"))

    assert team.extractor.options.max_keypoints == 8192
    assert team.mapper.options.skeleton is True
    assert team.matcher.options.max_keypoints == 3
    assert choose(preset="best")[0].mapper.options.skeleton is False


@pytest.mark.parametrize("text", ["cnn.max_keypoints=3", "sift.max_keypoints=3", "sfit.max_keypoints=3", "nearest.x=1"])
def test_a_setting_that_nothing_in_use_understands_is_refused(text) -> None:
    """`sift` is a pair selector here, too: the kind has to be said."""
    with pytest.raises(UsageError):
        choose(settings=settings(text), pairs="sift")


def test_a_configuration_file_may_speak_of_components_of_other_runs(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[extractor.cnn]\nmax_keypoints = 3\n[matcher.nearest]\nmax_keypoints = 4\n")

    team, _ = choose(settings=Settings.from_toml(path))

    assert team.matcher.options.max_keypoints == 4


def test_a_matcher_of_pixels_needs_no_extractor() -> None:
    """One is there all the same for the pair selector, at a size of its own, and nothing is said of it."""
    team, notes = choose(matcher="star", max_keypoints=5000)

    assert team.extractor is None
    assert team.pairs_extractor.name == "sift"
    assert team.pairs_extractor.options.max_keypoints == 1024
    assert team.matcher.options.max_keypoints == 5000
    assert not any("extractor" in note for note in notes)
    assert choose(matcher="star", pairs_file=Path("pairs.txt"))[0].pairs_extractor is None


def test_an_extractor_beside_a_matcher_of_pixels_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="--extractor sift has no place beside --matcher star") as caught:
        choose(matcher="star", extractor="sift")

    assert caught.value.exit_status == 2
    assert caught.value.code is Cause.BAD_VALUE


def test_a_file_that_an_option_names_counts_by_what_it_holds(tmp_path: Path) -> None:
    """`loftr.weights=FILE` is such an option: another content is another result."""
    path = tmp_path / "mine.pth"
    identities = []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        team, _ = choose(settings=settings(f"nearest.path={path}"))
        identities.append(key_of(team.matcher.identity))

    assert "nearest.path" in team.matcher.weights_digests
    assert len(set(identities)) == 2


def test_the_identity_changes_with_what_decides_the_answer() -> None:
    def identity(offers: list[Offer] = OFFERS, **plan: Any) -> str:
        return key_of(choose(offers, **plan)[0].extractor.identity)

    upgraded = [offer(Kind.EXTRACTOR, "sift", version="1.1"), *OFFERS[1:]]
    other_result = [replace(OFFERS[0], spec=replace(OFFERS[0].spec, version="2")), *OFFERS[1:]]
    keys = [
        identity(),
        identity(extractor="cnn"),
        identity(upgraded),
        identity(other_result),
        identity(max_keypoints=99),
        identity(settings=settings("extractor:sift.path=y")),
    ]

    assert len(set(keys)) == len(keys)
    assert identity() == identity(threads=3) == identity(seed=5)


def test_a_seed_redoes_only_what_depends_on_it() -> None:
    """Features of an extractor that says it uses no seed stay; it gets seed 0, so that this is always true."""
    seeded, unseeded = (choose(extractor=name, seed=5)[0].extractor for name in ("cnn", "sift"))

    assert (seeded.seed, unseeded.seed) == (5, 0)
    _, context = unseeded.create(2, print)
    assert isinstance(context, RunContext)
    assert (context.seed, context.threads, context.device) == (0, 2, "cpu")


def test_weights_are_found_and_their_digest_is_part_of_the_identity(tmp_path: Path) -> None:
    file = WeightsFile("net.pth", "https://example.org/net.pth", "MIT", sha256="0" * 64)
    offers = [offer(Kind.EXTRACTOR, "net", weights=(file,)), *OFFERS]
    path = tmp_path / "mine.pth"
    identities = []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        team, _ = choose(offers, extractor="net", settings=settings(f"net.weights={path}"))
        _, context = team.extractor.create(1, print)
        assert context.weights("net.pth") == path
        identities.append(key_of(team.extractor.identity))

    assert len(set(identities)) == 2
    with pytest.raises(LookupError):
        context.weights("other.pth")


def test_a_component_whose_library_is_missing_says_which() -> None:
    def create(options: Options, context: RunContext) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    offers = [replace(each, spec=replace(each.spec, create=create)) for each in OFFERS]
    team, _ = choose(offers)

    with pytest.raises(ReconError, match=r"matcher 'nearest' cannot be loaded: libGL\.so\.1.*libgl1") as caught:
        team.matcher.create(1, print)
    assert caught.value.code is Cause.MISSING_LIBRARY


@pytest.mark.weights
def test_features_that_may_never_be_needed_load_no_torch():
    """Attention's weights are at hand, and a run of SIFT would wait a second for what it does not use."""
    import subprocess
    import sys

    code = (
        "import sys; from recon.choice import choose_team; from recon.core.registry import load_plugins; "
        "from recon.plan import make_plan; "
        "team = choose_team(make_plan(extractor='sift'), load_plugins(), lambda message: None); "
        "assert team.attention is not None; assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
