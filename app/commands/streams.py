"""Standard output and standard error that can take whatever we say: any encoding, any name of a file, and nobody who listens."""

import codecs
import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from index.path_text import shown_bytes

_LOOK_ALIKES = {"\u2013": "-", "\u2014": "-", "\u2026": "...", "\u00b7": "|", "\u00d7": "x", "\u2264": "<=", "\u2265": ">="}
_LOOK_ALIKES |= {"\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"', "\u00b0": " degrees", "\u00a0": " ", "\u2022": "*"}


def _spell_out(error: UnicodeError) -> tuple[str, int]:
    """Encodes what an encoding lacks: dashes and the like as ASCII has them, other letters as `\\u0434`, bytes as `%FF`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_LOOK_ALIKES.get(letter) or _spelled(letter) for letter in letters), error.end


def _spelled(letter: str) -> str:
    return shown_bytes(letter) if "\ud800" <= letter <= "\udfff" else letter.encode("ascii", "backslashreplace").decode()


codecs.register_error("vret", _spell_out)


@contextmanager
def safe_streams() -> "Iterator[SafeOutput]":
    """Within it nothing that is printed raises: talk is lost where stderr takes none, and what went wrong with stdout, which is
    yielded, is told at the end. A stream that was closed before we began takes everything and keeps nothing.
    """
    before = sys.stdin, sys.stdout, sys.stderr
    _fill_closed_descriptors()
    output = SafeOutput(before[1] or _nowhere())
    sys.stdin = before[0] or open(os.devnull, encoding="utf-8")  # noqa: SIM115
    sys.stdout, sys.stderr = cast("TextIO", output), cast("TextIO", _SafeStream(before[2] or _nowhere()))
    try:
        yield output
    finally:
        sys.stdin, sys.stdout, sys.stderr = before


class _SafeStream:
    """A text stream that stands for another and bears everything. Whatever is not said here is the other's."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None  # the first
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="vret")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._kept():
            self._stream.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        with self._kept():
            self._stream.flush()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or error
            _send_nowhere(self._stream)


class SafeOutput(_SafeStream):
    """Standard output."""

    def write_utf8(self, text: str) -> None:
        """Past the stream's own encoding, which is the terminal's or the locale's, and as it is: no line end is changed."""
        with self._kept():
            self._stream.flush()
            self._stream.buffer.write(text.encode())
            self._stream.buffer.flush()

    def failure(self) -> str:
        """Why not all was written, in words; empty where it was, or where its reader went away early, as `head` does."""
        self.flush()
        error = self.error
        # EINVAL: what Windows says of a pipe without a reader.
        if error is None or isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL):
            return ""
        return f"The output could not be written: {error.strerror or error}."


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _fill_closed_descriptors() -> None:
    """Opens what of 0, 1 and 2 is closed. Else a file that we open next, the catalog perhaps, would be someone's stdout."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _send_nowhere(stream: TextIO) -> None:
    """What a stream still holds would fail once more when Python ends."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # a stream in memory
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
