"""However reading a file ends, the frames that were read count, those that the decoder held back included."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import av.error
import pytest

from embedder import video_file
from embedder.clip_plan import ClipPlan
from embedder.clip_reader import read_clips
from embedder.errors import VideoRejected
from embedder.frame_grid import read_grid
from embedder.worker_messages import Clip, ClipsDone, ClipsJob, PictureSpec
from tests.helpers.counting_video import draw_counting_video, number_picture


class EndsWith:
    """An open container whose packets end with an error, as those of damaged files do."""

    def __init__(self, container: Any, error: Exception, after: int | None) -> None:
        self._container, self._error, self._after = container, error, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def demux(self, *streams: Any) -> Iterator[Any]:
        for number, packet in enumerate(self._container.demux(*streams)):
            if packet.size == 0 or number == self._after:
                raise self._error
            yield packet


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    honest = video_file.open_container

    def end_with(error: Exception, after: int | None = None) -> None:
        @contextmanager
        def opened(path: Path) -> Iterator[EndsWith]:
            with honest(path) as container:
                yield EndsWith(container, error, after)

        monkeypatch.setattr(video_file, "open_container", opened)

    return end_with


def draw(path: Path) -> Path:
    """Sixty frames with B-pictures, so that a decoder holds some back."""
    with av.open(f"file:{path}", "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "2", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = 96, 72, "yuv420p"
        for number in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(number_picture(number, 96, 72), format="rgb24")))
        container.mux(stream.encode())
    return path


def test_streams_that_come_up_in_the_middle_are_the_end_of_the_file(tmp_path: Path, ending: Callable[..., None]) -> None:
    path = draw(tmp_path / "v.ts")
    ending(IndexError("list index out of range"))
    grid = read_grid(path, height_px=48, width_px=64)
    assert grid.facts.num_frames == 60
    (warning,) = grid.warnings
    assert "further streams" in warning


def test_a_demuxer_that_wants_too_much_memory_keeps_the_frames_before(tmp_path: Path, ending: Callable[..., None]) -> None:
    path = draw(tmp_path / "v.ts")
    ending(av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory"), after=40)
    grid = read_grid(path, height_px=48, width_px=64)
    assert grid.facts.num_frames == 40
    assert any("reading broke off after 1." in warning for warning in grid.warnings), grid.warnings


def test_a_disk_that_goes_away_is_not_the_files_end(tmp_path: Path, ending: Callable[..., None]) -> None:
    path = draw(tmp_path / "v.ts")
    ending(av.error.FFmpegError(errno.ESTALE, "Stale file handle"), after=40)
    with pytest.raises(VideoRejected, match="went away") as caught:
        read_grid(path, height_px=48, width_px=64)
    assert caught.value.blames_machine
    assert caught.value.transient


def test_transport_stream_that_gets_another_stream_on_the_way(tmp_path: Path) -> None:
    """The real thing: FFmpeg finds a stream that was not there when the file was opened."""
    from tests.helpers.counting_video import draw_late_video

    one = draw(tmp_path / "one.ts").read_bytes()
    two = draw_late_video(tmp_path / "two.ts", picture_from_s=0.0, num_frames=150, container_format="mpegts").read_bytes()
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one * 60 + two + one * 60)
    with av.open(str(joined)) as container:
        assert len(container.streams) == 1
    assert read_grid(joined, height_px=48, width_px=64).facts.num_frames > 118 * 60


def test_thumbnails_of_a_very_long_video_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = draw_counting_video(tmp_path / "v.mp4", times_s=[n / 4 for n in range(400)])
    job = ClipsJob(path=path, plan=ClipPlan((1.0,)), pictures=PictureSpec(num_frames=2, height_px=8, width_px=8, geometry="squash"))

    def made() -> tuple[int, int, int]:
        *clips, done = (reply for reply in read_clips(job) if isinstance(reply, Clip | ClipsDone))
        pictures = [picture for clip in clips if isinstance(clip, Clip) for picture in clip.new_thumbnails]
        numbers = [clip.thumbnail for clip in clips if isinstance(clip, Clip)]
        assert isinstance(done, ClipsDone)
        assert max(numbers) == len(pictures) - 1
        return sum(map(len, pictures)), len(pictures), len(clips)

    all_bytes, _, _ = made()
    monkeypatch.setattr("embedder.thumbnails.MAX_BYTES", all_bytes // 4)
    few_bytes, num_pictures, num_clips = made()
    assert few_bytes < 1.1 * all_bytes / 4  # of a real limit, the last pictures are a smaller part
    assert 10 < num_pictures < num_clips / 2
