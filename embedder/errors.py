"""What can go wrong between a video file and its vectors.

EmbedderError
├── VideoRejected        this one file cannot be embedded; the run goes on
│   └── DecoderOutOfMemory
├── QueryTooLong         the asked range is longer than a query may be
├── EncoderError         the encoder cannot be used
│   ├── EncoderNotFound
│   └── EncoderCardError
├── ProviderUnavailable  the asked ONNX Runtime provider does not work here
└── PreviewError         no preview or picture could be made of this range
"""

from __future__ import annotations

from pathlib import Path


class EmbedderError(Exception):
    """Base of all errors of this package. ``str(error)`` is one clear line."""


class VideoRejected(EmbedderError):
    """One file that gives no clips. ``reason`` is one line without the path; ``str()`` has both.

    transient: the same file may well give clips another time (memory, a read error); else it is the file's own fault.
    blames_machine: the reason lies in the machine alone (a disk that went away, a decoder that was killed from outside for want
    of the machine's memory), and says nothing about the file.
    """

    def __init__(self, path: Path, reason: str, *, transient: bool = False, blames_machine: bool = False) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason
        self.transient = transient or blames_machine
        self.blames_machine = blames_machine

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class DecoderOutOfMemory(VideoRejected):
    """The decode worker has no memory left for the file, which may want very much, so that the machine is not blamed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "decoding it needs more memory than a decoder is given", transient=True)


class QueryTooLong(EmbedderError):
    """The range of a query is longer than ``embed_query.MAX_QUERY_S``."""


class EncoderError(EmbedderError):
    """The encoder file cannot be used, or gave something that is no unit vector."""


class EncoderNotFound(EncoderError):
    """There is no such encoder file."""


class EncoderCardError(EncoderError):
    """The encoder's card is missing, or one of its fields is."""


class ProviderUnavailable(EmbedderError):
    """An ONNX Runtime provider was asked for by name and does not work on this machine."""


class PreviewError(EmbedderError):
    """The range holds no frame, or the preview could not be written."""
