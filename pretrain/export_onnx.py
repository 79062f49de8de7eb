"""Write an encoder file: the network as ONNX, its card in the metadata, and nothing at all unless both give the same vectors.

Shapes: N clips, T frames, H x W pixels, E numbers of an embedding.
"""

import dataclasses
import hashlib
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from embedder.encoder_card import CARD_KEY, EncoderCard
from pretrain.backbones import build_backbone
from pretrain.backbones.base import Backbone
from pretrain.baselines import RawColour
from pretrain.checkpoint import load_trained, read_metrics
from pretrain.encoder_module import ClipEncoder, Pooling, fit_whitening
from pretrain.errors import ExportError
from pretrain.sample_clips import drawn_batches
from pretrain.tasks.base import FrameTask

PARITY_COSINE = 0.9999
OPSET = 20
_PARITY_CLIPS = 12
_PARITY_SEED = 20_261_120


@dataclass(frozen=True, kw_only=True)
class ExportSpec:
    """Everything about an encoder file that is not its weights.

    name: what `--encoder` calls it. num_frames, size_px: T, and H = W. spans_s: clip lengths in seconds, ascending.
    pooling: `avg` or `grid:TxHxW`. whiten_dim: numbers of an embedding after PCA-whitening, None for no whitening.
    whiten_at_most: whiten_dim is an upper limit; where there are fewer features, as many as there are.
    whiten_strength: 0 only centres and turns, 1 gives every direction the same spread; a half found most in measurements
    (docs/results.md). whiten_clips: on how many drawn clips the whitening is fitted when no other clips are given. seed: of
    those drawn clips.
    """

    name: str
    num_frames: int = 16
    size_px: int = 64
    spans_s: tuple[float, ...] = (2.0, 4.0, 8.0)
    geometry: str = "squash"
    pooling: str = "avg"
    whiten_dim: int | None = None
    whiten_at_most: bool = False
    whiten_strength: float = 0.5
    whiten_clips: int = 2048
    seed: int = 1
    training: Mapping[str, Any] = field(default_factory=dict)


def export(
    backbone: Backbone,
    out: Path,
    spec: ExportSpec,
    *,
    backbone_name: str,
    task_name: str,
    whiten_on: Iterable[NDArray[np.uint8]] | None = None,
) -> EncoderCard:
    """Write `out`, atomically, and return its card.

    whiten_on: batches uint8 (N, T, H, W, 3) to fit the whitening on; drawn clips when None. Raises ExportError, and writes
    nothing, when ONNX Runtime's vectors differ from the network's (cosine below 0.9999); ValueError for a spec that cannot
    be.
    """
    encoder = build_encoder(backbone, spec, whiten_on=whiten_on)
    model = _to_onnx(encoder, spec)
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
        training={**spec.training, "pooling": spec.pooling, **_whitening(spec, encoder)},
        weights_sha256=weights_sha256(model),
    )
    onnx.helper.set_model_props(model, {CARD_KEY: card.to_json()})
    onnx.checker.check_model(model)
    content = model.SerializeToString()
    check_parity(encoder, content, spec)
    _write_atomically(out, content)
    return card


def export_run(run_dir: Path, out: Path, spec: ExportSpec, *, whiten_on: Iterable[NDArray[np.uint8]] | None = None) -> EncoderCard:
    """The encoder that a training run has come to, from its last checkpoint; clip size comes from the run, not from `spec`.

    The card's `training` tells data, recipe, seed, steps and what was reached. Raises CheckpointError, and what `export` raises.
    """
    config, model, steps = load_trained(run_dir)
    spec = dataclasses.replace(spec, num_frames=config.clip.num_frames, size_px=config.clip.size_px)
    entries = [entry for entry in read_metrics(run_dir) if entry["step"] <= steps]
    uses_videos = any(isinstance(part.task, FrameTask) for part in config.tasks.parts) and bool(config.footage.paths)
    training = {
        "data": "videos" if uses_videos else "drawn clips",
        "recipe": config.recipe,
        "seed": config.seed,
        "steps": steps,
        "clips": steps * config.batch_size,
        "reached": entries[-1]["words"] if entries else "",
    }
    return export(
        model.backbone,
        out,
        _with_training(spec, training),
        backbone_name=config.backbone,
        task_name=str(config.tasks),
        whiten_on=whiten_on,
    )


def export_untrained(backbone_name: str, seed: int, out: Path, spec: ExportSpec) -> EncoderCard:
    """The encoder that the same network is before any training: the floor that a training has to beat."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = build_backbone(backbone_name)
    training = {"data": "none", "seed": seed}
    return export(backbone, out, _with_training(spec, training), backbone_name=backbone_name, task_name="untrained")


def export_colour(out: Path, spec: ExportSpec) -> EncoderCard:
    """The raw-colour baseline: mean colours on a grid of 4 x 4, averaged over time, mid grey as the origin; 48 numbers."""
    spec = _with_training(spec, {"data": "none"}, pooling="grid:1x4x4", whiten_dim=None)
    return export(RawColour(), out, spec, backbone_name="colour", task_name="untrained")


def build_encoder(backbone: Backbone, spec: ExportSpec, *, whiten_on: Iterable[NDArray[np.uint8]] | None = None) -> ClipEncoder:
    """The torch module that `export` writes, on the CPU, in eval mode; whitening fitted when the spec asks for one."""
    encoder = ClipEncoder(
        backbone.to("cpu"), pooling=Pooling.parse(spec.pooling), num_frames=spec.num_frames, size_px=spec.size_px
    ).eval()
    if spec.whiten_dim is not None:
        batches = whiten_on if whiten_on is not None else _drawn(spec, spec.whiten_clips, spec.seed)
        with torch.inference_mode():
            features_NF = np.concatenate([encoder.pooled(torch.from_numpy(batch)).numpy() for batch in batches])
        dim = min(spec.whiten_dim, encoder.pooled_dim) if spec.whiten_at_most else spec.whiten_dim
        encoder.projection = fit_whitening(features_NF, dim, strength=spec.whiten_strength)
    return encoder


def weights_sha256(model: onnx.ModelProto) -> str:
    """SHA-256 over the graph's initialisers in name order, each with its name, type and shape. How the map is pooled
    is one of them.
    """
    digest = hashlib.sha256()
    for tensor in sorted(model.graph.initializer, key=lambda initialiser: str(initialiser.name)):
        array = onnx.numpy_helper.to_array(tensor)
        digest.update(json.dumps([tensor.name, str(array.dtype), list(array.shape)]).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def check_parity(encoder: ClipEncoder, content: bytes, spec: ExportSpec) -> float:
    """The lowest cosine between the network's vectors and ONNX Runtime's, over drawn clips and the plainest ones, in
    batches of 1 and more.

    Raises ExportError below 0.9999, or where a vector is not of unit length.
    """
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    clips = np.concatenate([*_drawn(spec, _PARITY_CLIPS, _PARITY_SEED), *_plain_clips(spec)])
    with torch.inference_mode():
        expected_NE = encoder(torch.from_numpy(clips)).numpy().astype(np.float64)
    halves = (clips[:1], clips[1:])
    got_NE = np.concatenate([session.run(None, {"clips": half})[0] for half in halves]).astype(np.float64)
    lengths = np.linalg.norm(got_NE, axis=1)
    if not np.allclose(lengths, 1, atol=1e-3):
        worst = lengths[np.abs(lengths - 1).argmax()]
        raise ExportError(f"the exported encoder gives a vector of length {worst:.6g} instead of 1; nothing was written")
    lowest = float(((expected_NE * got_NE).sum(axis=1) / lengths).min())
    if not lowest >= PARITY_COSINE:
        raise ExportError(
            f"the exported encoder differs from its network: cosine {lowest:.6f}, {PARITY_COSINE} is asked; nothing was written"
        )
    return lowest


def _to_onnx(encoder: ClipEncoder, spec: ExportSpec) -> onnx.ModelProto:
    example = torch.zeros(2, spec.num_frames, spec.size_px, spec.size_px, 3, dtype=torch.uint8)
    with _quiet_exporter():
        program = torch.onnx.export(
            encoder,
            (example,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("N")},),
            input_names=["clips"],
            output_names=["embeddings"],
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    _forget_the_workshop(model)
    return model


def _forget_the_workshop(model: onnx.ModelProto) -> None:
    """Remove what the exporter notes about its own run (source paths, stack traces): the same network gives the same
    file anywhere.
    """
    graph = model.graph
    model.doc_string = graph.doc_string = ""
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Hide what torch's exporter says to its own developers; its errors are exceptions, and come through."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch|copyreg|onnxscript")
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch|copyreg|onnxscript")
        yield
    logger.setLevel(level)


def _whitening(spec: ExportSpec, encoder: ClipEncoder) -> dict[str, Any]:
    if encoder.projection is None:
        return {"whiten_dim": None}
    return {"whiten_dim": encoder.projection.out_features, "whiten_strength": spec.whiten_strength}


def _drawn(spec: ExportSpec, num_clips: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    return drawn_batches(num_clips, num_frames=spec.num_frames, size_px=spec.size_px, seed=seed)


def _plain_clips(spec: ExportSpec) -> list[NDArray[np.uint8]]:
    """Black, white and noise, one clip each: no training sees them, and a library holds them."""
    shape = (1, spec.num_frames, spec.size_px, spec.size_px, 3)
    noise = np.random.default_rng(_PARITY_SEED).integers(0, 256, shape, dtype=np.uint8)
    return [np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), noise]


def _with_training(spec: ExportSpec, training: Mapping[str, Any], **changes: Any) -> ExportSpec:
    return dataclasses.replace(spec, training={**training, **spec.training}, **changes)


def _write_atomically(out: Path, content: bytes) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, out)
    except BaseException:
        os.unlink(temporary)
        raise
