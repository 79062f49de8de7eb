"""Encoder files that are odd in one way each, made of the tiny one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.helpers.tiny_encoder import write_tiny_encoder


def edit(path: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    """Changes a file in place."""
    model = onnx.load(str(path), load_external_data=False)
    change(model)
    onnx.save(model, str(path))
    return path


def edit_card(path: Path, **changes: Any) -> Path:
    """Changes fields of the card in place, and nothing else."""

    def change(model: onnx.ModelProto) -> None:
        (entry,) = model.metadata_props
        entry.value = json.dumps(json.loads(entry.value) | changes)

    return edit(path, change)


def after_the_last(path: Path, nodes: list[onnx.NodeProto], **constants: Any) -> Path:
    """Puts nodes between the tiny encoder's vectors, called `unit`, and `embeddings`."""

    def change(model: onnx.ModelProto) -> None:
        model.graph.node[-1].output[0] = "unit"
        model.graph.initializer.extend(numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items())
        model.graph.node.extend(nodes)

    return edit(path, change)


def endless(path: Path) -> Path:
    """It never comes to an end."""
    turn, turned = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("turn", "turned"))
    on, still_on = (helper.make_tensor_value_info(name, TensorProto.BOOL, []) for name in ("on", "still_on"))
    nodes = [helper.make_node("Identity", ["on"], ["still_on"]), helper.make_node("Identity", ["turn"], ["turned"])]
    number = helper.make_tensor_value_info("i", TensorProto.INT64, [])
    body = helper.make_graph(nodes, "body", [number, on, turn], [still_on, turned])
    loop = helper.make_node("Loop", ["", "go", "unit"], ["embeddings"], body=body)
    return after_the_last(write_tiny_encoder(path), [loop], go=np.array(True))


def greedy(path: Path) -> Path:
    """It asks for 40 GB, and writes into them."""
    nodes = [
        helper.make_node("ConstantOfShape", ["much"], ["ones"], value=helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])),
        helper.make_node("ReduceMean", ["ones"], ["one"], keepdims=0),
        helper.make_node("Mul", ["unit", "one"], ["embeddings"]),
    ]
    return after_the_last(write_tiny_encoder(path), nodes, much=np.array([10_000_000_000], np.int64))


def random(path: Path) -> Path:
    """Other vectors at every run."""
    nodes = [
        helper.make_node("RandomNormalLike", ["unit"], ["noise"]),
        helper.make_node("LpNormalization", ["noise"], ["embeddings"], axis=1, p=2),
    ]
    return after_the_last(write_tiny_encoder(path), nodes)


def neighbourly(path: Path) -> Path:
    """What a clip gives depends on the others of its batch."""
    nodes = [
        helper.make_node("ReduceMean", ["unit"], ["others"], axes=[0], keepdims=1),
        helper.make_node("Add", ["unit", "others"], ["mixed"]),
        helper.make_node("LpNormalization", ["mixed"], ["embeddings"], axis=1, p=2),
    ]
    return after_the_last(write_tiny_encoder(path), nodes)


def one_at_a_time(path: Path) -> Path:
    """It takes batches of one clip only."""

    def change(model: onnx.ModelProto) -> None:
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.shape.dim[0].dim_value = 1

    return edit(write_tiny_encoder(path), change)


def scaled(path: Path, factor: float) -> Path:
    """Vectors of another length than 1, or NaN."""
    node = helper.make_node("Mul", ["unit", "factor"], ["embeddings"])
    return after_the_last(write_tiny_encoder(path), [node], factor=np.float32(factor))


def with_outside_weights(path: Path, location: str = "weights.bin") -> Path:
    """Its weights lie in another file, which is there."""
    model = onnx.load(str(write_tiny_encoder(path)))
    onnx.save(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=100)
    return edit(path, lambda model: _point_at(model, location)) if location != "weights.bin" else path


def _point_at(model: onnx.ModelProto, location: str) -> None:
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location


def with_unknown_operator(path: Path) -> Path:
    """It needs a library of operators."""
    return after_the_last(write_tiny_encoder(path), [helper.make_node("Mine", ["unit"], ["embeddings"], domain="somebody")])
