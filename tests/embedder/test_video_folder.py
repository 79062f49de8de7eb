import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from embedder.exclusions import check_pattern
from embedder.fingerprint import hash_file
from embedder.video_file import open_video
from embedder.video_folder import find_videos, look_through
from tests.helpers.make_video import draw_moving_picture


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def test_find_videos__by_ending_whatever_the_case(tmp_path: Path) -> None:
    wanted = [touch(tmp_path / name) for name in ("a.mp4", "b/B.MKV", "b/c d.WebM", "two.dots.v1.mov")]
    for name in ("notes.txt", "none", ".hidden.mp4", ".folder/x.mp4", "list.m3u8", "picture.png"):
        touch(tmp_path / name)
    (tmp_path / "folder.mp4").mkdir()
    assert find_videos(tmp_path) == sorted(wanted)


def test_find_videos__a_loop_of_links_ends(tmp_path: Path) -> None:
    video = touch(tmp_path / "a" / "v.mp4")
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    (tmp_path / "z").symlink_to(tmp_path / "a")
    (tmp_path / "dead.mp4").symlink_to(tmp_path / "nothing")
    assert find_videos(tmp_path) == [video]


def test_find_videos__ten_of_one_name(tmp_path: Path) -> None:
    wanted = [touch(tmp_path / str(number) / "clip.mp4") for number in range(10)]
    assert find_videos(tmp_path) == wanted


def test_find_videos__a_file_is_itself_and_nothing_is_an_error(tmp_path: Path) -> None:
    video = touch(tmp_path / "no_ending")
    assert find_videos(video) == [video]
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_videos(tmp_path / "nowhere")


def test_find_videos__tells_of_a_file_that_may_not_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder that may be listed but not entered, which the superuser never meets."""
    seen, locked = touch(tmp_path / "a.mp4"), touch(tmp_path / "locked.mp4")
    scandir = os.scandir

    class Entry:
        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.path = entry.name, entry.path
            self.is_dir, self.is_file, self._stat = entry.is_dir, entry.is_file, entry.stat

        def stat(self) -> os.stat_result:
            if self.name == locked.name:
                raise PermissionError(13, "Permission denied", self.path)
            return self._stat()

    @contextmanager
    def listed(folder: Path) -> Iterator[list[Entry]]:
        with scandir(folder) as entries:
            yield [Entry(entry) for entry in entries]

    monkeypatch.setattr(os, "scandir", listed)
    errors: list[OSError] = []
    assert find_videos(tmp_path, on_error=errors.append) == [seen]
    assert [error.filename for error in errors] == [str(locked)]


@pytest.mark.parametrize(("call", "which"), [("stat", "videos/b"), ("scandir", "videos/b"), ("scandir", "videos")])
def test_find_videos__a_folder_that_vanishes_meanwhile_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, which: str
) -> None:
    """As a download that is being tidied up, or a disk that is pulled out: the rest is found."""
    seen = touch(tmp_path / "videos" / "a" / "1.mp4")
    touch(tmp_path / "videos" / "b" / "2.mp4")
    ask, goes = getattr(os, call), tmp_path / which

    def vanishing(path: Any, **more: Any) -> Any:
        if path == goes:
            shutil.rmtree(goes, ignore_errors=True)
        return ask(path, **more)

    monkeypatch.setattr(os, call, vanishing)
    errors: list[OSError] = []
    assert find_videos(tmp_path / "videos", on_error=errors.append) == ([] if which == "videos" else [seen])
    assert [error.filename for error in errors] == [str(goes)]


def test_find_videos__however_deep(tmp_path: Path) -> None:
    """Deeper than Python calls a function from itself."""
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1100):
            os.mkdir("d")
            os.chdir("d")
        Path("v.mp4").touch()
    finally:
        os.chdir(before)
    errors: list[OSError] = []
    try:
        found = find_videos(tmp_path, on_error=errors.append)
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # shutil.rmtree calls itself, too
    assert [path.name for path in found] == ["v.mp4"] and errors == []


def test_find_videos__what_is_never_footage(tmp_path: Path) -> None:
    wanted = touch(tmp_path / "trip" / "v.mp4")
    for name in (
        "@eaDir/v.mp4/small.mp4", "#recycle/v.mp4", "$Recycle.Bin/S-1/v.mp4", ".Trash-1000/files/v.mp4", "LOST+FOUND/v.mp4",
        "System Volume Information/v.mp4", "code/node_modules/a/b.ts", "__MACOSX/v.mp4", "Catalog Previews.lrdata/v.mp4",
        "old/.vret-data", "old/previews/v.mp4", "older/catalog.db", "older/index.lock", "older/uploads/v.mp4", "._v.mp4",
    ):  # fmt: skip
        touch(tmp_path / name)
    assert find_videos(tmp_path) == [wanted]
    assert find_videos(tmp_path / "#recycle") == [tmp_path / "#recycle" / "v.mp4"]  # who names it wants it


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        (["drafts/"], ["a.mp4", "b/Drafts.mp4", "b/c.LRV"]),
        (["*.lrv"], ["a.mp4", "b/Drafts.mp4", "b/drafts/d.mp4", "drafts/e.mp4"]),  # capitals do not matter
        (["/drafts"], ["a.mp4", "b/Drafts.mp4", "b/c.LRV", "b/drafts/d.mp4"]),
        (["./drafts"], ["a.mp4", "b/Drafts.mp4", "b/c.LRV", "b/drafts/d.mp4"]),
        (["{root}/b"], ["a.mp4", "drafts/e.mp4"]),  # as a shell completes it
        (["b/*", "!c.lrv"], ["a.mp4", "b/c.LRV", "drafts/e.mp4"]),
        (["b/**/d.mp4", "a.mp4"], ["b/Drafts.mp4", "b/c.LRV", "drafts/e.mp4"]),
    ],
)
def test_look_through__patterns_leave_out(tmp_path: Path, patterns: list[str], kept: list[str]) -> None:
    for name in ("a.mp4", "b/c.LRV", "b/drafts/d.mp4", "b/Drafts.mp4", "drafts/e.mp4"):
        touch(tmp_path / name)
    checked = [check_pattern(pattern.format(root=tmp_path)) for pattern in patterns]
    found = look_through(tmp_path, checked)
    assert [path.relative_to(tmp_path).as_posix() for path in found.videos] == kept
    assert set(found.left_out) <= set(checked) and found.left_out


def test_look_through__a_pattern_that_begins_like_a_comment_is_a_name(tmp_path: Path) -> None:
    touch(tmp_path / "#old" / "v.mp4")
    assert list(look_through(tmp_path, [check_pattern("#old")]).videos) == []


@pytest.mark.parametrize("pattern", ["", "  ", "!", "/", "a\nb", "a" * 501])
def test_check_pattern__what_leaves_nothing_out(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|gitignore"):
        check_pattern(pattern)


def test_look_through__videos_under_other_names_are_told(tmp_path: Path) -> None:
    video = draw_moving_picture(tmp_path / "v.mp4").read_bytes()
    for name in ("v.mp4.part", "w.bak", "no_ending", ".hidden.mp4", "sound.m4a"):
        (tmp_path / name).write_bytes(video)
    (tmp_path / "notes.bak").write_text("text " * 1000)
    found = look_through(tmp_path, tell_passed_over=True)
    assert dict(found.passed_over) == {".part": 1, ".bak": 1, "": 1, "hidden .mp4": 1}


@pytest.mark.parametrize("ending", [".m2t", ".MOD", ".TOD", ".LRV", ".insv", ".mp4v", ".trp", ".360", ".mts", ".3gpp", ".vro"])
def test_find_videos__camcorder_endings(tmp_path: Path, ending: str) -> None:
    path = draw_moving_picture(tmp_path / "v.mp4").rename(tmp_path / f"v{ending}")
    assert find_videos(tmp_path) == [path]
    with open_video(path) as video:
        assert sum(1 for _ in video.frames()) == 30


def test_hash_file__content_alone_counts(tmp_path: Path) -> None:
    one, two = touch(tmp_path / "1"), touch(tmp_path / "2")
    assert hash_file(one) == hash_file(two)
    assert len(hash_file(one)) == 64
    two.write_bytes(b"y")
    assert hash_file(one) != hash_file(two)
