"""`vret export`: from a trained network to an encoder file. Needs torch."""

from pathlib import Path
from typing import Annotated

import typer

from app.commands.output import talk


def export(
    run: Annotated[str | None, typer.Argument(help="Name or folder of a training run. Default: the newest.")] = None,
    name: Annotated[str | None, typer.Option(help="What --encoder shall call it. Default: the run's name.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write. Default: among the encoders of the data folder.")] = None,
    span: Annotated[
        list[float] | None, typer.Option(help="Clip length in seconds; repeat for a pyramid. Default: 2, 4, 8.")
    ] = None,
    pooling: Annotated[str | None, typer.Option(help="avg, or grid:TxHxW such as grid:2x2x2. Default: grid:2x1x1.")] = None,
    whiten: Annotated[
        int | None,
        typer.Option(min=0, help="Numbers of a vector, by PCA-whitening fitted on drawn clips; 0 for none. Default: 256 at most."),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="No run, but something to compare with: colour, or a backbone's name, untrained.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of an untrained baseline.")] = 1,
) -> None:
    """Write a trained encoder as one .onnx file with its card, after checking that it gives the network's vectors.

    Example: vret export pace --name mine, then: vret index ~/Videos --encoder mine
    """
    from app.export_encoder import export_baseline, export_encoder
    from app.workspace import Workspace

    with Workspace() as ws:
        if baseline is not None:
            if run is not None:
                raise typer.BadParameter("Give a run or --baseline, not both.")
            card, path = export_baseline(ws, baseline, name=name, seed=seed, out=out, pooling=pooling, whiten_dim=whiten)
        else:
            card, path = export_encoder(ws, run, name=name, out=out, spans_s=span, pooling=pooling, whiten_dim=whiten)
    typer.echo(f"{path}: {card.task} on {card.backbone}, {card.dim} numbers a clip, {path.stat().st_size / 1e6:.1f} MB")
    talk(f"Use it: vret index FOLDER --encoder {card.name if out is None else path}")
