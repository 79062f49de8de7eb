"""`vret pretrain`: from unlabelled footage to a trained network. Needs torch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.output import one_line, talk

if TYPE_CHECKING:
    from pretrain.train import Progress


def pretrain(
    task: Annotated[
        str | None,
        typer.Option(help="What to learn: pace, trajectory, or a weighted sum, pace+0.5*trajectory. Default: the recipe's."),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="Folder or file with footage; may be repeated. Without it: drawn footage.")
    ] = None,
    recipe: Annotated[
        str, typer.Option(help="Named run to start from: laptop, smoke, default_encoder, pace_published.")
    ] = "laptop",
    backbone: Annotated[
        str | None, typer.Option(help="r2plus1d, r2plus1d_half or r2plus1d_quarter. Default: the recipe's.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="The run's name, or a folder for it. Default: the task's name.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was broken off.")] = False,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="Examples of each step.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, or auto.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Of torch on a CPU.")] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that make examples.")] = None,
) -> None:
    """Train an encoder on videos without labels. Needs the train extra.

    Example: vret pretrain --task pace --data ~/Videos, then: vret export
    """
    from app.train_encoder import TrainingChanges, train_encoder
    from app.workspace import Workspace

    changes = TrainingChanges(
        tasks=task,
        backbone=backbone,
        data=[folder.expanduser() for folder in data or ()],
        steps=steps,
        batch_size=batch_size,
        seed=seed,
        device=device,
        threads=threads,
        workers=workers,
    )
    show = _TrainingLine()
    with Workspace() as ws:
        try:
            result = train_encoder(ws, changes, recipe=recipe, run=run, resume=resume, on_progress=show.step)
        except KeyboardInterrupt:
            talk("Stopped. Go on from the last checkpoint with the same command and --resume.")
            raise
    for bad in result.rejected:
        talk(f"not used: {one_line(bad.path)}: {one_line(bad.reason)}")
    typer.echo(f"{result.run_dir}: {result.steps} steps")
    if result.health is not None:
        typer.echo(result.health.words)
    talk("Make an encoder of it: vret export")


class _TrainingLine:
    """Says on stderr how a training goes, each time there is something new to say about the network's health."""

    def __init__(self) -> None:
        self._told = ""

    def step(self, progress: "Progress") -> None:
        words = progress.health.words if progress.health is not None else ""
        if words == self._told and progress.step != 1:
            return
        self._told = words
        left_min = progress.seconds_left / 60
        talk(
            f"step {progress.step}/{progress.steps}  loss {progress.loss:.4f}  {progress.clips_per_s:.0f} clips/s  "
            f"{progress.data_wait:.0%} waiting for data  {left_min:.1f} min left  {words}"
        )
