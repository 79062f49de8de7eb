"""Indexing runs as the page starts, shows and stops them."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.ui.index_runs import IndexRuns, RunView, run_view
from app.ui.page_process import start_command, stop_process
from index.catalog import Job
from index.catalog.records import JobState
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.patience import PATIENCE_S

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def job(state: JobState, progress: dict[str, Any], *, pid: int = 1, host: str = "elsewhere") -> Job:
    return Job(1, "index", "home", state, pid, host, NOW, NOW, None if state == "running" else NOW, progress, None)


def test_run_view__nothing_ever_ran() -> None:
    assert run_view(None, []) is None


def test_run_view__run_of_somebody_else() -> None:
    progress = {"done": 3, "total": 9, "clips": 60, "clips_per_s": 12.5, "broken": 1, "seconds_left": 4.0, "current": "/a.mp4"}
    view = run_view(None, [job("running", progress), job("done", {})])
    assert view == RunView(
        state="running",
        library="home",
        done=3,
        total=9,
        clips=60,
        clips_per_s=12.5,
        broken=1,
        seconds_left=4.0,
        current="/a.mp4",
        counts={},
        pid=None,  # on another machine, so it cannot be stopped from here
    )
    assert view.is_live


def test_run_view__interrupted_is_not_live() -> None:
    view = run_view(None, [job("interrupted", {"done": 3, "total": 9})])
    assert view is not None
    assert not view.is_live
    stop_process(view)  # asks nobody


def test_start__runs_to_its_end(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "-odd videos"
    draw_moving_picture(folder / "one.mp4")
    draw_moving_picture(folder / "drafts" / "two.mp4")
    (folder / "broken.mp4").touch()
    (folder / "code.ts").write_text("export {}")
    runs = IndexRuns(home / "logs")
    started = runs.start("--odd", [folder], ["drafts/"])
    view = run_view(started, [])
    assert view is not None
    assert view.library == "--odd"
    assert started.process.wait(timeout=PATIENCE_S) == 0
    view = run_view(runs.last, [])
    assert view is not None
    assert view.state == "done"
    assert {name: number for name, number in view.counts.items() if number} == {"added": 1, "broken": 1, "not videos": 1}
    assert view.notes == ("Left out by name or pattern: drafts/ (1)",)


def test_run_view__says_what_is_away(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    draw_moving_picture(folder / "one.mp4")
    runs = IndexRuns(home / "logs")
    assert runs.start("disk", [folder]).process.wait(timeout=PATIENCE_S) == 0
    (folder / "one.mp4").rename(tmp_path / "one.mp4")
    assert runs.start("disk").process.wait(timeout=PATIENCE_S) == 0
    view = run_view(runs.last, [])
    assert view is not None
    assert [name for name, number in view.counts.items() if number] == []
    (note,) = view.notes
    assert note.startswith(f"{folder} is empty, as when a drive is disconnected; known videos kept: 1")


def test_start__failure_says_why(home: Path, tmp_path: Path) -> None:
    runs = IndexRuns(home / "logs")
    runs.start("home", [tmp_path / "no such folder"]).process.wait(timeout=PATIENCE_S)
    view = run_view(runs.last, [])
    assert view is not None
    assert view.state == "failed"
    assert "no such folder" in view.complaint
    assert not view.complaint.startswith("vret:")


def test_start__a_quick_pass_by_an_encoder_that_sees_no_look_says_so(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "films"
    draw_moving_picture(folder / "one.mp4")
    runs = IndexRuns(home / "logs")
    runs.start("home", [folder], quick=True).process.wait(timeout=PATIENCE_S)
    view = run_view(runs.last, [])
    assert view is not None
    assert view.state == "failed"
    assert "--quick" in view.complaint


def test_start__no_place_for_its_answer(tmp_path: Path) -> None:
    (tmp_path / "logs").touch()
    with pytest.raises(OSError, match="logs"):
        IndexRuns(tmp_path / "logs").start("home")


def test_only_logs_of_the_page_make_room_for_new_ones(tmp_path: Path) -> None:
    others = [tmp_path / name for name in ("index-of-films.txt", "index-2024.log", "index-backup.json.gz")]
    own = [tmp_path / f"index-{number:08d}.{end}" for number in range(30) for end in ("json", "log")]
    for path in (*others, *own):
        path.write_text("x")
        os.utime(path, (1e9, 1e9))
    started = start_command(tmp_path, "index", "films", ["--version"])
    assert started.process.wait() == 0
    assert all(path.exists() for path in others)
    assert sum(path.exists() for path in own) == 38
    assert started.answer_file.exists() and started.talk_file.exists()
