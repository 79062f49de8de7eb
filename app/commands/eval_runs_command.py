"""`vret eval runs` and `vret eval report`: what was measured before."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands import given
from app.commands.options import MOST, CsvOption, JsonOption, LibraryOption
from app.commands.output import check_one_format, one_line, print_csv, print_json, print_table, talk

if TYPE_CHECKING:
    from app.evaluation.run_summary import RunSummary
    from app.workspace import Workspace
    from index.catalog.records import EvaluationRun


def register(evaluation: typer.Typer) -> None:
    """Adds the verbs."""
    evaluation.command("runs")(runs)
    evaluation.command("report")(report)


def runs(
    library: LibraryOption = None,
    limit: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Show at most N, newest first. Default: 20 in a table, all in JSON and CSV.")
    ] = None,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """The evaluations that were run, newest first. Two of the same data had the same videos, labels and splits.

    Best is what the best of the encoders that were asked for got, averaged over what was measured apart.

    Example: vret eval runs --library holidays
    """
    check_one_format(as_json, as_csv)
    from app.evaluation.run_summary import summary_of
    from app.workspace import Workspace

    with Workspace() as ws:
        if library is not None:
            ws.catalog.library(library)
        shown = limit if limit is not None or as_json or as_csv else _IN_TABLE
        lines = (_line(summary_of(run)) for run in _stored(ws, library))
        found = list(islice(lines, shown))
        more = next(lines, None) is not None
    if as_json:
        print_json({"runs": found})
    elif as_csv:
        print_csv(_COLUMNS, found)
    elif found:
        print_table(dict.fromkeys(_COLUMNS, "left") | {"best": "right"}, [_cells(line) for line in found])
    else:
        talk("Nothing has been evaluated yet: vret eval retrieval --labels labels.csv")
    if more:
        talk(f"Only the newest {len(found)} are shown; see --limit.")


def _stored(ws: "Workspace", library: str | None) -> "Iterator[EvaluationRun]":
    """The newest first, one at a time: what came out of some is large."""
    for run_id in ws.catalog.evaluation_run_ids(limit=None):
        run = ws.catalog.evaluation_run(run_id)
        if run is not None and library in (None, run.library):
            yield run


def report(
    run: Annotated[int, typer.Argument(min=1, max=MOST, help="Its number, as `vret eval runs` lists it.")],
    html: Annotated[Path, typer.Option("--html", parser=given.path, metavar="PATH", help="The file to write.")],
) -> None:
    """Write the report of an earlier evaluation, with plots, into one HTML file.

    Example: vret eval report 12 --html report.html
    """
    from app.evaluation.report import write_run_report
    from app.workspace import Workspace

    with Workspace() as ws:
        write_run_report(ws, run, html)
    talk(f"report: {html}")


_COLUMNS = ("run", "when", "kind", "library", "encoders", "best", "measure", "labels", "how", "data")
_HASH_DIGITS = 12
_IN_TABLE = 20


def _line(summary: "RunSummary") -> dict[str, Any]:
    best = summary.best
    return {
        "run": summary.id,
        "when": summary.created_at.astimezone().isoformat(" ", "minutes")[:16],
        "kind": summary.kind,
        "library": summary.library,
        "encoders": "cannot be read" if summary.encoders is None else ", ".join(summary.encoders),
        "best": None if best is None else round(best.value, 4),
        "measure": "" if best is None else best.measure,
        "labels": summary.labels,
        "how": summary.how,
        "data": summary.fingerprint[:_HASH_DIGITS],
    }


def _cells(line: dict[str, Any]) -> list[str]:
    best = line["best"]
    return [one_line(value) for value in (line | {"best": "" if best is None else f"{best:.3f}"}).values()]
