"""Use case: the HTML report of a stored run."""

from app.errors import UnknownEvaluation
from app.given_path import GivenPath, absolute_path
from app.workspace import Workspace


def write_run_report(ws: Workspace, run_id: int, target: GivenPath) -> None:
    """Writes the report of one run, with plots and the maps that the index has vectors for, into one file.

    Raises UnknownEvaluation, BadRun for a run that cannot be read, and what `write_report` does.
    """
    from app.evaluation.report_html import check_target, write_report
    from app.evaluation.run_reader import read_run
    from app.evaluation.video_maps import report_maps

    target = absolute_path(target)
    check_target(target)
    run = ws.catalog.evaluation_run(run_id)
    if run is None:
        raise UnknownEvaluation(f"There is no evaluation run {run_id}. List them: vret eval runs")
    view = read_run(run)
    write_report(view, target, maps=report_maps(ws, view))
