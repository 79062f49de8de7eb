"""The clips by which papers represent a video: ten short ones of consecutive frames, evenly spread over its length.

After Xu et al., "Self-supervised Spatiotemporal Learning via Video Clip Order Prediction" (CVPR 2019), whose retrieval protocol
most later papers keep: frames resized to 128 x 171, of these the middle 112 x 112; the centres of the clips at
linspace(8, L - 8, 10) of the L frames. Their loaders drop the last videos when the batches of 8 do not come out even; here no
video is dropped.

Shapes: K clips, T frames, H x W pixels, L frames of the video.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedder.errors import VideoRejected
from embedder.worker_messages import FramePick, FramesDone, FramesJob
from embedder.worker_process import replies_of

Clips = NDArray[np.uint8]

VIDEOS_AHEAD = 2
"""Decoded while the network is at work; as many decode workers are kept from one video to the next. Ten clips of 16 frames of
112 x 112 take 6 MB."""

MAX_BYTES = 320 * 2**20
"""Pictures of one video at most: a decode worker holds them twice, within half of its memory."""


@dataclass(frozen=True, kw_only=True)
class ClipProtocol:
    """How a video becomes K clips; the defaults are the published ones.

    stride: frames from one frame of a clip to the next; 1 takes consecutive ones. Frames are squashed to resize_height_px x
    resize_width_px, and the middle of that is cut out. Raises ValueError for what cannot be.
    """

    num_clips: int = 10
    num_frames: int = 16
    stride: int = 1
    resize_height_px: int = 128
    resize_width_px: int = 171
    crop_height_px: int = 112
    crop_width_px: int = 112

    def __post_init__(self) -> None:
        for field in fields(self):
            if (value := getattr(self, field.name)) < 1:
                raise ValueError(f"{field.name} of a clip protocol is {value}, should be 1 or more")
        if self.crop_height_px > self.resize_height_px or self.crop_width_px > self.resize_width_px:
            raise ValueError(
                f"{self.crop_height_px}x{self.crop_width_px} pixels cannot be cut out of frames that are resized to "
                f"{self.resize_height_px}x{self.resize_width_px}"
            )

    @property
    def num_bytes(self) -> int:
        """Of all clips of a video."""
        return self.num_clips * self.num_frames * self.crop_height_px * self.crop_width_px * 3

    def places(self, num_frames: int) -> NDArray[np.int64]:
        """Frame numbers int64 (K, T) in a video of L = `num_frames` frames, L >= 1.

        The first clip begins with the video, the last ends with it, the starts between are rounded down. In a video shorter than
        a clip, all clips begin with it, and its last frame is held.
        """
        window = (self.num_frames - 1) * self.stride + 1
        # In whole numbers what int(centre - T / 2) is of evenly spaced centres.
        starts_K = np.arange(self.num_clips) * max(num_frames - window, 0) // max(self.num_clips - 1, 1)
        places_KT: NDArray[np.int64] = starts_K[:, None] + self.stride * np.arange(self.num_frames)
        return np.minimum(places_KT, num_frames - 1)


@dataclass(frozen=True, kw_only=True)
class ReadVideo:
    """One video's clips, uint8 (K, T, H, W, 3) for each protocol; None with the reason why there are none."""

    path: Path
    clips: list[Clips] | None
    reason: str = ""


def protocol_clips(path: Path, protocol: ClipProtocol | None = None) -> Clips:
    """uint8 (K, T, H, W, 3) RGB of one video, upright. Raises VideoRejected, FileNotFoundError."""
    (clips_KTHW3,) = clips_by_protocols(path, [protocol or ClipProtocol()])
    return clips_KTHW3


def clips_by_protocols(path: Path, protocols: Sequence[ClipProtocol]) -> list[Clips]:
    """The clips of each protocol. However many there are, the video is decoded twice: to count its frames, and to make pictures
    of those that are wanted; both in a process that may crash or hang. Equal protocols share one array.

    Raises VideoRejected, FileNotFoundError, ValueError for clips that are too large to be held.
    """
    different = list(dict.fromkeys(protocols))
    if (num_bytes := sum(protocol.num_bytes for protocol in different)) > MAX_BYTES:
        raise ValueError(
            f"the clips of one video would take {num_bytes / 2**20:.0f} MB, {MAX_BYTES / 2**20:.0f} MB can be held; "
            "take fewer encoders at once, or smaller clips"
        )
    num_frames = _frames(FramesJob(path=path)).num_frames
    places = [protocol.places(num_frames) for protocol in different]
    picks = tuple(_pick(protocol, own) for protocol, own in zip(different, places, strict=True))
    pictures = _frames(FramesJob(path=path, picks=picks)).pictures
    clips = {
        protocol: pictures_NHW3[np.searchsorted(pick.numbers, own)]
        for protocol, own, pick, pictures_NHW3 in zip(different, places, picks, pictures, strict=True)
    }
    return [clips[protocol] for protocol in protocols]


def read_videos(videos: Sequence[Path], protocols: Sequence[ClipProtocol]) -> Iterator[ReadVideo]:
    """Every video, in this order, decoded a little ahead; the unreadable ones too. Raises ValueError as `clips_by_protocols`."""
    pool = ThreadPoolExecutor(VIDEOS_AHEAD, thread_name_prefix="clips")
    try:
        coming: deque[Future[ReadVideo]] = deque()
        for place in range(len(videos)):
            ahead = videos[place + len(coming) : place + VIDEOS_AHEAD + 1]
            coming.extend(pool.submit(_read, video, protocols) for video in ahead)
            yield coming.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _read(path: Path, protocols: Sequence[ClipProtocol]) -> ReadVideo:
    try:
        return ReadVideo(path=path, clips=clips_by_protocols(path, protocols))
    except VideoRejected as error:
        return ReadVideo(path=path, clips=None, reason=error.reason)
    except OSError as error:
        return ReadVideo(path=path, clips=None, reason=error.strerror or str(error))


def _frames(job: FramesJob) -> FramesDone:
    *_, done = replies_of(job)
    assert isinstance(done, FramesDone), "a frames job ends with FramesDone or is refused"
    return done


def _pick(protocol: ClipProtocol, places_KT: NDArray[np.int64]) -> FramePick:
    return FramePick(
        numbers=tuple(np.unique(places_KT).tolist()),
        height_px=protocol.resize_height_px,
        width_px=protocol.resize_width_px,
        crop_height_px=protocol.crop_height_px,
        crop_width_px=protocol.crop_width_px,
    )
