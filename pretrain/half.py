"""An encoder's graph in half precision: the convolutions' weights and what flows between them; the ends stay float32.

Scaling pixels, pooling, projection and unit length stay in float32: sums over a map and differences of large numbers live
there, and they cost nothing. On a CPU without half precision ONNX Runtime widens the weights when it loads the file, and is
as quick as in fp32; on a GPU the convolutions run in half precision.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pretrain.errors import ExportError
from pretrain.onnx_graph import map_nodes

LARGEST = 65504.0
HEADROOM = 4.0
"""Values that came up may be this much larger on other clips before half precision overflows."""


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same encoder with its map computed in half precision. Raises ExportError where that cannot be."""
    half = onnx.ModelProto()
    half.CopyFrom(model)
    inside = {output for node in map_nodes(half) for output in node.output}
    floats = _float_values(half)
    _halve_weights(half, inside)
    initialisers = {tensor.name for tensor in half.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    cast: set[str] = set()
    for source in half.graph.node:
        node = onnx.NodeProto()
        node.CopyFrom(source)
        is_inside = bool(inside.intersection(node.output))
        for place, name in enumerate(node.input):
            if name not in floats or name in initialisers or is_inside == (name in inside):
                continue
            node.input[place] = f"{name}.{'half' if is_inside else 'single'}"
            if node.input[place] not in cast:
                cast.add(node.input[place])
                to = TensorProto.FLOAT16 if is_inside else TensorProto.FLOAT
                nodes.append(helper.make_node("Cast", [name], [node.input[place]], to=to, name=f"{node.input[place]}.cast"))
        if is_inside and node.op_type == "Cast":
            _cast_to_half(node)
        nodes.append(node)
    del half.graph.node[:], half.graph.value_info[:]
    half.graph.node.extend(nodes)
    try:
        onnx.checker.check_model(half, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"this network cannot be written in half precision ({error}); use --precision fp32") from error
    return half


def check_range(largest: float) -> None:
    """Raise ExportError when the largest value that came up between the convolutions is near what half precision holds."""
    if not largest <= LARGEST / HEADROOM:
        raise ExportError(
            f"values inside this network reach {largest:.3g}, half precision holds up to {LARGEST:g}: on a GPU it would "
            "overflow; nothing was written. Use --precision fp32"
        )


def _float_values(model: onnx.ModelProto) -> set[str]:
    """Names of the values that are float32."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    return {
        value.name
        for value in (*graph.value_info, *graph.input, *graph.output)
        if value.type.tensor_type.elem_type == TensorProto.FLOAT
    }


def _halve_weights(model: onnx.ModelProto, inside: set[str]) -> None:
    users = {True: set[str](), False: set[str]()}
    for node in model.graph.node:
        users[bool(inside.intersection(node.output))].update(node.input)
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or tensor.name not in users[True]:
            continue
        if tensor.name in users[False]:
            raise ExportError(f"{tensor.name} is used both inside and outside of the map; use --precision fp32")
        array = numpy_helper.to_array(tensor)
        check_range(float(np.abs(array).max(initial=0)))
        tensor.CopyFrom(numpy_helper.from_array(array.astype(np.float16), tensor.name))


def _cast_to_half(node: onnx.NodeProto) -> None:
    for attribute in node.attribute:
        if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
            attribute.i = TensorProto.FLOAT16
