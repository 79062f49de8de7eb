import os
from pathlib import Path

import av
import pytest

from app.previews import PreviewCache, preview_folder
from embedder.errors import EmbedderError
from tests.helpers.make_video import draw_moving_picture


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return draw_moving_picture(tmp_path / "v.mp4", seconds=4.0)


def long_ago(path: Path, days: float) -> None:
    past = path.stat().st_mtime - days * 86400
    os.utime(path, (past, past))


def test_preview_plays_and_is_made_once(tmp_path: Path, video: Path) -> None:
    cache = PreviewCache(tmp_path / "previews")
    path = cache.preview(video, 1.0, 3.0)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert float(stream.duration * stream.time_base) == pytest.approx(2.0, abs=0.2)
    long_ago(path, 1)
    before = path.read_bytes()
    assert cache.preview(video, 1.0, 3.0) == path
    assert path.read_bytes() == before
    assert cache.preview(video, 1.0, 2.5) != path
    assert cache.size_bytes() == sum(file.stat().st_size for file in (tmp_path / "previews").iterdir())


def test_half_previews_of_killed_writers_go_after_an_hour(tmp_path: Path, video: Path) -> None:
    folder = tmp_path / "previews"
    folder.mkdir()
    strays = [folder / f".{'a' * 32}.mp4.1.part", folder / f"{'b' * 32}.2.part"]
    for path in strays:
        path.write_bytes(b"half")
        long_ago(path, 0.1)
    at_work = folder / f".{'c' * 32}.mp4.3.part"
    at_work.write_bytes(b"half")
    PreviewCache(folder).preview(video, 1.0, 2.0)
    assert [path.exists() for path in (*strays, at_work)] == [False, False, True]


def test_changed_video_has_another_preview(tmp_path: Path, video: Path) -> None:
    cache = PreviewCache(tmp_path / "previews")
    first = cache.preview(video, 0.0, 1.0)
    draw_moving_picture(video, seconds=4.0, seed=5)
    assert cache.preview(video, 0.0, 1.0) != first


def test_least_recently_used_go_first(tmp_path: Path, video: Path) -> None:
    roomy = PreviewCache(tmp_path / "previews")
    old, older, used = (roomy.preview(video, start_s, start_s + 1.0) for start_s in (0.0, 1.0, 2.0))
    long_ago(old, 1)
    long_ago(older, 2)
    long_ago(used, 3)
    roomy.preview(video, 2.0, 3.0)  # used again
    one_over = roomy.size_bytes()
    PreviewCache(tmp_path / "previews", max_bytes=one_over).preview(video, 0.5, 1.5)
    assert not older.exists()
    assert used.exists()


def test_nothing_that_was_just_handed_out_is_deleted(tmp_path: Path, video: Path) -> None:
    cache = PreviewCache(tmp_path / "previews", max_bytes=1)
    assert all([cache.preview(video, start_s, start_s + 1.0).exists() for start_s in (0.0, 1.0)])  # noqa: C419
    assert cache.preview(video, 0.0, 1.0).exists()


def test_frame_is_a_jpeg(tmp_path: Path, video: Path) -> None:
    cache = PreviewCache(tmp_path / "previews")
    picture = cache.frame(video, 2.0, max_px=48)
    assert picture.read_bytes()[:3] == b"\xff\xd8\xff"
    assert cache.frame(video, 2.0, max_px=48) == picture
    cache.clear()
    assert cache.size_bytes() == 0


def test_what_cannot_be_shown_leaves_nothing(tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_text("no video")
    cache = PreviewCache(tmp_path / "previews")
    with pytest.raises(EmbedderError):
        cache.preview(bad, 0.0, 1.0)
    with pytest.raises(FileNotFoundError):
        cache.preview(tmp_path / "none.mp4", 0.0, 1.0)
    assert list((tmp_path / "previews").glob("*")) == []


def test_files_of_others_are_neither_counted_nor_deleted(tmp_path: Path, video: Path) -> None:
    folder = tmp_path / "previews"
    folder.mkdir()
    others = [folder / name for name in ("holiday.mp4", "beach.jpg", ".download.part", "abc.mp4.1.part")]
    for path in others:
        path.write_bytes(b"x" * 1000)
        long_ago(path, 30)
    cache = PreviewCache(folder, max_bytes=1)
    made = cache.preview(video, 0.0, 1.0)
    assert cache.size_bytes() == made.stat().st_size
    long_ago(made, 1)
    cache.preview(video, 1.0, 2.0)
    cache.clear()
    assert sorted(folder.iterdir()) == sorted(others)


def test_without_a_folder_that_can_be_written_they_lie_in_a_temporary_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.previews.os.access", lambda path, mode: tmp_path not in [path, *path.parents])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = preview_folder(tmp_path / "home" / "previews")
    assert folder.is_dir() and folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
