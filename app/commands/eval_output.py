"""What the verbs of `vret eval` say beside their tables."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from app.commands.output import talk
from app.labels.rows import Layout

if TYPE_CHECKING:
    from app.labels.rows import LabelSet
    from app.workspace import Workspace

    OnStep = Callable[[str, int, int], None]

_LEFT_OUT_SHOWN = 10


def labels_of(labels: Path, videos: Path | None, layout: Layout | None, fold: int) -> "LabelSet":
    """The labels that a verb was given. Raises BadLabels."""
    from app.labels.read_labels import read_labels

    return read_labels(labels.expanduser(), videos=videos and videos.expanduser(), layout=layout, fold=fold)


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

        yield tell


def tell_warnings(warnings: Sequence[str]) -> None:
    """What makes the figures doubtful."""
    for warning in warnings:
        talk(f"warning: {warning}")


def tell_left_out(left_out: Sequence[tuple[str, str]]) -> None:
    """The first of them, and how many more."""
    for what, why in left_out[:_LEFT_OUT_SHOWN]:
        talk(f"left out: {what}: {why}")
    if len(left_out) > _LEFT_OUT_SHOWN:
        talk(f"and {len(left_out) - _LEFT_OUT_SHOWN} more left out; all of them with --json")


def tell_beside(warnings: Sequence[str], checks: Sequence[str], left_out: Sequence[tuple[str, str]]) -> None:
    """All that stands beside a table: what makes it doubtful, what was checked, what could not take part."""
    tell_warnings(warnings)
    for check in checks:
        talk(f"checked: {check}")
    tell_left_out(left_out)


def write_html(ws: "Workspace", run_id: int, html: Path | None) -> None:
    """The report of a stored run, where one is wanted."""
    if html is None:
        return
    from app.evaluation.report import write_run_report

    write_run_report(ws, run_id, html)
    talk(f"report: {html}")
