"""Clips of real footage for whitening and calibration are those that indexing would make."""

import shutil
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from embedder.clip_plan import ClipPlan
from embedder.clip_reader import read_clips
from embedder.worker_messages import Clip, ClipsJob, PictureSpec
from pretrain.errors import TrainingDataError
from pretrain.sample_clips import ClipSpec, FootageClips
from tests.helpers.make_video import draw_moving_picture

PICTURES = PictureSpec(num_frames=8, height_px=32, width_px=32, geometry="squash")
SPEC = ClipSpec(pictures=PICTURES, spans_s=(1.0, 2.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six videos that move, one that is black, one that is none."""
    root = tmp_path_factory.mktemp("videos")
    for number in range(6):
        draw_moving_picture(root / f"{number}.mp4", seed=number, seconds=4.0)
    with av.open(str(root / "black.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(10))
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for _ in range(40):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    (root / "bad.mp4").write_text("no video")
    return root


def sampled(folder: Path, count: int, seed: int = 0, spec: ClipSpec = SPEC) -> list[bytes]:
    batches = list(FootageClips((folder,)).batches(count, spec, seed=seed))
    assert all(batch.dtype == np.uint8 and batch.shape[1:] == (8, 32, 32, 3) and 0 < len(batch) <= 16 for batch in batches)
    return [clip.tobytes() for batch in batches for clip in batch]


def owners(folder: Path) -> dict[bytes, str]:
    """Every clip that indexing makes of the videos that move, and whose it is."""
    return {
        reply.pixels.tobytes(): path.name
        for path in sorted(folder.glob("[0-9].mp4"))
        for reply in read_clips(ClipsJob(path=path, plan=ClipPlan(SPEC.spans_s), pictures=PICTURES))
        if isinstance(reply, Clip) and reply.pixels is not None
    }


def test_footage__all_of_it_is_what_indexing_makes(folder: Path) -> None:
    expected = owners(folder)
    clips = sampled(folder, 1000)
    assert len(clips) == len(set(clips)) == len(expected)
    assert set(clips) == set(expected)


def test_footage__some_of_it_comes_from_many_videos(folder: Path) -> None:
    of_clip = owners(folder)
    clips = sampled(folder, 24)
    assert 18 <= len(clips) <= 24, "a bad video that comes last leaves its share out"
    counts = Counter(of_clip[clip] for clip in clips)
    assert len(counts) == 6
    assert max(counts.values()) <= 6, "one may stand in for the bad ones before it"
    assert len(set(clips)) == len(clips)


def test_footage__the_seed_decides(folder: Path) -> None:
    assert sampled(folder, 12, seed=1) == sampled(folder, 12, seed=1) != sampled(folder, 12, seed=2)


def test_footage__geometry_is_the_encoders(folder: Path) -> None:
    cropped = PictureSpec(num_frames=8, height_px=32, width_px=32, geometry="centre_crop")
    assert not set(sampled(folder, 1000)) & set(sampled(folder, 1000, spec=ClipSpec(pictures=cropped, spans_s=SPEC.spans_s)))


def test_footage__nothing_to_see_is_an_error(folder: Path) -> None:
    source = FootageClips((folder / "black.mp4", folder / "bad.mp4"))
    with pytest.raises(TrainingDataError, match=r"none of the 2 videos in .* gives a clip with something in it"):
        list(source.batches(10, SPEC, seed=0))


def test_footage__a_video_that_vanishes_is_passed_over(folder: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "copied"))
    batches = FootageClips((copied,)).batches(1000, SPEC, seed=0)
    first = next(batches)
    for path in copied.iterdir():
        path.unlink()
    rest = list(batches)
    assert 0 < len(first) + sum(map(len, rest)) < len(sampled(folder, 1000))


def test_footage__a_list_of_videos_is_what_it_lists(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text(f"# of both\n{folder / '1.mp4'}\n\n{folder / '4.mp4'}\n{folder / 'gone.mp4'}\n")
    expected = [clip for clip, name in owners(folder).items() if name in ("1.mp4", "4.mp4")]
    assert sorted(sampled(tmp_path / "some.txt", 1000)) == sorted(expected)


def test_footage__a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match=r"gone cannot be read"):
        sampled(tmp_path / "gone", 10)
