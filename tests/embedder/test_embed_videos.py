import io
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import embedder.worker_process
from embedder.clip_plan import ClipPlan, plan_clips
from embedder.embed_videos import LOW_INFORMATION, EmbeddedVideo, RejectedVideo, embed_videos
from embedder.errors import EncoderError
from embedder.onnx_encoder import OnnxEncoder
from tests.helpers.counting_video import draw_counting_video
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.patience import PATIENCE_S


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("videos")
    return [draw_moving_picture(folder / f"{seed}.mp4", seconds=0.5 + seed, seed=seed) for seed in range(5)]


def embedded(paths: list[Path], encoder: OnnxEncoder, **options: float) -> dict[Path, EmbeddedVideo]:
    results = {result.path: result for result in embed_videos(paths, encoder, **options)}  # type: ignore[arg-type]
    assert set(results) == set(paths)
    return {path: result for path, result in results.items() if isinstance(result, EmbeddedVideo)}


def test_embed_videos__clips_of_the_plan_in_its_order(videos: list[Path], encoder: OnnxEncoder) -> None:
    for path, video in embedded(videos, encoder).items():
        assert np.allclose(video.spans_s, plan_clips(video.facts.duration_s, ClipPlan((1.0, 2.0))))
        assert video.vectors.shape == (len(video.spans_s), encoder.card.dim)
        assert video.vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(video.vectors, axis=1), 1, atol=1e-5)
        assert not video.flags.any()
        assert video.warnings == ()
        assert video.facts.codec == "h264"
        assert video.facts.duration_s == pytest.approx(0.5 + videos.index(path), abs=0.01)


def test_embed_videos__vectors_depend_on_nothing_but_the_span(videos: list[Path], encoder: OnnxEncoder) -> None:
    def by_span(**options: float) -> dict[tuple[Path, float, float], np.ndarray]:
        found = embedded(videos, encoder, **options)
        return {(p, *span): vector for p, v in found.items() for span, vector in zip(v.spans_s.tolist(), v.vectors, strict=True)}

    plain = by_span()
    for other in (by_span(batch_size=1, decode_workers=1), by_span(batch_size=32, decode_workers=3), by_span(hop=0.25)):
        common = plain.keys() & other.keys()
        assert len(common) >= 0.9 * len(plain)  # another hop ends a video with other windows
        assert min(float(plain[key] @ other[key]) for key in common) >= 0.9999


def test_embed_videos__one_small_webp_for_each_clip(videos: list[Path], encoder: OnnxEncoder) -> None:
    for video in embedded(videos, encoder).values():
        assert len(video.thumbnails) == len(video.spans_s)
        for picture in video.thumbnails:
            image = Image.open(io.BytesIO(picture))
            assert (image.format, image.size) == ("WEBP", (96, 64))
        assert len(set(video.thumbnails)) > len(video.thumbnails) // 4


def test_embed_videos__thumbnail_shows_the_middle_of_its_clip(tmp_path: Path, encoder: OnnxEncoder) -> None:
    from tests.helpers.counting_video import number_in

    path = draw_counting_video(tmp_path / "v.mp4", num_frames=250)
    video = embedded([path], encoder)[path]
    for (start_s, end_s), picture in zip(video.spans_s, video.thumbnails, strict=True):
        number = number_in(np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")))
        assert number / 25 == pytest.approx((start_s + end_s) / 2, abs=0.31)


def test_embed_videos__frozen_is_flagged(tmp_path: Path, encoder: OnnxEncoder) -> None:
    path = draw_counting_video(tmp_path / "still.mp4", times_s=[0.0, 3.0])
    assert embedded([path], encoder)[path].flags[0] & LOW_INFORMATION


def test_embed_videos__bad_files_stop_nothing(videos: list[Path], tmp_path: Path, encoder: OnnxEncoder) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video at all")
    gone = tmp_path / "gone.mp4"
    results = list(embed_videos([bad, videos[0], gone, tmp_path, videos[1]], encoder))
    reasons = {result.path: result.reason for result in results if isinstance(result, RejectedVideo)}
    assert set(reasons) == {bad, gone, tmp_path}
    assert not any(result.transient for result in results if isinstance(result, RejectedVideo))
    assert "text file" in reasons[bad]
    assert "no such file" in reasons[gone]
    assert len(results) == 5


def test_embed_videos__no_paths(encoder: OnnxEncoder) -> None:
    assert list(embed_videos([], encoder)) == []


def test_embed_videos__reads_paths_only_a_little_ahead(videos: list[Path], encoder: OnnxEncoder) -> None:
    asked = 0

    def endless() -> Iterator[Path]:
        nonlocal asked
        while True:
            asked += 1
            yield videos[0]

    results = embed_videos(endless(), encoder, decode_workers=2)
    for _ in range(3):
        next(results)
    assert asked <= 3 + 2 * 3 + 1
    results.close()  # type: ignore[attr-defined]


def test_embed_videos__a_failing_encoder_ends_the_run(
    videos: list[Path], encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(clips: object) -> None:
        raise EncoderError("the GPU fell off the bus")

    broken = OnnxEncoder(encoder.path, providers=["cpu"])
    monkeypatch.setattr(broken, "run", fail)
    with pytest.raises(EncoderError, match="fell off"):
        list(embed_videos(videos, broken))


@pytest.mark.parametrize("options", [{"hop": 0.0}, {"spans_s": (3.0, 1.0)}, {"decode_workers": 0}])
def test_embed_videos__refuses_bad_options_at_once(encoder: OnnxEncoder, options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"hop|spans_s|decode_workers"):
        embed_videos([], encoder, **options)  # type: ignore[arg-type]


# --- workers that die -----------------------------------------------------------------------------------------------------------

TREACHEROUS = """
import os, signal, sys, time
import embedder.decode_worker as worker

honest = worker._run
def treacherous(job):
    name = job.path.name
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    if name.startswith("hang"):
        time.sleep(1000)
    if name.startswith("exit"):
        sys.exit("the codec called exit")
    if name.startswith("hoard"):
        hoard = [bytearray(100_000_000) for _ in range(100)]
    yield from honest(job)
    if name.startswith("late"):
        os.kill(os.getpid(), signal.SIGKILL)
worker._run = treacherous
worker.main()
"""


@pytest.fixture
def treacherous(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that do what a bad codec does, when the file's name says so."""
    monkeypatch.setattr(embedder.worker_process, "WORKER_COMMAND", (sys.executable, "-P", "-c", TREACHEROUS))


@pytest.mark.usefixtures("treacherous")
@pytest.mark.parametrize(
    ("name", "reason"),
    [("crash", "crashed on it"), ("hang", "took too long"), ("exit", "the codec called exit"), ("hoard", "memory")],
)
def test_embed_videos__a_worker_that_dies_costs_its_file_only(
    videos: list[Path], tmp_path: Path, encoder: OnnxEncoder, name: str, reason: str
) -> None:
    bad = tmp_path / f"{name}.mp4"
    bad.write_bytes(videos[0].read_bytes())
    limit_s = 3.0 if name == "hang" else None
    paths = [videos[1], bad, videos[2], videos[3]]
    results = {result.path: result for result in embed_videos(paths, encoder, decode_workers=1, time_limit_s=limit_s)}
    assert len(results) == 4
    rejected = results.pop(bad)
    assert isinstance(rejected, RejectedVideo)
    assert reason in rejected.reason
    assert rejected.transient, "another time it may go well"
    assert all(isinstance(result, EmbeddedVideo) for result in results.values())


@pytest.mark.usefixtures("treacherous")
def test_embed_videos__a_worker_that_dies_between_files_costs_nothing(
    videos: list[Path], tmp_path: Path, encoder: OnnxEncoder
) -> None:
    late = tmp_path / "late.mp4"
    late.write_bytes(videos[0].read_bytes())
    results = list(embed_videos([late, *videos[:2]], encoder, decode_workers=1))
    assert all(isinstance(result, EmbeddedVideo) for result in results)


def children(pid: int | str = "self") -> set[int]:
    """Processes that were started by a process, whichever of its threads did it."""
    found: set[int] = set()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # one that has just ended
            found |= {int(child) for child in (thread / "children").read_text().split()}
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_embed_videos__leaving_early_leaves_no_process(videos: list[Path], encoder: OnnxEncoder) -> None:
    before = children()
    results = embed_videos(videos * 10, encoder, decode_workers=2)
    next(results)
    assert len(children() - before) == 2
    results.close()  # type: ignore[attr-defined]
    assert children() <= before


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_embed_videos__killed_owner_leaves_no_process(videos: list[Path], encoder_path: Path) -> None:
    import subprocess

    program = (
        "import sys\nfrom itertools import repeat\nfrom pathlib import Path\n"
        "from embedder.embed_videos import embed_videos\nfrom embedder.onnx_encoder import OnnxEncoder\n"
        "for _ in embed_videos(repeat(Path(sys.argv[2])), OnnxEncoder(Path(sys.argv[1]))): print('one', flush=True)\n"
    )
    root = Path(__file__).parents[2]
    owner = subprocess.Popen([sys.executable, "-c", program, str(encoder_path), str(videos[0])], stdout=subprocess.PIPE, cwd=root)
    assert owner.stdout is not None
    owner.stdout.readline()
    workers = children(owner.pid)
    assert workers
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    until = time.monotonic() + PATIENCE_S
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < until, "workers outlive their owner"
        time.sleep(0.1)
