"""Use case: make an encoder file that `vret index` can use."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.train_encoder import BadTraining, newest_run, run_folder
from app.workspace import Workspace

if TYPE_CHECKING:
    from embedder.encoder_card import EncoderCard
    from pretrain.export_onnx import ExportSpec

# What found most of what was measured (docs/results.md): the map's two time steps kept apart, centred, half whitened.
DEFAULT_POOLING = "grid:2x1x1"
DEFAULT_WHITEN_DIM = 256


def export_encoder(
    ws: Workspace,
    run: str | None = None,
    *,
    name: str | None = None,
    out: Path | None = None,
    spans_s: Sequence[float] | None = None,
    pooling: str | None = None,
    whiten_dim: int | None = None,
) -> "tuple[EncoderCard, Path]":
    """Makes an encoder file of a run, by default the newest, and returns its card and where it lies.

    name: what `--encoder` calls it, by default the run's name. pooling: by default the map's two time steps are kept apart.
    whiten_dim: numbers of a vector, by default 256 or as many features as there are; 0 for no whitening. out: by default
    among the data folder's encoders, for use by name.
    Raises BadTraining, CheckpointError, ExportError (the file would differ from the network; nothing is written).
    """
    from pretrain.export_onnx import export_run

    folder = newest_run(ws) if run is None else run_folder(ws, run)
    spec = _spec(name or folder.name, spans_s, pooling, whiten_dim)
    target = out or ws.encoders_folder / f"{spec.name}.onnx"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        return export_run(folder, target, spec), target
    except ValueError as error:
        raise BadTraining(str(error)) from error


def export_baseline(
    ws: Workspace,
    baseline: str,
    *,
    name: str | None = None,
    seed: int = 1,
    out: Path | None = None,
    pooling: str | None = None,
    whiten_dim: int | None = None,
) -> "tuple[EncoderCard, Path]":
    """Makes an encoder to compare with: `colour` for raw colours, or a backbone's name for that network untrained, from
    `seed`, pooled and whitened as `export_encoder` would."""
    from pretrain.export_onnx import export_colour, export_untrained

    name = name or (baseline if baseline == "colour" else f"untrained-{baseline}-{seed}")
    target = out or ws.encoders_folder / f"{name}.onnx"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if baseline == "colour":
            return export_colour(target, _spec(name)), target
        return export_untrained(baseline, seed, target, _spec(name, None, pooling, whiten_dim)), target
    except ValueError as error:
        raise BadTraining(str(error)) from error


def _spec(
    name: str, spans_s: Sequence[float] | None = None, pooling: str | None = None, whiten_dim: int | None = None
) -> "ExportSpec":
    from pretrain.export_onnx import ExportSpec

    spec = ExportSpec(
        name=name,
        pooling=pooling or DEFAULT_POOLING,
        whiten_dim=DEFAULT_WHITEN_DIM if whiten_dim is None else whiten_dim or None,
        whiten_at_most=whiten_dim is None,  # a small network has fewer features than the default; who asks for more is told
    )
    return spec if spans_s is None else replace(spec, spans_s=tuple(spans_s))
