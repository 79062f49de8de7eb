"""The plain values that go into and come out of the catalog; no database type crosses this border.

Shapes: N clips of one video, D vector dimensions. Times are seconds since the start of the video file, as players count.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

ORDINAL_BITS = 20
"""A clip id is `video_id << ORDINAL_BITS | ordinal`: a million clips per video, eight trillion videos."""
LOW_INFORMATION = 1
"""Clip flag: nothing moves in it (frozen, colour bars), or it is plain (black, one colour). To a search by movement it is empty,
and stays out of results unless asked for."""
WHOLE_VIDEO = 2
"""Clip flag: the clip covers the whole video. Set by the catalog itself from the span and the duration."""
PLAIN = 4
"""Clip flag: every frame is of one colour. To a search in which look counts, these are the empty ones."""
KEY_FRAMES_ALONE = 0
"""A version of the rules of reading: the clips were made of a video's key frames alone, and will be made anew."""
WHOLE_VIDEO_SHARE = 0.98
"""A clip counts as the whole video from this share of the duration on."""

Outcome = Literal["indexed", "broken", "not-video", "missing"]


class Facts(Protocol):
    """What the catalog keeps about a readable video; `embedder`'s own facts object fits as it is."""

    @property
    def duration_s(self) -> float: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def frame_rate(self) -> float: ...
    @property
    def codec(self) -> str: ...
    @property
    def container(self) -> str: ...


@dataclass(frozen=True)
class VideoFacts:
    """A plain `Facts`: duration in seconds, size in pixels as shown (rotation applied), nominal frames per second."""

    duration_s: float
    width: int
    height: int
    frame_rate: float
    codec: str
    container: str


@dataclass(frozen=True)
class FileFingerprint:
    """Identity of a file: its absolute path as the system spells it, how big, when changed, and the hash of its content.

    content_hash: None or empty when the content could not be read.
    """

    path: str
    size: int
    mtime_ns: int
    content_hash: str | None


@dataclass(frozen=True)
class Library:
    """A named set of folders. excludes: patterns of what is left out of them, as in .gitignore; the last that fits decides."""

    id: int
    name: str
    folders: tuple[Path, ...]
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LibrarySummary:
    """A library with its counts. `num_clips` counts the clips of every encoder; `seconds` is footage of indexed videos.

    num_videos: all files known, also those that are broken, missing or no videos. excludes: see `Library`.
    num_by_key_frames: videos of which some encoder has seen the key frames alone.
    """

    id: int
    name: str
    folders: tuple[Path, ...]
    num_videos: int
    num_indexed: int
    num_broken: int
    num_missing: int
    num_clips: int
    seconds: float
    num_not_videos: int = 0
    excludes: tuple[str, ...] = ()
    num_by_key_frames: int = 0


@dataclass(frozen=True)
class VideoRow:
    """One file of one library. Facts are None for a file that never could be read.

    outcome: 'indexed', 'broken' (see `reason`), 'not-video' (a file of another kind under a video's name), or 'missing' (the file
    was not there at the last run, or is left out since; its vectors are kept, so that it need not be embedded again when its
    drive comes back, but it is not searched).
    num_clips: clips over all encoders.
    """

    id: int
    library: str
    path: Path
    size: int
    mtime_ns: int
    content_hash: str | None
    duration_s: float | None
    width: int | None
    height: int | None
    frame_rate: float | None
    codec: str | None
    container: str | None
    outcome: Outcome
    reason: str | None
    warnings: tuple[str, ...]
    num_clips: int
    indexed_at: datetime


@dataclass(frozen=True)
class KnownFile:
    """What the catalog remembers of a file, enough to decide whether it must be read again.

    embedded: clips of the encoder asked about are stored. A broken file that has not changed is not read again, unless it
    failed for a reason that may pass. failures: how often it did; 0 where the reason is the file itself. reading: by which version
    of the rules of reading its clips were made, or it was refused.
    """

    video_id: int
    size: int
    mtime_ns: int
    content_hash: str | None
    outcome: Outcome
    reason: str | None
    embedded: bool
    failures: int = 0
    reading: int = 1


@dataclass(frozen=True)
class KnownPlace:
    """Where a content lay when it was last looked for: a file of a library."""

    library: str
    path: str
    file: KnownFile


@dataclass(frozen=True)
class EncoderRow:
    """An encoder whose vectors the catalog holds or may hold. `num_clips` counts the stored ones.

    identity: worked out from the file, over all that decides a vector; None in a row that an older version wrote, which knew
    encoders by the hash that their file claims. files_key: names its vector files; in such a row that hash.
    """

    id: int
    identity: str | None
    files_key: str
    name: str
    dim: int
    card_json: str
    num_clips: int


@dataclass(frozen=True)
class VideoClips:
    """All clips of one video by one encoder, in order of their ordinals.

    spans_s float64 (N, 2); vectors float16 (N, D), unit length but for rounding; flags uint8 (N,), bits
    `LOW_INFORMATION`, `PLAIN` and `WHOLE_VIDEO`.
    """

    video_id: int
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float16]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.spans_s)


JobState = Literal["running", "done", "failed", "stopped", "interrupted"]


@dataclass(frozen=True)
class Job:
    """A run that other processes may watch. 'interrupted': its process is gone without having said how it ended."""

    id: int
    kind: str
    library: str | None
    state: JobState
    pid: int
    host: str
    started_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    progress: dict[str, Any]
    message: str | None


@dataclass(frozen=True)
class LabelRow:
    """What a video shows, said by a person or a data set. `split` e.g. 'train' or 'test'; `source` e.g. a data set's name."""

    video_id: int
    label: str
    split: str = ""
    source: str = ""


@dataclass(frozen=True)
class EvaluationRun:
    """One measured result: what was asked (`settings`) and what came out (`results`), both JSON objects."""

    id: int
    kind: str
    library: str | None
    created_at: datetime
    settings: dict[str, Any]
    results: dict[str, Any]


@dataclass(frozen=True)
class Judgement:
    """A person's word on seconds [start_s, end_s] of a video as an answer to a query: relevant or not.

    encoder_id: which found the moment; None if that is not known. query: a JSON object, the same for the same query.
    query_name: what to call it, perhaps empty.
    """

    id: int
    video_id: int
    encoder_id: int | None
    query: dict[str, Any]
    query_name: str
    start_s: float
    end_s: float
    relevant: bool
    created_at: datetime
