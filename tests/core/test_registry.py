"""Components are named once and looked up by name; who asks for a broken one hears why."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from recon.core.errors import Cause, UsageError
from recon.core.registry import Kind, PluginRegistry, load_plugins

OFFER = "@recon.hookimpl\ndef recon_feature_extractors():\n    return "


def foreign(registry: PluginRegistry) -> dict[str, str]:
    return {offer.spec.name: offer.plugin for offer in registry.offers() if offer.package != "recon-sfm"}


def reasons(registry: PluginRegistry) -> dict[str, str]:
    return {problem.plugin: problem.reason for problem in registry.problems if problem.package != "recon-sfm"}


def test_every_bundled_plugin_works():
    registry = load_plugins()

    assert registry.problems == ()
    assert {offer.plugin for offer in registry.offers()} == {point.name for point in entry_points(group="recon")}


def test_bundled_plugins_are_entry_points_like_any_other():
    offer = load_plugins().find(Kind.EXTRACTOR, "sift")

    assert (offer.plugin, offer.package) == ("sift", "recon-sfm")
    assert offer.version


def test_disabled_plugins_are_passed_over(write_plugin, monkeypatch):
    monkeypatch.setenv("RECON_DISABLE_PLUGINS", "sift, mine")
    write_plugin("other")
    registry = load_plugins(write_plugin("mine"))

    assert foreign(registry) == {"other": "other"}
    assert registry.disabled == ("mine", "sift")
    with pytest.raises(UsageError, match="switched off by RECON_DISABLE_PLUGINS"):
        registry.find(Kind.EXTRACTOR, "mine")


def test_each_registry_is_its_own(write_plugin):
    """No plugin of one run is left behind in the next."""
    folder = write_plugin("mine")
    load_plugins(folder)

    assert "mine" not in foreign(load_plugins())


def test_a_bundled_plugin_cannot_be_replaced_by_its_name(write_plugin):
    registry = load_plugins(write_plugin("mine", OFFER + "[spec('sift')]"))

    assert "'sift' is already offered by plugin 'sift' of recon-sfm" in reasons(registry)["mine"]
    assert registry.find(Kind.EXTRACTOR, "sift").package == "recon-sfm"


def test_matchers_of_both_kinds_share_their_names(write_plugin):
    """`--matcher NAME` means one of them."""
    hook = "@recon.hookimpl\ndef recon_{}_matchers():\n    return [spec('mine')]\n"
    write_plugin("a", hook.format("feature"))
    registry = load_plugins(write_plugin("b", hook.format("image")))

    assert "image matcher 'mine' is already offered by plugin 'a'" in reasons(registry)["b"]


def test_one_name_in_two_kinds_is_allowed(write_plugin):
    text = OFFER + "[spec('mine')]\n@recon.hookimpl\ndef recon_exporters():\n    return [spec('mine')]"
    registry = load_plugins(write_plugin("mine", text))

    assert [offer.kind for offer in registry.named("mine")] == [Kind.EXTRACTOR, Kind.EXPORTER]


def test_an_unknown_name_comes_with_a_suggestion(write_plugin):
    registry = load_plugins(write_plugin("mine"))
    with pytest.raises(UsageError, match="no feature extractor named 'mnie'; did you mean 'mine'") as caught:
        registry.find(Kind.EXTRACTOR, "mnie")

    assert caught.value.code is Cause.UNKNOWN_PLUGIN
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("name", ["broken", "first"])
def test_a_broken_plugin_is_fatal_when_it_is_asked_for(name, write_plugin):
    """By its own name, or by that of anything it offered."""
    registry = load_plugins(write_plugin("broken", OFFER + "[spec('first'), spec('first')]"))
    with pytest.raises(UsageError, match="already offered") as caught:
        registry.find(Kind.EXTRACTOR, name)

    assert caught.value.code is Cause.BROKEN_PLUGIN


def test_without_an_installed_recon_the_message_says_so():
    with pytest.raises(UsageError) as caught:
        PluginRegistry([]).find(Kind.EXTRACTOR, "sift")

    assert caught.value.try_ is not None
    assert "pip install" in caught.value.try_
