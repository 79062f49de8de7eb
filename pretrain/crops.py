"""Cut clips out of larger frames, in worker processes.

Shapes: T frames, H x W pixels.
"""

import numpy as np

from pretrain.frame_source import Frames


def random_crop(frames_THWC: Frames, size_px: int, rng: np.random.Generator) -> Frames:
    """One window of size_px for all frames of a clip: uint8 (T, size_px, size_px, 3), a copy. Frames too small: ValueError."""
    _, height, width, _ = frames_THWC.shape
    if min(height, width) < size_px:
        raise ValueError(f"frames are {width}x{height} pixels, clips {size_px}x{size_px}; store the frames at {size_px} or more")
    top, left = int(rng.integers(height - size_px + 1)), int(rng.integers(width - size_px + 1))
    return np.ascontiguousarray(frames_THWC[:, top : top + size_px, left : left + size_px])
