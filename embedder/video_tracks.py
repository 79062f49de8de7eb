"""Which of a file's video tracks is the film.

Not the film: cover pictures and thumbnails, whether the file calls them so or not, and tracks that are empty. Of several that
are left, the one that FFmpeg's players take (`av_find_best_stream`: default before others, then the richer one) is read, and
the others are named in a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import av.error
import av.stream
from av.video.stream import VideoStream

from embedder.errors import VideoRejected
from embedder.open_container import check_room

STILL_CODECS = frozenset({"mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpeg2000", "jpegls", "ljpeg"})
"""What covers and thumbnails are stored in. A film may be, too: then its pictures follow one another quickly."""

SLOWEST_FILM_HZ = 1.0
LEAST_FILM_S = 5.0
"""A track of stills with no more pictures a second is one of thumbnails, where there is another; of less than five seconds, with no
more than five pictures, one of covers, front and back."""

LOOK_S = 15.0
LOOK_BYTES = 64 * 2**20
"""How far into a file with several tracks to look for the pictures of each: so long a time, and so many bytes."""

_PICTURES = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails | av.stream.Disposition.still_image


@dataclass
class _Seen:
    """What was seen of a track: how many pictures, and when the first and the last came."""

    num: int = 0
    first_s: float = 0.0
    last_s: float = 0.0


def choose_track(
    path: Path,
    container: av.container.InputContainer,
    open_again: Callable[[], AbstractContextManager[av.container.InputContainer]],
) -> tuple[VideoStream, tuple[str, ...]]:
    """The film's track, and a warning where there are others. open_again: opens the file once more, to look into it.

    Raises VideoRejected where there is none.
    """
    candidates = _candidates(path, container)
    if len(candidates) == 1:
        return candidates[0], ()
    seen = _pictures_by_index(candidates, container) or _pictures_seen(path, candidates, open_again)
    films = [stream for stream in candidates if _is_film(stream, seen[stream.index])]
    film = _best(films or candidates, container)
    others = [stream for stream in films if stream is not film]
    if not others:
        return film, ()
    named = "; ".join(_words(stream) for stream in others[:3]) + ("; ..." if len(others) > 3 else "")
    return film, (f"{len(films)} video tracks: indexed is {_words(film)}, the default or richest one; not indexed: {named}",)


def track_of_old(container: av.container.InputContainer) -> int | None:
    """The index of the track that was read up to version 1 of the reading rules: FFmpeg's choice, whatever it holds."""
    skipped = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
    readable = [stream for stream in container.streams.video if not stream.disposition & skipped and _has_decoder(stream)]
    best = container.streams.best("video")
    return best.index if best in readable and best is not None else readable[0].index if readable else None


def _candidates(path: Path, container: av.container.InputContainer) -> list[VideoStream]:
    streams = [stream for stream in container.streams.video if not stream.disposition & _PICTURES]
    if not streams:
        if container.streams.video:
            raise VideoRejected(path, "has no video, only a cover picture")
        kinds = sorted({stream.type for stream in container.streams})
        raise VideoRejected(path, f"has no video stream (only {', '.join(kinds)})" if kinds else "has no streams")
    readable = [stream for stream in streams if _has_decoder(stream)]
    if not readable:
        raise VideoRejected(path, "its video codec is unknown to this FFmpeg")
    return readable


def _has_decoder(stream: VideoStream) -> bool:
    # PyAV types codec_context as always there; for a codec that FFmpeg does not know it is None.
    return getattr(stream, "codec_context", None) is not None


def _best(streams: list[VideoStream], container: av.container.InputContainer) -> VideoStream:
    best = container.streams.best("video")
    if isinstance(best, VideoStream) and best in streams:
        return best
    return max(streams, key=lambda s: (bool(s.disposition & av.stream.Disposition.default), s.width * s.height, -s.index))


def _pictures_by_index(candidates: list[VideoStream], container: av.container.InputContainer) -> dict[int, _Seen] | None:
    """From the index of an MP4 or MOV, which knows every picture; None where there is no such index, or not of all tracks."""
    if "mp4" not in container.format.name or not any(stream.frames for stream in candidates):
        return None
    if not all(stream.frames or stream.duration == 0 for stream in candidates):
        return None
    return {
        stream.index: _Seen(stream.frames, 0.0, float((stream.duration or 0) * (stream.time_base or 0))) for stream in candidates
    }


def _pictures_seen(
    path: Path, candidates: list[VideoStream], open_again: Callable[[], AbstractContextManager[av.container.InputContainer]]
) -> dict[int, _Seen]:
    """From the beginning of the file. Reading ends when every track has given enough to tell, or any for long enough."""
    seen = {stream.index: _Seen() for stream in candidates}
    num_bytes = 0
    with open_again() as container:
        streams = [stream for stream in container.streams.video if stream.index in seen]
        try:
            for packet in container.demux(*streams):
                if not packet.size or packet.time_base is None:
                    continue
                stamp = packet.dts if packet.dts is not None else packet.pts
                track, time_s = seen[packet.stream_index], float((stamp or 0) * packet.time_base)
                track.first_s, track.last_s = (track.first_s if track.num else time_s), time_s
                track.num += 1
                num_bytes += packet.size
                longest = max(one.last_s - one.first_s for one in seen.values())
                if num_bytes > LOOK_BYTES or longest > LOOK_S or all(one.num > 30 for one in seen.values()):
                    break
        except (av.error.FFmpegError, IndexError):
            check_room(path)
            # damaged from here on, which reading the film will tell; what was seen counts
    return seen


def _is_film(stream: VideoStream, seen: _Seen) -> bool:
    if seen.num < 2:
        return False
    if stream.codec_context.name not in STILL_CODECS:
        return True
    return seen.num - 1 > SLOWEST_FILM_HZ * max(LEAST_FILM_S, seen.last_s - seen.first_s)


def _words(stream: VideoStream) -> str:
    length_s = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else tagged_length_s(stream)
    length = f", {length_s:.1f} s" if length_s else ""
    return f"track {stream.index + 1} ({stream.codec_context.name}, {stream.width}x{stream.height}{length})"


def tagged_length_s(stream: VideoStream) -> float:
    """Seconds by a Matroska track's DURATION tag, which FFmpeg and mkvmerge write; 0 where there is none."""
    for key, value in stream.metadata.items():
        if key.upper().startswith("DURATION") and value.count(":") == 2:
            try:
                hours, minutes, seconds = (float(part) for part in value.split(":"))
            except ValueError:
                continue
            return hours * 3600 + minutes * 60 + seconds
    return 0.0
