"""The backbone of something already trained, to start another training from it."""

from pathlib import Path

import torch

from pretrain.backbones import Backbone
from pretrain.checkpoint import load_checkpoint, load_config
from pretrain.errors import CheckpointError
from pretrain.run_files import CHECKPOINT_NAME
from pretrain.weights_file import backbone_of, fill_backbone, filled, read_weights

_OF_BACKBONE = "backbone."


def initial_backbone(source: Path, name: str) -> Backbone:
    """The trained backbone in `source`, which must be called `name`. Raises as `find_backbone` does."""
    found, backbone = find_backbone(source)
    if found != name:
        raise CheckpointError(f"{source} holds the backbone {found}, not {name}; leave the backbone out, or name this one")
    return backbone


def find_backbone(source: Path) -> tuple[str, Backbone]:
    """Registry name and trained backbone out of an encoder (.onnx), a run's folder or checkpoint, or a torch file of weights, as
    `weights_file` reads them. torch's global generator is left as it was. Raises CheckpointError, EncoderFileError, WeightsError.
    """
    if not source.exists():
        raise CheckpointError(f"{source} does not exist; give an encoder, a run's folder, or a file of weights to start from")
    if source.suffix == ".onnx":
        from pretrain.encoder_weights import load_backbone

        return load_backbone(source)
    if source.name == CHECKPOINT_NAME:
        source = source.parent
    with torch.random.fork_rng(devices=[]):
        if source.is_dir():
            return _of_run(source)
        weights = read_weights(source)
        name = backbone_of(weights)
        return name, fill_backbone(name, weights)


def _of_run(run_dir: Path) -> tuple[str, Backbone]:
    model = load_checkpoint(run_dir)["model"]
    own = {key.removeprefix(_OF_BACKBONE): value for key, value in model.items() if key.startswith(_OF_BACKBONE)}
    name = load_config(run_dir).backbone
    return name, filled(name, own, run_dir / CHECKPOINT_NAME)
