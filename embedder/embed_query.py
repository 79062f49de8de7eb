"""Turn a query clip into vectors, looking at exactly the pixels that indexing sees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedder.cores import num_cores
from embedder.errors import PreviewError, QueryTooLong, VideoRejected
from embedder.worker_messages import Clip, PictureJob, PictureSpec, QueryDone, QueryJob, Reply
from embedder.worker_process import replies_of

if TYPE_CHECKING:
    from embedder.encoder_card import EncoderCard
    from embedder.onnx_encoder import OnnxEncoder

MAX_QUERY_S = 300.0
"""Longest query. Its small frames are held in memory: 16 for each second, of 38 kB at 112x112, in all 180 MB."""

MAX_CODEC_THREADS = 4


@dataclass(frozen=True, kw_only=True)
class EmbeddedQuery:
    """A query in the form search wants.

    begin_s, duration_s: the range that was really there, in seconds of the video. spans_s float64 (M, 2), seconds since begin_s;
    vectors float32 (M, D), unit length; whole, dense, parts: which rows are what, as in `clip_plan.QueryPlan`.
    is_low_information: no clip has anything that moves (black, frozen, plain). is_plain: all clips are of one colour.
    """

    begin_s: float
    duration_s: float
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float32]
    whole: int | None
    dense: NDArray[np.int64]
    parts: NDArray[np.int64]
    warnings: tuple[str, ...]
    is_low_information: bool
    is_plain: bool


def embed_query(path: Path, encoder: OnnxEncoder, *, start_s: float | None = None, end_s: float | None = None) -> EmbeddedQuery:
    """Embed one range of a file (its whole when no range is given), in seconds since the start of the file, as players count.

    Raises VideoRejected (also for a range that holds nothing), QueryTooLong, FileNotFoundError, ValueError, EncoderError.
    """
    begin_s = start_s or 0.0
    if begin_s < 0 or (end_s is not None and end_s <= begin_s):
        raise ValueError(f"a query needs 0 <= start < end, got start {start_s} s, end {end_s} s")
    if end_s is not None and end_s - begin_s > MAX_QUERY_S:
        raise QueryTooLong(f"{path}: a query may be up to {MAX_QUERY_S:.0f} s long, this one is {end_s - begin_s:.1f} s")
    card = encoder.card
    job = QueryJob(
        path=path,
        start_s=begin_s,
        end_s=end_s,
        spans_s=card.spans_s,
        pictures=picture_spec(card),
        max_s=MAX_QUERY_S,
        codec_threads=min(MAX_CODEC_THREADS, num_cores()),
    )
    return _embedded_job(job, encoder)


def embed_picture(path: Path, encoder: OnnxEncoder, *, at_s: float | None = None) -> EmbeddedQuery:
    """Embed a still picture, or with at_s the frame that is on screen at that second of a video, as a clip in which nothing moves,
    of the encoder's shortest length. Only the look of such a vector says anything. It has nothing to see if it is of one colour.

    Raises VideoRejected (also for a second that the video does not have), FileNotFoundError, ValueError, EncoderError.
    """
    if at_s is not None and not 0 <= at_s < float("inf"):
        raise ValueError(f"a frame needs a second of 0 or more, got {at_s}")
    card = encoder.card
    job = PictureJob(
        path=path,
        at_s=at_s,
        span_s=card.spans_s[0],
        pictures=picture_spec(card),
        codec_threads=min(MAX_CODEC_THREADS, num_cores()),
    )
    return _embedded_job(job, encoder)


def shown_picture(path: Path, *, side_px: int) -> NDArray[np.uint8]:
    """The middle of a still picture, upright and without bars, uint8 (side_px, side_px, 3).

    Raises VideoRejected, FileNotFoundError.
    """
    spec = PictureSpec(num_frames=1, height_px=side_px, width_px=side_px, geometry="centre_crop")
    job = PictureJob(path=path, at_s=None, span_s=1.0, pictures=spec, codec_threads=1)
    (clip,) = [reply for reply in replies_of(job) if isinstance(reply, Clip)]
    assert clip.pixels is not None, "a picture is one clip, which is like none before"
    picture: NDArray[np.uint8] = clip.pixels[0]
    return picture


def picture_spec(card: EncoderCard) -> PictureSpec:
    """The pictures that an encoder takes."""
    return PictureSpec(num_frames=card.num_frames, height_px=card.height_px, width_px=card.width_px, geometry=card.geometry)


def _embedded_job(job: QueryJob | PictureJob, encoder: OnnxEncoder) -> EmbeddedQuery:
    try:
        return _embedded(replies_of(job), encoder)
    except PreviewError as error:
        raise VideoRejected(job.path, str(error).removeprefix(f"{job.path}: ")) from error


def _embedded(replies: Iterator[Reply], encoder: OnnxEncoder) -> EmbeddedQuery:
    """Encode clips while the next are read, so that a long query does not lie in memory whole."""
    clips: list[Clip] = []
    waiting: list[NDArray[np.uint8]] = []
    parts: list[NDArray[np.float32]] = []
    rows: list[int] = []
    num_distinct = 0
    for reply in replies:
        if isinstance(reply, QueryDone):
            parts.append(encoder.encode(np.stack(waiting)) if waiting else np.empty((0, encoder.card.dim), np.float32))
            return EmbeddedQuery(
                begin_s=reply.begin_s,
                duration_s=reply.duration_s,
                spans_s=np.array([clip.span_s for clip in clips], dtype=np.float64),
                vectors=np.concatenate(parts)[rows],
                whole=reply.whole,
                dense=reply.dense,
                parts=reply.parts,
                warnings=reply.warnings,
                is_low_information=all(clip.is_low_information for clip in clips),
                is_plain=all(clip.is_plain for clip in clips),
            )
        assert isinstance(reply, Clip), "a query job gives clips, then QueryDone"
        if reply.pixels is not None:
            waiting.append(reply.pixels)
            num_distinct += 1
        rows.append(num_distinct - 1)  # equal clips follow one another
        clips.append(replace(reply, pixels=None))
        if len(waiting) == encoder.lanes * encoder.batch_size:
            parts.append(encoder.encode(np.stack(waiting)))
            waiting = []
    raise AssertionError("a query job ends with QueryDone or is refused")
