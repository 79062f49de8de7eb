"""One indexing run, from a scan to a catalog that agrees with the disk. `index_library` holds the lock around it."""

import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from app.gone_videos import gone_videos
from app.index_report import IndexProgress, IndexReport
from app.library_scan import MAX_TRIES, FoundFile, Scan, is_of_older_reading, may_be_tried_again
from app.moved_files import MovedFiles
from app.steady_files import SteadyFiles
from app.workspace import Workspace
from embedder.errors import EncoderError, VideoRejected
from index.errors import ValueRefused

if TYPE_CHECKING:
    from embedder.embed_videos import EmbeddedVideo, RejectedVideo
    from index.catalog import FileFingerprint, KnownFile
    from index.records import JobState, VideoClips

    Results = Generator[EmbeddedVideo | RejectedVideo]

DEFAULT_HOP = 0.5  # clips overlap by half, so that a movement cut by one clip's end lies whole in its neighbour
_LONG_S, _SPARSE_HZ = 6 * 3600.0, 0.1
_JOB_EVERY_S = 0.5  # the catalog is told of progress this often; a write for each video would cost more than it tells
_RETRY_ALWAYS = -1  # a time of change that no file has: what could not be opened today is tried again next time
_CHANGING = "changed while it was being read; the next run reads it"
_ROUNDS = 2  # a file that changes while it is read is read once more in the same run

_FILE_FAULTS = (
    *(OSError, ValueError, TypeError, AttributeError, ArithmeticError, LookupError, AssertionError, RuntimeError, MemoryError),
    *(VideoRejected, ValueRefused),
)
"""What one file's own step may fail of. Wide, because what an odd file does cannot be foreseen: a date in the year 2400 was a
number that the database does not hold, and no file behind it was ever indexed. Nothing is hidden by that: the file is told and
kept as broken with the error's name, and tried again. What concerns more than the file (catalog away, disk full, encoder) is of
none of these families, and ends the run."""

P = ParamSpec("P")
T = TypeVar("T")


class IndexRun:
    """Carries out one scan. Every video is one transaction, so the run may end at any instant and the next does the rest."""

    def __init__(
        self,
        ws: Workspace,
        report: IndexReport,
        encoder_id: int,
        encoder_name: str | None,
        hop: float | None,
        tell: Callable[[IndexProgress], None],
    ) -> None:
        self._ws = ws
        self._catalog = ws.catalog
        self._report = report
        self._encoder_id = encoder_id
        self._encoder_name = encoder_name
        self._hop = hop
        self._tell = tell
        self._pending: dict[Path, tuple[FileFingerprint, KnownFile | None]] = {}  # being embedded; what was known of it
        self._twins: list[tuple[FileFingerprint, str]] = []  # same content as one being embedded; that content's hash
        self._refused: dict[str, RejectedVideo] = {}  # by content hash
        self._files = SteadyFiles()
        self._changing: list[tuple[FoundFile, KnownFile | None]] = []  # changed while they were read
        self._round = 1
        self._reembed = False
        self._read_otherwise: set[Path] = set()  # embedded by older rules of reading, and not as today
        self._done = self._total = 0
        self._done_bytes = self._total_bytes = 0
        self._began = self._last_told = time.perf_counter()
        self._job_id = 0

    def carry_out(self, scan: Scan, *, reembed: bool) -> None:
        """Does all that the scan found to do, and writes it into the report."""
        report = self._report
        self._reembed = reembed
        report.unchanged = len(scan.unchanged)
        report.broken, report.not_videos = list(scan.broken), list(scan.not_videos)
        report.left_out, report.passed_over = dict(scan.left_out), dict(scan.passed_over)
        report.linked = scan.linked
        report.warnings = [*scan.warnings, *((str(folder), "no video was found in it") for folder in scan.without_video)]
        if scan.returned:
            self._catalog.mark_present(scan.returned)
            report.returned = len(scan.returned)
        self._moves = MovedFiles(
            self._catalog, report.library, self._encoder_id, scan, lambda found: self._files.fingerprint_or_none(found.path)
        )
        self._total = len(scan.to_compare)
        self._total_bytes = sum(found.size for found, _ in scan.to_compare)
        if self._total:
            self._job_id = self._catalog.start_job("index", report.library)
            outcome: JobState = "failed"
            try:
                self._embed_all(scan.to_compare)
                if self._changing:
                    again, self._changing, self._round = self._changing, [], _ROUNDS
                    self._embed_all(again)
                self._sweep(scan)
                outcome = "done"
            except KeyboardInterrupt:
                report.stopped, outcome = True, "stopped"
                report.left += self._total - self._done
            finally:
                report.from_libraries = self._moves.from_libraries
                why = sys.exception()
                progress = self._progress("done").to_dict() | {"report": report.to_dict()}
                self._catalog.finish_job(self._job_id, outcome, progress, message=None if why is None else str(why))
        else:
            self._sweep(scan)
        if self._changed_something():
            self._tell(self._progress("saving"))
            self._ws.vectors(self._encoder_id)  # catches up and saves, so that the next search need not

    # --- new and changed files -----------------------------------------------------------------------------------------------

    def _embed_all(self, files: "Sequence[tuple[FoundFile, KnownFile | None]]") -> None:
        paths = self._paths_to_embed(files)
        first = next(paths, None)
        if first is not None:
            from embedder.embed_videos import EmbeddedVideo, embed_videos

            encoder = self._ws.encoder(self._encoder_name)
            if self._ws.encoder_id(self._encoder_name) != self._encoder_id:  # its vectors would get among those of the old one
                raise EncoderError(f"{encoder.path} was replaced by another encoder meanwhile. Index again.")
            self._report.provider = encoder.provider
            why = f" ({encoder.provider_note})" if encoder.provider_note else ""
            self._say(f"Encoder {encoder.card.name} runs on {encoder.provider}{why}.")
            self._began = time.perf_counter()
            hop = DEFAULT_HOP if self._hop is None else self._hop
            results = cast("Results", embed_videos(chain([first], paths), encoder, hop=hop))
            with closing(results):  # also on Ctrl-C: its workers end here
                for result in results:
                    if isinstance(result, EmbeddedVideo):
                        self._keep(result)
                    else:
                        self._refuse(result)
        self._settle_twins()

    def _paths_to_embed(self, files: "Sequence[tuple[FoundFile, KnownFile | None]]") -> Iterator[Path]:
        """Compares contents one file at a time, as the embedding asks for more; what needs no embedding is settled here."""
        in_work: set[str] = set()
        for found, known in files:
            if not self._reembed and self._stays_true(found, known):
                continue
            file = self._fingerprint(found, known)
            if file is None:
                continue
            known, fault = _attempt(self._moves.follow, file, known)
            settled: bool | None = False
            if fault is None and not self._reembed:
                settled, fault = _attempt(self._settled_by_content, file, known)
            if fault is not None:
                self._break_refused(file, _faulty(file, fault), _same_content(known, file))
            elif settled:
                self._finish(file)
            elif file.content_hash in in_work and known is None:
                self._twins.append((file, file.content_hash or ""))
            else:
                in_work.add(file.content_hash or "")
                self._pending[found.path] = (file, known)
                yield found.path

    def _fingerprint(self, found: FoundFile, known: "KnownFile | None") -> "FileFingerprint | None":
        """What is in a file; None when that cannot be told, which is its outcome then, or not yet."""
        from embedder.file_kind import is_hollow
        from index.catalog import FileFingerprint

        try:
            if is_hollow(found.path):
                hollow = FileFingerprint(str(found.path), found.size, found.mtime_ns, "")
                self._break(hollow, "is nearly all empty and begins with zero bytes; perhaps its download has only begun")
                return None
            file = self._files.fingerprint(found.path)
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be opened
            self._unreadable(found, known, error)
            return None
        if file is None:
            self._read_again(found, known)
        return file

    def _read_again(self, found: FoundFile, known: "KnownFile | None") -> None:
        if self._round < _ROUNDS:
            self._changing.append((found, known))
            return
        self._report.warnings.append((str(found.path), _CHANGING))
        self._report.left += 1
        self._total -= 1

    def _stays_true(self, found: FoundFile, known: "KnownFile | None") -> bool:
        """True when an unchanged file was embedded by older rules of reading and today's make the same of it, which is noted."""
        if known is None or (known.size, known.mtime_ns) != (found.size, found.mtime_ns):
            return False
        alike, _ = _attempt(self._is_read_alike, found.path, known)  # what is wrong with it is told where it is embedded
        if not alike:
            return False
        if known.outcome == "missing":
            self._catalog.mark_present([known.video_id])
            self._report.returned += 1
        else:
            self._report.unchanged += 1
        self._total -= 1
        return True

    def _is_read_alike(self, path: Path, known: "KnownFile") -> bool:
        from embedder.reading_rules import READING_RULES, other_reading

        if not known.embedded or not is_of_older_reading(known) or path in self._read_otherwise:
            return False
        clips = self._catalog.clips_of([known.video_id], self._encoder_id).get(known.video_id)
        if clips is None:  # damaged, so that they are made anew
            return False
        try:
            other = other_reading(path, min(self._catalog.video(known.video_id).duration_s or 0.0, _most_that_clips_tell_s(clips)))
        except (VideoRejected, OSError):  # what is wrong with it is found, and told, where it is embedded
            return False
        if other.why:
            self._read_otherwise.add(path)
            self._say(f"read anew, since {other.why}: {path}")
            return False
        self._catalog.note_reading(known.video_id, self._encoder_id, READING_RULES, other.warnings)
        self._report.warnings.extend((str(path), warning) for warning in other.warnings)
        return True

    def _settled_by_content(self, file: "FileFingerprint", known: "KnownFile | None") -> bool:
        """True when the content tells that this file needs no embedding: it was touched, moved or copied."""
        report = self._report
        if known is not None and known.content_hash == file.content_hash:
            is_refused = known.outcome in ("broken", "not-video")
            if (not is_refused and not known.embedded) or may_be_tried_again(known):
                return False
            if is_of_older_reading(known) and not self._is_read_alike(Path(file.path), known):
                return False
            moved = file.path in self._moves.arrived
            if not moved:
                self._catalog.touch(known.video_id, file)
            if known.outcome == "broken":
                report.broken.append((file.path, known.reason or ""))
            elif known.outcome == "not-video":
                report.not_videos.append((file.path, known.reason or ""))
            elif moved:
                report.moved += 1
            else:
                report.touched += 1
            return True
        if self._copy(file):
            report.copied += 1
            return True
        return False

    def _unreadable(self, found: FoundFile, known: "KnownFile | None", error: OSError | ValueError) -> None:
        from index.catalog import FileFingerprint

        if isinstance(error, FileNotFoundError | NotADirectoryError):
            self._vanished(str(found.path))
            return
        reason = f"cannot be read: {(error.strerror if isinstance(error, OSError) else None) or error}"
        as_it_was = known is not None and (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
        self._break(FileFingerprint(str(found.path), found.size, _RETRY_ALWAYS, ""), reason, known if as_it_was else None)

    # --- results ---------------------------------------------------------------------------------------------------------------

    def _vanished(self, path: str) -> None:
        self._report.warnings.append((path, "vanished while the library was being indexed"))
        self._total -= 1

    def _taken(self, path: Path) -> "tuple[FileFingerprint, KnownFile | None] | None":
        """A file of which the embedding is through; None if something else than its content may have been read meanwhile."""
        file, known = self._pending.pop(path)
        try:
            now = self._files.as_it_was(file)
        except (FileNotFoundError, NotADirectoryError):
            self._vanished(file.path)
            return None
        except OSError as error:
            self._unreadable(FoundFile(path=path, size=file.size, mtime_ns=file.mtime_ns), known, error)
            return None
        if now is None:
            self._read_again(FoundFile(path=path, size=file.size, mtime_ns=file.mtime_ns), known)
            return None
        return now, known

    def _keep(self, video: "EmbeddedVideo") -> None:
        from embedder.reading_rules import READING_RULES

        taken = self._taken(video.path)
        if taken is None:
            return
        file, known = taken
        warnings = (*video.warnings, *_odd_length(video.facts.duration_s, video.facts.frame_rate))
        was_known = known is not None and known.embedded
        same = _same_content(known, file)
        is_reread = same is not None and same.embedded and is_of_older_reading(same) and not self._reembed
        _, fault = _attempt(
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
            reading=READING_RULES,
        )
        if fault is not None:
            self._break_refused(file, _faulty(file, fault), same)
            return
        report = self._report
        report.added += not was_known
        again = same is not None and same.embedded
        report.changed += was_known and not again
        report.reread += is_reread
        report.reembedded += again and not is_reread
        report.clips += len(video.spans_s)
        report.video_seconds += video.facts.duration_s
        report.warnings.extend((file.path, warning) for warning in warnings)
        self._finish(file)

    def _refuse(self, video: "RejectedVideo") -> None:
        taken = self._taken(video.path)
        if taken is None:
            return
        file, known = taken
        self._refused[file.content_hash or ""] = video
        self._break_refused(file, video, _same_content(known, file))

    def _break_refused(self, file: "FileFingerprint", video: "RejectedVideo", as_it_was: "KnownFile | None" = None) -> None:
        """A reason that may pass is counted, and said to be tried again as long as it will be."""
        if self._is_of_another_kind(file, as_it_was):
            return
        if not video.transient:
            self._break(file, video.reason, as_it_was)
            return
        failures = as_it_was.failures if as_it_was is not None else 0
        if video.blames_machine:  # however often: it is not the file's
            self._break(file, f"{video.reason}; the next run tries again", as_it_was, max(1, min(failures, MAX_TRIES - 1)))
            return
        failures += 1
        next_time = "the next run tries again" if failures < MAX_TRIES else "only --reembed tries again"
        self._break(file, f"{video.reason} (try {min(failures, MAX_TRIES)} of {MAX_TRIES}; {next_time})", as_it_was, failures)

    def _is_of_another_kind(self, file: "FileFingerprint", as_it_was: "KnownFile | None") -> bool:
        """True, and noted, where the first bytes of what could not be read say that it is no video, only called like one."""
        from embedder.file_kind import not_a_video

        kind, _ = _attempt(not_a_video, Path(file.path))
        if kind is None or not kind.is_other or (as_it_was is not None and _is_indexed(as_it_was)):
            return False
        _, fault = self._put_broken(file, kind.reason, not_video=True)
        self._report.not_videos.append((file.path, kind.reason if fault is None else f"{kind.reason}; {fault}"))
        self._finish(file)
        return True

    def _break(self, file: "FileFingerprint", reason: str, as_it_was: "KnownFile | None" = None, failures: int = 0) -> None:
        """as_it_was: what is known of the same content. If that is indexed, its vectors stay, and the next run tries again."""
        if as_it_was is None or not _is_indexed(as_it_was):
            _, fault = self._put_broken(file, reason, failures=failures)
            reason = reason if fault is None else f"{reason}; it could not be noted as broken either: {fault}"
        elif as_it_was.outcome == "missing":
            self._catalog.mark_present([as_it_was.video_id])
        self._report.broken.append((file.path, reason))
        self._report.newly_broken += 1
        self._finish(file)
        self._say(f"broken: {file.path}: {reason}")

    def _put_broken(
        self, file: "FileFingerprint", reason: str, *, failures: int = 0, not_video: bool = False
    ) -> tuple[int | None, str | None]:
        from embedder.reading_rules import READING_RULES

        library, put = self._report.library, self._catalog.put_broken
        return _attempt(put, library, file, reason, failures=failures, not_video=not_video, reading=READING_RULES)

    def _settle_twins(self) -> None:
        """Files with the same content as one embedded in this run take its vectors, or its reason."""
        twins, self._twins = self._twins, []
        for file, content in twins:
            found = FoundFile(path=Path(file.path), size=file.size, mtime_ns=file.mtime_ns)
            try:
                now = self._files.as_it_was(file)
            except OSError as error:
                self._unreadable(found, None, error)
                continue
            if now is None:  # another one by now
                self._read_again(found, None)
                continue
            if content in self._refused:
                self._break_refused(now, self._refused[content])
                continue
            copied, fault = _attempt(self._copy, now)
            if fault is not None:
                self._break_refused(now, _faulty(now, fault))
            elif copied:
                self._report.copied += 1
                self._finish(now)
            else:  # its original vanished meanwhile
                self._read_again(found, None)

    def _copy(self, file: "FileFingerprint") -> bool:
        """Gives a file the clips of another one with its content; not those that older rules made and today's would not."""
        twins = [place.file for place in self._catalog.places_of(file.content_hash, self._encoder_id) if place.file.embedded]
        for twin in sorted(twins, key=is_of_older_reading):
            if is_of_older_reading(twin) and not self._is_read_alike(Path(file.path), twin):
                return False
            if self._catalog.copy_embedding(twin.video_id, self._report.library, file, self._encoder_id) is not None:
                return True
        return False

    def _sweep(self, scan: Scan) -> None:
        newly_gone = gone_videos(scan, set(self._moves.from_paths), self._report)
        if newly_gone:
            self._catalog.mark_missing(newly_gone.values())
        self._report.excluded = len(scan.excluded.intersection(newly_gone))
        self._report.missing = len(newly_gone) - self._report.excluded

    def _changed_something(self) -> bool:
        report = self._report
        counts = (
            report.added,
            report.changed,
            report.reread,
            report.reembedded,
            report.moved,
            report.copied,
            report.returned,
            report.missing,
            report.excluded,
            report.newly_broken,
        )
        return any(counts)

    # --- progress --------------------------------------------------------------------------------------------------------------

    def _finish(self, file: "FileFingerprint") -> None:
        self._done += 1
        self._done_bytes += file.size
        progress = self._progress("embedding", current=file.path)
        self._tell(progress)
        if time.perf_counter() - self._last_told >= _JOB_EVERY_S:
            self._last_told = time.perf_counter()
            self._catalog.update_job(self._job_id, progress.to_dict() | {"counts": self._report.counts()})

    def _say(self, message: str) -> None:
        self._tell(self._progress("embedding", message=message))

    def _progress(self, phase: str, *, current: str = "", message: str | None = None) -> IndexProgress:
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


def _attempt(step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T | None, str | None]:
    """One file's own step: what it gives, and what went wrong in it, in words, of which one is None."""
    try:
        return step(*args, **kwargs), None
    except _FILE_FAULTS as error:
        return None, f"{type(error).__name__}: {' '.join(str(error).split())}"


def _faulty(file: "FileFingerprint", fault: str) -> "RejectedVideo":
    from embedder.embed_videos import RejectedVideo

    return RejectedVideo(path=Path(file.path), reason=f"could not be indexed ({fault})", transient=True)


def _same_content(known: "KnownFile | None", file: "FileFingerprint") -> "KnownFile | None":
    """What is known of a file, if that is of this content."""
    return known if known is not None and known.content_hash == file.content_hash else None


def _most_that_clips_tell_s(clips: "VideoClips") -> float:
    """How long a video was at most when these clips were made: its length may be by newer rules, for another encoder."""
    from embedder.clip_plan import GRID_HZ, SAME_LENGTH

    starts, ends = clips.spans_s.T
    return float(ends.max() + max(1 / GRID_HZ, SAME_LENGTH * (ends - starts).max()))


def _is_indexed(known: "KnownFile") -> bool:
    """Whether there are vectors of it that count; of a missing file, too, which may be back."""
    return known.outcome == "indexed" or (known.outcome == "missing" and known.embedded)


def _odd_length(duration_s: float, frame_rate: float | None) -> tuple[str, ...]:
    """What to say of a length that a few wrong time stamps probably make up: many hours with hardly a picture in them."""
    if duration_s < _LONG_S or frame_rate is None or frame_rate > _SPARSE_HZ:
        return ()
    pictures = round(duration_s * frame_rate)
    said = f"lasts {duration_s / 3600:.1f} h by its time stamps, but has only {pictures} pictures; the stamps are probably wrong"
    return (said,)
