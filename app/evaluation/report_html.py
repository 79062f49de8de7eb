"""An evaluation run as one HTML file: it needs no network, no script and no other file, and can be mailed, printed and kept."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from app.errors import ReportFileError

if TYPE_CHECKING:
    from app.evaluation.embedding_map import EmbeddingMap
    from app.evaluation.run_view import RunView
    from index.records import EvaluationRun

_TEMPLATE = Path(__file__).with_name("report_template.html.jinja")


def check_target(target: Path) -> None:
    """Raises ReportFileError where a report cannot be written for sure, before anything is measured for it."""
    folder = target.parent
    try:
        if target.is_dir():
            raise ReportFileError(f"{target} is a folder; name the report's file, such as {target / 'report.html'}")
        if not folder.is_dir():
            what = f"{folder} is no folder." if folder.exists() else f"there is no folder {folder}. Make it, or name another."
            raise ReportFileError(f"The report cannot be written to {target}: {what}")
    except OSError as error:  # a name too long, or a folder that may not be looked into
        raise ReportFileError(f"The report cannot be written to {target}: {error.strerror}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ReportFileError(f"The report cannot be written to {target}: no file can be made in {folder}. Name another folder.")


def write_report(run: "EvaluationRun", target: Path, *, points: "EmbeddingMap | None" = None) -> None:
    """Writes the report of a run, whole or not at all; a file that is there is replaced. points: adds the map of the videos.

    Raises BadRun for a run that cannot be read, ReportFileError where the file cannot be written.
    """
    from app.evaluation.run_reader import read_run

    check_target(target)
    _write(report_html(read_run(run), points), target)


def report_html(view: "RunView", points: "EmbeddingMap | None" = None) -> str:
    """The report's text. All that comes from files and their names is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    from app.ui.shown_text import printable

    # Names of files may hold bytes that no UTF-8 file can; what is markup already was made here.
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(_shown(view, points))


def _shown(view: "RunView", points: "EmbeddingMap | None") -> dict[str, Any]:
    """What the template shows."""
    from app.evaluation import report_facts, report_figures
    from app.evaluation.report_table import table_of

    figures = [report_figures.confusion_figure(confusion) for confusion in view.confusions if confusion.labels]
    if (difference := report_figures.difference_figure(view)) is not None:
        figures.insert(0, difference)
    if points is not None and points.points:
        figures.append(_map_figure(points))
    return {
        "title": report_facts.title(view),
        "lead": report_facts.lead(view),
        "facts": report_facts.facts(view),
        "warnings": view.warnings,
        "checks": view.checks,
        "table": table_of(view.flat_rows, view.encoders),
        "sections": list(report_figures.sections(view)),
        "figures": figures,
        "left_out": view.left_out,
    }


def _map_figure(points: "EmbeddingMap") -> Any:
    from app.evaluation.embedding_map import map_chart
    from app.evaluation.report_figures import figure_of

    return figure_of(map_chart(points), f"The videos as {points.encoder} sees them: near is alike.")


def _write(text: str, target: Path) -> None:
    partial = target.with_name(f".vret-{uuid4().hex}.part")
    try:
        try:
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise ReportFileError(f"The report cannot be written to {target}: {error.strerror}.") from error
