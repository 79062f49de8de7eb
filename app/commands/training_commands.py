"""`vret pretrain`: from unlabelled footage to a trained network, and how the runs do. Training needs torch, looking does not."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from app.commands import given
from app.commands.options import JsonOption
from app.commands.output import one_line, print_json, print_table, say, talk
from app.commands.training_output import TrainingLine, left, status_lines
from pretrain.registered_names import registered_names

pretrain = typer.Typer()

_TASKS, _BACKBONES, _RECIPES = (", ".join(registered_names(kind)) for kind in ("task", "backbone", "recipe"))


@pretrain.callback(invoke_without_command=True)
def train(
    context: typer.Context,
    task: Annotated[
        str | None,
        typer.Option(
            help=f"What to learn: {_TASKS}; or a weighted sum, pace+0.5*trajectory; with knobs, pace(contrast=same_context). "
            "Default: the recipe's."
        ),
    ] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            parser=given.path,
            metavar="PATH",
            help="Footage, for tasks that learn from videos: a folder, a file, or a .txt that lists files; may be repeated. "
            "Without it: drawn footage.",
        ),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help=f"Named run to start from: {_RECIPES}. Default: laptop.")] = None,
    backbone: Annotated[str | None, typer.Option(help=f"The network: {_BACKBONES}. Default: the recipe's.")] = None,
    start_from: Annotated[
        str | None,
        typer.Option("--from", help="Go on from these weights: an encoder's name, such as default, a file, or a run."),
    ] = None,
    run: Annotated[str | None, typer.Option(help="The run's name, or a folder for it. Default: the task's name.")] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with a run that was broken off, by --run or --task, else the last one, as it began; device, threads, "
            "workers and cache may change.",
        ),
    ] = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            parser=given.path,
            metavar="PATH",
            help="CSV (path, label and, if you have them, split, group, source), a folder of class folders, or the lists of "
            "UCF101, HMDB51 or Kinetics, to judge the features by; its test rows, or a fifth of it, are never trained on.",
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(parser=given.number, metavar="NUMBER", help="Instead: as many steps as take about so many minutes here."),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="Examples of each step, of all processes together.")] = None,
    accumulate: Annotated[
        int | None, typer.Option(min=1, help="Take each step's examples in so many pieces: saves memory.")
    ] = None,
    lr: Annotated[float | None, typer.Option(parser=given.number, metavar="NUMBER", help="Learning rate at its peak.")] = None,
    size: Annotated[int | None, typer.Option(min=16, help="Pixels of a side of a clip.")] = None,
    frames: Annotated[int | None, typer.Option(min=4, help="Frames of a clip.")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, bf16, or auto: bf16 where the machine is quicker for it.")] = None,
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            parser=given.path, metavar="PATH", help="Keep decoded frames here for later runs. Default: until the run is done."
        ),
    ] = None,
    cache_gb: Annotated[
        float | None, typer.Option(parser=given.not_negative, metavar="NUMBER", help="Gigabytes of decoded frames at most.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, or auto.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Of torch on a CPU, in each process that trains.")] = None,
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that make examples, for each process that trains.")] = None,
) -> None:
    """Train an encoder on videos without labels. Needs the train extra.

    Example: vret pretrain --task pace --data ~/Videos, then: vret export

    On several GPUs: torchrun --nproc-per-node 2 -m app pretrain ...
    """
    if context.invoked_subcommand is not None:
        return
    from app.train_encoder import TrainingChanges, train_encoder
    from app.training_runs import export_command
    from app.workspace import Workspace

    changes = TrainingChanges(
        tasks=task,
        backbone=backbone,
        start_from=start_from,
        data=data or (),
        labels=labels,
        steps=steps,
        batch_size=batch_size,
        accumulate=accumulate,
        learning_rate=lr,
        size_px=size,
        num_frames=frames,
        precision=precision,
        cache_dir=cache_dir,
        cache_gb=cache_gb,
        seed=seed,
        device=device,
        threads=threads,
        workers=workers,
    )
    with Workspace() as ws:
        result = train_encoder(
            ws,
            changes,
            recipe=recipe,
            run=run,
            resume=resume,
            minutes=minutes,
            on_progress=TrainingLine().step,
            on_news=lambda sentence: talk(one_line(sentence)),
        )
        next_command = export_command(ws, result.run_dir)
    if not result.is_main:
        return
    for bad in result.rejected:
        talk(f"not used: {one_line(bad.path)}: {one_line(bad.reason)}")
    say(f"{result.run_dir}: {result.steps} steps")
    if result.health is not None:
        say(result.health.words)
    talk(f"Make an encoder of it: {one_line(next_command)}")


@pretrain.command("list")
def list_runs(as_json: JsonOption = False) -> None:
    """List the training runs, the newest first: running, finished, broken off, not started, or damaged.

    Example: vret pretrain list
    """
    from app.workspace import Workspace
    from pretrain.run_status import all_runs

    with Workspace() as ws:
        runs = all_runs(ws.runs_folder)
    if as_json:
        print_json([dataclasses.asdict(run) for run in runs])
        return
    if not runs:
        talk("No training run. Make one: vret pretrain --task pace --data FOLDER")
        return
    columns = {
        "run": "left",
        "state": "left",
        "steps": "right",
        "loss": "right",
        "left": "right",
        "tasks": "left",
        "backbone": "left",
    }
    rows = [
        (
            one_line(run.run),
            run.state,
            f"{run.step}/{run.steps}" if run.steps else "",
            "" if run.loss is None else f"{run.loss:.4f}",
            "" if run.seconds_left is None else left(run.seconds_left),
            run.tasks,
            run.backbone,
        )
        for run in runs
    ]
    print_table(columns, rows)
    for run in runs:
        if run.state in ("damaged", "not started") and run.stopped:
            talk(one_line(run.stopped))


@pretrain.command("status")
def status(
    run: Annotated[str | None, typer.Argument(help="A run's name, or its folder. Default: the newest.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say how a training run does: how far it is, whether it still runs, and whether it learns.

    Example: vret pretrain status pace
    """
    from app.training_runs import find_run, newest_run
    from app.workspace import Workspace
    from pretrain.run_status import run_status

    with Workspace() as ws:
        found = run_status(newest_run(ws) if run is None else find_run(ws, run))
    if as_json:
        print_json(dataclasses.asdict(found))
        return
    for line in status_lines(found):
        say(line)
