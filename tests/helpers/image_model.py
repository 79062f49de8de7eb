"""Small real ONNX image models, as people export them: an image in, a vector, tokens or a map out."""

from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Answer = Literal["vector", "tokens", "map"]
DIM, SIDE = 24, 32


def write_image_model(
    path: Path, *, answer: Answer = "vector", layout: str = "nchw", batch: int | str = "batch", opset: int = 17, kind: str = "float"
) -> Path:
    """Colours of 4 x 4 cells, projected by seeded weights; `batch` 1 takes one picture only, and has that baked into its graph."""
    rng = np.random.default_rng(5)
    dtype = np.float16 if kind == "half" else np.float32
    elem = TensorProto.FLOAT16 if kind == "half" else TensorProto.FLOAT
    weights = {"kernel": rng.normal(0, 1, (DIM, 3, 8, 8)).astype(dtype) / 14, "bias": rng.normal(0, 0.1, DIM).astype(dtype)}
    constants = {"flat": np.array([batch if isinstance(batch, int) else -1, DIM * 16], np.int64)}
    constants["tokens"] = np.array([batch if isinstance(batch, int) else 0, DIM, 16], np.int64)
    nodes = []
    if layout == "nhwc":
        nodes.append(helper.make_node("Transpose", ["pixels"], ["channels_first"], perm=[0, 3, 1, 2]))
    picture = "channels_first" if layout == "nhwc" else "pixels"
    last = {"vector": "features", "tokens": "hidden", "map": "map"}[answer]
    nodes.append(helper.make_node("Conv", [picture, "kernel", "bias"], ["map"], kernel_shape=[8, 8], strides=[8, 8]))
    nodes.append(helper.make_node("Reshape", ["map", "flat"], ["features"]))
    nodes.append(helper.make_node("Reshape", ["map", "tokens"], ["columns"]))
    nodes.append(helper.make_node("Transpose", ["columns"], ["hidden"], perm=[0, 2, 1]))
    shape = [batch, 3, SIDE, SIDE] if layout == "nchw" else [batch, SIDE, SIDE, 3]
    shapes = {"features": [batch, DIM * 16], "hidden": [batch, 16, DIM], "map": [batch, DIM, 4, 4]}
    graph = helper.make_graph(
        nodes,
        "image_model",
        [helper.make_tensor_value_info("pixels", elem, shape)],
        [helper.make_tensor_value_info(last, elem, shapes[last])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (weights | constants).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))
    return path
