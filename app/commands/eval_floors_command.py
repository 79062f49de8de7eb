"""`vret eval floors`: index a library with what learnt nothing."""

from typing import Annotated

import typer

from app.commands.options import EncoderOption
from app.commands.output import talk


def register(evaluation: typer.Typer) -> None:
    """Adds the verb."""
    evaluation.command("floors")(floors)


def floors(
    library: Annotated[str, typer.Option("--library", "-l", help="The library to index with them.")],
    encoder: EncoderOption = None,
    seeds: Annotated[int, typer.Option(min=1, max=10, help="How many untrained networks, each of other random weights.")] = 1,
) -> None:
    """Index a library with untrained networks like the encoder's, and with raw colour, to see what training is worth.

    From then on `vret eval retrieval` shows them in every table. The library is read once for each of them.

    Example: vret eval floors --library holidays --seeds 3
    """
    from app.commands.index_command import ProgressBar
    from app.evaluation.floors import index_floors
    from app.workspace import Workspace

    with Workspace() as ws, ProgressBar() as bar:
        report = index_floors(
            ws,
            library,
            encoder=encoder,
            seeds=range(1, seeds + 1),
            on_floor=lambda name: talk(f"indexing with {name}"),
            on_event=bar.show,
        )
    for name, run in zip(report.encoders, report.reports, strict=False):
        typer.echo(f"{name}: {', '.join(f'{what} {count}' for what, count in run.counts().items() if count) or 'nothing to do'}")
    if any(run.stopped for run in report.reports):
        talk("stopped; what is done stays done, and the same command does the rest")
        raise typer.Exit(130)
