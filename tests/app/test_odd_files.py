"""One odd file among good ones: whatever happens to it is its own outcome, and those behind it are indexed."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.index_library import index_library
from app.workspace import Workspace
from embedder.embed_videos import EmbeddedVideo
from index.errors import CatalogUnavailable
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.report_counts import counts


@pytest.mark.parametrize("year_2400_or_so_s", [13_569_465_600, 2**33, -(10**10), -1])
def test_a_date_far_off(ws: Workspace, folder: Path, year_2400_or_so_s: int) -> None:
    first = draw_moving_picture(folder / "0.mp4", seed=60)
    os.utime(first, (year_2400_or_so_s, year_2400_or_so_s))
    assert counts(index_library(ws, "home", [folder])) == {"added": 5}
    assert counts(index_library(ws, "home")) == {"unchanged": 5}
    (folder / "text.mp4").write_text("no video")
    os.utime(folder / "text.mp4", (year_2400_or_so_s, year_2400_or_so_s))
    assert counts(index_library(ws, "home")) == {"unchanged": 5, "not videos": 1}


@pytest.mark.parametrize("dated_s", [13_569_465_600, 1_700_000_000])
def test_the_other_name_of_a_file_that_is_dated_otherwise_by_now(ws: Workspace, folder: Path, tmp_path: Path, dated_s: int) -> None:
    """Looked up by another name, a date beyond the catalog's numbers is no error, and a touched file is still known."""
    index_library(ws, "home", [folder])
    os.utime(folder / "a.mp4", (dated_s, dated_s))
    other = tmp_path / "other.mp4"
    os.link(folder / "a.mp4", other)
    found = ws.catalog.find_video(other)
    assert found is not None
    assert found.path == folder / "a.mp4"
    copy = Path(shutil.copy2(other, tmp_path / "copy.mp4"))
    assert ws.catalog.find_video(copy) is None


def test_numbers_beyond_64_bits_that_a_file_system_tells(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A size cannot be told apart from a neighbour's, so it is not cut off: such a file is refused, and only it."""
    from app import steady_files
    from app.on_disk import FileState, file_state
    from embedder import video_folder

    look_through = video_folder.look_through

    def lie(*given: Any, **more: Any) -> Any:
        contents = look_through(*given, **more)
        for path, status in contents.videos.items():
            if path.name == "a.mp4":
                values = [*status[:6], 2**70, *status[7:10]]
                contents.videos[path] = os.stat_result(values, {"st_mtime_ns": -(2**80)})
        return contents

    def lie_again(path: Path) -> FileState:
        state = file_state(path)
        return state._replace(size=2**70, mtime_ns=-(2**80)) if path.name == "a.mp4" else state

    monkeypatch.setattr(video_folder, "look_through", lie)
    monkeypatch.setattr(steady_files, "file_state", lie_again)
    report = index_library(ws, "home", [folder])
    assert counts(report) == {"added": 3, "broken": 1}
    ((path, reason),) = report.broken
    assert path == str(folder / "a.mp4") and "could not be indexed" in reason


@pytest.mark.parametrize(
    "oddity",
    [
        lambda video: replace(video, facts=replace(video.facts, duration_s=float("nan"))),
        lambda video: replace(video, facts=replace(video.facts, duration_s=float("inf"))),
        lambda video: replace(video, facts=replace(video.facts, width=2**70)),
        lambda video: replace(video, spans_s=video.spans_s - 1000),
        lambda video: replace(video, vectors=video.vectors * float("nan")),
        lambda video: replace(video, thumbnails=video.thumbnails[:1]),
        lambda video: replace(video, facts=replace(video.facts, codec=None)),
    ],
)
def test_facts_that_no_catalog_holds(
    ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch, oddity: Callable[[EmbeddedVideo], EmbeddedVideo]
) -> None:
    with monkeypatch.context() as patch:
        make_odd(patch, folder / "a.mp4", oddity)
        report = index_library(ws, "home", [folder])
    assert counts(report) == {"added": 3, "broken": 1}
    ((path, reason),) = report.broken
    assert path == str(folder / "a.mp4")
    assert "could not be indexed (" in reason and "try 1 of 3" in reason and "\n" not in reason
    assert counts(index_library(ws, "home")) == {"added": 1, "unchanged": 3}


def test_a_frame_rate_that_is_none_costs_no_video(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_odd(monkeypatch, folder / "a.mp4", lambda video: replace(video, facts=replace(video.facts, frame_rate=float("inf"))))
    assert counts(index_library(ws, "home", [folder])) == {"added": 4}
    row = ws.catalog.find_video(folder / "a.mp4")
    assert row is not None and row.frame_rate is None


def test_texts_that_no_catalog_holds(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(video: EmbeddedVideo) -> EmbeddedVideo:
        return replace(video, facts=replace(video.facts, codec="h\0264\udc80" * 50), warnings=("odd \0 \udc80",))

    make_odd(monkeypatch, folder / "a.mp4", odd)
    assert counts(index_library(ws, "home", [folder])) == {"added": 4}


def test_a_catalog_that_is_away_ends_the_run(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the fault of one file: thousands would be told as broken."""

    def away(*given: object, **more: object) -> None:
        raise CatalogUnavailable("the server is gone")

    monkeypatch.setattr(type(ws.catalog), "put_embedded", away)
    with pytest.raises(CatalogUnavailable):
        index_library(ws, "home", [folder])


def test_names_of_all_kinds_and_things_that_are_no_files(ws: Workspace, folder: Path) -> None:
    names = ["\n.mp4", "a\udcffb.mp4", "\N{GRINNING FACE}.mp4", "n" * 251 + ".mp4", "%s %d {}.mp4", "-l.mp4", "\x1b[2J.mp4"]
    for seed, name in enumerate(names):
        draw_moving_picture(folder / "drawn", seed=70 + seed).rename(folder / name)
    os.mkfifo(folder / "pipe.mp4")
    (folder / "zero.mp4").symlink_to("/dev/zero")
    (folder / "self.mp4").symlink_to(folder / "self.mp4")
    report = index_library(ws, "home", [folder])
    assert report.added + len(report.broken) == 4 + len(names)
    assert {Path(path).name for path, _ in report.broken} <= {"a\udcffb.mp4"}  # where FFmpeg opens no such name


def test_a_file_of_which_hardly_anything_was_written(ws: Workspace, folder: Path) -> None:
    """Reading it through would take hours."""
    with (folder / "begun.mp4").open("wb") as file:
        file.truncate(2**42)
    assert counts(index_library(ws, "home", [folder])) == {"added": 4, "broken": 1}
    assert counts(index_library(ws, "home")) == {"unchanged": 4, "broken": 1}


def test_a_folder_that_vanishes_while_it_is_scanned(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index_library(ws, "home", [folder])
    scandir = os.scandir

    def vanish(path: Any) -> Any:
        if path == folder / "below":
            shutil.rmtree(path, ignore_errors=True)
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", vanish)
        report = index_library(ws, "home")
    assert counts(report) == {"unchanged": 3, "missing": 1}


def test_a_folder_that_cannot_be_listed_has_lost_nothing(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are there, but which of them are videos cannot be told."""
    index_library(ws, "home", [folder])
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if path == folder / "below":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        report = index_library(ws, "home")
    assert counts(report) == {"unchanged": 3}
    assert report.warnings == [(str(folder / "below"), "cannot be looked at: Permission denied")]
    assert counts(index_library(ws, "home")) == {"unchanged": 4}


def make_odd(patch: pytest.MonkeyPatch, path: Path, oddity: Callable[[EmbeddedVideo], EmbeddedVideo]) -> None:
    """Lets the embedding tell something odd of one video."""
    from embedder import embed_videos

    honest = embed_videos.embed_videos

    def odd(*given: Any, **more: Any) -> Iterator[Any]:
        for result in honest(*given, **more):
            yield oddity(result) if result.path == path and isinstance(result, EmbeddedVideo) else result

    patch.setattr(embed_videos, "embed_videos", odd)
