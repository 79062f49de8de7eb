"""What a downstream protocol starts from: the network of an encoder file, or one that learnt nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pretrain.backbones import Backbone
from pretrain.baselines import ColourGrid
from pretrain.config import Start
from pretrain.encoder_weights import load_backbone, read_encoder
from pretrain.errors import EncoderFileError
from pretrain.tasks.base import ClipShape
from pretrain.untrained import untrained_backbone


@dataclass(frozen=True, kw_only=True)
class StartingPoint:
    """backbone: its registry name. clip: the clips that it was trained on, and is measured on unless a protocol says otherwise.
    build: makes the network anew, on the CPU, in training mode.
    """

    backbone: str
    clip: ClipShape
    build: Callable[[], Backbone]


def of_encoder(path: Path) -> StartingPoint:
    """The network of an encoder file. Raises EncoderFileError for a file that does not hold it whole, and for clips that are no
    squares.
    """
    card, _ = read_encoder(path)
    name, _ = load_backbone(path)
    if card.height_px != card.width_px:
        raise EncoderFileError(
            f"{path} takes clips of {card.width_px}x{card.height_px} pixels; clips cut for training are squares, so it cannot be "
            "measured by them"
        )
    clip = ClipShape(num_frames=card.num_frames, size_px=card.height_px)
    return StartingPoint(backbone=name, clip=clip, build=lambda: load_backbone(path)[1])


def untrained(backbone: str, clip: ClipShape, *, seed: int, start: Start = "motion") -> StartingPoint:
    """The network as a training run of this seed begins; start: how its weights are drawn. Raises UnknownName, ValueError."""
    untrained_backbone(backbone, seed, start=start)
    return StartingPoint(backbone=backbone, clip=clip, build=lambda: untrained_backbone(backbone, seed, start=start))


def raw_colour(clip: ClipShape) -> StartingPoint:
    """Mean colours on a grid: no network, and nothing that could be trained."""
    return StartingPoint(backbone="colour", clip=clip, build=ColourGrid)
