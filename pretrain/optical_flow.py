"""Dense optical flow between neighbouring frames of a clip, by OpenCV's DIS (Kroeger et al., ECCV 2016).

Shapes: T frames, H x W pixels.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.frame_source import Frames

Flow = Literal["dis_ultrafast", "dis_fast", "dis_medium", "dis_fine"]
"""The first three give flow at half the picture's resolution, the last at all of it."""

_PATCH_PX = 8  # of all presets


def flow_of_clip(clip_THWC: Frames, method: Flow) -> NDArray[np.float32]:
    """float32 (T - 1, H, W, 2): how far, in pixels to the right (u) and down (v), what a frame shows moves until the next.

    clip_THWC: uint8 (T, H, W, 3) RGB. Between equal frames it is exactly 0. Pictures under 16 pixels: ValueError.
    """
    _, height, width, _ = clip_THWC.shape
    dis = _estimator(method, min(height, width))
    greys = [cv2.cvtColor(frame_HWC, cv2.COLOR_RGB2GRAY) for frame_HWC in np.ascontiguousarray(clip_THWC)]
    flow = np.zeros((len(greys) - 1, height, width, 2), np.float32)
    for t, (before, after) in enumerate(pairwise(greys)):
        flow[t] = dis.calc(before, after, None)  # type: ignore[call-overload]  # None: start from no flow
    return flow


@lru_cache
def _estimator(method: Flow, side_px: int) -> cv2.DISOpticalFlow:
    if side_px < 2 * _PATCH_PX:
        raise ValueError(f"optical flow needs pictures of {2 * _PATCH_PX} pixels a side or more, got {side_px}; take larger clips")
    # OpenCV's presets stop at a quarter of the picture's resolution or a half, and when a picture is too small for that (under
    # about 100 pixels) the object changes its settings for good. So the finest scale is said outright.
    preset, finest_scale = {
        "dis_ultrafast": (cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST, 1),
        "dis_fast": (cv2.DISOPTICAL_FLOW_PRESET_FAST, 1),
        "dis_medium": (cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, 1),
        "dis_fine": (cv2.DISOPTICAL_FLOW_PRESET_MEDIUM, 0),
    }[method]
    dis = cv2.DISOpticalFlow.create(preset)
    dis.setFinestScale(finest_scale if side_px >= 6 * _PATCH_PX else 0)
    return dis
