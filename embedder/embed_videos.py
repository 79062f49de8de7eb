"""Turn video files into clips with vectors: decoding in worker processes, ahead of inference, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedder.clip_plan import DEFAULT_HOP, ClipPlan, sort_key
from embedder.cores import num_cores
from embedder.embed_pipeline import Assembled, EmbedPipeline, Failed
from embedder.embed_query import MAX_CODEC_THREADS, picture_spec
from embedder.video_facts import VideoFacts
from embedder.worker_messages import ClipsJob

if TYPE_CHECKING:
    from embedder.onnx_encoder import OnnxEncoder

LOW_INFORMATION = 1
"""Bit of ``EmbeddedVideo.flags``: nothing moves (frozen, colour bars), or it is plain (black, one colour)."""
PLAIN = 4
"""Bit of ``EmbeddedVideo.flags``: every frame is of one colour."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedVideo:
    """All clips of one video, ordered by length, then by start.

    spans_s float64 (N, 2) seconds since the start of the file; vectors float32 (N, D) of unit length; flags uint8 (N,);
    thumbnails: N WebP pictures (equal ones are one object). warnings: one clear line each, empty for a sound file.
    is_by_key_frames: there is a clip for each key frame, which stands still; the rest of the video was not seen.
    """

    path: Path
    facts: VideoFacts
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float32]
    flags: NDArray[np.uint8]
    thumbnails: list[bytes]
    warnings: tuple[str, ...]
    is_by_key_frames: bool = False


@dataclass(frozen=True, kw_only=True)
class RejectedVideo:
    """One file that gives no clips, and why, in one line without the path.

    transient: the reason may pass (a crash, a time limit, memory, a read error); else the file is to blame.
    blames_machine: it lies in the machine alone, and says nothing about the file.
    """

    path: Path
    reason: str
    transient: bool = False
    blames_machine: bool = False


def embed_videos(
    paths: Iterable[Path],
    encoder: OnnxEncoder,
    *,
    hop: float = DEFAULT_HOP,
    spans_s: Sequence[float] | None = None,
    decode_workers: int | None = None,
    time_limit_s: float | None = None,
    batch_size: int | None = None,
    only_key_frames: bool = False,
) -> Iterator[EmbeddedVideo | RejectedVideo]:
    """Embed every file; results come as they get ready, not in the order of ``paths``. One bad file stops nothing.

    hop: share of a clip's length from one clip to the next. spans_s: clip lengths in seconds; None takes the encoder's.
    decode_workers: processes that decode; None takes one for each core. time_limit_s: for one file; None takes a limit
    that grows with the file (``worker_process``). batch_size: clips per run of the encoder; None lets it choose.
    only_key_frames: decode nothing else, and make a clip that stands still of each (`embedder.key_frames`); a file that cannot be
    read so is read whole.
    ``paths`` is read a little ahead, in the caller's thread. Leaving the iterator early ends all workers.
    Raises ValueError for a bad hop or span at once, EncoderError when the encoder fails.
    """
    plan = ClipPlan(tuple(spans_s) if spans_s is not None else encoder.card.spans_s, hop)
    num_workers = num_cores() if decode_workers is None else decode_workers
    if num_workers < 1:
        raise ValueError(f"decode_workers must be at least 1, got {num_workers}")
    run = _Run(encoder, plan, num_workers, time_limit_s, batch_size or encoder.batch_size, only_key_frames)
    return run.results(iter(paths))


@dataclass(frozen=True)
class _Run:
    """What a run was asked for."""

    encoder: OnnxEncoder
    plan: ClipPlan
    num_workers: int
    time_limit_s: float | None
    batch_size: int
    only_key_frames: bool

    def results(self, paths: Iterator[Path]) -> Iterator[EmbeddedVideo | RejectedVideo]:
        first = list(islice(paths, self.num_workers))
        if not first:
            return
        # Few files on many cores: the cores that have no file of their own help inside the codecs.
        codec_threads = max(1, min(MAX_CODEC_THREADS, num_cores() // len(first)))
        pictures = picture_spec(self.encoder.card)
        pipeline = EmbedPipeline(
            self.encoder,
            lambda path: ClipsJob(
                path=path,
                plan=self.plan,
                pictures=pictures,
                codec_threads=codec_threads,
                only_key_frames=self.only_key_frames,
            ),
            num_workers=len(first),
            batch_size=self.batch_size,
            time_limit_s=self.time_limit_s,
        )
        with closing(pipeline.results(chain(first, paths))) as results:
            for result in results:
                if isinstance(result, Failed):
                    yield _rejected(result)
                elif result.clips:
                    yield _embedded(result)
                else:
                    yield RejectedVideo(path=result.path, reason="gives no clip: nothing in it is on screen for any time")


def _rejected(video: Failed) -> RejectedVideo:
    return RejectedVideo(path=video.path, reason=video.reason, transient=video.transient, blames_machine=video.blames_machine)


def _embedded(video: Assembled) -> EmbeddedVideo:
    spans = [clip.span_s for clip in video.clips]
    pictures = [picture for clip in video.clips for picture in clip.new_thumbnails]
    order = [row for _, row in sorted((sort_key(span), row) for row, span in enumerate(spans))]
    clips = [video.clips[row] for row in order]
    return EmbeddedVideo(
        path=video.path,
        facts=video.facts,
        spans_s=np.array([clip.span_s for clip in clips], dtype=np.float64),
        vectors=np.stack([video.vectors[clip.same_as] for clip in clips]),
        flags=np.array([LOW_INFORMATION * clip.is_low_information | PLAIN * clip.is_plain for clip in clips], dtype=np.uint8),
        thumbnails=[pictures[clip.thumbnail] for clip in clips],
        warnings=video.warnings,
        is_by_key_frames=video.is_by_key_frames,
    )
