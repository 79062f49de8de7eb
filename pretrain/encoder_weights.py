"""An encoder file as a starting point for training: its backbone as a torch network again, weight for weight."""

import re
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx.external_data_helper import uses_external_data
from torch import Tensor

from embedder.encoder_card import CARD_KEY, MOTION, EncoderCard
from embedder.errors import EncoderCardError
from pretrain.backbones import Backbone, build_backbone
from pretrain.errors import EncoderFileError
from pretrain.onnx_graph import BACKBONE_PREFIX
from pretrain.registry import UnknownName


def read_encoder(path: Path) -> tuple[EncoderCard, onnx.ModelProto]:
    """Card and graph of an encoder file. Raises EncoderFileError."""
    try:
        model = onnx.load(path, load_external_data=False)
        if any(map(uses_external_data, model.graph.initializer)):
            raise EncoderFileError(f"{path} keeps weights in a second file, but an encoder must be one file. Export it again")
        return EncoderCard.from_json({entry.key: entry.value for entry in model.metadata_props}[CARD_KEY]), model
    except FileNotFoundError:
        raise EncoderFileError(f"there is no encoder file {path}. `vret encoders` lists those there are") from None
    except (OSError, DecodeError) as error:
        raise EncoderFileError(f"{path} cannot be read as an ONNX file: {error}") from error
    except (KeyError, EncoderCardError) as error:
        why = "no card" if isinstance(error, KeyError) else str(error)
        raise EncoderFileError(f"{path} is no encoder that this vret can use ({why}). Make one: vret export") from error


def load_backbone(path: Path) -> tuple[str, Backbone]:
    """The registry name and the network of an encoder file, on the CPU, in training mode, exactly as it was exported (an
    fp16 file: rounded to half precision). Of a file with several parts: that of the part `motion`. torch's generator is left as
    it was.

    Raises EncoderFileError for files that do not hold the whole network: int8 ones, those in which batch norm is folded into the
    convolutions, and those of a backbone that is not known here; and for joined ones without a network of movement.
    """
    card, model = read_encoder(path)
    if card.precision == "int8":
        raise EncoderFileError(
            f"{path} holds 8-bit weights, which are too coarse to train on. Start from the fp32 file that it was made from"
        )
    card, prefix = _trained_part(path, card, model)
    try:
        with torch.random.fork_rng(devices=[]):
            backbone = build_backbone(card.backbone)
    except UnknownName as error:
        raise EncoderFileError(f"{path} cannot be trained on: {error}") from error
    weights = _weights(model, prefix)
    wanted = {name: value for name, value in backbone.state_dict().items() if value.is_floating_point()}
    _check(path, card, wanted, weights)
    # The rest of the state dict counts the batches that a batch norm has seen, and nothing depends on it.
    backbone.load_state_dict({name: weights[name] for name in wanted}, strict=False)
    return card.backbone, backbone


def _trained_part(path: Path, card: EncoderCard, model: onnx.ModelProto) -> tuple[EncoderCard, str]:
    """The card of the network that can be trained on, and what the names of its weights begin with. Raises EncoderFileError."""
    if len(card.parts) == 1:
        return card, BACKBONE_PREFIX
    # Joining puts the parts' names before all names, once for each time that a file was joined.
    of_motion = re.compile(rf"((?:[a-z_]+\.)*{MOTION}\.{re.escape(BACKBONE_PREFIX)})")
    names = [tensor.name for tensor in model.graph.initializer]
    prefixes = {found[1] for found in map(of_motion.match, names) if found}
    # Where its pictures are made smaller first, the card does not say how large those are that it takes.
    resized = any(re.search(rf"(^|[._]){MOTION}(_[a-z]+)*\.resize_[a-z]+$", name) for name in names)
    if len(prefixes) != 1 or resized or card.motion_card is card:
        parts = ", ".join(part.name for part in card.parts)
        raise EncoderFileError(
            f"{path} is joined of the parts {parts}, and no network of movement can be taken out of it. "
            "Start from the file that one of them was joined from"
        )
    return card.motion_card, prefixes.pop()


def _weights(model: onnx.ModelProto, prefix: str) -> dict[str, Tensor]:
    """What the file holds of the backbone, by the names of its state dict, as float32."""
    return {
        tensor.name.removeprefix(prefix): torch.from_numpy(onnx.numpy_helper.to_array(tensor).astype(np.float32))
        for tensor in model.graph.initializer
        if tensor.name.startswith(prefix)
    }


def _check(path: Path, card: EncoderCard, wanted: dict[str, Tensor], weights: dict[str, Tensor]) -> None:
    """Raise EncoderFileError unless every weight is there, in its shape."""
    if missing := sorted(wanted.keys() - weights.keys()):
        raise EncoderFileError(
            f"{path} lacks {len(missing)} of the {len(wanted)} weights of {card.backbone}, {missing[0]} among them: it was "
            "written by a vret that folded batch norm into the convolutions, or for another network of this name. "
            "Export its training run again to get a file that can be trained on"
        )
    for name, value in wanted.items():
        if weights[name].shape != value.shape:
            raise EncoderFileError(
                f"{path} holds {name} as {tuple(weights[name].shape)}, {card.backbone} has it as {tuple(value.shape)}: "
                "it was made by another network of this name"
            )
