"""Every hook is specified, documented, and reachable by a plugin."""

from __future__ import annotations

import inspect
from typing import get_type_hints

import pytest

import recon
from recon.core import components, events, hookspecs
from recon.core.kinds import Kind
from recon.core.registry import load_plugins

HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("recon_"))


def test_there_is_one_hook_for_each_kind_and_one_to_watch():
    assert sorted([*(kind.hook for kind in Kind), "recon_event"]) == HOOKS


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_says_when_it_is_called_and_what_it_answers(name):
    text = inspect.getdoc(getattr(hookspecs, name)) or ""

    assert len(text.splitlines()) >= 3
    assert text.splitlines()[0].endswith(".")


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_typed(name):
    """The types stand under TYPE_CHECKING there; here they are looked up."""
    hints = get_type_hints(getattr(hookspecs, name), {**vars(components), **vars(events), **vars(hookspecs)})

    assert "return" in hints


@pytest.mark.parametrize("kind", list(Kind))
def test_every_hook_is_called(kind, write_plugin):
    text = f"@recon.hookimpl\ndef {kind.hook}():\n    return [spec('mine')]\n"
    registry = load_plugins(write_plugin("mine", text))

    assert registry.find(kind, "mine").kind is kind


def test_a_plugin_needs_one_import():
    """What the hooks' types name is in `import recon`."""
    protocols = ("FeatureExtractor", "PairSelector", "FeatureMatcher", "ImageMatcher", "Mapper", "Refiner", "Exporter")
    for name in (*protocols, "Trainable", "ComponentSpec", "Event", "RunContext", "WeightsFile", "hookimpl"):
        assert name in recon.__all__
        assert hasattr(recon, name)
