"""Say in words what a file is that turned out to be no video, by its first bytes."""

from __future__ import annotations

from pathlib import Path

_LOOK_BYTES = 65536

_PICTURES = {
    b"\x89PNG\r\n": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"BM": "a BMP picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
}
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive",
    b"#EXTM3U": "a playlist",
    b"ffconcat": "a playlist (an FFmpeg concat script)",
    b"v=0": "a session description (SDP)",
    b"ID3": "an audio file (MP3)",
    b"\xff\xfb": "an audio file (MP3)",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a gzip archive",
}


def not_a_video_reason(path: Path) -> str:
    """One line on what the file seems to be; empty when its first bytes do not tell. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_LOOK_BYTES)
    if not head:
        return "the file is empty"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "is a WebP picture, not a video"
    for magic, kind in {**_PICTURES, **_OTHERS}.items():
        if head.startswith(magic):
            return f"is {kind}, not a video"
    if b"encv" in head or b"pssh" in head:
        return "is encrypted (DRM), its frames cannot be read"
    if not any(head):
        return "holds nothing but zero bytes"
    return _text_reason(head)


def _text_reason(head: bytes) -> str:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    if any(ord(letter) < 9 for letter in text):
        return ""
    if text.lstrip().lower().startswith(("<!doctype html", "<html")):
        return "is an HTML page, not a video"
    return "is a text file, not a video"
