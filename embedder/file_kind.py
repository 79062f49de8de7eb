"""Say what a file is by its first bytes: in words where it turned out to be no video, and whether it looks like one."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

_LOOK_BYTES = 65536
_HEAD_BYTES = 1024
_HOLLOW_FROM_BYTES = 1 << 30
_LEAST_TEXT_BYTES = 64  # of text in an encoding that is not known: a few bytes may look like anything

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
    b"version https://git-lfs": "a pointer of Git LFS (the file itself was not fetched)",
    b"ID3": "an audio file (MP3)",
    b"\xff\xfb": "an audio file (MP3)",
    b"fLaC": "an audio file (FLAC)",
    b"MThd": "an audio file (MIDI)",
    b"Extended Module:": "a tracker module (music)",
    b"IMPM": "a tracker module (music)",
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript document",
    b"\x04%!PS": "a PostScript document",
    b"\x1b%-12345X": "a print job",
    b"\xc5\xd0\xd3\xc6": "a PostScript document",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xfd7zXZ\x00": "an XZ archive",
    b"BZh": "a bzip2 archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"\x7fELF": "a program",
    b"MZ\x90\x00": "a program",
    b"\xca\xfe\xba\xbe": "a program",
    b"\xcf\xfa\xed\xfe": "a program",
    b"\x00asm": "a program (WebAssembly)",
    b"SQLite format 3\x00": "an SQLite database",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Office document",
    b"L\x00R\x00F\x00": "an electronic book",
    b"wOFF": "a font",
    b"wOF2": "a font",
}
_TRACKER_MARKS = (b"M.K.", b"M!K!", b"FLT4", b"FLT8", b"4CHN", b"6CHN", b"8CHN", b"OCTA", b"CD81")
"""At byte 1080 of the music files that end in .mod."""

_RIFF_KINDS = {b"WEBP": "a WebP picture", b"WAVE": "an audio file (WAV)", b"RMID": "an audio file (MIDI)"}
_NOT_MOVING = frozenset((b"M4A ", b"M4B ", b"M4P ", b"avif", b"heic", b"heix", b"mif1", b"crx ", b"jxl ", b"jp2 "))
_STILL_BRANDS = frozenset((b"avif", b"heic", b"heix", b"heim", b"heis", b"mif1"))
_VIDEO_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: WMV, DVR-MS
    b"\xb7\xd8\x00\x20\x37\x49\xda\x11",  # WTV
    b"\x00\x00\x01\xba",  # MPEG program stream
    b"\x00\x00\x01\xb3",  # MPEG-1 or -2, pictures alone
    b"\x00\x00\x00\x01\x67",  # H.264, pictures alone
    b"\x00\x00\x00\x01\x40\x01",  # HEVC, pictures alone
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01",  # MXF
    b".RMF",
    b"DKIF",
    b"YUV4MPEG2",
    b"nut/multimedia",
    b"DHAV",
    b"BIKi",
    b"KB2",
    b"SMK2",
    b"NSVf",
)


@dataclass(frozen=True)
class FileKind:
    """What a file that gave no clips seems to be. reason: one line. is_other: it is a whole file of another kind, text or a picture
    or a program under a video's name, and not a video that is damaged, empty or locked."""

    reason: str
    is_other: bool


def picture_demuxer(path: Path) -> str | None:
    """FFmpeg's name for how a file of one still picture is read, by its first bytes: JPEG, PNG, WebP, BMP, HEIC and AVIF; None for
    every other, moving pictures among them (APNG, image sequences). Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[4:8] == b"ftyp":
        return "mov" if head[8:12] in _STILL_BRANDS else None
    if head[:4] == b"RIFF":
        return "webp_pipe" if head[8:12] == b"WEBP" else None
    if head.startswith(b"\x89PNG\r\n"):
        return None if b"acTL" in head else "png_pipe"
    if head.startswith(b"BM"):
        return "bmp_pipe" if head[6:10] == bytes(4) else None  # reserved: two letters alone may begin any text
    return "jpeg_pipe" if head.startswith(b"\xff\xd8\xff") else None


def is_picture(path: Path) -> bool:
    """Whether a file is of one still picture, by its first bytes; False for one that cannot be read."""
    try:
        return path.is_file() and picture_demuxer(path) is not None
    except OSError:
        return False


def not_a_video(path: Path) -> FileKind | None:
    """What the file seems to be; None when its first bytes do not tell. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_LOOK_BYTES)
    if not head:
        return FileKind("the file is empty", is_other=False)
    kind = _other_kind(head)
    if kind is not None:
        return FileKind(f"is {kind}, not a video", is_other=True)
    if b"encv" in head or b"pssh" in head:
        return FileKind("is encrypted (DRM), its frames cannot be read", is_other=False)
    if not any(head):
        return FileKind("holds nothing but zero bytes", is_other=False)
    return None


def not_a_video_reason(path: Path) -> str:
    """One line on what the file seems to be; empty when its first bytes do not tell. Raises OSError."""
    kind = not_a_video(path)
    return kind.reason if kind is not None else ""


def is_hollow(path: Path) -> bool:
    """Whether a file was made large and hardly anything was written into it, as a download does that has only begun: reading it
    takes hours for nothing. Raises OSError."""
    status = path.stat()
    blocks = getattr(status, "st_blocks", None)  # Windows does not tell
    if blocks is None or status.st_size < _HOLLOW_FROM_BYTES or blocks * 512 >= status.st_size // 100:
        return False
    with path.open("rb") as file:  # some network disks tell no blocks of any file, so that alone proves nothing
        return not any(file.read(_LOOK_BYTES))


def looks_like_video(path: Path) -> bool:
    """Whether a file begins as moving pictures do, whatever it is called. Reads 1 kB. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head[4:8] == b"ftyp":
        return head[8:12] not in _NOT_MOVING
    if head[4:8] in (b"moov", b"mdat", b"wide"):
        return True
    if head[:4] == b"RIFF":
        return head[8:12] in (b"AVI ", b"AMV ", b"CDXA")
    if head[:4] == b"OggS":
        return b"theora" in head or b"BBCD" in head
    # A transport stream has its mark at every packet; the packets of camcorders and of broadcasts are of different lengths.
    if any(len(head) > first + 2 * size and {head[first + n * size] for n in range(3)} == {0x47} for first, size in _PACKETS):
        return True
    return head.startswith(_VIDEO_STARTS)


_PACKETS = ((0, 188), (4, 192), (0, 204))


def _other_kind(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] in _RIFF_KINDS:
        return _RIFF_KINDS[head[8:12]]
    for magic, kind in {**_PICTURES, **_OTHERS}.items():
        if head.startswith(magic):
            return kind
    if head[1080:1084] in _TRACKER_MARKS or head[44:48] == b"SCRM":
        return "a tracker module (music)"
    text = _text(head)
    if text is None:
        return None
    return "an HTML page" if text.lstrip("\ufeff \t\r\n").lower().startswith(("<!doctype html", "<html")) else "a text file"


def _text(head: bytes) -> str | None:
    """The beginning of a text file, None for what is none."""
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (b"", "utf-8")):
        if head.startswith(mark):
            # Step by step: what was read may end in the middle of a letter.
            try:
                text = codecs.getincrementaldecoder(encoding)().decode(head)
            except UnicodeDecodeError:
                continue
            return None if _CONTROL.search(text) else text
    text = head.decode("latin-1")
    return text if len(head) >= _LEAST_TEXT_BYTES and not _CONTROL.search(text) and _SPACE.search(text) else None


_CONTROL = re.compile(r"[\x00-\x06\x0e-\x19\x7f]")  # not bell, tab, the ends of lines and pages, escape, and the end mark of DOS
_SPACE = re.compile(r"[ \t\n]")
