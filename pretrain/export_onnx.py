"""Write an encoder file: the network as ONNX, its card in the metadata, and nothing at all unless both give the same vectors.

Shapes: N clips, T frames, H x W pixels, E numbers of an embedding.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from embedder.encoder_card import EncoderCard
from pretrain.backbones.base import Backbone
from pretrain.baselines import RawColour
from pretrain.checkpoint import load_trained
from pretrain.config import Start
from pretrain.encoder_file import Exported, plain_clips, write_in_precision
from pretrain.encoder_module import ClipEncoder, Pooling, fit_whitening
from pretrain.errors import ExportError
from pretrain.export_spec import ExportSpec as ExportSpec
from pretrain.export_spec import Footage as Footage
from pretrain.export_work import OnWork, batches_of, nobody
from pretrain.onnx_graph import to_onnx, weights_sha256
from pretrain.origin import training_of
from pretrain.parity import check_parity
from pretrain.sample_clips import ClipSource, DrawnClips, DrawnPictures
from pretrain.untrained import untrained_backbone

_WHITENING = "whitening, over clips"
_PARITY_CLIPS = 12
_PARITY_SEED = 20_261_120


DRAWN = Footage()


def export(
    backbone: Backbone,
    out: Path,
    spec: ExportSpec,
    *,
    backbone_name: str,
    task_name: str,
    footage: Footage = DRAWN,
    on_work: OnWork = nobody,
) -> Exported:
    """Write `out`, atomically, and return its card, and how an fp16 or int8 file compares with fp32. on_work: told how far it is.

    Raises ExportError, and writes nothing, when ONNX Runtime's vectors differ from the network's (cosine below 0.9999), or a
    lower precision's too much from those; ValueError for a spec that cannot be.
    """
    encoder = build_encoder(backbone, spec, whiten_on=footage.whiten_on, on_work=on_work)
    on_work("writing and checking the network", 0, 1)
    model = to_onnx(encoder, num_frames=spec.num_frames, size_px=spec.size_px)
    onnx.checker.check_model(model)
    _check_parity(encoder, model, spec)
    source = footage.whiten_on or DrawnClips()
    card = EncoderCard(
        name=spec.name,
        backbone=backbone_name,
        task=task_name,
        num_frames=spec.num_frames,
        height_px=spec.size_px,
        width_px=spec.size_px,
        spans_s=spec.spans_s,
        geometry=spec.geometry,
        dim=int(model.graph.output[0].type.tensor_type.shape.dim[1].dim_value),
        precision="fp32",
        training={**spec.training, "pooling": spec.pooling, **_whitening(spec, encoder, source)},
        weights_sha256=weights_sha256(model),
    )
    written = write_in_precision(out, model, card, spec.precision, footage.calibrate_on, on_work=on_work)
    return dataclasses.replace(written, notes=_notes(spec, encoder, source))


def export_run(run_dir: Path, out: Path, spec: ExportSpec, *, footage: Footage = DRAWN, on_work: OnWork = nobody) -> Exported:
    """The encoder that a training run has come to, from its last checkpoint; clip size comes from the run, not from `spec`, with
    more frames where the backbone wants them (`Backbone.encoder_frames`).

    The whitening is fitted on what the run was trained on, where it drew that, unless `footage` says otherwise. The card's
    `training` tells data, recipe, seed, steps, what was reached, and what the weights began as. Raises
    CheckpointError, and what `export` raises.
    """
    config, model, steps = load_trained(run_dir)
    num_frames = max(config.clip.num_frames, model.backbone.encoder_frames)
    spec = dataclasses.replace(spec, num_frames=num_frames, size_px=config.clip.size_px)
    training = training_of(run_dir, config, steps)
    spec = _with_training(spec, training)
    if footage.whiten_on is None and training["data"] == DrawnPictures.words:
        # Drawn clips are alike in looks: a network that was trained on pictures found fewer places again when whitened on them.
        footage = dataclasses.replace(footage, whiten_on=DrawnPictures())
    names = {"backbone_name": config.backbone, "task_name": str(config.tasks)}
    return export(model.backbone, out, spec, footage=footage, on_work=on_work, **names)


def export_untrained(
    backbone_name: str,
    seed: int,
    out: Path,
    spec: ExportSpec,
    *,
    start: Start = "motion",
    footage: Footage = DRAWN,
    on_work: OnWork = nobody,
) -> Exported:
    """The encoder that a run of this seed is before its first step: the floor that a training has to beat. start: how its
    weights are drawn, as in `TrainConfig`. Raises ValueError for another one, and what `export` raises.
    """
    backbone = untrained_backbone(backbone_name, seed, start=start)
    spec = _with_training(spec, {"data": "none", "seed": seed, "start": start})
    return export(backbone, out, spec, backbone_name=backbone_name, task_name="untrained", footage=footage, on_work=on_work)


def export_colour(out: Path, spec: ExportSpec, *, footage: Footage = DRAWN, on_work: OnWork = nobody) -> Exported:
    """The raw-colour baseline: mean colours on a grid of 4 x 4, averaged over time, mid grey as the origin; 48 numbers. Where the
    spec asks for a whitening, it is fitted on drawn pictures unless `footage` says otherwise.
    """
    spec = _with_training(spec, {"data": "none"}, pooling="grid:1x4x4")
    if spec.whiten_dim is not None and footage.whiten_on is None:
        footage = dataclasses.replace(footage, whiten_on=DrawnPictures())
    return export(RawColour(), out, spec, backbone_name="colour", task_name="untrained", footage=footage, on_work=on_work)


def build_encoder(
    backbone: Backbone, spec: ExportSpec, *, whiten_on: ClipSource | None = None, on_work: OnWork = nobody
) -> ClipEncoder:
    """The torch module that `export` writes, on the CPU, in eval mode; whitening fitted when the spec asks for one."""
    encoder = ClipEncoder(
        backbone.to("cpu"), pooling=Pooling.parse(spec.pooling), num_frames=spec.num_frames, size_px=spec.size_px
    ).eval()
    if spec.whiten_dim is not None:
        source = whiten_on or DrawnClips()
        batches = batches_of(source, spec.whiten_clips, spec.clips, seed=spec.seed, phase=_WHITENING, on_work=on_work)
        with torch.inference_mode():
            features_NF = np.concatenate([encoder.pooled(torch.from_numpy(batch)).numpy() for batch in batches])
        if len(features_NF) < 2:
            raise ExportError("one clip is not enough to fit a whitening; give more footage, or do without: --whiten 0")
        most = min(encoder.pooled_dim, len(features_NF) - 1)
        dim = min(spec.whiten_dim, most) if spec.whiten_at_most else spec.whiten_dim
        encoder.projection = fit_whitening(features_NF, dim, strength=spec.whiten_strength)
    return encoder


def _check_parity(encoder: ClipEncoder, model: onnx.ModelProto, spec: ExportSpec) -> None:
    """Raise ExportError unless the file gives the network's vectors, over drawn clips and the plainest ones."""
    drawn = DrawnClips().batches(_PARITY_CLIPS, spec.clips, seed=_PARITY_SEED)
    clips = np.concatenate([*drawn, plain_clips((spec.num_frames, spec.size_px, spec.size_px, 3))])
    with torch.inference_mode():
        expected_NE: NDArray[np.float64] = encoder(torch.from_numpy(clips)).numpy().astype(np.float64)
    check_parity(expected_NE, model.SerializeToString(), clips)


def _whitening(spec: ExportSpec, encoder: ClipEncoder, source: ClipSource) -> dict[str, Any]:
    if encoder.projection is None:
        return {"whiten_dim": None}
    return {
        "whiten_dim": encoder.projection.out_features,
        "whiten_strength": spec.whiten_strength,
        "whitened_on": source.words,
    }


def _notes(spec: ExportSpec, encoder: ClipEncoder, source: ClipSource) -> tuple[str, ...]:
    if spec.whiten_dim is None or encoder.projection is None:
        return ()
    dim, wanted = encoder.projection.out_features, min(spec.whiten_dim, encoder.pooled_dim)
    if dim == wanted:
        return ()
    return (f"{dim} numbers a clip instead of {wanted}: the whitening had only {dim + 1} {source.words}; more footage gives more",)


def _with_training(spec: ExportSpec, training: Mapping[str, Any], **changes: Any) -> ExportSpec:
    return dataclasses.replace(spec, training={**training, **spec.training}, **changes)
