"""What to do next, as commands: the user's own with something changed."""

from __future__ import annotations

import shlex

from recon.core.commands import RunCommand

_PIXEL_MATCHERS = ("xfeat-star", "loftr")


def stronger(command: RunCommand) -> str | None:
    """Return the command that looks harder for matches, with what it brings; None where nothing stronger is left."""
    if command.value("--preset") != "best":
        again = command.changed({"--preset": "best"}, without=("--max-size", "--max-keypoints"))
        return f"{again}, for more keypoints at a higher resolution"
    sees_sift = command.value("--extractor") in (None, "auto", "sift")
    if sees_sift and command.value("--matcher") in (None, "auto", "nearest"):
        again = command.changed({"--extractor": "xfeat", "--matcher": "lightglue"})
        return f"{again}, which matches photos taken from further apart"
    return None


def compare_all(command: RunCommand) -> str:
    """Return the command that compares every photo with every other."""
    return str(command.changed({"--pairs": "exhaustive"}, without=("--pairs-file",)))


def own_cameras(command: RunCommand) -> str:
    """Return the command that gives each photo a camera of its own."""
    grouping = ("--single-camera", "--camera-per-folder", "--camera-per-image", "--camera-params", "--camera-model")
    kept = command.changed({}, without=grouping)
    return str(RunCommand(kept.photos, kept.workspace, (*kept.options, ("--camera-per-image", None))))


def other_seed(command: RunCommand) -> str:
    """Return the command that takes other random choices."""
    return str(command.changed({"--seed": str(int(command.value("--seed") or 0) + 1)}))


def view(command: RunCommand, model: str) -> str:
    """Return the command that shows one model of the workspace."""
    return f"recon view {shlex.quote(f'{command.workspace}/{model}')}"


def either(*ways: str | None) -> str:
    """Return the ways that there are, as one sentence."""
    return "; or ".join(way for way in ways if way)
