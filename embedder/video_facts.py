"""What is known about a video after it was read to its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class VideoFacts:
    """Facts found by decoding, not promises of the header.

    duration_s: from the start of the file, as players count, to the end of the last frame. first_frame_s: when the first frame
    comes, later than 0 where the sound begins before. width, height: pixels as shown (display matrix applied).
    frame_rate: mean frames per second. codec, container: FFmpeg's names, e.g. ``h264``, ``mov,mp4,m4a,3gp,3g2,mj2``.
    """

    duration_s: float
    width: int
    height: int
    frame_rate: float
    codec: str
    container: str
    num_frames: int
    first_frame_s: float = 0.0
