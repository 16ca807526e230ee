"""The page on disk: one file with everything in it, written whole or not at all."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from recon.report.contents import page_contents
from recon.report.material import Material, gather
from recon.workspace.atomic import storage_errors, write_text

NAME = "report.html"
MEGABYTES = 15.0
_GENERATOR = b'<meta name="generator" content="recon '


def write_report(
    out: Path, destination: Path, *, photos: Path | None = None, megabytes: float = MEGABYTES, threads: int = 1
) -> int:
    """Write the report of a workspace or model folder, and return its size in bytes.

    Args:
        photos: Where the photos are now; None: where the run found them.
        megabytes: Of the page at most; thumbnails get smaller and points fewer to keep it.

    Raises:
        UsageError: Nothing to report on, a page too small, a destination that cannot be written.
        ReconError: A damaged model or database; the disk is full.
    """
    text = make_page(out, photos=photos, megabytes=megabytes, threads=threads)
    with storage_errors(destination.parent):
        write_text(destination, text)
    return len(text.encode("utf-8"))


def make_page(out: Path, *, photos: Path | None = None, megabytes: float = MEGABYTES, threads: int = 1) -> str:
    """Return the report of a workspace or model folder; arguments and errors as of `write_report`."""
    material = gather(out, photos)
    return render(page_contents(material, megabytes, threads), title=_title(material), version=_version(material))


def is_our_page(path: Path) -> bool:
    """Return whether a file is a report that recon wrote."""
    try:
        with path.open("rb") as stream:
            return _GENERATOR in stream.read(2000)
    except OSError:
        return False


def render(contents: dict[str, Any], title: str, version: str) -> str:
    """Return the page; nothing in the contents can end the place it stands in, or run."""
    from jinja2 import Environment, select_autoescape
    from markupsafe import Markup

    page = resources.files("recon.report") / "page"
    script = "".join((page / name).read_text("utf-8") for name in ("viewer.js", "page.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    # No `<` in the JSON: neither `</script>` nor `<!--` can occur.
    data = json.dumps(contents, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    template = Environment(autoescape=select_autoescape(default=True)).from_string(
        (page / "page.html").read_text("utf-8")
    )
    return template.render(
        title=title,
        version=version,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        style=Markup((page / "page.css").read_text("utf-8")),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704
        script_hash=f"sha256-{digest}",
        data=Markup(data),  # noqa: S704
        matrix_note="Brighter: more matches that fit one camera motion. Dark grey: matches, and none fit.",
    )


def _title(material: Material) -> str:
    folder = material.photos or material.out
    name = folder.resolve().name
    return name if name not in ("images", "") else folder.resolve().parent.name


def _version(material: Material) -> str:
    """Return the recon that made the result; of a model from elsewhere nothing is known."""
    return material.manifest.recon if material.manifest else ""
