"""Clips to fine-tune on and to test by, cut out of a video's small frames.

Shapes: N frames of the video, K clips, T frames, S x S pixels.
"""

import numpy as np
from numpy.typing import NDArray

from embedder.worker_messages import StretchPlan
from pretrain.config import FootageConfig
from pretrain.crops import random_crop
from pretrain.downstream.finetune_recipes import FinetuneRecipe
from pretrain.downstream.protocol_clips import ClipProtocol
from pretrain.frame_source import Frames
from pretrain.tasks.base import ClipShape

_STRETCH_FRAMES = 256
_MOST_STRETCHES = 64
"""16,384 frames of a video: at 8 a second half an hour; of wide frames the reader's memory holds 4,900, at 30 a second three
minutes. Longer videos are kept as stretches spread over them."""


def clip_of(recipe: FinetuneRecipe, own: ClipShape) -> ClipShape:
    """What the recipe cuts for an encoder whose own clips are these."""
    return ClipShape(num_frames=recipe.clip_frames or own.num_frames, size_px=recipe.clip_px or own.size_px)


def plan_of(recipe: FinetuneRecipe, clip: ClipShape) -> StretchPlan:
    """How a video's frames are kept. Raises ValueError for frames from which a clip cannot be cut."""
    square_px = round(clip.size_px * FootageConfig().margin)
    height_px, width_px = recipe.frames_px or (square_px, square_px)
    if min(height_px, width_px) < clip.size_px:
        raise ValueError(f"clips of {clip.size_px} pixels a side cannot be cut out of frames of {width_px}x{height_px}")
    return StretchPlan(
        size_px=height_px,
        width_px=None if width_px == height_px else width_px,
        max_frame_rate_hz=recipe.max_frame_rate_hz,
        stretch_frames=max(_STRETCH_FRAMES, clip.num_frames),
        max_stretches=_MOST_STRETCHES,
    )


def random_clip(frames_NHWC: Frames, run_frames: int, clip: ClipShape, rng: np.random.Generator) -> Frames:
    """uint8 (T, S, S, 3): consecutive frames from a random place, one random crop for all of them. Of fewer frames than a clip has,
    the last one is held. run_frames: so many frames follow one another, then there may be a jump.
    """
    begins = np.arange(0, len(frames_NHWC), run_frames)
    last_starts = np.maximum(begins, np.minimum(begins + run_frames, len(frames_NHWC)) - clip.num_frames)
    starts = np.concatenate([np.arange(begin, last + 1) for begin, last in zip(begins, last_starts, strict=True)])
    places_T = _places(starts[rng.integers(len(starts), size=1)], len(frames_NHWC), run_frames, clip)[0]
    return random_crop(frames_NHWC[places_T], clip.size_px, rng)


def even_clips(frames_NHWC: Frames, run_frames: int, clip: ClipShape, count: int) -> Frames:
    """uint8 (K, T, S, S, 3): clips evenly spread over the video, their centres at linspace(T / 2, N - T / 2, K), of each frame the
    middle. A single one is from the middle of the video. Short videos and jumps as in `random_clip`.
    """
    num_frames = len(frames_NHWC)
    if count == 1:
        starts_K = np.array([max(num_frames - clip.num_frames, 0) // 2])
    else:
        starts_K = ClipProtocol(num_clips=count, num_frames=clip.num_frames).places(num_frames)[:, 0]
    places_KT = _places(starts_K, num_frames, run_frames, clip)
    top, left = ((side - clip.size_px) // 2 for side in frames_NHWC.shape[1:3])
    wanted, where = np.unique(places_KT, return_inverse=True)
    middle_MSSC = frames_NHWC[wanted][:, top : top + clip.size_px, left : left + clip.size_px]
    return middle_MSSC[where.reshape(places_KT.shape)]


def _places(starts_K: NDArray[np.int64], num_frames: int, run_frames: int, clip: ClipShape) -> NDArray[np.int64]:
    """Frame numbers (K, T) of the clips that start there, moved so that none jumps from one run to the next."""
    begins_K = starts_K // run_frames * run_frames
    ends_K = np.minimum(begins_K + run_frames, num_frames)
    starts_K = np.maximum(begins_K, np.minimum(starts_K, ends_K - clip.num_frames))
    places_KT: NDArray[np.int64] = np.minimum(starts_K[:, None] + np.arange(clip.num_frames), ends_K[:, None] - 1)
    return places_KT
