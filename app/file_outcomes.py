"""What becomes of each file of an indexing run, written into the catalog, the report and the progress."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from app.index_report import IndexProgress, IndexReport
from app.library_scan import MAX_TRIES, FoundFile, is_of_older_reading
from embedder.errors import VideoRejected
from embedder.reading_rules import KEY_FRAMES_ALONE, READING_RULES
from index.errors import ValueRefused

if TYPE_CHECKING:
    from embedder.embed_videos import EmbeddedVideo, RejectedVideo
    from index.catalog import Catalog, FileFingerprint, KnownFile
    from index.catalog.records import JobState

_JOB_EVERY_S = 0.5  # the catalog's job is updated this often; a write for each video would cost more than it is worth
_LONG_S, _SPARSE_HZ = 6 * 3600.0, 0.1
_RETRY_ALWAYS = -1  # a time of change that no file has: what could not be opened today is tried again next time

_FILE_FAULTS = (
    *(OSError, ValueError, TypeError, AttributeError, ArithmeticError, LookupError, AssertionError, RuntimeError, MemoryError),
    *(VideoRejected, ValueRefused),
)
"""What one file's own step may fail with. Wide, because what an odd file does cannot be foreseen: a date in the year 2400 was a
number that the database does not hold, and no file behind it was ever indexed. Nothing is hidden by that: the file is reported and
kept as broken with the error's name, and tried again. What concerns more than the file (catalog away, disk full, encoder) is of
none of these families, and ends the run."""

P = ParamSpec("P")
T = TypeVar("T")


def attempt(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T | None, str | None]:
    """Runs one file's own step. Returns its result, or what went wrong in words; the other is None."""
    try:
        return step(*args, **kwargs), None
    except _FILE_FAULTS as error:
        return None, f"{type(error).__name__}: {' '.join(str(error).split())}"


class FileOutcomes:
    """Of one run. Every method that ends with a file's outcome counts the file as done."""

    def __init__(self, catalog: "Catalog", report: IndexReport, encoder_id: int, tell: Callable[[IndexProgress], None]) -> None:
        self._catalog = catalog
        self._report = report
        self._encoder_id = encoder_id
        self._tell = tell
        self._done = self._total = 0
        self._done_bytes = self._total_bytes = 0
        self._began = self._last_update = time.perf_counter()
        self._job_id = 0

    # --- the run ---------------------------------------------------------------------------------------------------------------

    def begin(self, files: "Sequence[tuple[FoundFile, KnownFile | None]]") -> None:
        """Starts the catalog's job for these files."""
        self._total = len(files)
        self._total_bytes = sum(found.size for found, _ in files)
        self._job_id = self._catalog.start_job("index", self._report.library)

    def begin_embedding(self) -> None:
        """Rates count from here."""
        self._began = time.perf_counter()

    def end(self, state: "JobState") -> None:
        """Ends the catalog's job, with the exception that is on its way, if there is one."""
        why = sys.exception()
        progress = self.progress("done").to_dict() | {"report": self._report.to_dict()}
        self._catalog.finish_job(self._job_id, state, progress, message=None if why is None else str(why))

    @property
    def num_not_reached(self) -> int:
        """Files that have no outcome yet."""
        return self._total - self._done

    def say(self, message: str) -> None:
        """Sends a line with the progress."""
        self._tell(self.progress("embedding", message=message))

    def progress(self, phase: str, *, current: str = "", message: str | None = None) -> IndexProgress:
        """How far the run is now."""
        seconds = time.perf_counter() - self._began
        left = None
        if self._done_bytes and self._total_bytes:
            left = seconds * (self._total_bytes - self._done_bytes) / self._done_bytes
        return IndexProgress(
            phase=phase,
            done=self._done,
            total=self._total,
            clips=self._report.clips,
            broken=len(self._report.broken),
            seconds=seconds,
            seconds_left=left,
            current=current,
            message=message,
        )

    # --- files that are not embedded -------------------------------------------------------------------------------------------

    def done(self, file: "FileFingerprint") -> None:
        """Counts a file whose outcome is in the report."""
        self._done += 1
        self._done_bytes += file.size
        progress = self.progress("embedding", current=file.path)
        self._tell(progress)
        if time.perf_counter() - self._last_update >= _JOB_EVERY_S:
            self._last_update = time.perf_counter()
            self._catalog.update_job(self._job_id, progress.to_dict() | {"counts": self._report.counts()})

    def unchanged(self, known: "KnownFile") -> None:
        """A file that turned out to need no work."""
        if known.outcome == "missing":
            self._catalog.mark_present([known.video_id])
            self._report.returned += 1
        else:
            self._report.unchanged += 1
        self._total -= 1

    def vanished(self, path: str) -> None:
        """A file that is gone since it was found."""
        self._report.warnings.append((path, "disappeared during indexing"))
        self._total -= 1

    def still_changing(self, path: str) -> None:
        """A file that somebody is writing to."""
        self._report.warnings.append((path, "changed while it was read; the next run reads it again"))
        self._report.left += 1
        self._total -= 1

    def hollow(self, found: FoundFile) -> None:
        """A file of which next to nothing is on the disk."""
        from index.catalog import FileFingerprint

        file = FileFingerprint(str(found.path), found.size, found.mtime_ns, "")
        self._broken(file, "is almost empty and begins with zero bytes; perhaps it is still downloading")

    def unreadable(self, found: FoundFile, known: "KnownFile | None", error: OSError | ValueError) -> None:
        """A file that cannot be opened or read through."""
        from index.catalog import FileFingerprint

        if isinstance(error, FileNotFoundError | NotADirectoryError):
            self.vanished(str(found.path))
            return
        reason = f"cannot be read: {(error.strerror if isinstance(error, OSError) else None) or error}"
        as_it_was = known is not None and (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
        self._broken(FileFingerprint(str(found.path), found.size, _RETRY_ALWAYS, ""), reason, known if as_it_was else None)

    # --- results of the embedding ----------------------------------------------------------------------------------------------

    def embedded(self, video: "EmbeddedVideo", file: "FileFingerprint", known: "KnownFile | None", *, asked_for: bool) -> None:
        """Stores a video's clips. asked_for: all videos are embedded anew, whether they need it or not."""
        warnings = (*video.warnings, *_odd_length(video.facts.duration_s, video.facts.frame_rate))
        _, fault = attempt(
            self._catalog.put_embedded,
            self._report.library,
            file,
            video.facts,
            self._encoder_id,
            video.spans_s,
            video.vectors,
            video.flags,
            video.thumbnails,
            warnings=warnings,
            reading=KEY_FRAMES_ALONE if video.is_by_key_frames else READING_RULES,
        )
        if fault is not None:
            self.faulty(file, fault, known)
            return
        report = self._report
        report.by_key_frames += video.is_by_key_frames
        if known is None or not known.embedded:
            report.added += 1
        elif known.content_hash != file.content_hash:
            report.changed += 1
        elif is_of_older_reading(known) and not asked_for:
            report.reread += 1
        else:
            report.reembedded += 1
        report.clips += len(video.spans_s)
        report.video_seconds += video.facts.duration_s
        report.warnings.extend((file.path, warning) for warning in warnings)
        self.done(file)

    def refused(self, video: "RejectedVideo", file: "FileFingerprint", known: "KnownFile | None") -> None:
        """A file that could not be embedded. A reason that may pass is counted, and the file is tried again a few times."""
        as_it_was = known if known is not None and known.content_hash == file.content_hash else None
        if self._is_of_another_kind(file, as_it_was):
            return
        if not video.transient:
            self._broken(file, video.reason, as_it_was)
            return
        failures = as_it_was.failures if as_it_was is not None else 0
        if video.blames_machine:  # however often: it is not the file's fault
            self._broken(file, f"{video.reason}; the next run tries again", as_it_was, max(1, min(failures, MAX_TRIES - 1)))
            return
        failures += 1
        next_time = "the next run tries again" if failures < MAX_TRIES else "only --reembed tries again"
        self._broken(file, f"{video.reason} (try {min(failures, MAX_TRIES)} of {MAX_TRIES}; {next_time})", as_it_was, failures)

    def faulty(self, file: "FileFingerprint", fault: str, known: "KnownFile | None" = None) -> None:
        """A file whose own step failed, as `attempt` says."""
        from embedder.embed_videos import RejectedVideo

        video = RejectedVideo(path=Path(file.path), reason=f"could not be indexed ({fault})", transient=True)
        self.refused(video, file, known)

    def _is_of_another_kind(self, file: "FileFingerprint", as_it_was: "KnownFile | None") -> bool:
        """True, and noted, where the first bytes of what could not be read say that it is no video, only called like one."""
        from embedder.file_kind import not_a_video

        kind, _ = attempt(not_a_video, Path(file.path))
        if kind is None or not kind.is_other or (as_it_was is not None and _has_clips(as_it_was)):
            return False
        fault = self._put_broken(file, kind.reason, not_video=True)
        self._report.not_videos.append((file.path, kind.reason if fault is None else f"{kind.reason}; {fault}"))
        self.done(file)
        return True

    def _broken(self, file: "FileFingerprint", reason: str, as_it_was: "KnownFile | None" = None, failures: int = 0) -> None:
        """as_it_was: what is known of the same content. If that has clips, they stay, and the next run tries again."""
        if as_it_was is None or not _has_clips(as_it_was):
            fault = self._put_broken(file, reason, failures=failures)
            reason = reason if fault is None else f"{reason}; it could not be recorded as broken either: {fault}"
        elif as_it_was.outcome == "missing":
            self._catalog.mark_present([as_it_was.video_id])
        self._report.broken.append((file.path, reason))
        self._report.newly_broken += 1
        self.done(file)
        self.say(f"broken: {file.path}: {reason}")

    def _put_broken(self, file: "FileFingerprint", reason: str, *, failures: int = 0, not_video: bool = False) -> str | None:
        """Returns what went wrong."""
        library, put = self._report.library, self._catalog.put_broken
        return attempt(put, library, file, reason, failures=failures, not_video=not_video, reading=READING_RULES)[1]


def _has_clips(known: "KnownFile") -> bool:
    """Whether there are vectors of it that count; of a missing file, too, which may be back."""
    return known.outcome == "indexed" or (known.outcome == "missing" and known.embedded)


def _odd_length(duration_s: float, frame_rate: float | None) -> tuple[str, ...]:
    """A warning about a length that a few wrong time stamps probably make up: many hours with hardly a picture in them."""
    if duration_s < _LONG_S or frame_rate is None or frame_rate > _SPARSE_HZ:
        return ()
    pictures = round(duration_s * frame_rate)
    said = f"lasts {duration_s / 3600:.1f} h by its time stamps, but has only {pictures} pictures; the stamps are probably wrong"
    return (said,)
