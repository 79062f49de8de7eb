"""A decode worker keeps no frame for longer than it needs it, and does not take its own want of memory for a damaged file."""

import gc
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pytest

import embedder.worker_process
from embedder.clip_plan import ClipPlan
from embedder.decode_worker import _run
from embedder.embed_videos import EmbeddedVideo, RejectedVideo, embed_videos
from embedder.errors import VideoRejected
from embedder.onnx_encoder import OnnxEncoder
from embedder.preview import read_frame
from embedder.worker_messages import (
    ClipsJob,
    FrameJob,
    FramePick,
    FramesJob,
    GlanceJob,
    Job,
    PictureJob,
    PictureSpec,
    PreviewJob,
    QueryJob,
    ReadingJob,
    StretchesJob,
    StretchPlan,
)
from embedder.worker_process import close_idle_workers
from tests.helpers.barred_video import padded, scene, write_video
from tests.helpers.draw_picture import write_picture
from tests.helpers.make_video import draw_moving_picture

PICTURES = PictureSpec(num_frames=8, height_px=56, width_px=56, geometry="squash")
PLAN = ClipPlan(spans_s=(1.0,))
JOBS: dict[str, Callable[[Path], Job]] = {
    "clips": lambda path: ClipsJob(path=path, plan=PLAN, pictures=PICTURES),
    "key frames": lambda path: ClipsJob(path=path, plan=PLAN, pictures=PICTURES, only_key_frames=True),
    "query": lambda path: QueryJob(path=path, start_s=0.5, end_s=4.5, spans_s=(1.0,), pictures=PICTURES, max_s=60.0),
    "preview": lambda path: PreviewJob(path=path, start_s=0.5, end_s=4.5, out=path.with_suffix(".preview.mp4"), height_px=64),
    "frame": lambda path: FrameJob(path=path, at_s=4.5, max_px=64),
    "picture": lambda path: PictureJob(path=path, at_s=4.5, span_s=1.0, pictures=PICTURES),
    "reading": lambda path: ReadingJob(path=path, duration_s=5.0, reading=1),
    "glances": lambda path: GlanceJob(path=path, num_pictures=16, max_px=64),
    "stretches": lambda path: StretchesJob(
        path=path, plan=StretchPlan(size_px=32, max_frame_rate_hz=30.0, stretch_frames=50, max_stretches=2)
    ),
    "frames": lambda path: FramesJob(
        path=path,
        picks=(FramePick(numbers=tuple(range(45)), height_px=32, width_px=32, crop_height_px=32, crop_width_px=32),),
    ),
}


def frames_in_memory() -> int:
    # Not isinstance, which asks what is no frame for its class; some objects warn at that.
    return sum(type(one) is av.VideoFrame for one in gc.get_objects())


@pytest.mark.parametrize("kind", JOBS)
def test_reading__lets_go_of_every_frame(tmp_path: Path, kind: str) -> None:
    """Python's collector may not be needed for it: it counts objects, not how large they are."""
    path = draw_moving_picture(tmp_path / "v.mp4", seconds=5.0, gop=2)
    gc.collect()
    gc.disable()
    try:
        before = frames_in_memory()
        for _ in _run(JOBS[kind](path)):
            pass
        assert frames_in_memory() - before < 5
    finally:
        gc.enable()


STARVED = """
import resource, sys
from pathlib import Path
from embedder.video_file import open_video

def bytes_in_use():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmData")).split()[1]) * 1024

with open_video(Path(sys.argv[1])) as video:
    frames = video.frames()
    next(frames)
    resource.setrlimit(resource.RLIMIT_DATA, (bytes_in_use(), resource.RLIM_INFINITY))
    list(frames)
    print(video.warnings())
"""

STARVED_FROM_THE_START = """
import resource, sys
from pathlib import Path
import embedder.video_file, embedder.bars, embedder.picture_reader
from embedder.errors import DecoderOutOfMemory
from embedder.worker_messages import PictureSpec

def bytes_in_use():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmData")).split()[1]) * 1024

how, path = sys.argv[1], Path(sys.argv[2])
pictures = PictureSpec(num_frames=1, height_px=56, width_px=56, geometry="squash")
read = embedder.bars.find_bars if how == "bars" else lambda path: embedder.picture_reader._photo(path, pictures)[1]
said = [str(read(path))]
for room in range(0, 24 * 2**20, 2**20):
    resource.setrlimit(resource.RLIMIT_DATA, (bytes_in_use() + room, resource.RLIM_INFINITY))
    try:
        said.append(str(read(path)))
    except (DecoderOutOfMemory, MemoryError):
        said.append("no memory")
    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print("\\n".join(dict.fromkeys(said)))
"""

LEAKY = """
import sys
import embedder.decode_worker as worker

honest, hoard = worker._run, []
def leaky(job):
    try:
        if job.path.name.startswith("leak"):
            while True:
                hoard.append(bytearray(10_000_000))
    except MemoryError:
        hoard.pop()
    yield from honest(job)
worker._run = leaky
worker.main()
"""

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a process")


@only_linux
def test_want_of_memory__is_not_called_damage(tmp_path: Path) -> None:
    path = draw_moving_picture(tmp_path / "v.mp4", seconds=2.0, size=(1280, 720))
    told = subprocess.run([sys.executable, "-c", STARVED, str(path)], capture_output=True, text=True, check=False)
    assert told.stdout == ""
    assert "needs more memory than a decoder is given" in told.stderr


@only_linux
@pytest.mark.parametrize("kind", ["bars", "jpg", "png", "bmp"])
def test_want_of_memory__changes_nothing_that_is_read(tmp_path: Path, kind: str) -> None:
    if kind == "bars":
        path = write_video(
            tmp_path / "v.mp4", lambda number: padded(scene(number, height=480, width=1280), top=120, bottom=120), 10
        )
    else:
        path = write_picture(tmp_path / f"p.{kind}", np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), np.uint8))
    command = [sys.executable, "-c", STARVED_FROM_THE_START, kind, str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    whole, *others = told.stdout.splitlines()
    assert whole not in ("no memory", "None"), told.stderr
    assert others == ["no memory"], told.stderr


@only_linux
def test_a_worker_without_memory__leaves_its_file_to_a_new_one(
    tmp_path: Path, encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = draw_moving_picture(tmp_path / "leak.mp4", seconds=1.0)
    large = draw_moving_picture(tmp_path / "large.mp4", seconds=2.0, size=(1920, 1080))
    monkeypatch.setattr(embedder.worker_process, "WORKER_COMMAND", (sys.executable, "-P", "-c", LEAKY))
    outcomes = {video.path: video for video in embed_videos([small, large, small], encoder, decode_workers=1)}
    assert isinstance(outcomes[small], EmbeddedVideo | RejectedVideo)  # no matter which
    read = outcomes[large]
    assert isinstance(read, EmbeddedVideo), read
    assert (read.facts.num_frames, read.warnings) == (20, ())


@only_linux
def test_a_kept_worker_without_memory__leaves_its_file_to_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = draw_moving_picture(tmp_path / "leak.mp4", seconds=1.0)
    large = draw_moving_picture(tmp_path / "large.mp4", seconds=2.0, size=(1920, 1080))
    monkeypatch.setattr(embedder.worker_process, "WORKER_COMMAND", (sys.executable, "-P", "-c", LEAKY))
    close_idle_workers()
    try:
        with suppress(VideoRejected):  # it may itself be short of memory by then
            read_frame(small, 0.5)
        assert read_frame(large, 1.0)[:2] == b"\xff\xd8"
    finally:
        close_idle_workers()
