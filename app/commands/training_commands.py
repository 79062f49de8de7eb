"""`vret pretrain` and `vret export`: from unlabelled footage to an encoder."""

from pathlib import Path
from typing import Annotated

import typer


def pretrain(
    task: Annotated[str, typer.Option(help="The pretext task, or a weighted sum: pace, trajectory, pace+trajectory.")] = "pace",
) -> None:
    """Train an encoder on videos without labels.

    Example: vret pretrain --task pace --data ~/Videos
    """
    raise NotImplementedError(task)


def export(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
) -> None:
    """Write a trained encoder as one .onnx file with its card, after checking that it gives the same vectors.

    Example: vret export runs/pace --out pace.onnx
    """
    raise NotImplementedError(run)
