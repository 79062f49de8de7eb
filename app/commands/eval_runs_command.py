"""`vret eval runs` and `vret eval report`: what was measured before."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.options import CsvOption, JsonOption, LibraryOption
from app.commands.output import check_one_format, print_csv, print_json, print_table, talk

if TYPE_CHECKING:
    from index.records import EvaluationRun


def register(evaluation: typer.Typer) -> None:
    """Adds the verbs."""
    evaluation.command("runs")(runs)
    evaluation.command("report")(report)


def runs(
    library: LibraryOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 20,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """The evaluations that were run, newest first. Two of the same data had the same videos, labels and splits.

    Example: vret eval runs --library holidays
    """
    check_one_format(as_json, as_csv)
    from app.workspace import Workspace

    with Workspace() as ws:
        if library is not None:
            ws.catalog.library(library)
        found = [_summary(run) for run in ws.catalog.evaluation_runs(library_name=library, limit=limit)]
    if as_json:
        print_json({"runs": found})
    elif as_csv:
        print_csv(_COLUMNS, found)
    elif found:
        print_table(dict.fromkeys(_COLUMNS, "left"), [[str(run[column]) for column in _COLUMNS] for run in found])
    else:
        talk("Nothing has been evaluated yet: vret eval retrieval --labels labels.csv")


def report(
    run: Annotated[int, typer.Argument(help="Its number, as `vret eval runs` lists it.")],
    html: Annotated[Path, typer.Option("--html", help="The file to write.")],
) -> None:
    """Write the report of an earlier evaluation, with plots, into one HTML file.

    Example: vret eval report 12 --html report.html
    """
    from app.evaluation.report import write_run_report
    from app.workspace import Workspace

    with Workspace() as ws:
        write_run_report(ws, run, html)
    talk(f"report: {html}")


_COLUMNS = ("run", "when", "kind", "library", "encoders", "best", "labels", "data")


def _summary(run: "EvaluationRun") -> dict[str, Any]:
    asked = run.settings.get("asked")
    rows = [row for row in run.results.get("rows", []) if asked is None or row.get("encoder") in asked]
    shares = [row["class_mean_top_1"] for row in rows if row.get("class_mean_top_1") is not None]
    return {
        "run": run.id,
        "when": run.created_at.astimezone().isoformat(" ", "minutes")[:16],
        "kind": run.kind,
        "library": run.library or "",
        "encoders": ", ".join(run.settings.get("encoders", {})),
        "best": f"{max(shares):.3f}" if shares else "",
        "labels": run.settings.get("labels", ""),
        "data": str(run.settings.get("fingerprint", ""))[:12],
    }
