"""Use case: the HTML report of a stored run."""

from pathlib import Path

from app.errors import UnknownEvaluation
from app.workspace import Workspace


def write_run_report(ws: Workspace, run_id: int, target: Path) -> None:
    """Writes the report of one run, with plots, into one file. Raises UnknownEvaluation, and what `write_report` does."""
    from app.evaluation.report_html import write_report

    run = ws.catalog.evaluation_run(run_id)
    if run is None:
        raise UnknownEvaluation(f"There is no evaluation run {run_id}. List them: vret eval runs")
    write_report(run, target.expanduser())
