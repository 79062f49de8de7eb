"""A tiny real encoder file, so that tests need neither training nor torch.

It shrinks every frame to 4 x 4 colours, projects all of a clip's colours with seeded random weights and gives unit vectors:
the same pixels give the same vector, other pixels another one, and the order of frames counts.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write_tiny_encoder(
    path: Path,
    *,
    name: str = "tiny",
    dim: int = 48,
    spans_s: tuple[float, ...] = (2.0,),
    num_frames: int = 8,
    size_px: int = 32,
    seed: int = 0,
    task: str = "none",
) -> Path:
    """Writes the encoder with its card; another `seed` or `dim` makes another encoder. task: "untrained" makes it a floor."""
    rng = np.random.default_rng(seed)
    num_colours = num_frames * 3 * 16
    weights = {
        "bias": rng.normal(0, 0.01, dim).astype(np.float32),  # so that black has a direction too
        "projection": (rng.normal(0, 1, (num_colours, dim)) / np.sqrt(num_colours)).astype(np.float32),
    }
    constants = {"scale": np.float32(1 / 255), "frames_shape": np.array([-1, num_frames * 3, size_px, size_px], np.int64)}
    initialisers = {key: np.asarray(value) for key, value in (weights | constants).items()}
    digest = hashlib.sha256()
    for key in sorted(initialisers):
        digest.update(json.dumps([key, str(initialisers[key].dtype), list(initialisers[key].shape)]).encode())
        digest.update(initialisers[key].tobytes())
    nodes = [
        helper.make_node("Cast", ["clips"], ["bytes"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["bytes", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["channels_first"], perm=[0, 1, 4, 2, 3]),
        helper.make_node("Reshape", ["channels_first", "frames_shape"], ["frames"]),
        helper.make_node("AveragePool", ["frames"], ["cells"], kernel_shape=[size_px // 4] * 2, strides=[size_px // 4] * 2),
        helper.make_node("Flatten", ["cells"], ["flat"], axis=1),
        helper.make_node("ReduceMean", ["flat"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["flat", "mean"], ["centred"]),
        helper.make_node("Gemm", ["centred", "projection", "bias"], ["projected"]),
        helper.make_node("LpNormalization", ["projected"], ["embeddings"], axis=1, p=2),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("clips", TensorProto.UINT8, ["N", num_frames, size_px, size_px, 3])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["N", dim])],
        [numpy_helper.from_array(value, key) for key, value in initialisers.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    card = {
        "format_version": 1,
        "name": name,
        "backbone": "colours",
        "task": task,
        "num_frames": num_frames,
        "height_px": size_px,
        "width_px": size_px,
        "spans_s": list(spans_s),
        "geometry": "squash",
        "dim": dim,
        "precision": "fp32",
        "training": {},
        "weights_sha256": digest.hexdigest(),
    }
    helper.set_model_props(model, {"vret.card": json.dumps(card)})
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path
