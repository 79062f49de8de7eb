"""A training removes and writes over what vret made, and nothing else, whatever folder it is given."""

import json
import os
import shutil
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from embedder.worker_messages import StretchPlan
from pretrain import frame_store
from pretrain.config import FootageConfig
from pretrain.errors import RunFolderError
from pretrain.frame_cache import FrameCache
from pretrain.own_folder import MARKER_NAME, OWN_NAME, make_own_folder
from pretrain.run_lock import at_work
from pretrain.task_sum import parse_task_sum
from pretrain.train import train
from pretrain.train_run import TrainRun
from tests.helpers.counting_video import draw_counting_video
from tests.helpers.tiny_run import stop_after, tiny

PLAN = StretchPlan(size_px=48, max_frame_rate_hz=32, stretch_frames=64, max_stretches=4)
ENTRY = f"{'0' * 16}-{'1' * 8}-{'2' * 16}"


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is stored must take the place of something that is thrown out."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=frame_store.KEEP_FREE_BYTES))
    monkeypatch.setattr(frame_store, "FULL_FOR_S", 0.0)


def draw_up(folder: Path) -> dict[Path, bytes]:
    """A user's files, years old, some under names that vret gives to its own; what each holds."""
    files = {
        folder / "measured.npy": b"\x93NUMPY no array" * 30_000,
        folder / f"{ENTRY}.npy": b"an array of mine" * 30_000,
        folder / ".download.part": b"half of a film",
        folder / f".{ENTRY}.npy.12345678.part": b"mine too",
        folder / "outlines" / f"{ENTRY}.json": b"{}",
        folder / "outlines" / ".letter.part": b"Dear",
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1e9, 1e9))
    return files


def still_there(files: dict[Path, bytes]) -> bool:
    return {path: path.read_bytes() if path.is_file() else None for path in files} == files


def train_on_videos(tmp_path: Path, cache_dir: Path, **footage: float) -> None:
    draw_counting_video(tmp_path / "videos" / "a.mp4", num_frames=40)
    wanted = FootageConfig(paths=(str(tmp_path / "videos"),), cache_dir=str(cache_dir), **footage)  # type: ignore[arg-type]
    train(tiny(tasks=parse_task_sum("pace"), footage=wanted), tmp_path / "run")


@pytest.mark.usefixtures("full_disk")
def test_cache_dir__a_users_files_in_it_stay_when_the_disk_is_short(tmp_path: Path) -> None:
    files = draw_up(tmp_path / "home")
    train_on_videos(tmp_path, tmp_path / "home")
    assert still_there(files)


def test_cache_dir__a_users_files_in_it_stay_and_count_for_nothing_when_the_limit_is_short(tmp_path: Path) -> None:
    files = draw_up(tmp_path / "home")
    (tmp_path / "home" / "large.npy").write_bytes(b"\0" * 2_000_000)
    train_on_videos(tmp_path, tmp_path / "home", cache_gb=0.001)
    assert still_there(files)
    assert list((tmp_path / "home" / OWN_NAME).glob("*.npy")), "there was room"


@pytest.mark.usefixtures("full_disk")
@pytest.mark.parametrize("proof", ["none", "of something else", "a link", "the folder is a link"])
def test_cache_dir__a_folder_of_our_name_that_we_cannot_prove_ours_is_left_alone(tmp_path: Path, proof: str) -> None:
    own = tmp_path / "cache" / OWN_NAME
    files = draw_up(tmp_path / "elsewhere" if proof == "the folder is a link" else own)
    if proof == "of something else":
        (own / MARKER_NAME).write_text("my notes on vret")
    elif proof == "a link":
        marked = make_own_folder(tmp_path / "marked") / MARKER_NAME
        (own / MARKER_NAME).symlink_to(marked)
    elif proof == "the folder is a link":
        (make_own_folder(tmp_path / "marked") / MARKER_NAME).rename(tmp_path / "elsewhere" / MARKER_NAME)
        own.parent.mkdir()
        own.symlink_to(tmp_path / "elsewhere")
    before = sorted(own.rglob("*"))
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    cache = FrameCache(tmp_path / "cache", PLAN, 10**9, [video])
    assert len(cache.frames(video)) == 20
    assert still_there(files) and sorted(own.rglob("*")) == before
    assert [path.name for path in own.parent.iterdir()] == [OWN_NAME]
    (remark,) = cache.take_remarks()
    assert remark.text.startswith(f"{own} is there, and nothing shows that vret made it")
    assert "choose another --cache-dir" in remark.text


@pytest.mark.usefixtures("full_disk")
def test_cache_dir__in_our_own_folder_what_is_called_otherwise_or_is_no_file_stays(tmp_path: Path) -> None:
    own = make_own_folder(tmp_path / "cache")
    (tmp_path / "theirs.npy").write_bytes(b"theirs" * 30_000)
    (own / f"{'a' * 16}-{'1' * 8}-{'2' * 16}.npy").symlink_to(tmp_path / "theirs.npy")
    (own / f"{'b' * 16}-{'1' * 8}-{'2' * 16}.npy").mkdir()
    (own / "copied here.npy").write_bytes(b"array" * 100_000)
    (own / f"{ENTRY}.npy").write_bytes(b"an entry that nobody asks for" * 30_000)
    for path in own.iterdir():
        os.utime(path, (1e9, 1e9), follow_symlinks=False)
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    FrameCache(tmp_path / "cache", PLAN, 10**9, [video]).frames(video)
    assert (tmp_path / "theirs.npy").read_bytes() == b"theirs" * 30_000
    names = {path.name for path in own.iterdir()}
    assert names >= {MARKER_NAME, "copied here.npy", f"{'a' * 16}-{'1' * 8}-{'2' * 16}.npy", f"{'b' * 16}-{'1' * 8}-{'2' * 16}.npy"}
    assert f"{ENTRY}.npy" not in names


def test_cache_dir__trainings_that_begin_at_once_make_one_folder(tmp_path: Path) -> None:
    go = threading.Barrier(8)
    made: list[Path] = []

    def begin() -> None:
        go.wait()
        made.append(make_own_folder(tmp_path / "cache"))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [tmp_path / "cache" / OWN_NAME] * 8
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [OWN_NAME]


def test_cache_dir__is_kept_though_it_lies_in_the_runs_folder(tmp_path: Path) -> None:
    train_on_videos(tmp_path, tmp_path / "run" / "frames")
    assert list((tmp_path / "run" / "frames" / OWN_NAME).glob("*.npy"))


def test_run_folder__a_users_frames_and_curves_in_it_stay(tmp_path: Path) -> None:
    run = tmp_path / "run"
    files = draw_up(run / "frames") | draw_up(run)
    files |= {run / "tensorboard" / "events.out.tfevents.1700000000.host.1.0": b"curves of mine"}
    (run / "tensorboard").mkdir()
    (run / "tensorboard" / "events.out.tfevents.1700000000.host.1.0").write_bytes(b"curves of mine")
    draw_counting_video(tmp_path / "videos" / "a.mp4", num_frames=40)
    train(tiny(tasks=parse_task_sum("pace"), footage=FootageConfig(paths=(str(tmp_path / "videos"),))), run)
    assert still_there(files)
    assert not (run / "frames" / OWN_NAME).exists(), "its own frames are gone with its end"


def test_run_folder__what_a_stopped_run_leaves_is_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = draw_up(tmp_path / "frames") | draw_up(tmp_path / "tensorboard")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.setattr(TrainRun, "pieces", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        train(tiny(), tmp_path)
    assert still_there(files) and sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", json.dumps({"editor.fontSize": 12})),
        ("config.json", "no JSON"),
        ("config.json", json.dumps({"tasks": ["wash"]})),
        ("metrics.jsonl", json.dumps({"step": 1})),
        ("state.json", json.dumps({"step": 1})),
        ("footage.json", json.dumps(["a.mp4"])),
        ("origin.json", json.dumps({"from": "here"})),
    ],
)
def test_run_folder__files_of_another_program_are_not_written_over(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RunFolderError, match=rf"{name} is there and no run of vret's has written it.*--run NAME"):
        train(tiny(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name] and (tmp_path / name).read_text() == content


@pytest.mark.parametrize("name", ["config.json", "checkpoint.pt", "metrics.jsonl", "state.json", "run.lock"])
def test_run_folder__a_folder_where_a_file_should_be_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "in it").mkdir(parents=True)
    with pytest.raises(RunFolderError, match=name):
        train(tiny(), tmp_path)
    assert (tmp_path / name / "in it").exists()


def test_run_folder__of_unfinished_files_only_our_own_are_swept(tmp_path: Path) -> None:
    theirs = (".film.part", ".config.json.part", ".config.json.xyz.part", "config.json.0a1b2c3d.part")
    for name in (*theirs, ".checkpoint.pt.0a1b2c3d.part"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / ".state.json.0a1b2c3d.part").mkdir()
    with at_work(tmp_path):
        left = {path.name for path in tmp_path.iterdir()} - {"run.lock"}
    assert left == {*theirs, ".state.json.0a1b2c3d.part"}


def test_cache_dir__two_runs_share_what_each_has_decoded(tmp_path: Path) -> None:
    video = draw_counting_video(tmp_path / "a.mp4", num_frames=20)
    first = FrameCache(tmp_path / "cache", PLAN, 10**9, [video])
    frames = np.array(first.frames(video))
    (entry,) = (tmp_path / "cache" / OWN_NAME).glob("*.npy")
    os.utime(entry, (1e9, 1e9))
    np.testing.assert_array_equal(FrameCache(tmp_path / "cache", PLAN, 10**9, [video]).frames(video), frames)
    assert time.time() - entry.stat().st_mtime < 1e8, "the other took it from there, and says that it is in use"


def test_run__begun_by_a_killed_measuring_is_begun_anew(tmp_path: Path) -> None:
    draw_counting_video(tmp_path / "videos" / "a.mp4", num_frames=40)
    run = tiny(tasks=parse_task_sum("pace"), footage=FootageConfig(paths=(str(tmp_path / "videos"),)))
    with pytest.raises(KeyboardInterrupt):
        train(run, tmp_path / "run", on_progress=stop_after(1, KeyboardInterrupt))
    for name in ("config.json", "checkpoint.pt", "metrics.jsonl", "state.json"):  # which are written after the measuring
        (tmp_path / "run" / name).unlink()
    assert train(run, tmp_path / "run").steps == 4
