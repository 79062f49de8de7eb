"""Use case: the vectors of videos by the retrieval protocols of the papers, which stored vectors cannot give.

Encoders and untrained networks that are measured on the same videos go together: decoding costs more than a small network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import BadQuery

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pretrain.config import Start
    from pretrain.downstream.protocol_networks import Made, Preset, ProtocolNetwork

OnProgress = Callable[[int, int], None]
"""Told after each video: how many are done, and of how many."""


@dataclass(frozen=True, kw_only=True)
class Untrained:
    """A network as a training of this seed begins: the floor of a table.

    num_frames, size_px: of the clips in preset `gap`, there to be the card's of the encoder that it is compared with.
    """

    backbone: str
    seed: int = 1
    start: "Start" = "motion"
    num_frames: int = 16
    size_px: int = 112


@dataclass(frozen=True, kw_only=True)
class Colour:
    """Raw colour, in either preset. num_frames, size_px: of its clips."""

    num_frames: int = 16
    size_px: int = 64


Measured = Path | Untrained | Colour
"""An encoder file, or what it is compared with."""


@dataclass(frozen=True, kw_only=True)
class ProtocolFeatures:
    """One network's vectors.

    vectors: float32 (F,) of each video that could be read, in the order given; in preset `gap` of unit length. left_out: (path,
    reason) of the others. made: what the vectors are means of; "file's vectors" where `gap` could not have the network of a file,
    so that pooling, projection and all are in them.
    """

    vectors: "dict[Path, NDArray[np.float32]]"
    left_out: list[tuple[str, str]]
    made: "Made"


def features_of_networks(
    networks: Sequence[Measured],
    preset: "Preset",
    videos: Sequence[Path],
    *,
    on_progress: OnProgress | None = None,
    stride: int = 1,
) -> list[ProtocolFeatures]:
    """Of each network, in order; every video is decoded once for all of them.

    preset: `vcop` or `gap`, see `pretrain.downstream.protocol_networks`. stride: frames from one frame of a clip to the next; the
    published protocols have 1. Raises BadQuery for an unknown backbone, preset or an impossible number; EncoderFileError,
    EncoderError; ModuleNotFoundError without the train extra.
    """
    from pretrain.downstream.protocol_features import vectors_of_videos

    made = [_network(network, preset, stride) for network in networks]
    found = vectors_of_videos(made, videos, on_video=on_progress)
    return [
        ProtocolFeatures(vectors=vectors, left_out=list(found.left_out), made=network.made)
        for network, vectors in zip(made, found.vectors, strict=True)
    ]


def _network(network: Measured, preset: "Preset", stride: int) -> "ProtocolNetwork":
    from pretrain.downstream.protocol_networks import colour_network, network_of_file, untrained_network

    try:
        if isinstance(network, Colour):
            return colour_network(preset, num_frames=network.num_frames, size_px=network.size_px, stride=stride)
        if isinstance(network, Path):
            return network_of_file(network, preset, stride=stride)
        return untrained_network(
            network.backbone,
            network.seed,
            preset,
            start=network.start,
            num_frames=network.num_frames,
            size_px=network.size_px,
            stride=stride,
        )
    except ValueError as error:
        raise BadQuery(str(error)) from error
