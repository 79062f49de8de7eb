"""An encoder as an ONNX graph: written from torch so that it can be trained on again, and the parts of it that have names.

Batch norms stay nodes of their own, and every weight keeps its name of the state dict: ONNX Runtime folds batch norms into
the convolutions when it loads a file (15 ms more to load, the same speed), while a file folded for good could not be
trained on.

Shapes: N clips, T frames, H x W pixels.
"""

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnx
import onnx_ir
import torch
from onnxscript import optimizer

from pretrain.encoder_module import ClipEncoder

OPSET = 20
BACKBONE_PREFIX = "backbone."
POOL_NAME = "pool_MG"
_FP32 = onnx.TensorProto.FLOAT


def to_onnx(encoder: ClipEncoder, *, num_frames: int, size_px: int) -> onnx.ModelProto:
    """The encoder as ONNX with N dynamic, all weights of the backbone under their names after `backbone.`."""
    example = torch.zeros(2, num_frames, size_px, size_px, 3, dtype=torch.uint8)
    with quiet_exporter():
        program = torch.onnx.export(
            encoder,
            (example,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("N")},),
            input_names=["clips"],
            output_names=["embeddings"],
            opset_version=OPSET,
            optimize=False,  # it would fold batch norms, and keep one of several equal weights only
            verbose=False,
        )
        assert program is not None
        weights = set(encoder.state_dict()) | {name for name, _ in encoder.named_buffers()}
        _simplify(program.model, weights)
    model: onnx.ModelProto = onnx_ir.serde.serialize_model(program.model)
    _keep_unused_weights(model, encoder)
    forget_the_workshop(model)
    return model


def map_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes between the scaled pixels and the pooling of the last map, from the first convolutions on, in graph order.

    Those of every part of a joined encoder that pools so; an image model's are not among them.
    Empty for a network without a convolution. Raises ValueError for a graph that does not pool as an encoder does.
    """
    graph = model.graph
    pools = [node for node in graph.node if any(name.split(".")[-1] == POOL_NAME for name in node.input)]
    if not pools:
        raise ValueError(f"this graph has no pooling by {POOL_NAME}; encoder files written by vret export have one")
    producers = {output: node for node in graph.node for output in node.output}
    needed: set[str] = set()
    waiting = [pool.input[0] for pool in pools]
    while waiting:
        name = waiting.pop()
        if name in producers and name not in needed:
            needed.update(producers[name].output)
            waiting.extend(producers[name].input)
    after_conv: set[str] = set()
    for node in graph.node:
        if node.op_type == "Conv" or after_conv.intersection(node.input):
            after_conv.update(node.output)
    return [node for node in graph.node if needed.intersection(node.output) and after_conv.intersection(node.output)]


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


def forget_the_workshop(model: onnx.ModelProto) -> None:
    """Remove what an exporter notes about its own run (source paths, stack traces): the same network gives the same
    file anywhere.
    """
    graph = model.graph
    model.doc_string = graph.doc_string = ""
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Hide what torch's exporter says to its own developers; its errors are exceptions, and come through."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning, module="torch|copyreg|onnxscript")
            warnings.filterwarnings("ignore", category=DeprecationWarning, module="torch|copyreg|onnxscript")
            yield
    finally:
        logger.setLevel(level)


def _simplify(model: onnx_ir.Model, weights: set[str]) -> None:
    """Work out what does not depend on the clips, but leave the weights as they are."""

    def should_fold(node: onnx_ir.Node) -> bool | None:
        if node.op_type == "Shape" or not any(value is not None and value.name in weights for value in node.inputs):
            return None
        return False

    optimizer.fold_constants_ir(model, onnx_shape_inference=True, should_fold=should_fold)
    for node in model.graph:
        if node.op_type == "Conv" and len(node.inputs) == 3 and _is_made_up_bias(node.inputs[2], weights):
            node.resize_inputs(2)
    optimizer.remove_unused_nodes(model)


def _is_made_up_bias(bias: onnx_ir.Value | None, weights: set[str]) -> bool:
    """Whether the exporter wrote zeros (and of a wrong shape, in onnxscript 0.7) for a convolution that has no bias."""
    if bias is None or bias.name in weights:
        return False
    return bias.const_value is not None and not bias.const_value.numpy().any()


def _keep_unused_weights(model: onnx.ModelProto, encoder: ClipEncoder) -> None:
    """Weights on which the map does not depend are no part of the traced graph, but of the network to be trained on."""
    there = {tensor.name for tensor in model.graph.initializer}
    for name, value in encoder.backbone.state_dict().items():
        if value.is_floating_point() and BACKBONE_PREFIX + name not in there:
            model.graph.initializer.append(onnx.numpy_helper.from_array(value.cpu().numpy(), BACKBONE_PREFIX + name))
