"""An encoder file from a graph and its card: in the precision asked for, checked against fp32, written whole or not at all."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from embedder.cores import num_cores
from embedder.encoder_card import CARD_KEY, PRECISIONS, EncoderCard, VectorPart
from embedder.vector_parts import part_slices
from embedder.worker_messages import PictureSpec
from pretrain.atomic_file import replacing
from pretrain.encoder_weights import read_encoder
from pretrain.errors import EncoderFileError, ExportError
from pretrain.export_work import OnWork, batches_of, nobody
from pretrain.half import check_range, to_half
from pretrain.onnx_graph import map_nodes, weights_sha256
from pretrain.parity import Agreement, Vectors, agreement_of, check_agreement, least, ms_per_clip, vectors_of
from pretrain.quantise import largest_value, to_int8
from pretrain.sample_clips import ClipSource, ClipSpec, DrawnClips

CALIBRATION_CLIPS = 96
HELD_OUT_CLIPS = 160
FEWEST_CLIPS = 32
"""Of both together: with fewer, a share of neighbours says nothing."""

_CALIBRATING = "clips to calibrate and compare with"
_SEED = 20_261_121


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written. agreement: with fp32, on clips that the calibration did not see; None for an fp32 file.

    ms_per_clip: milliseconds a clip of `fp32` and of the precision written, with one thread and with all; empty for fp32.
    notes: what turned out otherwise than it was asked for, in words.
    """

    card: EncoderCard
    agreement: Agreement | None = None
    ms_per_clip: dict[str, list[float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClipSets:
    """uint8 (N, T, H, W, 3) each, of different clips. words: where they come from."""

    calibration: NDArray[np.uint8]
    held_out: NDArray[np.uint8]
    words: str


def clip_spec(card: EncoderCard) -> ClipSpec:
    """The clips that an encoder takes."""
    pictures = PictureSpec(num_frames=card.num_frames, height_px=card.height_px, width_px=card.width_px, geometry=card.geometry)
    return ClipSpec(pictures=pictures, spans_s=card.spans_s)


def clip_sets(source: ClipSource, spec: ClipSpec, *, on_work: OnWork = nobody) -> ClipSets:
    """Clips for calibration and for the check afterwards. Raises ExportError when there are too few, TrainingDataError."""
    wanted = CALIBRATION_CLIPS + HELD_OUT_CLIPS
    clips = np.concatenate(list(batches_of(source, wanted, spec, seed=_SEED, phase=_CALIBRATING, on_work=on_work)))
    if len(clips) < FEWEST_CLIPS:
        raise ExportError(f"there are only {len(clips)} {source.words}, at least {FEWEST_CLIPS} are needed; give more videos")
    edge = len(clips) * CALIBRATION_CLIPS // wanted
    return ClipSets(calibration=clips[:edge], held_out=clips[edge:], words=source.words)


def in_precision(
    model: onnx.ModelProto,
    precision: str,
    clips: ClipSets,
    *,
    parts: Sequence[VectorPart] = (),
    on_work: OnWork = nobody,
) -> tuple[onnx.ModelProto, Agreement]:
    """An fp32 encoder's graph in `fp16` or `int8`, and how well it agrees with it. parts: of its vectors; of several, each number
    of the agreement is that of the part which agrees least, since a search may go by that part alone.

    Raises ExportError where it would be wrong, or where there is no convolution to store in fewer bits.
    """
    if not map_nodes(model):
        raise ExportError(f"this encoder has no convolutions, so there is nothing to gain from {precision}; use --precision fp32")
    plain = plain_clips(clips.held_out.shape[1:])
    on_work(f"making {precision}", 0, 1)
    if precision == "fp16":
        check_range(largest_value(model, np.concatenate([clips.calibration, plain])))
    small = to_half(model) if precision == "fp16" else to_int8(model, clips.calibration)
    on_work("comparing with fp32", 0, 1)
    before, after = model.SerializeToString(), small.SerializeToString()
    held_out, of_plain = ([vectors_of(content, own) for content in (before, after)] for own in (clips.held_out, plain))
    found = [
        agreement_of(*_part(held_out, where), plain=_part(of_plain, where))
        for where in (part_slices(parts).values() if parts else [slice(None)])
    ]
    return small, least(found)


def _part(both: Sequence[Vectors], where: slice) -> tuple[Vectors, Vectors]:
    """One part of the vectors of two encoders, of unit length."""
    first, second = (vectors[:, where] / np.linalg.norm(vectors[:, where], axis=1, keepdims=True) for vectors in both)
    return first, second


def write_in_precision(
    out: Path, model: onnx.ModelProto, card: EncoderCard, precision: str, source: ClipSource | None, *, on_work: OnWork = nobody
) -> Exported:
    """Writes an fp32 graph in the precision asked for, atomically, with the card made to fit.

    card: of the fp32 encoder; its precision and hash are worked out here. source: clips for calibration and check, drawn
    ones when None. Raises ValueError for a precision that is none, ExportError, TrainingDataError.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    card = dataclasses.replace(card, precision="fp32", weights_sha256=weights_sha256(model))
    if precision == "fp32":
        _write(out, model, card)
        return Exported(card=card)
    clips = clip_sets(source or DrawnClips(), clip_spec(card), on_work=on_work)
    small, agreement = in_precision(model, precision, clips, parts=card.parts, on_work=on_work)
    check_agreement(precision, agreement, on_footage=source is not None, whitened=_is_whitened(card.training))
    about = {
        "made_from": card.weights_sha256,
        "agreement_with_fp32": {
            "clips": f"{agreement.num_clips} {clips.words}",
            "mean_cosine": round(agreement.mean_cosine, 6),
            "min_cosine": round(agreement.min_cosine, 6),
            "plain_cosine": round(agreement.plain_cosine, 6),
            "top10": round(agreement.top10, 4),
        },
    }
    if precision == "int8":
        about["calibrated_on"] = f"{len(clips.calibration)} {clips.words}"
    card = dataclasses.replace(card, precision=precision, weights_sha256=weights_sha256(small), training={**card.training, **about})
    _write(out, small, card)
    on_work("measuring the speed", 0, 1)
    contents = {"fp32": model.SerializeToString(), precision: small.SerializeToString()}
    return Exported(card=card, agreement=agreement, ms_per_clip=ms_per_clip(contents, clips.held_out, threads=(1, num_cores())))


def convert_file(
    source: Path,
    out: Path,
    precision: str,
    *,
    name: str | None = None,
    spans_s: Sequence[float] | None = None,
    calibrate_on: ClipSource | None = None,
    on_work: OnWork = nobody,
) -> Exported:
    """Writes an fp32 encoder file in another precision: the same network, pooling and whitening. Needs no training run.

    name: by default the encoder's and the precision, such as `default-int8`. Raises EncoderFileError for a file that is not
    fp32, and what `write_in_precision` raises.
    """
    card, model = read_encoder(source)
    if card.precision != "fp32":
        raise EncoderFileError(f"{source} is {card.precision} already; give the fp32 file that it was made from")
    if precision == "fp32":
        raise EncoderFileError(f"{source} is fp32 already; ask for fp16 or int8")
    card = dataclasses.replace(card, name=name or f"{card.name}-{precision}", spans_s=tuple(spans_s or card.spans_s))
    return write_in_precision(out, model, card, precision, calibrate_on, on_work=on_work)


def plain_clips(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Black, white and noise, one clip each, uint8 (3, *shape): no training sees them, and a library holds them."""
    noise = np.random.default_rng(_SEED).integers(0, 256, shape, dtype=np.uint8)
    return np.stack([np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8), noise])


def _is_whitened(training: Mapping[str, Any]) -> bool:
    """Whether the encoder is, or one of those that it was joined of."""
    parts = [value for value in training.values() if isinstance(value, Mapping)]
    return any(one.get("whiten_dim") is not None for one in (training, *parts))


def _write(out: Path, model: onnx.ModelProto, card: EncoderCard) -> None:
    onnx.helper.set_model_props(model, {CARD_KEY: card.to_json()})
    onnx.checker.check_model(model)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(out) as file:
            file.write(model.SerializeToString())
    except OSError as error:
        raise ExportError(f"{out} cannot be written: {error.strerror}; make room, or write elsewhere with --out") from error
