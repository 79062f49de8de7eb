"""Arrays to bytes and back: the clips of one video as the catalog stores them.

Shapes: N clips, D dimensions. All little-endian, C order, no header; N and D are columns of the catalog.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from index.catalog.records import LOW_INFORMATION, ORDINAL_BITS, WHOLE_VIDEO, WHOLE_VIDEO_SHARE, VideoClips
from index.errors import CatalogCorrupt, EncoderMismatch
from index.path_text import text_to_path

_SPAN = np.dtype("<f8")
_VECTOR = np.dtype("<f2")
_PLACE = np.dtype("<u4")
_UNIT_TOLERANCE = 1e-2

MAX_PICTURE_BYTES = 512 * 2**20
"""Of one video's thumbnails. SQLite and PostgreSQL take blobs up to 1 GB; while one is packed, it is in memory twice."""


@dataclass(frozen=True)
class EncodedClips:
    """Blobs of one video's clips."""

    num_clips: int
    spans: bytes
    vectors: bytes
    flags: bytes


def encode_clips(spans_s: ArrayLike, vectors: ArrayLike, flags: ArrayLike, *, dim: int, duration_s: float) -> EncodedClips:
    """Check and pack: spans (N, 2) seconds, vectors (N, dim) of unit length, flags (N,); N at least 1.

    The whole-video flag is set here, from span and duration. Raises ValueError for arrays that contradict each other or
    hold what no search could use, EncoderMismatch for another dimension.
    """
    spans = np.asarray(spans_s, dtype=_SPAN)
    vecs = np.asarray(vectors, dtype=np.float32)
    bits = np.asarray(flags)
    count = len(spans)
    if spans.ndim != 2 or spans.shape[1] != 2 or vecs.ndim != 2 or len(vecs) != count or bits.shape != (count,):
        raise ValueError(
            f"Clips must be spans (N, 2), vectors (N, D) and flags (N,); got {spans.shape}, {vecs.shape} and {bits.shape}."
        )
    if not 1 <= count < 1 << ORDINAL_BITS:
        raise ValueError(f"A video must have 1 to {(1 << ORDINAL_BITS) - 1} clips, got {count}. Use a larger hop.")
    if vecs.shape[1] != dim:
        raise EncoderMismatch(
            f"This encoder's vectors have {dim} dimensions, got {vecs.shape[1]}. Register the encoder that made them."
        )
    if not np.isfinite(spans).all() or (spans[:, 0] >= spans[:, 1]).any() or (spans[:, 0] < 0).any():
        raise ValueError(f"Every span must be 0 <= start < end in seconds, got {_first_bad_span(spans)}.")
    lengths = np.linalg.norm(vecs, axis=1)
    if not np.isfinite(lengths).all() or (np.abs(lengths - 1) > _UNIT_TOLERANCE).any():
        worst = int(np.argmax(np.nan_to_num(np.abs(lengths - 1), nan=np.inf)))
        raise ValueError(f"Every vector must have length 1, but clip {worst} has {lengths[worst]:.4g}. The encoder is faulty.")
    # A video's picture may begin after its sound: its whole is from the first clip on.
    whole = spans[:, 1] - spans[:, 0] >= WHOLE_VIDEO_SHARE * (duration_s - spans[:, 0].min())
    packed = (bits.astype(np.uint8) & ~np.uint8(WHOLE_VIDEO)) | np.where(whole, WHOLE_VIDEO, 0).astype(np.uint8)
    return EncodedClips(count, spans.tobytes(), vecs.astype(_VECTOR).tobytes(), packed.tobytes())


def decode_clips(row: Any, dim: int) -> VideoClips:
    """Unpack what `encode_clips` packed. row: of `embedding`, with `path` and `library_name` of its video.

    Raises CatalogCorrupt, which says how to mend it, when the sizes do not fit.
    """
    num_clips, spans, vectors, flags = row.num_clips, row.spans, row.vectors, row.flags
    sizes = (len(spans), len(vectors), len(flags))
    expected = (num_clips * 2 * _SPAN.itemsize, num_clips * dim * _VECTOR.itemsize, num_clips)
    if sizes != expected:
        path = Path(text_to_path(row.path))
        raise CatalogCorrupt(
            f"The stored clips of video {row.video_id}, {path}, are damaged: blobs of {sizes} bytes where {expected} belong. "
            f"Embed it anew: vret index {quote(str(path.parent))} --library {quote(row.library_name)} --reembed"
        )
    return VideoClips(
        row.video_id,
        np.frombuffer(spans, _SPAN).reshape(num_clips, 2),
        np.frombuffer(vectors, _VECTOR).reshape(num_clips, dim),
        np.frombuffer(flags, np.uint8),
    )


def pack_thumbnails(thumbnails: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Pictures, one per clip, as (places, pictures): equal pictures are stored once. An empty one means none.

    Of more than MAX_PICTURE_BYTES, some are left out, evenly; their clips share the picture before.
    """
    thumbnails = _thinned(thumbnails)
    starts: dict[bytes, int] = {}
    pictures = bytearray()
    places = np.zeros((len(thumbnails), 2), _PLACE)
    for ordinal, picture in enumerate(thumbnails):
        if picture not in starts:
            starts[picture] = len(pictures)
            pictures += picture
        places[ordinal] = starts[picture], len(picture)
    return places.tobytes(), bytes(pictures)


def _thinned(thumbnails: Sequence[bytes]) -> Sequence[bytes]:
    distinct = dict.fromkeys(thumbnails)
    num_bytes = sum(map(len, distinct))
    if num_bytes <= MAX_PICTURE_BYTES:
        return thumbnails
    budget = MAX_PICTURE_BYTES / num_bytes
    kept: dict[bytes, bytes] = {}
    last, seen, spent = b"", 0, 0
    for picture in distinct:
        seen += len(picture)
        if not last or spent + len(picture) <= seen * budget:
            last, spent = picture, spent + len(picture)
        kept[picture] = last
    return [kept[picture] for picture in thumbnails]


def unpack_thumbnail(places: bytes, pictures: bytes, ordinal: int) -> bytes | None:
    """Picture of one clip; None when the clip has none or there is no such clip."""
    table = np.frombuffer(places, _PLACE).reshape(-1, 2)
    if not 0 <= ordinal < len(table):
        return None
    start, size = (int(value) for value in table[ordinal])
    return pictures[start : start + size] or None


def thumbnails_fit(places: bytes, picture_bytes: int, num_clips: int) -> bool:
    """Whether packed pictures have a place for each clip, all within what is there."""
    if len(places) != num_clips * 2 * _PLACE.itemsize:
        return False
    ends = np.frombuffer(places, _PLACE).reshape(-1, 2).astype(np.int64).sum(axis=1)
    return bool((ends <= picture_bytes).all())


def is_flagged(flags: NDArray[np.uint8], flag: int = LOW_INFORMATION) -> NDArray[np.bool_]:
    """Which clips stay out of results unless asked for: bool of the same shape."""
    flagged: NDArray[np.bool_] = (flags & flag) != 0
    return flagged


def _first_bad_span(spans: NDArray[np.float64]) -> str:
    bad = ~np.isfinite(spans).all(axis=1) | (spans[:, 0] >= spans[:, 1]) | (spans[:, 0] < 0)
    ordinal = int(np.argmax(bad))
    return f"{spans[ordinal].tolist()} for clip {ordinal}"
