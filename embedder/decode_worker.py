"""A process that decodes: ``python -m embedder.decode_worker``. Jobs come on its standard input, replies go out on its
standard output, until the input ends.

A process of its own, because codecs are large, old C programs fed with strangers' files: when one crashes, hangs or asks
for all memory, that ends this process and one file, not the run.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

from embedder.child_process import end_with_owner, limit_memory
from embedder.clip_reader import read_clips
from embedder.errors import DecoderOutOfMemory, PreviewError, QueryTooLong, VideoRejected
from embedder.key_frames import read_key_frames
from embedder.numbered_frames import read_numbered
from embedder.picture_reader import read_picture
from embedder.preview_writer import frame_jpeg, make_preview
from embedder.query_reader import RangeEmpty, read_query
from embedder.reading_probe import probe_reading
from embedder.stretch_reader import read_stretches
from embedder.worker_messages import (
    ClipsJob,
    Done,
    FrameJob,
    FramesJob,
    GlanceJob,
    Job,
    PictureJob,
    PreviewJob,
    QueryJob,
    ReadingJob,
    Refused,
    Reply,
    StretchesJob,
    receive,
    send,
)

MEMORY_LIMIT_BYTES = 1280 * 2**20
"""Heap and private memory of a worker: Python and FFmpeg take 0.1 GB, an 8K decoder up to 1 GB."""


def main() -> None:
    """Serve jobs until the owner closes the pipe, or is gone."""
    jobs, replies = _take_pipes()
    limit_memory(MEMORY_LIMIT_BYTES)
    end_with_owner()
    while True:
        try:
            job = receive(jobs)
        except EOFError:
            return
        try:
            for reply in _replies(job):
                send(replies, reply)
        except BrokenPipeError:
            return


def _replies(job: Job) -> Iterator[Reply]:
    """Everything a job gives; what is wrong with the file or the range becomes the last reply, Refused."""
    try:
        yield from _run(job)
    except (DecoderOutOfMemory, MemoryError):
        yield Refused("memory", DecoderOutOfMemory(job.path).reason, transient=True)
    except VideoRejected as error:
        yield Refused("rejected", error.reason, transient=error.transient, blames_machine=error.blames_machine)
    except FileNotFoundError:
        yield Refused("missing", "no such file")
    except (RangeEmpty, PreviewError) as error:
        yield Refused("range", str(error))
    except QueryTooLong as error:
        yield Refused("too long", str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        kind = "disk" if error.errno in (errno.ENOSPC, errno.EROFS, errno.EDQUOT) else "rejected"
        yield Refused(kind, f"cannot be read or written ({error.strerror or error})", transient=True, blames_machine=True)


def _run(job: Job) -> Iterator[Reply]:
    if isinstance(job, ClipsJob):
        yield from (read_key_frames if job.only_key_frames else read_clips)(job)
    elif isinstance(job, QueryJob):
        yield from read_query(job)
    elif isinstance(job, PictureJob):
        yield from read_picture(job)
    elif isinstance(job, PreviewJob):
        yield from make_preview(job)
    elif isinstance(job, FrameJob):
        yield Done(frame_jpeg(job))
    elif isinstance(job, StretchesJob):
        yield from read_stretches(job)
    elif isinstance(job, FramesJob):
        yield from read_numbered(job)
    elif isinstance(job, GlanceJob):
        from embedder.glance_reader import read_glance  # only pictures need Pillow, and a worker should start quickly

        yield from read_glance(job)
    elif isinstance(job, ReadingJob):
        yield probe_reading(job)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for our messages alone; whatever a library prints goes to standard error instead."""
    replies = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    return sys.stdin.buffer, replies


if __name__ == "__main__":
    main()
