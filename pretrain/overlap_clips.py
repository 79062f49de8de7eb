"""The clips of an overlapping pair as the network sees them: cut, resized, turned and mirrored by a worker, recoloured in a batch.

Shapes: N clips, T frames, S x S pixels of a source frame, H x W of a clip's.
"""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor

from pretrain.clip_operations import turn
from pretrain.frame_source import Frames
from pretrain.overlap_sampler import CropPair

Change = Callable[[Tensor, torch.Generator], Tensor]


def cut_clip(
    frames_TSSC: Frames, crops: CropPair, number: int, *, size_px: int, quarters: int, mirrored: bool, turn_first: bool
) -> Frames:
    """Clip 0 or 1 of the pair: uint8 (T, size_px, size_px, 3). quarters: turned anticlockwise by so many times 90 degrees.

    turn_first: the crop is cut out of the turned frames, so that its place is another one in the frames as they are.
    """
    if turn_first:
        frames_TSSC = turn(frames_TSSC, quarters)
    top, left = crops.corners[number]
    cut = frames_TSSC[:, top : top + crops.height, left : left + crops.width]
    clip_THWC = np.stack([_resize(frame, size_px) for frame in cut])
    if not turn_first:
        clip_THWC = turn(clip_THWC, quarters)
    return clip_THWC[:, :, ::-1] if mirrored else clip_THWC


def change_share(clips_NTHWC: Tensor, share: float, changes: Sequence[Change], generator: torch.Generator) -> Tensor:
    """This share of the clips goes through all the changes, one after the other; float32 in 0..255 from uint8, a copy."""
    chosen = (torch.rand(len(clips_NTHWC), generator=generator) < share).to(clips_NTHWC.device)
    out_NTHWC = clips_NTHWC.float()
    if bool(chosen.any()):
        looks = out_NTHWC[chosen] / 255
        for change in changes:
            looks = change(looks, generator)
        out_NTHWC[chosen] = looks * 255
    return out_NTHWC


def _resize(frame_HWC: Frames, size_px: int) -> Frames:
    """Cubic, as published, where it enlarges; averaged over areas where it shrinks, which cubic would alias."""
    shrinks = min(frame_HWC.shape[:2]) >= size_px
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(frame_HWC, (size_px, size_px), interpolation=interpolation), dtype=np.uint8)
