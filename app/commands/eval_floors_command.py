"""`vret eval floors`: index a library with what learnt nothing."""

from typing import Annotated

import typer

from app.commands import given
from app.commands.options import EncoderOption
from app.commands.output import say, talk


def register(evaluation: typer.Typer) -> None:
    """Adds the verb."""
    evaluation.command("floors")(floors)


def floors(
    library: Annotated[
        str, typer.Option("--library", "-l", parser=given.text, metavar="NAME", help="The library to index with them.")
    ],
    encoder: EncoderOption = None,
    seeds: Annotated[int, typer.Option(min=1, max=10, help="How many untrained networks, each of other random weights.")] = 1,
) -> None:
    """Index a library with untrained networks like the encoder's, and with raw colour, to see what training is worth.

    From then on `vret eval retrieval` shows them in every table. The library is read once for each of them.

    Example: vret eval floors --library holidays --seeds 3
    """
    from app.commands.index_command import ProgressBar
    from app.evaluation.floors import index_floors
    from app.evaluation.progress import evaluation_job
    from app.index_report import IndexProgress
    from app.workspace import Workspace

    with Workspace() as ws, ProgressBar() as bar, evaluation_job(ws, library) as keep:

        def working(doing: str, done: int, total: int) -> None:
            indexing(IndexProgress(phase=doing, done=done, total=total))

        def indexing(event: IndexProgress) -> None:
            keep(event.phase, event.done, event.total)
            bar.show(event)

        report = index_floors(
            ws, library, encoder=encoder, seeds=range(1, seeds + 1), on_floor=talk, on_work=working, on_event=indexing
        )
        for name, run in zip(report.encoders, report.reports, strict=False):
            counts = ", ".join(f"{what} {count}" for what, count in run.counts().items() if count)
            say(f"{name}: {counts or 'nothing to do'}")
        if any(run.stopped for run in report.reports):
            talk("what is done stays done, and the same command does the rest")
            raise KeyboardInterrupt
