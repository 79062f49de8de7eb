"""Published weights as an encoder."""

import dataclasses
from pathlib import Path

from pretrain.encoder_file import Exported
from pretrain.export_onnx import export
from pretrain.export_spec import ExportSpec
from pretrain.weights_file import Weights, fill_backbone, read_weights, without_weights


def import_weights(backbone_name: str, file: Path, out: Path, spec: ExportSpec) -> tuple[Exported, Weights]:
    """Write the encoder that `file` and the backbone of that name make to `out`, and tell what was in the file.

    Raises UnknownName, WeightsError (the file does not fit; nothing is written), and what `export` raises.
    """
    weights = read_weights(file)
    backbone = fill_backbone(backbone_name, weights)
    training = {"data": "imported weights", "file": file.name, "file_sha256": weights.sha256, "left_out": list(weights.left_out)}
    spec = dataclasses.replace(spec, training={**training, **spec.training})
    return export(backbone, out, spec, backbone_name=backbone_name, task_name="imported"), weights


def published_px(backbone_name: str) -> int:
    """Side of the pictures that the backbone of that name was published for. Raises UnknownName."""
    return without_weights(backbone_name).published_px
