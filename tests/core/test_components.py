"""What a component is told, and the defaults that make a context usable in a plugin's own tests."""

from __future__ import annotations

import pytest

from recon.core.components import MappingOptions, RunContext, WeightsFile


def test_weights_without_a_digest_are_refused():
    """Anything could be at that address by tomorrow."""
    with pytest.raises(ValueError, match="sha256 or its git blob"):
        WeightsFile("a.pth", "https://example.org/a.pth", "MIT")


def test_a_component_without_declared_weights_gets_none():
    with pytest.raises(LookupError, match=r"a\.pth"):
        RunContext().weights("a.pth")


def test_a_context_needs_no_argument():
    RunContext().note("chose something")

    assert (RunContext().device, RunContext().threads, RunContext().seed) == ("cpu", 1, 0)
    assert not MappingOptions().should_stop()
