"""A plugin that is broken in whatever way is reported with the reason, and leaves the others alone."""

from __future__ import annotations

import pytest

from recon.core.events import Announcer, Progress, Warned
from recon.core.registry import PluginRegistry, load_plugins

OFFER = "@recon.hookimpl\ndef recon_feature_extractors():\n    return "


def foreign(registry: PluginRegistry) -> dict[str, str]:
    return {offer.spec.name: offer.plugin for offer in registry.offers() if offer.package != "recon-sfm"}


def reasons(registry: PluginRegistry) -> dict[str, str]:
    return {problem.plugin: problem.reason for problem in registry.problems if problem.package != "recon-sfm"}


BROKEN = {
    "import error": ("import does_not_exist", "No module named 'does_not_exist'"),
    "syntax error": ("def (", "SyntaxError"),
    "exit at import": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "misspelt hook": ("@recon.hookimpl\ndef recon_feature_extractor(): return []", "did you mean 'recon_feature_extr"),
    "wrong argument": ("@recon.hookimpl\ndef recon_event(evnt): pass", "evnt"),
    "unmarked hook": ("def recon_mappers(): return []", "recon_mappers is not marked @recon.hookimpl"),
    "no hook": ("", "implements no hook"),
    "hook that raises": (OFFER + "1 / 0", "ZeroDivisionError"),
    "hook that exits": (OFFER + "exit(1)", "SystemExit"),
    "not a list": (OFFER + "spec('x')", "returned ComponentSpec, not a list"),
    "not a spec": (OFFER + "['x']", "'x', which is no ComponentSpec"),
    "bad name": (OFFER + "[spec('Bad.Name')]", "'Bad.Name': a name is lower-case"),
    "options no dataclass": (OFFER + "[spec('x', options=dict)]", "frozen dataclass"),
    "two of one name": (OFFER + "[spec('x'), spec('x')]", "feature extractor 'x' is already offered"),
    "a name of another": (OFFER + "[spec('a_good')]", "'a_good' is already offered by plugin 'a_good'"),
}


@pytest.mark.parametrize("text", [text for text, _ in BROKEN.values()], ids=BROKEN)
def test_a_broken_plugin_is_reported_and_the_rest_works(text, write_plugin):
    (expected,) = [reason for broken, reason in BROKEN.values() if broken == text]
    write_plugin("a_good")
    registry = load_plugins(write_plugin("broken", text))

    assert foreign(registry) == {"a_good": "a_good"}
    assert list(reasons(registry)) == ["broken"]
    assert expected in reasons(registry)["broken"]


def test_a_broken_plugin_is_left_out_whole(write_plugin):
    """Half a plugin would behave otherwise than its author saw."""
    registry = load_plugins(write_plugin("broken", OFFER + "[spec('first'), spec('first')]"))

    assert foreign(registry) == {}


def test_a_foreign_exception_is_reported_with_its_place(write_plugin):
    """The plugin's author wants the line."""
    folder = write_plugin("broken", OFFER + "1 / 0")
    num_lines = len((folder / "broken.py").read_text().splitlines())

    assert f"broken.py, line {num_lines})" in reasons(load_plugins(folder))["broken"]


def test_the_place_is_in_the_plugin_where_the_exception_is_from_python_itself(write_plugin):
    folder = write_plugin("broken", "import json\njson.loads('{')\n")

    assert "broken.py, line" in reasons(load_plugins(folder))["broken"]


def test_a_keyboard_interrupt_at_import_is_not_swallowed(write_plugin):
    with pytest.raises(KeyboardInterrupt):
        load_plugins(write_plugin("broken", "raise KeyboardInterrupt"))


def test_what_a_plugin_prints_stays_off_standard_output(write_plugin, capsys):
    """`recon plugins --json` is one object."""
    load_plugins(write_plugin("loud", "print('hello')\n" + OFFER + "print('again') or []"))

    assert capsys.readouterr().out == ""


def test_a_hook_of_a_later_recon_may_be_marked_optional(write_plugin):
    text = OFFER + "[spec('mine')]\n@recon.hookimpl(optionalhook=True)\ndef recon_from_the_future(): pass"

    assert "mine" in foreign(load_plugins(write_plugin("mine", text)))


def test_an_observer_that_raises_is_dropped_alone(write_plugin, tmp_path):
    write_plugin("bad", "@recon.hookimpl\ndef recon_event(event): 1 / 0")
    good = f"@recon.hookimpl\ndef recon_event(event):\n    open({str(tmp_path / 'log')!r}, 'a').write('x')"
    seen = []
    announce = Announcer([*load_plugins(write_plugin("good", good)).observers(), seen.append])
    for done in (1, 2):
        announce(Progress(stage="map", done=done, total=2))

    warnings = [event.message for event in seen if isinstance(event, Warned)]
    assert len(warnings) == 1
    assert "plugin 'bad'" in warnings[0]
    assert len((tmp_path / "log").read_text()) == 3  # both, and the warning
