"""Read a video onto the fixed grid of GRID_HZ frames per second."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedder.video_facts import VideoFacts


@dataclass(frozen=True, kw_only=True)
class GridFrames:
    """A stretch of a video, one small picture per grid slot.

    frames: uint8 (G, H, W, 3) RGB; frames[i] is on screen at (first_slot + i) / GRID_HZ seconds.
    """

    frames: NDArray[np.uint8]
    first_slot: int
    facts: VideoFacts
    warnings: tuple[str, ...]


def read_grid(
    path: Path,
    *,
    height_px: int,
    width_px: int,
    geometry: str = "squash",
    max_s: float | None = None,
) -> GridFrames:
    """The whole video (or its first ``max_s`` seconds) as grid frames, decoded in this process."""
    raise NotImplementedError
