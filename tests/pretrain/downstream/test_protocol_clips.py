"""The ten clips of the retrieval protocols: which frames they take, and that no video is too short for them."""

from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from embedder.errors import VideoRejected
from pretrain.downstream.protocol_clips import ClipProtocol, clips_by_protocols, protocol_clips, read_videos
from tests.helpers.counting_video import draw_counting_video, number_in

UNCUT = ClipProtocol(crop_height_px=128, crop_width_px=171)


def numbers(clips_KTHW3: NDArray[np.uint8]) -> list[list[int]]:
    return [[number_in(frame) for frame in clip] for clip in clips_KTHW3]


@pytest.mark.parametrize(
    ("num_frames", "starts"),
    [
        (16, [0] * 10),
        (17, [0] * 9 + [1]),
        (100, [0, 9, 18, 28, 37, 46, 56, 65, 74, 84]),
    ],
)
def test_places__by_hand(num_frames: int, starts: list[int]) -> None:
    wanted = [list(range(start, start + 16)) for start in starts]
    assert ClipProtocol().places(num_frames).tolist() == wanted


def test_places__of_a_video_shorter_than_a_clip_hold_its_last_frame() -> None:
    assert ClipProtocol().places(5).tolist() == [[0, 1, 2, 3] + [4] * 12] * 10
    assert ClipProtocol().places(1).tolist() == [[0] * 16] * 10


def test_places__are_the_published_formula() -> None:
    for num_frames in range(16, 1200):
        centres = np.linspace(8, num_frames - 8, 10)
        assert ClipProtocol().places(num_frames)[:, 0].tolist() == [int(centre - 8) for centre in centres]


def test_places__with_a_stride_reach_from_the_first_to_the_last_frame() -> None:
    places = ClipProtocol(num_clips=3, num_frames=4, stride=3).places(20)  # a clip spans 10 frames
    assert places.tolist() == [[0, 3, 6, 9], [5, 8, 11, 14], [10, 13, 16, 19]]
    assert ClipProtocol(num_clips=2, num_frames=4, stride=3).places(8).tolist() == [[0, 3, 6, 7]] * 2


@pytest.mark.parametrize("num_frames", [1, 5, 40])
def test_clips__hold_the_frames_of_their_places(tmp_path: Path, num_frames: int) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=num_frames)
    assert numbers(protocol_clips(video, UNCUT)) == UNCUT.places(num_frames).tolist()


def test_clips__of_several_protocols_at_once(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=40)
    small = ClipProtocol(num_frames=8, stride=2, resize_height_px=48, resize_width_px=64, crop_height_px=48, crop_width_px=64)
    first, second, again = clips_by_protocols(video, [UNCUT, small, UNCUT])
    assert numbers(first) == UNCUT.places(40).tolist()
    assert numbers(second) == small.places(40).tolist()
    assert again is first


def test_clips__equal_a_naive_reading(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=30, size=(320, 240))
    with av.open(str(video)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    resized = [cv2.resize(frame, (171, 128), interpolation=cv2.INTER_AREA)[8:120, 30:142] for frame in frames]
    clips = protocol_clips(video)
    assert clips.shape == (10, 16, 112, 112, 3) and clips.dtype == np.uint8
    for clip, start in zip(clips, [0, 1, 3, 4, 6, 7, 9, 10, 12, 14], strict=True):
        wanted = np.stack(resized[start : start + 16])
        assert difference(clip, wanted) < 0.2, "two ways to resize differ a little; a row or column aside is 0.8 and more"


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(float) - other).mean())


def test_read_videos__all_in_order_the_bad_ones_with_a_reason(tmp_path: Path) -> None:
    videos = [draw_counting_video(tmp_path / f"{number}.mp4", num_frames=number) for number in (1, 2, 3, 4, 5)]
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    asked = [videos[4], broken, videos[0], tmp_path / "gone.mp4", videos[2], videos[1], videos[3]]
    found = list(read_videos(asked, [UNCUT]))
    assert [video.path for video in found] == asked
    last = [None if video.clips is None else number_in(video.clips[0][-1, -1]) for video in found]
    assert last == [4, None, 0, None, 2, 1, 3]
    assert [bool(video.reason) for video in found] == [False, True, False, True, False, False, False]
    assert "no such file" in found[3].reason


def test_broken_file__is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video" * 100)
    with pytest.raises(VideoRejected, match=r"broken\.mp4: "):
        protocol_clips(broken)


def test_protocol__that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stride of a clip protocol is 0, should be 1 or more"):
        ClipProtocol(stride=0)
    with pytest.raises(ValueError, match="130x112 pixels cannot be cut out of frames that are resized to 128x171"):
        ClipProtocol(crop_height_px=130)
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=3)
    with pytest.raises(ValueError, match="MB, 320 MB can be held"):
        protocol_clips(video, ClipProtocol(num_frames=1024))
