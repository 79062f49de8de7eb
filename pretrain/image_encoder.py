"""An encoder made of somebody's image model: each of a few frames through it, the mean over them.

The model is an ONNX file, such as an export of DINOv2, SigLIP or MobileNet. It tells what is to be seen (people, places, things),
and nothing of movement. Its graph is put between two pieces of graph of ours; nothing of it is run while that is done.

Shapes: N clips, T frames, S pixels of the square picture's side, C channels, M = N * T pictures, K tokens, D numbers.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # it comes with onnx, without types
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper, numpy_helper

from embedder.encoder_card import LOOK, EncoderCard, VectorPart
from embedder.onnx_session import ORT_ERRORS, first_line
from pretrain.encoder_file import Exported, write_in_precision
from pretrain.errors import EncoderFileError
from pretrain.onnx_graph import forget_the_workshop, weights_sha256
from pretrain.parity import open_bytes

Layout = Literal["nchw", "nhwc"]
Tokens = Literal["first", "mean"]
LAYOUTS: tuple[str, ...] = get_args(Layout)
TOKENS: tuple[str, ...] = get_args(Tokens)

IMAGE_MODEL_TASK = "image model"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_OPSETS = (11, 26)
_MOST_BYTES = (1 << 31) - (1 << 20)  # what one protobuf message holds, less what we add
_SAME = 1e-3  # how far the vector of a picture may be from what it is beside another one
_OUR = "vret_"


@dataclass(frozen=True, kw_only=True)
class ImageModel:
    """How an image model wants its pictures, and what of its answer is the picture's vector.

    size_px: S. mean, std: of the three colours, of values from 0 to 1; a picture x goes in as (x / 255 - mean) / std. layout: is
    the input (M, C, S, S) or (M, S, S, C). tokens: of an output (M, K, D) the first (the class token) or the mean of all. output:
    the name of the output; None: the only one, or else the first that is (M, D), or else the first.
    """

    size_px: int = 224
    mean: Sequence[float] = IMAGENET_MEAN
    std: Sequence[float] = IMAGENET_STD
    layout: Layout = "nchw"
    tokens: Tokens = "first"
    output: str | None = None

    def __post_init__(self) -> None:
        if not 8 <= self.size_px <= 4096:
            raise ValueError(f"The side of the pictures must be 8 to 4096 pixels, got {self.size_px}.")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != 3 or not np.isfinite(values).all():
                raise ValueError(f"The {name} must be three numbers, one for each colour, got {tuple(values)}.")
        if min(self.std) <= 0:
            raise ValueError(f"The std must be above 0, got {tuple(self.std)}.")
        if self.layout not in LAYOUTS:
            raise ValueError(f"The layout must be {' or '.join(LAYOUTS)}, got {self.layout!r}.")
        if self.tokens not in TOKENS:
            raise ValueError(f"The tokens must be {' or '.join(TOKENS)}, got {self.tokens!r}.")


@dataclass(frozen=True, kw_only=True)
class ImageEncoderSpec:
    """The encoder: T frames spread evenly over clips of `spans_s` seconds. geometry: how a frame becomes square, as on cards."""

    name: str
    num_frames: int = 4
    spans_s: tuple[float, ...] = (2.0, 4.0, 8.0)
    geometry: str = "centre_crop"
    image: ImageModel = field(default_factory=ImageModel)


def export_image_encoder(file: Path, out: Path, spec: ImageEncoderSpec) -> Exported:
    """Write the encoder that an image model makes to `out`, atomically: clips uint8 (N, T, S, S, 3) in, unit vectors (N, D) out.

    A model that takes one picture at a time is run once for each. Weights in files beside the model come into the encoder's one.
    Raises EncoderFileError when the file is no ONNX model, or none that makes a vector of fixed length of a picture.
    """
    model = _read(file)
    wrapped, dim = _wrapped(model, spec, file)
    card = EncoderCard(
        name=spec.name,
        backbone=file.stem if file.stem.isprintable() and file.stem else "image model",
        task=IMAGE_MODEL_TASK,
        num_frames=spec.num_frames,
        height_px=spec.image.size_px,
        width_px=spec.image.size_px,
        spans_s=spec.spans_s,
        geometry=spec.geometry,
        dim=dim,
        parts=(VectorPart(LOOK, dim),),
        precision="fp32",
        training={
            "data": "imported image model",
            "file": file.name,
            "file_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "mean": list(map(float, spec.image.mean)),
            "std": list(map(float, spec.image.std)),
            "layout": spec.image.layout,
        },
        weights_sha256=weights_sha256(wrapped),
    )
    return write_in_precision(out, wrapped, card, "fp32", None)


def _read(file: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(str(file))  # with the weights of files beside it; it takes none from elsewhere
        onnx.checker.check_model(model)
    except FileNotFoundError as error:
        raise EncoderFileError(f"There is no file {error.filename or file}.") from error
    except (DecodeError, OSError, ValueError, onnx.checker.ValidationError) as error:
        raise EncoderFileError(f"{file} cannot be read as an ONNX model ({first_line(error)}).") from error
    if model.ByteSize() > _MOST_BYTES:
        raise EncoderFileError(f"{file} has {model.ByteSize() / 1e9:.1f} GB of weights; an encoder is one file of at most 2 GB.")
    opset = _opset(model)
    if not _OPSETS[0] <= opset <= _OPSETS[1]:
        raise EncoderFileError(
            f"{file} is written in ONNX opset {opset}; {_OPSETS[0]} to {_OPSETS[1]} can be used. Export it anew."
        )
    forget_the_workshop(model)
    del model.metadata_props[:]
    return model


def _opset(model: onnx.ModelProto) -> int:
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)


def _wrapped(model: onnx.ModelProto, spec: ImageEncoderSpec, file: Path) -> tuple[onnx.ModelProto, int]:
    """The whole encoder's graph, and D. First with all pictures in one batch; where the model bears one picture only, in turns."""
    picture, output = _picture_input(model, spec.image, file), _chosen_output(model, spec.image, file)
    answer = _trial(model, picture, output, spec.image, file)
    dim = answer.shape[2] if answer.ndim == 3 else answer.shape[1]
    inner = compose.add_prefix(model, _OUR + "model_")
    prefix = _OUR + "model_"
    together = _assembled(_batched(inner, prefix + picture, prefix + output), spec, inner, rank=answer.ndim, dim=dim)
    if _fixed_batch(model, picture) is None and not _fault(together, spec):
        return together, dim
    in_turns = _assembled(_one_by_one(inner, prefix + picture, prefix + output), spec, inner, rank=answer.ndim, dim=dim)
    fault = _fault(in_turns, spec)
    if fault:
        raise EncoderFileError(f"{file} {fault}. Export it for inference.")
    return in_turns, dim


def _picture_input(model: onnx.ModelProto, image: ImageModel, file: Path) -> str:
    """The name of the one input. Raises EncoderFileError for a model that wants something else than such pictures."""
    known = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in known]
    if len(inputs) != 1:
        names = ", ".join(value.name for value in inputs) or "none"
        raise EncoderFileError(f"{file} has the inputs {names}; an image model has one. Export its image part alone.")
    tensor = inputs[0].type.tensor_type
    if tensor.elem_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
        kind = TensorProto.DataType.Name(tensor.elem_type)
        raise EncoderFileError(f"{file} takes {kind} pictures, but float ones are needed. Export it with a float input.")
    shape = [size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim]
    side = image.size_px
    wanted = (None, 3, side, side) if image.layout == "nchw" else (None, side, side, 3)
    if len(shape) != 4 or any(a is not None and b is not None and a != b for a, b in zip(shape[1:], wanted[1:], strict=True)):
        shown = " x ".join("?" if size is None else str(size) for size in shape)
        raise EncoderFileError(
            f"{file} takes pictures of shape {shown}, not ? x {' x '.join(map(str, wanted[1:]))}. Give its --size and --layout."
        )
    return str(inputs[0].name)


def _fixed_batch(model: onnx.ModelProto, picture: str) -> int | None:
    """How many pictures the model says that it takes at once; None where it leaves that open."""
    value = next(value for value in model.graph.input if value.name == picture)
    size = value.type.tensor_type.shape.dim[0]
    return int(size.dim_value) if size.HasField("dim_value") else None


def _chosen_output(model: onnx.ModelProto, image: ImageModel, file: Path) -> str:
    names = [value.name for value in model.graph.output]
    if image.output is not None:
        if image.output not in names:
            raise EncoderFileError(f"{file} has no output {image.output!r}. It has: {', '.join(names)}.")
        return image.output
    vectors = [value.name for value in model.graph.output if len(value.type.tensor_type.shape.dim) == 2]
    return str((vectors or names)[0])


def _trial(model: onnx.ModelProto, picture: str, output: str, image: ImageModel, file: Path) -> NDArray[np.float32]:
    """What the model answers to as many grey pictures as it takes. Raises EncoderFileError for what is no vector."""
    count, side = _fixed_batch(model, picture) or 1, image.size_px
    if count != 1:
        raise EncoderFileError(f"{file} takes {count} pictures at once. Export it for one, or for any number.")
    shape = (1, 3, side, side) if image.layout == "nchw" else (1, side, side, 3)
    half = next(value for value in model.graph.input if value.name == picture).type.tensor_type.elem_type == TensorProto.FLOAT16
    try:
        session = open_bytes(model.SerializeToString())
        (answer,) = session.run([output], {picture: np.zeros(shape, np.float16 if half else np.float32)})
    except ORT_ERRORS as error:
        raise EncoderFileError(f"{file} does not run on a picture of {side} x {side}: {first_line(error)}") from error
    good = isinstance(answer, np.ndarray) and answer.ndim in (2, 3, 4) and answer.shape[0] == 1 and answer.size > 0
    if not good or answer.dtype not in (np.float32, np.float16):
        got = f"{answer.dtype} {answer.shape}" if isinstance(answer, np.ndarray) else type(answer).__name__
        raise EncoderFileError(
            f"{file}: its output {output!r} is {got}, not (1, D), (1, K, D) or (1, D, h, w). Choose another with --output."
        )
    return np.asarray(answer, np.float32)


@dataclass(frozen=True)
class _Middle:
    """Nodes from `vret_pictures` (M, ...) float32 to `vret_answers` (M, ...) float32."""

    nodes: list[onnx.NodeProto]
    initialisers: list[onnx.TensorProto]
    functions: list[onnx.FunctionProto]


def _batched(inner: onnx.ModelProto, picture: str, output: str) -> _Middle:
    given, got = _casts(inner, picture, output)
    return _Middle([given, *inner.graph.node, got], list(inner.graph.initializer), list(inner.functions))


def _one_by_one(inner: onnx.ModelProto, picture: str, output: str) -> _Middle:
    """By Scan, whose body takes pictures without the axis of the batch."""
    given, got = _casts(inner, picture, output, before=_OUR + "one", after=_OUR + "answer")
    zero = numpy_helper.from_array(np.array([0], np.int64), _OUR + "first_axis")
    newer = _opset(inner) >= 13
    axes: dict[str, Any] = {} if newer else {"axes": [0]}  # from opset 13 on they are an input
    extra = [_OUR + "first_axis"] if newer else []
    nodes = [
        helper.make_node("Unsqueeze", [_OUR + "single", *extra], [_OUR + "one"], **axes),
        given,
        *inner.graph.node,
        got,
        helper.make_node("Squeeze", [_OUR + "answer", *extra], [_OUR + "single_answer"], **axes),
    ]
    body = helper.make_graph(
        nodes,
        _OUR + "each",
        [helper.make_tensor_value_info(_OUR + "single", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info(_OUR + "single_answer", TensorProto.FLOAT, None)],
    )
    scan = helper.make_node("Scan", [_OUR + "pictures"], [_OUR + "answers"], num_scan_inputs=1, body=body)
    # Outside of the body, whose weights would not count as the encoder's.
    return _Middle([scan], [*inner.graph.initializer, zero], list(inner.functions))


def _casts(
    inner: onnx.ModelProto, picture: str, output: str, *, before: str = _OUR + "pictures", after: str = _OUR + "answers"
) -> tuple[onnx.NodeProto, onnx.NodeProto]:
    kind = next(value for value in inner.graph.input if value.name == picture).type.tensor_type.elem_type
    return (
        helper.make_node("Cast", [before], [picture], to=kind),
        helper.make_node("Cast", [output], [after], to=TensorProto.FLOAT),
    )


def _assembled(middle: _Middle, spec: ImageEncoderSpec, inner: onnx.ModelProto, *, rank: int, dim: int) -> onnx.ModelProto:
    """The encoder: clips to pictures, the model, answers to unit vectors. rank: of the model's answer. dim: D."""
    image, side = spec.image, spec.image.size_px
    mean, std = (255 * np.asarray(values, np.float32).reshape(1, 1, 1, 3) for values in (image.mean, image.std))
    constants = {
        "mean": mean,
        "std": std,
        "pictures_shape": np.array([-1, side, side, 3], np.int64),
        "frames_shape": np.array([-1, spec.num_frames, dim], np.int64),
        "one_axis": np.array([1], np.int64),
        "last_axes": np.array([2, 3], np.int64),
        "token": np.array(0, np.int64),
        "little": np.array(1e-6, np.float32),  # so that a model's answer of zeros, to black perhaps, has a direction too
    }
    names = {key: _OUR + key for key in constants}
    nodes = [
        helper.make_node("Cast", ["clips"], [_OUR + "bytes"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", [_OUR + "bytes", names["pictures_shape"]], [_OUR + "frames"]),
        helper.make_node("Sub", [_OUR + "frames", names["mean"]], [_OUR + "centred"]),
        helper.make_node("Div", [_OUR + "centred", names["std"]], [_OUR + "scaled"]),
        helper.make_node("Transpose", [_OUR + "scaled"], [_OUR + "pictures"], perm=[0, 3, 1, 2])
        if image.layout == "nchw"
        else helper.make_node("Identity", [_OUR + "scaled"], [_OUR + "pictures"]),
        *middle.nodes,
    ]
    vectors = _OUR + "vectors"
    opset = _opset(inner)
    if rank == 4:
        nodes.append(_mean(opset, _OUR + "answers", vectors, names["last_axes"], [2, 3]))
    elif rank == 3 and image.tokens == "mean":
        nodes.append(_mean(opset, _OUR + "answers", vectors, names["one_axis"], [1]))
    elif rank == 3:
        nodes.append(helper.make_node("Gather", [_OUR + "answers", names["token"]], [vectors], axis=1))
    else:
        nodes.append(helper.make_node("Identity", [_OUR + "answers"], [vectors]))
    unit = _OUR + "unit"
    nodes += [
        # Of unit length before the mean, so that no frame outweighs the others.
        helper.make_node("LpNormalization", [vectors], [unit], axis=1, p=2),
        helper.make_node("Reshape", [unit, names["frames_shape"]], [_OUR + "by_clip"]),
        _mean(opset, _OUR + "by_clip", _OUR + "mean_vector", names["one_axis"], [1]),
        helper.make_node("Add", [_OUR + "mean_vector", names["little"]], [_OUR + "never_zero"]),
        helper.make_node("LpNormalization", [_OUR + "never_zero"], ["embeddings"], axis=1, p=2),
    ]
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "image_encoder",
        [helper.make_tensor_value_info("clips", TensorProto.UINT8, ["N", spec.num_frames, side, side, 3])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["N", dim])],
        [
            *middle.initialisers,
            *(numpy_helper.from_array(np.asarray(value), names[key]) for key, value in constants.items() if names[key] in used),
        ],
    )
    model = helper.make_model(graph, opset_imports=list(inner.opset_import), functions=middle.functions)
    model.ir_version = max(inner.ir_version, 7)
    return model


def _mean(opset: int, given: str, got: str, axes_name: str, axes: list[int]) -> onnx.NodeProto:
    """A mean without the axes; from opset 18 on they are an input."""
    if opset >= 18:
        return helper.make_node("ReduceMean", [given, axes_name], [got], keepdims=0)
    return helper.make_node("ReduceMean", [given], [got], axes=axes, keepdims=0)


def _fault(model: onnx.ModelProto, spec: ImageEncoderSpec) -> str:
    """Empty where it runs, and gives of each clip among three the vector that it gives of it alone."""
    side = spec.image.size_px
    clips = np.random.default_rng(0).integers(0, 256, (3, spec.num_frames, side, side, 3), dtype=np.uint8)
    try:
        session: onnxruntime.InferenceSession = open_bytes(model.SerializeToString())
        (together,) = session.run(None, {"clips": clips})
        alone = [session.run(None, {"clips": clips[row : row + 1]})[0][0] for row in range(3)]
    except ORT_ERRORS as error:
        return f"does not run as part of an encoder ({first_line(error)})"
    same = len(together) == 3 and np.allclose(together, np.stack(alone), atol=_SAME)
    return "" if same else "gives another vector of the same picture when it runs again"
