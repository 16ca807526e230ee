"""The layers, and where each heavy library lives: read from the imports of every module.

`cli -> pipeline -> matching, engine, output, evaluation, scenes -> core`; a plugin knows `import recon`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted([*(ROOT / "recon").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])


def name_of(path: Path) -> str:
    """Return `recon.core.data` for recon/core/data.py, `plugins.sift` for plugins/sift.py."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """Return every module that is imported anywhere in a file, but for the sake of its types only."""
    return set(_imports(ast.parse(path.read_text("utf-8"))))


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        yield node.module or ""
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


def is_in(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def offenders(inside: tuple[str, ...], forbidden: tuple[str, ...], allowed: tuple[str, ...] = ()) -> list[str]:
    """Return "module imports module" for imports of `forbidden` but not `allowed` by modules of `inside`."""
    return [
        f"{name_of(path)} imports {imported}"
        for path in MODULES
        if is_in(name_of(path), inside)
        for imported in sorted(imports_of(path))
        if is_in(imported, forbidden) and not is_in(imported, allowed)
    ]


LAYERS = {
    "recon.core": (),
    "recon.workspace": ("recon.core",),
    "recon.matching": ("recon.core", "recon.workspace"),
    "recon.preflight": ("recon.core", "recon.matching"),
    "recon.video": ("recon.core",),
    "recon.engine": ("recon.core",),
    "recon.georeference": ("recon.core",),
    "recon.output": ("recon.core", "recon.georeference"),
    "recon.surface": ("recon.core", "recon.output"),
    "recon.registration": ("recon.core", "recon.matching", "recon.workspace"),
    "recon.comparison": ("recon.core", "recon.workspace", "recon.engine", "recon.evaluation"),
    "recon.report": ("recon.core", "recon.workspace", "recon.matching", "recon.engine", "recon.output"),
    "recon.evaluation": ("recon.core",),
    "recon.repeating": (
        *("recon.core", "recon.workspace", "recon.matching", "recon.evaluation"),
        *("recon.choice", "recon.plan", "recon.plan_record", "recon.weights"),
    ),
    "recon.learning": (
        *("recon.core", "recon.workspace", "recon.matching", "recon.scenes"),
        *("recon.choice", "recon.weights"),
    ),
    "recon.scenes": ("recon.core",),
    "recon.scaffold": ("recon.core",),
    "recon.weights": ("recon.core", "recon.fetching"),
    "recon.fetching": ("recon.core", "recon.weights"),
    "recon.testing": ("recon.core", "recon.weights"),
}
"""What each part may know besides itself; what is not listed (pipeline, cli) stands above them all."""

HOMES = {
    "torch": ("plugins", "recon.device", "recon.learning", "recon.testing.trainables", "recon.training"),
    "lightning_fabric": ("recon.learning.fabrics",),
    "cv2": (
        "plugins",
        "recon.learning",
        "recon.output.cleaning",
        "recon.output.turntable",
        "recon.matching.images",
        "recon.preflight",
        "recon.registration",
        "recon.scenes",
        "recon.video",
    ),
    "pycolmap": (
        "recon.comparison",
        "recon.engine",
        "recon.evaluation",
        "recon.georeference.similarity",
        "recon.learning.model_tracks",
        "recon.output",
        "recon.matching.cameras",
        "recon.matching.camera_params",
        "recon.matching.colmap_cameras",
        "recon.matching.focal_lengths",
        "recon.testing.mappers",
        "recon.testing.refiners",
        "recon.training.held_out_matching",
    ),
    "open3d": (
        *("recon.output.view_drawing", "recon.output.view_window", "recon.output.viewer"),
        *("recon.scenes.render", "recon.surface"),
    ),
    "PIL": (
        *(
            "recon.learning.curves_picture",
            "recon.matching",
            "recon.output.located_picture",
            "recon.output.photo_files",
            "recon.output.picture",
            "recon.output.trajectory_picture",
            "recon.output.turntable",
            "recon.report.thumbnails",
            "recon.registration.files",
        ),
        "recon.scenes",
    ),
    "h5py": ("recon.matching.hloc",),
    "rich": ("recon.cli",),
    "click": ("recon.cli",),
}
"""The few places that know a library."""


@pytest.mark.parametrize("layer", LAYERS)
def test_dependencies_point_inward(layer):
    assert offenders((layer,), ("recon", "recon_plugins"), allowed=(layer, *LAYERS[layer])) == []


def test_core_knows_numpy_and_pluggy_only():
    found = {
        imported.partition(".")[0]
        for path in MODULES
        if is_in(name_of(path), ("recon.core",))
        for imported in imports_of(path)
    }

    assert found - set(sys.stdlib_module_names) - {"recon"} == {"numpy", "pluggy"}


def test_nothing_but_the_start_knows_the_command_line():
    outside = tuple({name_of(path) for path in MODULES} - {"recon", "recon.__main__"})

    assert [found for found in offenders(outside, ("recon.cli",)) if not found.startswith("recon.cli")] == []


def test_no_part_of_recon_knows_a_plugin():
    assert offenders(("recon",), ("recon_plugins", "plugins")) == []


def test_plugins_import_recon_and_nothing_of_its_inside():
    """As a third party would. Those that wrap the engine or an export are thin doors to it."""
    doors = ("recon.engine", "recon.output")
    inside = [found for found in offenders(("plugins",), ("recon",), doors) if not found.endswith(" imports recon")]

    assert inside == []


@pytest.mark.parametrize("library", HOMES)
def test_each_heavy_library_has_few_homes(library):
    strangers = [
        found for found in offenders(("recon", "plugins"), (library,)) if not is_in(found.split()[0], HOMES[library])
    ]

    assert strangers == []


def test_the_imports_are_read():
    """Else every test above would pass on nothing."""
    found = imports_of(ROOT / "recon" / "core" / "components.py")

    assert {"recon.core.data", "dataclasses"} <= found
    assert "pycolmap" not in found  # for types only
    assert len(MODULES) > 30
