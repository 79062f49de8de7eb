"""The backbone of something already trained, to start another training from it."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pretrain.backbones import BACKBONES, Backbone, build_backbone
from pretrain.checkpoint import load_checkpoint, load_config
from pretrain.errors import CheckpointError
from pretrain.run_files import CHECKPOINT_NAME

_OF_BACKBONE = "backbone."


def initial_backbone(source: Path, name: str) -> Backbone:
    """The trained backbone in `source`, which must be called `name`. Raises CheckpointError, EncoderFileError."""
    found, backbone = find_backbone(source)
    if found != name:
        raise CheckpointError(f"{source} holds the backbone {found}, not {name}; leave the backbone out, or name this one")
    return backbone


def find_backbone(source: Path) -> tuple[str, Backbone]:
    """Registry name and trained backbone out of an encoder (.onnx), a run's folder or checkpoint, or a state dict of one of our
    backbones (.pt, .pth). torch's global generator is left as it was. Raises CheckpointError, EncoderFileError.
    """
    if not source.exists():
        raise CheckpointError(f"{source} does not exist; give an encoder, a run's folder, or a file of weights to start from")
    if source.suffix == ".onnx":
        from pretrain.encoder_weights import load_backbone

        return load_backbone(source)
    if source.name == CHECKPOINT_NAME:
        source = source.parent
    if source.is_dir():
        model = load_checkpoint(source)["model"]
        own = {key.removeprefix(_OF_BACKBONE): value for key, value in model.items() if key.startswith(_OF_BACKBONE)}
        return _loaded(load_config(source).backbone, own, source)
    state = _state_dict(source)
    return _loaded(_name_of(state, source), state, source)


def _state_dict(source: Path) -> dict[str, Tensor]:
    try:
        state: Any = torch.load(source, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, OSError) as error:
        raise CheckpointError(f"{source} cannot be read as a file of weights: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{source} is no state dict; give a file that holds a backbone's weights by name")
    return state


def _name_of(state: dict[str, Tensor], source: Path) -> str:
    """The backbone that has just these weights; the widths tell those of one family apart."""
    shapes = {key: value.shape for key, value in state.items()}
    for name in BACKBONES.names():
        with torch.device("meta"):
            candidate = build_backbone(name).state_dict()
        if {key: value.shape for key, value in candidate.items()} == shapes:
            return name
    raise CheckpointError(
        f"{source} fits none of the backbones {', '.join(BACKBONES.names())}; its weights have other names or shapes"
    )


def _loaded(name: str, state: dict[str, Tensor], source: Path) -> tuple[str, Backbone]:
    with torch.random.fork_rng(devices=[]):
        backbone = build_backbone(name)
    try:
        backbone.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(f"{source} does not fit the backbone {name}: {str(error).splitlines()[0]}") from error
    return name, backbone
