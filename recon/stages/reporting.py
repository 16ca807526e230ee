"""What a run does at its end: it writes the page that shows what became of the photos."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from recon.core.errors import NoModel, ReconError
from recon.core.events import Warned
from recon.run import Run


def calls_for_report(run: Run, error: ReconError | None) -> bool:
    """Return whether there is something to tell, a model or why there is none, and no earlier page tells it."""
    has_ended = error is None or isinstance(error, NoModel)
    return has_ended and not (run.did_nothing and run.workspace.report.exists())


def report_on(run: Run, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Write the page, and return the summary with the time that it took; a page that fails costs a warning."""
    from recon.report.writing import write_report

    start = time.perf_counter()
    try:
        write_report(run.workspace.path, run.workspace.report, photos=run.photos, threads=run.plan.threads)
    except ReconError as error:
        run.observer(Warned(message=f"no report was written: {error.message}"))
    spent = time.perf_counter() - start
    seconds = {**summary["seconds"], "report": round(spent, 3)}
    seconds["total"] = round(seconds["total"] + spent, 3)
    summary = {**summary, "seconds": seconds}
    run.workspace.record(summary=summary)
    return summary
