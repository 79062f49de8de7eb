"""What a file under a video's name is: another kind of file, which is none of the broken videos, or a video that is damaged."""

import os
from pathlib import Path

import pytest

from embedder.file_kind import not_a_video, picture_demuxer
from tests.helpers.make_video import draw_moving_picture

TYPESCRIPT = b"export declare const answer: number;\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (TYPESCRIPT, "text"),
        (b"x", "text"),
        (("я" * 40_000).encode()[: 65536 + 1], "text"),  # what is read ends in the middle of a letter
        ("const ответ = 42;".encode("utf-16"), "text"),
        ("// комментарий в старой кодировке, длинный\nexport const ответ = 42;\n".encode("cp1251"), "text"),
        (b"MODULE Hello;\r\nBEGIN\r\nEND Hello.\r\n\x1a", "text"),
        (b"%!PS-Adobe-3.0\nshowpage\n\xff\x00", "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(60), "PostScript"),
        (b"song".ljust(1080, b"\0") + b"M.K." + bytes(500), "tracker"),
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"\x7fELF\2\1\1" + bytes(100), "program"),
        (b"#EXTM3U\n", "playlist"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio"),
    ],
)
def test_files_of_other_kinds(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "v.ts"
    path.write_bytes(content)
    kind = not_a_video(path)
    assert kind is not None and kind.is_other
    assert said in kind.reason and kind.reason.endswith("not a video")


def test_damaged_videos_stay_videos(tmp_path: Path) -> None:
    video = draw_moving_picture(tmp_path / "v.mp4").read_bytes()
    for content in (b"", bytes(5000), video[:40], video[:1000], os.urandom(2000), b"G" + os.urandom(187), video[:8] + TYPESCRIPT):
        (tmp_path / "bad.mp4").write_bytes(content)
        kind = not_a_video(tmp_path / "bad.mp4")
        assert kind is None or not kind.is_other, content[:30]


@pytest.mark.parametrize(
    ("head", "demuxer"),
    [
        (b"\xff\xd8\xff\xe0", "jpeg_pipe"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "png_pipe"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(20) + b"acTL", None),  # it moves
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp_pipe"),
        (b"RIFF\0\0\0\0AVI LIST", None),
        (b"BM\x36\x48\0\0\0\0\0\0\x36\0\0\0", "bmp_pipe"),
        (b"BM is how this text begins", None),
        (b"\0\0\0\x1cftypheic", "mov"),
        (b"\0\0\0\x1cftypavif", "mov"),
        (b"\0\0\0\x1cftypavis", None),  # it moves
        (b"\0\0\0\x1cftypisom", None),
        (b"GIF89a", None),
        (b"", None),
    ],
)
def test_still_pictures_are_known_by_their_first_bytes(tmp_path: Path, head: bytes, demuxer: str | None) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(head)
    assert picture_demuxer(path) == demuxer
