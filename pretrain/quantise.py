"""An encoder's graph in 8-bit numbers: static quantisation by ONNX Runtime, its ranges calibrated on clips.

Activations are uint8 (one range a tensor), weights int8 (one range a channel). In float32 stay the first convolutions, which
are slower in 8 bits because three colours fill no vector (1.4 times the whole encoder's time was measured), and everything from
pooling on, where 8 bits cost agreement. Weights use 7 of their 8 bits: on a CPU without VNNI two products are added in 16
bits, and full ones would overflow there, so that one file would give other vectors on another machine.
"""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import create_calibrator

from pretrain.onnx_graph import map_nodes

QUANTISED_OPS = ("Conv", "Relu", "Add", "MaxPool", "Concat")
_BATCH_SIZE = 4


def to_int8(model: onnx.ModelProto, clips: NDArray[np.uint8]) -> onnx.ModelProto:
    """The same encoder in 8 bits. clips: uint8 (N, T, H, W, 3), whose ranges are what can be told apart."""
    folded = fold(model)
    inside = map_nodes(folded)
    quantised = {node.name for node in inside} - _first_convolutions(inside)
    with tempfile.TemporaryDirectory() as folder, _quiet_quantiser():
        out = Path(folder) / "int8.onnx"
        quantize_static(
            folded,
            out,
            _Clips(clips),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=list(QUANTISED_OPS),
            nodes_to_exclude=[node.name for node in folded.graph.node if node.name not in quantised],
        )
        return onnx.load(out)


def largest_value(model: onnx.ModelProto, clips: NDArray[np.uint8]) -> float:
    """The largest absolute value between the convolutions, over these clips."""
    folded = fold(model)
    inside = {output for node in map_nodes(folded) for output in node.output}
    with tempfile.TemporaryDirectory() as folder, _quiet_quantiser():
        plain, with_ranges = Path(folder) / "plain.onnx", Path(folder) / "ranges.onnx"
        onnx.save(folded, plain)
        calibrator = create_calibrator(plain, augmented_model_path=str(with_ranges), calibrate_method=CalibrationMethod.MinMax)
        calibrator.collect_data(_Clips(clips))
        ranges = calibrator.compute_data()
    return max(float(np.abs(bound).max()) for name, data in ranges.items() if name in inside for bound in data.range_value)


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph as ONNX Runtime simplifies it for any machine: batch norms in the convolutions, every node with a name."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(out)
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        folded = onnx.load(out)
    used = {node.domain for node in folded.graph.node}
    opsets = [opset for opset in folded.opset_import if opset.domain in used]
    del folded.opset_import[:]
    folded.opset_import.extend(opsets)
    for number, node in enumerate(folded.graph.node):
        node.name = node.name or f"{node.op_type}_{number}"
    return onnx.shape_inference.infer_shapes(folded)


def _first_convolutions(inside: list[onnx.NodeProto]) -> set[str]:
    """Names of the convolutions that see pixels, not features."""
    features = {output for node in inside for output in node.output}
    return {node.name for node in inside if node.op_type == "Conv" and node.input[0] not in features}


class _Clips(CalibrationDataReader):  # type: ignore[misc]
    """Clips as ONNX Runtime's calibration asks for them."""

    def __init__(self, clips: NDArray[np.uint8]) -> None:
        self._batches = iter([clips[first : first + _BATCH_SIZE] for first in range(0, len(clips), _BATCH_SIZE)])

    def get_next(self) -> dict[str, Any] | None:
        batch = next(self._batches, None)
        return None if batch is None else {"clips": batch}


@contextlib.contextmanager
def _quiet_quantiser() -> Iterator[None]:
    """Hide what ONNX Runtime's quantiser prints about its steps; its errors are exceptions, and come through."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.root.setLevel(level)
