from pathlib import Path

import pytest

from embedder.fingerprint import hash_file
from embedder.video_folder import find_videos


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
    is_file = Path.is_file

    def refuse(path: Path) -> bool:
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)
    errors: list[OSError] = []
    assert find_videos(tmp_path, on_error=errors.append) == [seen]
    assert [error.filename for error in errors] == [str(locked)]


def test_hash_file__content_alone_counts(tmp_path: Path) -> None:
    one, two = touch(tmp_path / "1"), touch(tmp_path / "2")
    assert hash_file(one) == hash_file(two)
    assert len(hash_file(one)) == 64
    two.write_bytes(b"y")
    assert hash_file(one) != hash_file(two)
