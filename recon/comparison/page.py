"""The comparison as a page: one table, the recommendation, and links to each run's own report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from recon.comparison.ranking import Recommendation
from recon.comparison.trial import Trial

_TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="recon"><title>{{ title }} - comparison</title>
<style>
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 24px auto; padding: 0 16px }
table { border-collapse: collapse; width: 100% }
td, th { text-align: right; padding: 5px 10px; border-bottom: 1px solid #8885 }
td:first-child, th:first-child { text-align: left }
.best { font-weight: 600 } .scroll { overflow-x: auto } .quiet { opacity: .7 }
</style></head><body>
<h1>{{ title }}</h1>
{% if best %}<p><b>{{ best.label }}</b>: {{ best.reason }}.</p>{% else %}<p>None of them made a model.</p>{% endif %}
<div class="scroll"><table><thead><tr>{% for name in headers %}<th>{{ name }}</th>{% endfor %}</tr></thead><tbody>
{% for link, row in rows %}<tr{% if best and row[0] == best.label %} class="best"{% endif %}>
<td><a href="{{ link }}">{{ row[0] }}</a></td>{% for cell in row[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}
</tbody></table></div>
<p class="quiet">Held out: of the verified matches of pairs kept out of the mapping, how many agree with its poses
to 2 px. Repeated: of the pairs of photos, how many have the same relative rotation, to 2 degrees, in a second run with
another seed. Time and memory are of this machine.</p>
{% for label, error in errors %}<p><b>{{ label }}</b>: {{ error }}</p>{% endfor %}
</body></html>
"""


def headers(trials: Sequence[Trial]) -> list[str]:
    """Return the heads of the table's columns."""
    aucs = [f"AUC@{threshold}" for threshold in ("1", "3", "10")] if any(trial.auc_deg for trial in trials) else []
    return ["", "photos", "points", "track", "error px", "held out", "repeated", *aucs, "seconds", "MB"]


def row(trial: Trial, with_truth: bool) -> list[str]:
    """Return the cells of one combination."""
    aucs = [f"{trial.auc_deg[t]:.1f}" if trial.auc_deg else "-" for t in ("1", "3", "10")] if with_truth else []
    has_model = trial.registered > 0
    return [
        trial.label,
        f"{trial.registered}/{trial.images}" + (f" in {trial.models} models" if trial.models > 1 else ""),
        f"{trial.points3D:,}" if has_model else "-",
        f"{trial.mean_track_length:.2f}" if has_model else "-",
        f"{trial.mean_reprojection_error_px:.3f}" if has_model else "-",
        _percent(trial.held_out_consistency),
        _percent(trial.stability),
        *aucs,
        f"{trial.seconds:.1f}",
        "-" if trial.memory_mb is None else f"{trial.memory_mb:.0f}",
    ]


def render_page(title: str, trials: Sequence[Trial], best: Recommendation | None, folder: Path) -> str:
    """Return the page, with links relative to the folder it is put in."""
    from jinja2 import Environment

    with_truth = any(trial.auc_deg for trial in trials)
    rows = [
        (quote(Path(trial.workspace).resolve().relative_to(folder.resolve()).as_posix() + "/report.html"),
         row(trial, with_truth))
        for trial in trials
    ]  # fmt: skip
    errors = [(trial.label, trial.error) for trial in trials if trial.error]
    return (
        Environment(autoescape=True)
        .from_string(_TEMPLATE)
        .render(title=title, headers=headers(trials), rows=rows, best=best, errors=errors)
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f} %"
