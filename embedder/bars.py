"""Find the black bars around a video's picture (letterbox, pillarbox), so that they can be cut off before it is embedded.

Bars are a matter of the whole file: they are looked for in its first frame and a few others, and are the same for all of its clips
and for every query that is cut from it. Only what surely is a bar counts: black from edge to edge on both opposite sides, about
equally wide, with a picture that begins along most of its length. A lit stage before a black curtain has no bars.

Shapes: S frames, H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from embedder.errors import DecoderOutOfMemory, VideoRejected
from embedder.orientation import Orientation, orientation_of
from embedder.video_file import open_video

_LOOKED_AT = (0.1, 0.3, 0.5, 0.7, 0.9)  # shares of the length, beside the first frame
_SIDE_PX = 1280  # of large pictures: enough to find an edge, and quicker
_BLACK = 26  # brightness, 0 to 255: black of video is 16, and codecs add noise
_BRIGHT = 40  # what a picture's edge has, where it is not dark
_LIT_EDGE = 0.5  # share of the edge that is bright in one frame or another
_LEAST, _MOST = 0.04, 0.7  # both bars together, as a share of the side
_ALIKE, _ALIKE_PX = 0.02, 2  # by how much opposite bars may differ: a share of the side, and at least so many pixels
_WITHOUT_TEXT = 0.6  # share of the frames in which a bar must be black where subtitles stand in it in others


@dataclass(frozen=True)
class Bars:
    """How much of the picture as shown they cover at each edge: shares of its width (left, right) and height (top, bottom)."""

    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0


def find_bars(path: Path) -> Bars | None:
    """The bars of a video; None where there are none, or where the file does not tell.

    Raises DecoderOutOfMemory, FileNotFoundError."""
    try:
        with open_video(path) as video:
            first = next(video.frames())
            pictures = [brightness(first.frame)]
            if not may_have_bars(pictures[0]):
                return None
            pictures += [brightness(frame) for frame in video.glances(_LOOKED_AT)]
    except (DecoderOutOfMemory, MemoryError):  # the bars may be there all the same
        raise
    except (VideoRejected, av.error.FFmpegError, StopIteration):  # what is wrong with it is found, and told, where it is read
        return None
    return bars_in(pictures)


def brightness(frame: av.VideoFrame, orientation: Orientation | None = None) -> NDArray[np.uint8]:
    """A frame as shown, in grey and at most _SIDE_PX wide and high, uint8 (H, W). orientation: the frame's own where None."""
    smaller = min(1.0, _SIDE_PX / max(frame.width, frame.height))
    width_px, height_px = max(1, round(frame.width * smaller)), max(1, round(frame.height * smaller))
    grey = np.asarray(frame.reformat(width=width_px, height=height_px, format="gray").to_ndarray(), np.uint8)[..., None]
    return (orientation_of(frame) if orientation is None else orientation).upright(grey)[..., 0]


def may_have_bars(picture_HW: NDArray[np.uint8]) -> bool:
    """Whether two opposite edges of a picture are black."""
    edges = [picture_HW[0], picture_HW[-1]], [picture_HW[:, 0], picture_HW[:, -1]]
    return any(max(int(edge.max()) for edge in opposite) <= _BLACK for opposite in edges)


def bars_in(pictures: Sequence[NDArray[np.uint8]]) -> Bars | None:
    """The bars that pictures of one video have in common, uint8 (H, W) each; those of another size than the first, and those
    that are all black, tell nothing."""
    telling = [one for one in pictures if one.shape == pictures[0].shape and int(one.max()) > _BRIGHT]
    if not telling:
        return None
    stack_SHW = np.stack(telling)
    top, bottom = _both_bars(stack_SHW)
    height = stack_SHW.shape[1]
    left, right = _both_bars(stack_SHW[:, top : height - bottom].transpose(0, 2, 1))
    if not (top or left):
        return None
    width = stack_SHW.shape[2]
    return Bars(left=left / width, top=top / height, right=right / width, bottom=bottom / height)


def _both_bars(stack_SHW: NDArray[np.uint8]) -> tuple[int, int]:
    """Rows of the bars at the first and the last row; (0, 0) where they are not surely bars."""
    height = stack_SHW.shape[1]
    brightest_SH = stack_SHW.max(axis=2)
    brightest_H = brightest_SH.max(axis=0)
    lit = np.flatnonzero(brightest_H > _BLACK)
    if not len(lit):
        return 0, 0
    first, last = int(lit[0]), height - 1 - int(lit[-1])
    # Subtitles in one of the bars: it is as wide as the other, if most of the frames have it black.
    wider = max(first, last)
    free = (brightest_SH[:, height - wider :] <= _BLACK) if last < first else (brightest_SH[:, :wider] <= _BLACK)
    if abs(first - last) > _slack(height) and free.size and float(free.all(axis=1).mean()) >= _WITHOUT_TEXT:
        first = last = wider
    wide_enough = min(first, last) > 0 and _LEAST * height <= first + last <= _MOST * height
    if not wide_enough or abs(first - last) > _slack(height):
        return 0, 0
    shown_HW = stack_SHW.max(axis=0)
    edges = shown_HW[first : first + 3].max(axis=0), shown_HW[height - last - 3 : height - last].max(axis=0)
    is_picture = all(float((edge > _BRIGHT).mean()) >= _LIT_EDGE for edge in edges)
    return (first, last) if is_picture else (0, 0)


def _slack(height: int) -> float:
    return max(_ALIKE_PX, _ALIKE * height)
