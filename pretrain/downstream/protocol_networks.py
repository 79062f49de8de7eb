"""What the retrieval protocols take of a network: the vector of a video, from its ten clips.

`vcop`: the last stage's map at 16 frames of 112 x 112, max-pooled by (1, 2, 2) and flattened, so (512, 2, 3, 3) -> 9,216 numbers of
a full-width network; the mean of the clips. Xu et al., "Self-supervised Spatiotemporal Learning via Video Clip Order Prediction"
(CVPR 2019). `gap`: the clips at the encoder's own size, the map averaged over time and space, the mean of the clips, unit length.
Vectors of both are compared by cosine. The papers give pixels in [0, 1] to their networks; here they are scaled as the network was
trained (`Backbone.prepare`), and are RGB as there.

Shapes: K clips, T frames, H x W pixels, D map channels, T' x H' x W' map places, F numbers of a vector.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from embedder.encoder_card import EncoderCard
from pretrain.backbones import Backbone
from pretrain.baselines import ColourGrid
from pretrain.config import Start
from pretrain.downstream.protocol_clips import ClipProtocol, Clips
from pretrain.encoder_weights import load_backbone, read_encoder
from pretrain.errors import EncoderFileError
from pretrain.untrained import untrained_backbone

Preset = Literal["vcop", "gap"]

Made = Literal["last stage", "global average", "raw colour", "file's vectors"]
"""What a vector is the mean of: `vcop`'s features; `gap`'s; mean colours of a grid; or, where `gap` cannot have the network, what
its file gives out."""

PUBLISHED_PX = 112
GPU_VALUES = 10 * 16 * PUBLISHED_PX**2 * 3
"""Pixel values that go to a GPU at once: ten clips of the published size. To a CPU clips go one by one, which is quicker there."""


@dataclass(frozen=True, kw_only=True)
class ProtocolNetwork:
    """Something that gives one vector for a video. protocol: the clips it takes. clip_features: uint8 (K, T, H, W, 3) -> (K, F)."""

    protocol: ClipProtocol
    made: Made
    clip_features: Callable[[Clips], NDArray[np.float32]]

    def video_vector(self, clips_KTHW3: Clips) -> NDArray[np.float32]:
        """uint8 (K, T, H, W, 3) -> float32 (F,): the mean of the clips' features, of unit length but in `vcop`."""
        mean_F: NDArray[np.float64] = self.clip_features(clips_KTHW3).astype(np.float64).mean(axis=0)
        if self.made != "last stage":
            # Only a network that gives nothing but zeros has no direction; it keeps its zeros.
            mean_F /= np.linalg.norm(mean_F) or 1.0
        return mean_F.astype(np.float32)


def network_of_file(path: Path, preset: Preset, *, stride: int = 1) -> ProtocolNetwork:
    """The network of an encoder file. Of one that holds it not whole (int8, unknown here, an old one), `gap` takes the vectors
    that the file gives.

    Raises EncoderFileError, for `vcop` also where the network cannot be had; ValueError for another preset, or stride;
    EncoderError where a file cannot be run.
    """
    _check_preset(preset)
    card, _ = read_encoder(path)
    protocol = _own_protocol(card.num_frames, card.height_px, card.width_px, stride)
    try:
        _, backbone = load_backbone(path)
    except EncoderFileError as error:
        if preset == "vcop":
            raise EncoderFileError(
                f"preset vcop needs the last feature map of {card.name}, which its file does not give: {_why(card, error)}. "
                "Preset gap takes any file"
            ) from error
        return ProtocolNetwork(protocol=protocol, made="file's vectors", clip_features=_file_runner(path))
    return _network(backbone, preset, protocol, stride)


def untrained_network(
    backbone_name: str,
    seed: int,
    preset: Preset,
    *,
    start: Start = "motion",
    num_frames: int = 16,
    size_px: int = PUBLISHED_PX,
    stride: int = 1,
) -> ProtocolNetwork:
    """The network as a training run of this seed begins. num_frames, size_px: of `gap`'s clips, which are those of the encoder
    that it is the floor of. Raises UnknownName; ValueError for another start, preset, stride or size.
    """
    _check_preset(preset)
    protocol = _own_protocol(num_frames, size_px, size_px, stride)
    return _network(untrained_backbone(backbone_name, seed, start=start), preset, protocol, stride)


def colour_network(preset: Preset, *, num_frames: int = 16, size_px: int = 64, stride: int = 1) -> ProtocolNetwork:
    """What raw colour says of the same moments, in either preset: 48 numbers, and no network. Raises ValueError for another preset,
    stride or size.
    """
    _check_preset(preset)
    protocol = _own_protocol(num_frames, size_px, size_px, stride)
    return ProtocolNetwork(protocol=protocol, made="raw colour", clip_features=_runner(ColourGrid(), average_features))


def last_stage_features(backbone: Backbone, clips_KTHW3: Tensor) -> Tensor:
    """uint8 (K, T, H, W, 3) -> float32 (K, D * T' * H'//2 * W'//2): largest of 2 x 2 neighbours; an odd last row or column is left
    out, as published."""
    map_KDTHW = backbone.forward_map(backbone.prepare(clips_KTHW3))
    return functional.max_pool3d(map_KDTHW, (1, 2, 2)).flatten(1)


def average_features(backbone: Backbone, clips_KTHW3: Tensor) -> Tensor:
    """uint8 (K, T, H, W, 3) -> float32 (K, D)."""
    features_KD: Tensor = backbone(backbone.prepare(clips_KTHW3))
    return features_KD


def _network(backbone: Backbone, preset: Preset, own: ClipProtocol, stride: int) -> ProtocolNetwork:
    if preset == "vcop":
        published = ClipProtocol(stride=stride)
        return ProtocolNetwork(protocol=published, made="last stage", clip_features=_runner(backbone, last_stage_features))
    return ProtocolNetwork(protocol=own, made="global average", clip_features=_runner(backbone, average_features))


def _own_protocol(num_frames: int, height_px: int, width_px: int, stride: int) -> ClipProtocol:
    """The published proportions at another size."""
    published = ClipProtocol()
    return ClipProtocol(
        num_frames=num_frames,
        stride=stride,
        resize_height_px=round(height_px * published.resize_height_px / published.crop_height_px),
        resize_width_px=round(width_px * published.resize_width_px / published.crop_width_px),
        crop_height_px=height_px,
        crop_width_px=width_px,
    )


def _runner(backbone: Backbone, features: Callable[[Backbone, Tensor], Tensor]) -> Callable[[Clips], NDArray[np.float32]]:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    backbone = backbone.to(device).eval()

    def run(clips_KTHW3: Clips) -> NDArray[np.float32]:
        at_once = max(1, GPU_VALUES // clips_KTHW3[0].size) if device.type == "cuda" else 1
        parts = [torch.from_numpy(clips_KTHW3[first : first + at_once]) for first in range(0, len(clips_KTHW3), at_once)]
        with torch.inference_mode():
            features_KF = torch.cat([features(backbone, part.to(device)) for part in parts]).cpu()
        found: NDArray[np.float32] = features_KF.numpy()
        return found

    return run


def _file_runner(path: Path) -> Callable[[Clips], NDArray[np.float32]]:
    from embedder.onnx_encoder import OnnxEncoder

    return OnnxEncoder(path).encode


def _check_preset(preset: Preset) -> None:
    if preset not in ("vcop", "gap"):
        raise ValueError(f"preset is {preset!r}, should be vcop or gap")


def _why(card: EncoderCard, error: EncoderFileError) -> str:
    if card.precision == "int8":
        return "its weights are 8-bit. Take the fp32 file that it was made from"
    return str(error)
