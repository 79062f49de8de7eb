"""Two encoders in one file: the vector of the one beside that of the other, of the same clip.

Each graph stays as it is, with a prefix before all its names, and both take the same input. If one of them takes smaller pictures,
they are made of the larger inside the graph, so that videos are decoded once.

Shapes: N clips, T frames, H x W pixels, D numbers of a vector, P parts of it.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper, version_converter

from embedder.encoder_card import COLOUR, LOOK, MOTION, EncoderCard, VectorPart
from embedder.frame_scaler import FrameScaler
from embedder.onnx_session import ORT_ERRORS, first_line
from embedder.vector_parts import COLOUR_OF_LOOK, part_slices, shares
from pretrain.encoder_file import Exported, plain_clips, write_in_precision
from pretrain.encoder_weights import read_encoder
from pretrain.errors import EncoderFileError, ExportError
from pretrain.image_encoder import IMAGE_MODEL_TASK
from pretrain.parity import vectors_of
from pretrain.sample_clips import drawn_batches

_SAME_PICTURES, _RESIZED = 0.9999, 0.99
"""Lowest cosine of a part with what its own file gives. Of pictures made smaller in the graph instead of by FFmpeg, 0.99996 and
more were measured: the default encoder's 64 pixels of 96, 112 and 224, drawn clips."""
_CHECKED_CLIPS = 4
_RESIZE_OPSET = 18  # the first whose Resize averages over what it leaves out
_SEED = 20_261_129


@dataclass(frozen=True)
class _Source:
    """One of the files. parts: as they are called in the joined one. prefix: before all names of its graph."""

    path: Path
    card: EncoderCard
    model: onnx.ModelProto
    parts: tuple[VectorPart, ...]

    @property
    def prefix(self) -> str:
        return "_".join(part.name for part in self.parts) + "."

    @property
    def training(self) -> dict[str, Any]:
        """By part, each with its own backbone and task: see `EncoderCard.motion_card`."""
        if len(self.parts) > 1:
            return dict(self.card.training)
        return {self.parts[0].name: {**self.card.training, "backbone": self.card.backbone, "task": self.card.task}}


def join_encoders(motion: Path, look: Path, out: Path, *, name: str) -> Exported:
    """Write one fp32 encoder file with the vectors of both side by side, atomically, after comparing it with both.

    A file of one part without a name of its own is called `look` where an image model or a task of that name made it, or where
    the first one is `motion` already; `colour` where it is raw colour and the first file has motion and look; else `motion`. Parts
    count alike, but `colour` takes COLOUR_OF_LOOK of the share of `look`. Raises EncoderFileError where they do not fit: of other
    clips, other precision, the same parts, or operators that cannot be brought together; ExportError where the joined file gives
    other vectors.
    """
    first, second = _sources(motion, look)
    _check_clips(first, second)
    parts = _shared((*first.parts, *second.parts))
    large = _larger(first, second)
    card = EncoderCard(
        name=name,
        backbone=f"{first.card.backbone}+{second.card.backbone}",
        task=f"{first.card.task}+{second.card.task}",
        num_frames=first.card.num_frames,
        height_px=large.height_px,
        width_px=large.width_px,
        spans_s=first.card.spans_s,
        geometry=first.card.geometry,
        dim=sum(part.dim for part in parts),
        precision="fp32",
        training=first.training | second.training,
        weights_sha256="0" * 64,  # worked out when it is written
        parts=parts,
    )
    joined = _joined((first, second), card)
    _check_vectors((first, second), card, joined)
    return write_in_precision(out, joined, card, "fp32", None)


def part_names(card: EncoderCard) -> tuple[str, ...]:
    """What the parts of a file are called: those of version 1 say nothing of it, but what made them does."""
    if card.has_usual_parts and card.task in (LOOK, IMAGE_MODEL_TASK):
        return (LOOK,)
    return tuple(part.name for part in card.parts)


def _sources(motion: Path, look: Path) -> tuple[_Source, _Source]:
    (card, model), (other_card, other_model) = read_encoder(motion), read_encoder(look)
    names, other_names = part_names(card), part_names(other_card)
    if {MOTION, LOOK} <= set(names) and other_card.has_usual_parts and other_card.backbone == COLOUR:
        other_names = (COLOUR,)
    elif MOTION in names and other_card.has_usual_parts:
        other_names = (LOOK,)
    for path, one in ((motion, card), (look, other_card)):
        if one.precision != "fp32":
            raise EncoderFileError(f"{path} is {one.precision}; join the fp32 files, then write the joined one in {one.precision}")
    if both := sorted(set(names) & set(other_names)):
        raise EncoderFileError(
            f"{motion} and {look} both have a part {', '.join(both)}. Join a file of movement with one of looks, such as "
            "vret encoders import-image makes"
        )
    return _Source(motion, card, model, _named(card, names)), _Source(
        look, other_card, other_model, _named(other_card, other_names)
    )


def _named(card: EncoderCard, names: Sequence[str]) -> tuple[VectorPart, ...]:
    return tuple(VectorPart(name, part.dim) for name, part in zip(names, card.parts, strict=True))


def _shared(parts: tuple[VectorPart, ...]) -> tuple[VectorPart, ...]:
    """The parts, each with its share of a joined vector."""
    names = {part.name for part in parts}
    if not {LOOK, COLOUR} <= names:
        return tuple(VectorPart(part.name, part.dim) for part in parts)
    each = 1 / (len(parts) - 1)
    share = dict.fromkeys(names, each) | {LOOK: each * (1 - COLOUR_OF_LOOK), COLOUR: each * COLOUR_OF_LOOK}
    return tuple(VectorPart(part.name, part.dim, share[part.name]) for part in parts)


def _check_clips(first: _Source, second: _Source) -> None:
    for field, option in (("num_frames", "--frames"), ("spans_s", "--span"), ("geometry", "--geometry")):
        one, other = getattr(first.card, field), getattr(second.card, field)
        if one != other:
            raise EncoderFileError(
                f"{first.path} has {field} {_shown(one)}, {second.path} has {_shown(other)}; both must see the same clips. "
                f"Make one of them again, with the other's {option}"
            )


def _shown(value: object) -> str:
    return ", ".join(f"{one:g}" for one in value) if isinstance(value, tuple) else str(value)


def _larger(first: _Source, second: _Source) -> EncoderCard:
    """The card with the larger pictures. Raises EncoderFileError where neither has, or the smaller show another cut-out."""
    small, large = sorted((first.card, second.card), key=lambda card: card.height_px * card.width_px)
    fits = small.height_px <= large.height_px and small.width_px <= large.width_px
    if large.geometry == "centre_crop":  # a picture of another shape has other edges
        fits = fits and small.height_px * large.width_px == small.width_px * large.height_px
    if not fits:
        raise EncoderFileError(
            f"{first.path} takes pictures of {first.card.width_px} x {first.card.height_px}, {second.path} of "
            f"{second.card.width_px} x {second.card.height_px}, and neither can be made of the other's. Make one of them again"
        )
    return large


def _joined(sources: tuple[_Source, _Source], card: EncoderCard) -> onnx.ModelProto:
    resized = [_size(source.card) != _size(card) for source in sources]
    opset = max(*(_opset(source.model) for source in sources), _RESIZE_OPSET if any(resized) else 0)
    models = [_renamed(source, opset) for source in sources]
    nodes: list[onnx.NodeProto] = []
    initialisers: list[onnx.TensorProto] = []
    for source, model, smaller in zip(sources, models, resized, strict=True):
        clips = source.prefix + "clips"
        nodes += _smaller(source, card, initialisers) if smaller else [helper.make_node("Identity", ["clips"], [clips])]
        nodes += model.graph.node
        initialisers += model.graph.initializer
        # Of length one, and its parts with the shares of its own card: now with those of the joined one.
        share = source.prefix + "joined_share"
        initialisers.append(numpy_helper.from_array(_rescale(source, card), share))
        nodes.append(helper.make_node("Mul", [source.prefix + "embeddings", share], [source.prefix + "joined"]))
    nodes.append(helper.make_node("Concat", [source.prefix + "joined" for source in sources], ["embeddings"], axis=1))
    graph = helper.make_graph(
        nodes,
        "joined_encoders",
        [helper.make_tensor_value_info("clips", TensorProto.UINT8, ["N", card.num_frames, *_size(card), 3])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["N", card.dim])],
        initialisers,
        sparse_initializer=[one for model in models for one in model.graph.sparse_initializer],
    )
    functions = [function for model in models for function in model.functions]
    joined = helper.make_model(graph, opset_imports=_opsets(sources, models), functions=functions)
    joined.ir_version = max(model.ir_version for model in models)
    try:
        onnx.checker.check_model(joined)
    except onnx.checker.ValidationError as error:
        raise EncoderFileError(f"{_names(sources)} cannot be one graph ({first_line(error)})") from error
    return joined


def _rescale(source: _Source, card: EncoderCard) -> NDArray[np.float32]:
    """What a source's vectors are multiplied by: float32, (D of it,), or () where all of its parts are treated alike."""
    joined = dict(zip((part.name for part in card.parts), shares(card.parts), strict=True))
    factors = np.sqrt([joined[part.name] for part in source.parts] / shares(source.card.parts)).astype(np.float32)
    return factors[0] if len(set(factors.tolist())) == 1 else np.repeat(factors, [part.dim for part in source.parts])


def _size(card: EncoderCard) -> tuple[int, int]:
    return card.height_px, card.width_px


def _opset(model: onnx.ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)


def _renamed(source: _Source, opset: int) -> onnx.ModelProto:
    """The graph in operators of this version, and all its names with the prefix."""
    model = source.model
    if _opset(model) != opset:
        try:
            model = version_converter.convert_version(model, opset)
        except (RuntimeError, ValueError) as error:  # an operator that it cannot translate
            raise EncoderFileError(
                f"{source.path} is written in ONNX opset {_opset(source.model)} and cannot be brought to {opset}, which joining "
                f"needs ({first_line(error)}). Export it in opset {opset}"
            ) from error
    renamed = compose.add_prefix(
        model,
        source.prefix,
        rename_nodes=False,
        rename_edges=False,
        rename_inputs=False,
        rename_outputs=False,
        rename_initializers=False,
        rename_value_infos=False,
        rename_functions=True,
    )
    # Weights first: a graph inside a node, such as a loop's, may use them, and onnx renames those before it has seen the weights.
    weights = {tensor.name: source.prefix + tensor.name for tensor in model.graph.initializer}
    renamed.graph.CopyFrom(compose.add_prefix_graph(renamed.graph, source.prefix, name_map=weights))
    return renamed


def _opsets(sources: tuple[_Source, _Source], models: Sequence[onnx.ModelProto]) -> list[onnx.OperatorSetIdProto]:
    """The operators' versions of both. Raises EncoderFileError where they differ and no translation is known."""
    versions: dict[str, int] = {}
    for model in models:
        for entry in model.opset_import:
            domain = "" if entry.domain == "ai.onnx" else entry.domain
            if versions.setdefault(domain, entry.version) != entry.version:
                raise EncoderFileError(
                    f"{_names(sources)} use operators {domain!r} of versions {versions[domain]} and {entry.version}, which no "
                    "graph can hold together. Export one of them again"
                )
    return [helper.make_opsetid(domain, version) for domain, version in versions.items()]


def _names(sources: tuple[_Source, _Source]) -> str:
    return " and ".join(str(source.path) for source in sources)


def _smaller(source: _Source, card: EncoderCard, initialisers: list[onnx.TensorProto]) -> list[onnx.NodeProto]:
    """Nodes that make `clips` as small as this graph takes them: by the mean of the pixels around each, as FFmpeg does."""
    ours = source.prefix + "resize_"
    height_px, width_px = _size(source.card)
    constants = {
        "pictures": np.array([-1, *_size(card), 3], np.int64),
        "factors": np.array([1, 1, _factor(card.height_px, height_px), _factor(card.width_px, width_px)], np.float32),
        "clips": np.array([-1, card.num_frames, height_px, width_px, 3], np.int64),
        "low": np.float32(0),
        "high": np.float32(255),
    }
    initialisers += [numpy_helper.from_array(np.asarray(value), ours + key) for key, value in constants.items()]
    return [
        helper.make_node("Cast", ["clips"], [ours + "float"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", [ours + "float", ours + "pictures"], [ours + "flat"]),
        helper.make_node("Transpose", [ours + "flat"], [ours + "channels_first"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "Resize",
            [ours + "channels_first", "", ours + "factors"],
            [ours + "small"],
            mode="linear",
            antialias=1,
            coordinate_transformation_mode="half_pixel",
        ),
        helper.make_node("Round", [ours + "small"], [ours + "round"]),
        helper.make_node("Clip", [ours + "round", ours + "low", ours + "high"], [ours + "bytes"]),
        helper.make_node("Transpose", [ours + "bytes"], [ours + "channels_last"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", [ours + "channels_last", ours + "clips"], [ours + "by_clip"]),
        helper.make_node("Cast", [ours + "by_clip"], [source.prefix + "clips"], to=TensorProto.UINT8),
    ]


def _factor(from_px: int, to_px: int) -> np.float32:
    """What a side is multiplied by; the product is rounded down. A factor and no size, because ONNX Runtime 1.31 loses the sizes
    of a Resize along given axes when it moves the transposition before it.
    """
    factor = np.float32(to_px / from_px)
    while np.floor(np.float32(from_px) * factor) < to_px:
        factor = np.nextafter(factor, np.float32(2))
    return factor


def _check_vectors(sources: tuple[_Source, _Source], card: EncoderCard, joined: onnx.ModelProto) -> None:
    """Raise ExportError unless each part is what its own file gives of the same clips."""
    clips = _clips(card)
    where = part_slices(card.parts)
    try:
        vectors = vectors_of(joined.SerializeToString(), clips)
        for source in sources:
            same = _size(source.card) == _size(card)
            alone = vectors_of(source.model.SerializeToString(), clips if same else _scaled(clips, source.card))
            alone = alone * _rescale(source, card)
            start = where[source.parts[0].name].start
            ours = vectors[:, start : start + source.card.dim]
            lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(alone, axis=1)
            lowest = float(((ours * alone).sum(axis=1) / np.maximum(lengths, 1e-9)).min())
            if not lowest >= (_SAME_PICTURES if same else _RESIZED):
                raise ExportError(
                    f"the joined encoder differs from {source.path}: cosine {lowest:.6f}, "
                    f"{_SAME_PICTURES if same else _RESIZED} is asked; nothing was written"
                )
    except ORT_ERRORS as error:
        raise EncoderFileError(f"{_names(sources)} do not run as one graph ({first_line(error)})") from error


def _clips(card: EncoderCard) -> NDArray[np.uint8]:
    """Drawn clips, black and white, uint8 (N, T, H, W, 3). No noise: what is left of it when it is made smaller is chance."""
    side = max(_size(card))
    (drawn,) = drawn_batches(_CHECKED_CLIPS, num_frames=card.num_frames, size_px=side, seed=_SEED)
    squash = dataclasses.replace(card, geometry="squash")
    return np.concatenate([_scaled(drawn, squash), plain_clips((card.num_frames, *_size(card), 3))[:2]])


def _scaled(clips: NDArray[np.uint8], card: EncoderCard) -> NDArray[np.uint8]:
    """Clips with pictures of a card's size, made as videos are read."""
    scaler = FrameScaler(*_size(card), card.geometry)
    frames = [[scaler.picture(av.VideoFrame.from_ndarray(frame, format="rgb24")) for frame in clip] for clip in clips]
    return np.asarray(frames, np.uint8)
