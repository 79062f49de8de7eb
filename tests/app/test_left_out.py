"""What is no footage: left out by name or pattern, no video whatever its name says, or passed over and told."""

import shutil
from pathlib import Path

import pytest

from app.errors import BadFolder, BadPattern
from app.index_library import index_library
from app.library_scan import library_name_of
from app.maintain import change_excludes, purge_missing
from app.settings import Settings
from app.workspace import Workspace
from index.catalog import Catalog, FileFingerprint
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.old_catalog import take_back
from tests.helpers.report_counts import counts


def test_other_files_under_a_videos_name_are_no_broken_videos(ws: Workspace, folder: Path) -> None:
    (folder / "mod1.d.ts").write_text("export declare const one: number;\n")
    (folder / "letter.ps").write_bytes(b"%!PS-Adobe-3.0\nshowpage\n")
    (folder / "song.mod").write_bytes(b"song".ljust(1080, b"\0") + b"M.K." + bytes(5000))
    (folder / "holiday.mp4").write_text("<html>Not found</html>")
    (folder / "empty.mp4").touch()
    (folder / "cut.mp4").write_bytes((folder / "a.mp4").read_bytes()[:200])
    report = index_library(ws, "home", [folder])
    assert counts(report) == {"added": 4, "broken": 2, "not videos": 4}
    assert {Path(path).name for path, _ in report.broken} == {"empty.mp4", "cut.mp4"}
    again = index_library(ws, "home")
    assert counts(again) == {"unchanged": 4, "broken": 2, "not videos": 4}
    assert sorted(again.not_videos) == sorted(report.not_videos)
    (summary,) = ws.catalog.libraries()
    assert (summary.num_indexed, summary.num_broken, summary.num_not_videos) == (4, 2, 4)
    assert {row.path.name for row in ws.catalog.videos("home", outcome="not-video")} == {
        "mod1.d.ts", "letter.ps", "song.mod", "holiday.mp4",
    }  # fmt: skip

    # What becomes a video, or stops being one, is looked at again.
    draw_moving_picture(folder / "holiday.mp4", seed=60)
    (folder / "a.mp4").write_text("it was a video")
    assert counts(index_library(ws, "home")) == {"added": 1, "unchanged": 3, "broken": 2, "not videos": 4}
    assert len(ws.catalog.videos("home", outcome="indexed")) == 4


def test_what_an_earlier_version_called_broken_though_it_is_no_video(home: Path, folder: Path) -> None:
    url = Settings.at(home).catalog_url
    text = folder / "text.ts"
    text.write_text("text")
    status = text.stat()
    with Catalog.open(url) as catalog:
        catalog.add_library("home", [folder])
        catalog.put_broken(
            "home", FileFingerprint(str(text), status.st_size, status.st_mtime_ns, "x"), "is a text file, not a video"
        )
        catalog.put_broken("home", FileFingerprint(str(folder / "gone.mp4"), 1, 1, "y"), "damaged: not a video that decodes")
    take_back(url, "0003")
    with Catalog.open(url) as catalog:
        outcomes = {row.path.name: row.outcome for row in catalog.videos("home")}
    assert outcomes == {"text.ts": "not-video", "gone.mp4": "broken"}


def test_bins_and_thumbnail_folders_are_left_out_and_told(ws: Workspace, folder: Path) -> None:
    for name in ("@eaDir/a.mp4/small.mp4", "#recycle/old.mp4", "$RECYCLE.BIN/S-1/x.mp4"):
        draw_moving_picture(folder / name, seed=60)
    report = index_library(ws, "home", [folder])
    assert counts(report) == {"added": 4}
    assert report.left_out == {"@eaDir": 1, "#recycle": 1, "$RECYCLE.BIN": 1}


def test_a_folder_that_is_named_counts_wherever_it_lies(ws: Workspace, folder: Path) -> None:
    draw_moving_picture(folder / "#recycle" / "old.mp4", seed=60)
    assert counts(index_library(ws, "home", [folder, folder / "#recycle"])) == {"added": 5}
    assert counts(index_library(ws, "home")) == {"unchanged": 5}


def test_what_was_indexed_and_is_left_out_by_now_leaves_the_results(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    report = index_library(ws, "home", excludes=["below/"])
    assert counts(report) == {"unchanged": 3, "left out": 1}
    assert len(ws.catalog.videos("home", outcome="indexed")) == 3
    assert counts(index_library(ws, "home")) == {"unchanged": 3}  # the library keeps the pattern
    assert change_excludes(ws, "home", [], ["below/"]) == ()
    assert counts(index_library(ws, "home")) == {"returned": 1, "unchanged": 3}  # and nothing was embedded again


def test_videos_in_what_became_a_data_folder_are_left_out_and_can_be_forgotten(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    with Workspace(Settings.at(folder / "below")) as other:
        other.make_home()
    assert counts(index_library(ws, "home")) == {"unchanged": 3, "left out": 1}
    assert purge_missing(ws, "home").forgotten == 1


def test_a_broken_file_that_is_left_out_counts_no_longer(ws: Workspace, folder: Path) -> None:
    (folder / "empty.mp4").touch()
    index_library(ws, "home", [folder])
    assert counts(index_library(ws, "home", excludes=["empty.*"])) == {"unchanged": 4, "left out": 1}
    assert ws.catalog.libraries()[0].num_broken == 0


@pytest.mark.parametrize("home_in", ["videos/vret-data", "videos/below/deep/.data"])
def test_the_data_folder_is_never_footage(folder: Path, tmp_path: Path, home: Path, home_in: str) -> None:
    own = tmp_path / home_in
    shutil.copytree(home, own)
    other = folder / "another user's"
    for name in ("previews/p.mp4", "uploads/u.mp4", "x.mp4"):
        draw_moving_picture(own / name, seed=60)
        draw_moving_picture(other / name, seed=60)
    with Workspace(Settings.at(other)) as ws:
        ws.make_home()
    with Workspace(Settings.at(own)) as ws:
        assert counts(index_library(ws, "home", [folder])) == {"added": 4}
        for path in (own, own / "previews", other):
            with pytest.raises(BadFolder, match="data folder of vret"):
                index_library(ws, "home", [path])
        draw_moving_picture(own / "samples" / "s.mp4", seed=70)  # drawn for the demonstration, and named by it
        assert counts(index_library(ws, "samples", [own / "samples"])) == {"added": 1}


@pytest.mark.parametrize("pattern", ["", "!", "/"])
def test_a_pattern_that_leaves_nothing_out_is_refused(ws: Workspace, folder: Path, pattern: str) -> None:
    with pytest.raises(BadPattern):
        index_library(ws, "home", [folder], excludes=[pattern])
    assert ws.catalog.libraries() == []


def test_a_folder_of_which_all_is_left_out_says_so(ws: Workspace, tmp_path: Path) -> None:
    draw_moving_picture(tmp_path / "v" / "@eaDir" / "a.mp4")
    draw_moving_picture(tmp_path / "v" / "b.mp4")
    with pytest.raises(BadFolder, match=r"left out by name or pattern: @eaDir \(1\), b\.\* \(1\)"):
        index_library(ws, "home", [tmp_path / "v"], excludes=["b.*"])
    assert ws.catalog.libraries() == []


def test_a_library_is_called_after_the_real_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "films" / "sub"
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "films")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path / "films"))
    given = {
        "..": "films",
        ".": "sub",
        "../../films/": "films",
        f"{tmp_path}/link": "films",
        "~": "films",
        "~/sub": "sub",
        "/": "root",
    }
    assert {text: library_name_of(Path(text)) for text in given} == given


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("C:\\Videos", "a Windows path"),
        ("~nobody-of-that-name/x", "no folder"),
        ("n" * 300, "no folder"),
        ("a/" * 3000, "no folder"),
    ],
)
def test_folders_that_are_none(ws: Workspace, text: str, said: str) -> None:
    with pytest.raises(BadFolder, match=said):
        index_library(ws, "home", [Path(text)])
