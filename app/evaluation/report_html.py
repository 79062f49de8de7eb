"""An evaluation run as one HTML file: it needs no network, no script and no other file, and can be mailed, printed and kept."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import ReportFileError
from pretrain.atomic_file import replacing

if TYPE_CHECKING:
    from app.evaluation.run_view import RunView
    from app.evaluation.video_maps import ReportMaps

_TEMPLATE = Path(__file__).with_name("report_template.html.jinja")

_GENERATOR = b'<meta name="generator" content="vret">'  # in the template
_BEGINNING_BYTES = 500


def check_target(target: Path) -> None:
    """Raises ReportFileError where a report cannot be written for sure, before anything is measured for it."""
    folder = target.parent
    try:
        if target.is_dir():
            raise ReportFileError(f"{target} is a folder; name the report's file, such as {target / 'report.html'}")
        if not folder.is_dir():
            what = f"{folder} is no folder." if folder.exists() else f"there is no folder {folder}. Make it, or name another."
            raise ReportFileError(f"The report cannot be written to {target}: {what}")
        if target.exists() and not _is_report(target):
            raise ReportFileError(f"{target} is there already and is no report of vret. Remove it, or name another file.")
    except OSError as error:  # a name too long, or a folder that may not be looked into
        raise ReportFileError(f"The report cannot be written to {target}: {error.strerror}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ReportFileError(f"The report cannot be written to {target}: no file can be made in {folder}. Name another folder.")


def _is_report(target: Path) -> bool:
    """Whether a file may be replaced: it says that it is ours, or there is nothing in it. Anything else took somebody work."""
    with target.open("rb") as file:
        beginning = file.read(_BEGINNING_BYTES)
    return not beginning or _GENERATOR in beginning


def write_report(view: "RunView", target: Path, *, maps: "ReportMaps | None" = None) -> None:
    """Writes the report of a run, whole or not at all; an older report is replaced. maps: of its videos.

    Raises ReportFileError where the file cannot be written.
    """
    check_target(target)
    _write(report_html(view, maps), target)


def report_html(view: "RunView", maps: "ReportMaps | None" = None) -> str:
    """The report's text, with the maps that are given. All that comes from files and their names is escaped."""
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
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(_shown(view, maps))


def _shown(view: "RunView", maps: "ReportMaps | None") -> dict[str, Any]:
    """What the template shows."""
    from app.evaluation import report_facts, report_figures
    from app.evaluation.report_table import table_of

    figures = [report_figures.confusion_figure(confusion) for confusion in view.confusions if confusion.labels]
    if (difference := report_figures.difference_figure(view)) is not None:
        figures.insert(0, difference)
    return {
        "title": report_facts.title(view),
        "lead": report_facts.lead(view),
        "facts": report_facts.facts(view),
        "warnings": view.warnings,
        "checks": view.checks,
        "table": table_of(view.flat_rows, view.encoders),
        "sections": list(report_figures.sections(view, maps.found if maps else {})),
        "no_maps": maps.missing if maps else (),
        "figures": figures,
        "left_out": view.left_out,
    }


def _write(text: str, target: Path) -> None:
    try:
        with replacing(target) as file:
            file.write(text.encode())
    except OSError as error:
        raise ReportFileError(f"The report cannot be written to {target}: {error.strerror}.") from error
