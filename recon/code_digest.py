"""Knows when a plugin's code has changed although its version has not, as while its author works on it.

Without this, a researcher who edits an extractor and runs again would get the features of the old code.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from recon.core.components import ComponentSpec

_KINDS = ("*.py", "*.safetensors")
"""Files of a package that decide what it answers; weights that it ships are as good as code."""


def code_digest(spec: ComponentSpec[object], *, is_bundled: bool) -> str:
    """Return the sha256 of the Python sources, and weights beside them, of a component; empty where there are none.

    Args:
        is_bundled: The component comes with recon, whose plugins share a package and have nothing else in
            common: only its own module counts. Of other packages every module does.
    """
    name = getattr(spec.create, "__module__", None) or spec.options.__module__
    module = sys.modules.get(name if is_bundled else name.partition(".")[0])
    file = getattr(module, "__file__", None)
    if file is None or not Path(file).is_file():
        return ""
    path = Path(file)
    is_package = path.name == "__init__.py"
    files = sorted(each for kind in _KINDS for each in path.parent.rglob(kind)) if is_package else [path]
    digest = hashlib.sha256()
    for each in files:
        digest.update(each.relative_to(path.parent).as_posix().encode() + b"\0" + each.read_bytes() + b"\0")
    return digest.hexdigest()
