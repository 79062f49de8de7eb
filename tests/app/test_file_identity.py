"""A video is its content, a path is where it lies: moves, links, copies, folders that are away, files replaced while being read."""

import errno
import json
import os
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.find_similar import ClipQuery, Hit, MomentQuery, find_similar
from app.index_library import index_library
from app.maintain import purge_missing, remove_library
from app.workspace import Workspace
from index.search import Filters
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.report_counts import counts
from tests.helpers.whole_command import vret


def hits(ws: Workspace, path: Path, **options: object) -> list[Hit]:
    return find_similar(ws, ClipQuery(path=path), **options).hits  # type: ignore[arg-type]


def ids(ws: Workspace) -> dict[str, int]:
    """Number of each known video by the end of its path."""
    return {video.path.name: video.id for video in ws.catalog.videos()}


# --- moves -------------------------------------------------------------------------------------------------------------------


def test_a_moved_folder_takes_its_videos_along_in_its_library(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "home", [folder])
    before = ids(ws)
    new = tmp_path / "renamed" / "videos"
    new.parent.mkdir()
    folder.rename(new)
    report = index_library(ws, "home", [new])
    assert (counts(report), report.provider) == ({"moved": 4}, None)
    assert ids(ws) == before
    assert not any(hit.missing for hit in hits(ws, new / "a.mp4", k=50))
    ((where, words),) = report.away
    assert where == str(folder)
    assert "4 of its 4 videos were found again" in words
    assert counts(index_library(ws, "home")) == {"unchanged": 4}  # the old folder is no more; the new one is brought up to date


def test_what_was_not_found_in_a_moved_folder_counts_as_missing(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "home", [folder])
    (folder / "c.mp4").unlink()
    new = folder.rename(tmp_path / "renamed")
    report = index_library(ws, "home", [new])
    assert counts(report) == {"moved": 3, "missing": 1}
    assert "not found, so missing: 1" in report.away[0][1]
    assert {hit.path.parent for hit in hits(ws, new / "a.mp4", k=50)} == {new, new / "below"}


def test_one_copy_elsewhere_is_no_move_of_the_whole_folder(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "home", [folder])
    away, new = folder.rename(tmp_path / "unplugged"), tmp_path / "new"
    new.mkdir()
    shutil.copy(away / "a.mp4", new)
    assert counts(index_library(ws, "home", [new])) == {"moved": 1}
    away.rename(folder)
    assert counts(index_library(ws, "home")) == {"unchanged": 4, "copied": 1}


def test_a_moved_folder_takes_its_videos_into_another_library(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "old", [folder])
    before = ids(ws)
    new = folder.rename(tmp_path / "new")
    report = index_library(ws, "new", [new])
    assert (counts(report), report.from_libraries) == ({"moved": 4}, {"old": 4})
    assert ids(ws) == before
    assert {video.library for video in ws.catalog.videos()} == {"new"}
    assert all(hit.path.exists() and not hit.missing for hit in hits(ws, new / "a.mp4", k=50))


def test_of_two_lost_copies_the_librarys_own_has_moved(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(folder / "a.mp4", other / "a.mp4")
    index_library(ws, "other", [other])
    index_library(ws, "home", [folder])
    own = next(video.id for video in ws.catalog.videos("home") if video.path.name == "a.mp4")
    (folder / "a.mp4").rename(folder / "z.mp4")
    (other / "a.mp4").unlink()
    report = index_library(ws, "home")
    assert (counts(report), report.from_libraries) == ({"moved": 1, "unchanged": 3}, {})
    assert {video.path.name: video.id for video in ws.catalog.videos("home")}["z.mp4"] == own


def test_a_video_moved_between_the_folders_of_a_library(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    draw_moving_picture(tmp_path / "second" / "d.mp4", seed=40)
    index_library(ws, "home", [folder, tmp_path / "second"])
    (folder / "a.mp4").rename(tmp_path / "second" / "a.mp4")
    assert counts(index_library(ws, "home", [tmp_path / "second"])) == {"moved": 1, "unchanged": 1}
    assert counts(index_library(ws, "home")) == {"unchanged": 5}


def test_names_that_were_exchanged_keep_their_contents_and_numbers(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    before = ids(ws)
    ring = ("a.mp4", "b.mp4", "c.mp4")
    for name in ring:
        (folder / name).rename(folder / f"{name}.old")
    for name, old in zip(ring, ("b.mp4", "c.mp4", "a.mp4"), strict=True):
        (folder / f"{old}.old").rename(folder / name)
    report = index_library(ws, "home")
    assert (counts(report), report.provider) == ({"moved": 3, "unchanged": 1}, None)
    now = ids(ws)
    assert [now[name] for name in ring] == [before[name] for name in ("b.mp4", "c.mp4", "a.mp4")]
    for name in ring:
        assert hits(ws, folder / name)[0].path == folder / name
    assert counts(index_library(ws, "home")) == {"unchanged": 4}


def test_a_name_taken_over_by_another_video(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    before = ids(ws)
    (folder / "b.mp4").replace(folder / "a.mp4")
    assert counts(index_library(ws, "home")) == {"moved": 1, "unchanged": 2}
    assert ids(ws) == {name: number for name, number in (before | {"a.mp4": before["b.mp4"]}).items() if name != "b.mp4"}
    assert hits(ws, folder / "a.mp4")[0].path == folder / "a.mp4"


def test_moved_away_and_its_name_given_to_a_new_video(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    before = ids(ws)
    (folder / "a.mp4").rename(folder / "z.mp4")
    draw_moving_picture(folder / "a.mp4", seed=70)
    assert counts(index_library(ws, "home")) == {"moved": 1, "added": 1, "unchanged": 3}
    assert ids(ws)["z.mp4"] == before["a.mp4"]
    assert ids(ws)["a.mp4"] not in before.values()


def test_of_two_copies_one_moves(ws: Workspace, folder: Path) -> None:
    shutil.copy(folder / "a.mp4", folder / "copy.mp4")
    index_library(ws, "home", [folder])
    before = ids(ws)
    (folder / "copy.mp4").rename(folder / "below" / "A.mp4")
    assert counts(index_library(ws, "home")) == {"moved": 1, "unchanged": 4}
    assert ids(ws)["A.mp4"] == before["copy.mp4"]


def test_a_move_is_followed_when_all_is_embedded_anew(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    before = ids(ws)
    (folder / "a.mp4").rename(folder / "A.mp4")
    assert counts(index_library(ws, "home", reembed=True)) == {"re-embedded": 4}
    assert ids(ws)["A.mp4"] == before["a.mp4"]


# --- folders that are away -----------------------------------------------------------------------------------------------------


def unplug(folder: Path, how: str) -> Callable[[], object]:
    """Takes a folder away as an unplugged disk does; gives what brings it back."""
    away = folder.rename(folder.with_name("unplugged"))
    if how != "absent":
        folder.mkdir()
    if how == "left by the system":
        (folder / "lost+found").mkdir()
        (folder / ".Trash-1000").mkdir()

    def plug_in() -> None:
        if how != "absent":
            shutil.rmtree(folder)
        away.rename(folder)

    return plug_in


@pytest.mark.parametrize("how", ["absent", "empty", "left by the system"])
def test_a_folder_that_is_away_is_told_and_left_alone(ws: Workspace, folder: Path, tmp_path: Path, how: str) -> None:
    draw_moving_picture(tmp_path / "second" / "d.mp4", seed=40)
    index_library(ws, "home", [folder, tmp_path / "second"])
    plug_in = unplug(folder, how)
    draw_moving_picture(tmp_path / "second" / "e.mp4", seed=41)
    report = index_library(ws, "home")
    assert counts(report) == {"added": 1, "unchanged": 1}
    ((where, words),) = report.away
    assert where == str(folder)
    assert "known videos kept: 4" in words
    found = hits(ws, tmp_path / "unplugged" / "a.mp4", k=50)
    assert found[0].path == folder / "a.mp4"
    assert {hit.missing for hit in found if hit.path.is_relative_to(folder)} == {True}
    assert not any(hit.missing for hit in found if not hit.path.is_relative_to(folder))
    plug_in()
    assert counts(index_library(ws, "home")) == {"unchanged": 6}


def test_the_command_line_says_what_is_away(folder: Path, home: Path) -> None:
    assert vret("index", folder, "-l", "home").returncode == 0
    unplug(folder, "empty")
    plain, machine = vret("index", "-l", "home"), vret("index", "-l", "home", "--json")
    assert "away: " in plain.stderr
    assert str(folder) in plain.stderr
    assert json.loads(machine.stdout)["away"][0][0] == str(folder)
    found = json.loads(vret("search", folder.with_name("unplugged") / "a.mp4", "--json").stdout)["hits"]
    assert found[0]["missing"]
    assert "not there now" in vret("search", folder.with_name("unplugged") / "a.mp4").stdout


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_a_folder_that_cannot_be_listed_loses_nothing(
    ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    index_library(ws, "home", [folder])
    honest = os.scandir

    def scandir(path: str) -> object:
        if Path(path) == folder / "below":
            raise OSError(number, os.strerror(number), str(path))
        return honest(path)

    with monkeypatch.context() as patch:
        patch.setattr("os.scandir", scandir)
        report = index_library(ws, "home")
    assert counts(report) == {"unchanged": 3}
    assert [path for path, _ in report.warnings] == [str(folder / "below")]
    assert counts(index_library(ws, "home")) == {"unchanged": 4}


def test_what_lies_behind_a_link_to_a_disk_that_is_away_is_left_alone(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    draw_moving_picture(disk / "d.mp4", seed=40)
    (folder / "linked").symlink_to(disk)
    index_library(ws, "home", [folder])
    disk.rename(tmp_path / "unplugged")
    for _ in range(2):
        report = index_library(ws, "home")
        assert counts(report) == {"unchanged": 4}
        assert [where for where, _ in report.away] == [str(folder / "linked")]
        disk.mkdir(exist_ok=True)  # then the mount point alone


def test_a_link_to_a_file_that_was_deleted_is_gone_with_it(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    for seed, name in enumerate(("d", "e")):
        draw_moving_picture(tmp_path / "disk" / f"{name}.mp4", seed=40 + seed)
        (folder / f"{name}.mp4").symlink_to(tmp_path / "disk" / f"{name}.mp4")
    index_library(ws, "home", [folder])
    (tmp_path / "disk" / "d.mp4").unlink()
    assert counts(index_library(ws, "home")) == {"missing": 1, "unchanged": 5}
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    report = index_library(ws, "home")
    assert counts(report) == {"unchanged": 4}
    assert [where for where, _ in report.away] == [str(folder / "d.mp4"), str(folder / "e.mp4")]


def test_many_videos_gone_at_once_are_told(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    for number in range(12):
        shutil.copy(folder / "a.mp4", folder / f"copy{number}.mp4")
    index_library(ws, "home", [folder])
    for number in range(12):
        (folder / f"copy{number}.mp4").unlink()
    report = index_library(ws, "home")
    assert report.missing == 12
    assert [(path, words.split(".")[0]) for path, words in report.warnings] == [(str(folder), "12 of its 16 videos are missing")]


def test_an_empty_folder_inside_is_told(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    """A disk may be mounted there, below the library's folder."""
    index_library(ws, "home", [folder])
    (folder / "below" / "long.mp4").rename(tmp_path / "long.mp4")
    report = index_library(ws, "home")
    assert counts(report) == {"unchanged": 3, "missing": 1}
    ((path, words),) = report.warnings
    assert path == str(folder / "below")
    assert "is empty, so its known video counts as missing" in words
    assert index_library(ws, "home").warnings == []  # once is enough
    (tmp_path / "long.mp4").rename(folder / "below" / "long.mp4")
    assert counts(index_library(ws, "home")) == {"unchanged": 3, "returned": 1}


def test_purge_spares_what_may_come_back(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    second = tmp_path / "second"
    draw_moving_picture(second / "d.mp4", seed=40)
    index_library(ws, "home", [folder, second])
    (folder / "a.mp4").rename(tmp_path / "a.mp4")
    (folder / "b.mp4").unlink()
    (second / "d.mp4").unlink()
    (second / "notes.txt").touch()
    assert counts(index_library(ws, "home")) == {"missing": 3, "unchanged": 2}
    (tmp_path / "a.mp4").rename(folder / "a.mp4")  # back, but not indexed again yet
    plug_in = unplug(folder, "empty")
    purged = purge_missing(ws, "home")
    assert (purged.forgotten, list(purged.left.values())) == (1, [2])
    plug_in()
    purged = purge_missing(ws, "home")
    assert (purged.forgotten, list(purged.left.values())) == (1, [1])
    assert counts(index_library(ws, "home")) == {"returned": 1, "unchanged": 2}
    unplug(folder, "absent")
    said = vret("libraries", "purge", "home")
    assert (said.stdout, said.returncode) == ("purged 0\n", 0)
    assert vret("libraries", "purge", "home", "--away").stdout == "purged 3\n"
    assert ws.catalog.libraries()[0].num_videos == 0


def test_a_catalog_on_a_machine_without_its_videos_forgets_nothing(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "home", [folder])
    before = ids(ws)
    new = folder.rename(tmp_path / "elsewhere")
    assert vret("index", "-l", "home").returncode == 1
    assert vret("libraries", "purge", "home").stdout == "purged 0\n"
    assert len({hit.path for hit in hits(ws, new / "a.mp4", k=50) if hit.missing}) == 4
    assert counts(index_library(ws, "home", [new])) == {"moved": 4}
    assert ids(ws) == before


# --- one file, many ways to it ---------------------------------------------------------------------------------------------------


def test_a_folder_and_a_link_to_it_are_one_folder(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert counts(index_library(ws, "home", [folder, link])) == {"added": 4}
    for way in (link, link / "below", folder / ".." / folder.name, folder / "below" / ".."):
        index_library(ws, "home", [way])
        assert {video.path.parent for video in ws.catalog.videos()} == {folder, folder / "below"}
    assert counts(index_library(ws, "home")) == {"unchanged": 4}
    remove_library(ws, "home", link)
    assert ws.catalog.library("home").folders == (folder / "below",)  # which was named by itself
    assert [video.path.name for video in ws.catalog.videos()] == ["long.mp4"]


def test_links_to_one_file_are_one_video(ws: Workspace, folder: Path) -> None:
    os.link(folder / "a.mp4", folder / "a hard link.mp4")
    (folder / "a link.mp4").symlink_to("a.mp4")
    report = index_library(ws, "home", [folder])
    assert counts(report) == {"added": 4, "linked": 2}
    assert len([hit for hit in hits(ws, folder / "a.mp4", k=50) if hit.score > 0.99]) == 1
    again = index_library(ws, "home")
    assert (counts(again), again.provider) == ({"unchanged": 4, "linked": 2}, None)
    for name in ("a.mp4", "a hard link.mp4", "a link.mp4"):  # whatever it is called by
        assert find_similar(ws, MomentQuery(path=folder / name, at_s=1.0)).hits[0].score > 0.99


def test_the_other_name_of_a_deleted_one_takes_over(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    os.link(folder / "a.mp4", folder / "other.mp4")
    assert counts(index_library(ws, "home")) == {"unchanged": 4, "linked": 1}
    (folder / "a.mp4").unlink()
    report = index_library(ws, "home")
    assert (counts(report), report.provider) == ({"moved": 1, "unchanged": 3}, None)


@pytest.mark.parametrize("one_per_video", [False, True])
def test_a_file_in_two_libraries_is_one_hit_and_k_is_filled(
    ws: Workspace, folder: Path, tmp_path: Path, one_per_video: bool
) -> None:
    (tmp_path / "link").symlink_to(folder)
    index_library(ws, "all", [folder])
    index_library(ws, "below", [folder / "below"])
    index_library(ws, "linked", [tmp_path / "link"])
    assert ws.catalog.count_videos() == 9
    found = hits(ws, folder / "below" / "long.mp4", k=4, one_per_video=one_per_video)
    assert len(found) == 4
    assert len({(os.path.realpath(hit.path), hit.start_s) for hit in found}) == 4
    assert {hit.library for hit in hits(ws, folder / "a.mp4", k=50, filters=Filters(library="linked"))} == {"linked"}


@pytest.mark.parametrize("updated", ["first", "second"])
@pytest.mark.parametrize("second", ["videos", "link"])
def test_a_file_that_changed_since_one_library_saw_it_is_one_video(
    ws: Workspace, folder: Path, tmp_path: Path, updated: str, second: str
) -> None:
    (tmp_path / "link").symlink_to(folder)
    folders = {"first": folder, "second": tmp_path / second}
    for library, its_folder in folders.items():
        index_library(ws, library, [its_folder])
    draw_moving_picture(folder / "a.mp4", seed=90)
    assert counts(index_library(ws, updated)) == {"changed": 1, "unchanged": 3}
    found = hits(ws, folder / "a.mp4", k=50)
    answers = {(hit.library, hit.path) for hit in found if os.path.realpath(hit.path) == str(folder / "a.mp4")}
    assert answers == {(updated, folders[updated] / "a.mp4")}


def test_a_library_of_another_encoder_does_not_answer_for_this_one(ws: Workspace, folder: Path) -> None:
    index_library(ws, "colours", [folder], encoder_name="colour")
    index_library(ws, "second", [folder])
    found = find_similar(ws, ClipQuery(path=folder / "a.mp4"), k=50)
    assert {hit.library for hit in found.hits} == {"second"}


def test_copies_are_one_video_and_the_one_that_is_there_answers(ws: Workspace, folder: Path, tmp_path: Path) -> None:
    index_library(ws, "home", [folder])
    shutil.copytree(folder, tmp_path / "backup")
    assert counts(index_library(ws, "backup", [tmp_path / "backup"])) == {"copied": 4}
    assert len([hit for hit in hits(ws, folder / "a.mp4", k=50) if hit.score > 0.99]) == 2
    best = hits(ws, folder / "a.mp4", k=50, one_per_video=True)
    assert [hit.path for hit in best if hit.score > 0.99] == [folder / "a.mp4"]
    assert len(best) == 4
    folder.rename(tmp_path / "unplugged")
    for one_per_video in (False, True):
        best = hits(ws, tmp_path / "backup" / "a.mp4", k=50, one_per_video=one_per_video)
        assert [hit.path for hit in best if hit.score > 0.99] == [tmp_path / "backup" / "a.mp4"]
        assert not any(hit.missing for hit in best)


def test_a_moment_and_a_folder_are_found_however_they_are_spelled(
    ws: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = unicodedata.normalize("NFC", "é.mp4")
    draw_moving_picture(folder / "below" / name, seed=60)
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "below").symlink_to(folder / "below")
    index_library(ws, "home", [tmp_path / "link"])  # spelled by a link; asked by the real path too
    monkeypatch.chdir(folder / "below")
    decomposed = unicodedata.normalize("NFD", name)
    for way in (
        folder / "below" / "long.mp4",
        tmp_path / "link" / "below" / "long.mp4",
        Path("long.mp4"),
        Path("../below/long.mp4"),
        tmp_path / "far" / "below" / "long.mp4",
        tmp_path / "far" / "below" / ".." / "below" / "long.mp4",
        folder / "below" / decomposed,
    ):
        found = find_similar(ws, MomentQuery(path=way, at_s=1.0)).hits[0]
        assert found.path == tmp_path / "link" / "below" / unicodedata.normalize("NFC", way.name)
    for place in (folder / "below", Path("."), Path("../below/"), tmp_path / "far" / "below"):
        found_below = hits(ws, folder / "a.mp4", k=50, filters=Filters(folder=place))
        assert {hit.path.parent for hit in found_below} == {tmp_path / "link" / "below"}, place
    assert len({hit.path for hit in hits(ws, folder / "a.mp4", k=50, filters=Filters(folder=tmp_path))}) == 5


# --- files that are written to while they are read -------------------------------------------------------------------------------


def meddle(monkeypatch: pytest.MonkeyPatch, path: Path, with_it: Callable[[Path], object], times: int) -> None:
    """Changes a file between the reading of its content and the storing of its vectors, the first times that it is embedded."""
    import embedder.embed_videos as module

    honest = module.embed_videos
    left = [times]

    def embed(paths: Iterator[Path], *options: object, **more: object) -> Iterator[object]:
        for result in honest(paths, *options, **more):  # type: ignore[arg-type]
            if result.path == path and left[0]:
                left[0] -= 1
                with_it(path)
            yield result

    monkeypatch.setattr(module, "embed_videos", embed)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def same_size_and_time(other: Path) -> Callable[[Path], None]:
    """Another content in the same place that the file's size and time do not tell."""

    def replace(path: Path) -> None:
        status, size = path.stat(), path.stat().st_size
        path.write_bytes(other.read_bytes()[:size].ljust(size, b"\0"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    return replace


@pytest.mark.parametrize("kind", ["replaced", "rewritten"])
def test_a_file_replaced_while_it_is_read_is_read_again(
    ws: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    other = draw_moving_picture(tmp_path / "other.mp4", seed=80)
    shutil.copy(folder / "a.mp4", tmp_path / "first.mp4")
    size = max(other.stat().st_size, (folder / "a.mp4").stat().st_size)
    for path in (other, folder / "a.mp4"):  # players bear what follows the last box
        path.write_bytes(path.read_bytes().ljust(size + 8, b"\0"))
    change = same_size_and_time(other) if kind == "rewritten" else lambda path: os.replace(shutil.copy(other, f"{path}.new"), path)
    meddle(monkeypatch, folder / "a.mp4", change, times=1)
    assert counts(index_library(ws, "home", [folder])) == {"added": 4}
    best = hits(ws, other)[0]
    assert best.path == folder / "a.mp4"
    assert best.score == pytest.approx(1.0, abs=0.01)
    assert hits(ws, tmp_path / "first.mp4")[0].score < 0.99


def test_a_file_that_goes_on_growing_is_left_to_the_next_run(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        meddle(patch, folder / "a.mp4", grow, times=9)
        report = index_library(ws, "home", [folder])
    assert counts(report) == {"added": 3, "left": 1}
    assert [path for path, _ in report.warnings] == [str(folder / "a.mp4")]
    assert counts(index_library(ws, "home")) == {"added": 1, "unchanged": 3}


def test_a_file_touched_while_it_is_read_is_taken(ws: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meddle(monkeypatch, folder / "a.mp4", lambda path: os.utime(path, ns=(0, 10**18)), times=9)
    assert counts(index_library(ws, "home", [folder])) == {"added": 4}
    assert counts(index_library(ws, "home")) == {"unchanged": 4}


def test_a_folder_moved_while_it_is_indexed_is_found_again(
    ws: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_library(ws, "home", [folder])
    draw_moving_picture(folder / "new.mp4", seed=70)
    new = tmp_path / "moved"
    with monkeypatch.context() as patch:
        meddle(patch, folder / "new.mp4", lambda _: folder.rename(new), times=1)
        report = index_library(ws, "home")
    assert (report.missing, report.added) == (0, 0)
    assert counts(index_library(ws, "home", [new])) == {"moved": 4, "added": 1}
