"""What the verbs of `vret eval` say beside their tables."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.commands.output import check_one_format, print_csv, print_json, talk
from app.evaluation.ways import Preset
from app.labels.rows import Layout

if TYPE_CHECKING:
    from app.evaluation.metrics.bootstrap import Interval
    from app.labels.rows import LabelSet
    from app.workspace import Workspace

    OnStep = Callable[[str, int, int], None]

_LEFT_OUT_SHOWN = 10
FLOOR_WORDS = "covered where the interval does not leave it out, not reached where it lies below"


def labels_of(labels: Path, videos: Path | None, layout: Layout | None, fold: int) -> "LabelSet":
    """The labels that a verb was given. Raises BadLabels."""
    from app.labels.read_labels import read_labels

    return read_labels(labels, videos=videos, layout=layout, fold=fold)


@contextmanager
def followed(ws: "Workspace", library: str | None) -> "Iterator[OnStep]":
    """Shows an evaluation's progress on stderr, and keeps it in the catalog for whoever watches."""
    from app.commands.index_command import ProgressBar
    from app.evaluation.progress import evaluation_job
    from app.index_report import IndexProgress

    with ProgressBar() as bar, evaluation_job(ws, library) as keep:

        def tell(phase: str, done: int, total: int) -> None:
            keep(phase, done, total)
            bar.show(IndexProgress(phase=phase, done=done, total=total))

        try:
            yield tell
        except KeyboardInterrupt:
            talk("Stopped; the same command begins anew.")
            raise


def tell_left_out(left_out: Sequence[tuple[str, str]]) -> None:
    """The first of them, and how many more."""
    for what, why in left_out[:_LEFT_OUT_SHOWN]:
        talk(f"left out: {what}: {why}")
    if len(left_out) > _LEFT_OUT_SHOWN:
        talk(f"and {len(left_out) - _LEFT_OUT_SHOWN} more left out; all of them with --json")


def tell_beside(warnings: Sequence[str], checks: Sequence[str], left_out: Sequence[tuple[str, str]]) -> None:
    """All that stands beside a table: what makes it doubtful, what was checked, what could not take part."""
    for warning in warnings:
        talk(f"warning: {warning}")
    for check in checks:
        talk(f"checked: {check}")
    tell_left_out(left_out)


def print_found(
    whole: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], print_rows: Callable[[], None], *, as_json: bool, as_csv: bool
) -> None:
    """What was measured, to stdout: all of it as JSON, its rows as CSV, or the table."""
    if as_json:
        print_json(whole)
    elif as_csv:
        print_csv(tuple(rows[0]), rows)
    else:
        print_rows()


def interval_cell(interval: "Interval") -> str:
    """The ends of an interval for a table."""
    return f"{interval.low:.2f}-{interval.high:.2f}"


def figure_cell(value: float | None) -> str:
    """A share for a table, with three digits; nothing where there is none."""
    return "" if value is None else f"{value:.3f}"


def tell_no_floor(floors: Iterable[bool], preset: Preset) -> None:
    """What to do where a table has no floor. floors: whether each row is one."""
    if preset == "library" and not any(floors):
        talk("no untrained network is indexed to compare with; vret eval floors makes and indexes some")


def check_outputs(html: Path | None, as_json: bool, as_csv: bool) -> None:
    """Before anything is measured for them. Raises a usage error for two formats, ReportFileError for a bad place."""
    check_one_format(as_json, as_csv)
    if html is not None:
        from app.evaluation.report_html import check_target

        check_target(html)


def tell_looks(looks: Mapping[str, float]) -> None:
    """How much look counted, where an encoder has it apart from movement."""
    if looks:
        talk("look: " + ", ".join(f"{weight:g} with {name}" for name, weight in looks.items()))


def tell_stored(run_id: int, html: Path | None) -> None:
    """The number of a stored run, and its report where one is wanted. run_id: 0 where the catalog may only be read."""
    if not run_id:
        talk(f"not stored: the catalog may only be read{'; nor is there a report, which is made of stored runs' if html else ''}")
        return
    talk(f"stored as run {run_id}")
    if html is None:
        return
    from app.evaluation.report import write_run_report
    from app.workspace import Workspace

    with Workspace() as ws:
        write_run_report(ws, run_id, html)
    talk(f"report: {html}")
