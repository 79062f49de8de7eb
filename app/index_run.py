"""One indexing run, from a scan to a catalog that agrees with the disk. `index_library` holds the lock around it."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

from app.file_outcomes import FileOutcomes, attempt
from app.gone_videos import gone_videos
from app.index_report import IndexProgress, IndexReport
from app.library_scan import FoundFile, Scan, is_of_older_reading, may_be_tried_again
from app.moved_files import MovedFiles
from app.older_readings import OlderReadings
from app.steady_files import SteadyFiles
from app.workspace import Workspace
from embedder.errors import EncoderError

if TYPE_CHECKING:
    from embedder.embed_videos import EmbeddedVideo, RejectedVideo
    from index.catalog import FileFingerprint, KnownFile
    from index.catalog.records import JobState

    Results = Generator[EmbeddedVideo | RejectedVideo]

DEFAULT_HOP = 0.5  # clips overlap by half, so that a movement cut by one clip's end lies whole in its neighbour


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
        *,
        reembed: bool,
        quick: bool,
    ) -> None:
        self._ws = ws
        self._catalog = ws.catalog
        self._report = report
        self._encoder_id = encoder_id
        self._encoder_name = encoder_name
        self._hop = hop
        self._tell = tell
        self._reembed = reembed
        self._quick = quick
        self._outcomes = FileOutcomes(ws.catalog, report, encoder_id, tell)
        self._older = OlderReadings(ws.catalog, report, encoder_id, self._outcomes.say, only_key_frames=quick)
        self._files = SteadyFiles()
        self._pending: dict[Path, tuple[FileFingerprint, KnownFile | None]] = {}  # being embedded; what was known of it
        self._twins: list[tuple[FileFingerprint, str]] = []  # same content as one being embedded; that content's hash
        self._refused: dict[str, RejectedVideo] = {}  # by content hash
        self._changing: list[tuple[FoundFile, KnownFile | None]] = []  # changed while they were read
        self._is_last_round = False

    def carry_out(self, scan: Scan) -> None:
        """Does all that the scan found to do, and writes it into the report."""
        report = self._report
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
        if scan.to_compare:
            self._outcomes.begin(scan.to_compare)
            state: JobState = "failed"
            try:
                self._embed_all(scan.to_compare)
                if self._changing:
                    again, self._changing, self._is_last_round = self._changing, [], True
                    self._embed_all(again)
                self._sweep(scan)
                state = "done"
            except KeyboardInterrupt:
                report.stopped, state = True, "stopped"
                report.left += self._outcomes.num_not_reached
            finally:
                report.from_libraries = self._moves.from_libraries
                self._outcomes.end(state)
        else:
            self._sweep(scan)
        if report.has_changes:
            self._tell(self._outcomes.progress("saving"))
            self._ws.vectors(self._encoder_id, save=True)  # catches up and saves, so that the next search need not

    def _embed_all(self, files: "Sequence[tuple[FoundFile, KnownFile | None]]") -> None:
        paths = self._paths_to_embed(files)
        first = next(paths, None)
        if first is not None:
            from embedder.embed_videos import EmbeddedVideo, embed_videos

            encoder = self._ws.encoder(self._encoder_name)
            if self._ws.encoder_id(self._encoder_name) != self._encoder_id:  # its vectors would get among those of the old one
                raise EncoderError(f"{encoder.path} was replaced by another encoder during indexing. Index again.")
            self._report.provider = encoder.provider
            why = f" ({encoder.provider_note})" if encoder.provider_note else ""
            self._outcomes.say(f"Encoder {encoder.card.name} runs on {encoder.provider} in {encoder.card.precision}{why}.")
            self._outcomes.begin_embedding()
            hop = DEFAULT_HOP if self._hop is None else self._hop
            results = cast("Results", embed_videos(chain([first], paths), encoder, hop=hop, only_key_frames=self._quick))
            with closing(results):  # also on Ctrl-C: its workers end here
                for result in results:
                    taken = self._taken(result.path)
                    if taken is None:
                        continue
                    file, known = taken
                    if isinstance(result, EmbeddedVideo):
                        self._outcomes.embedded(result, file, known, asked_for=self._reembed)
                    else:
                        self._refused[file.content_hash or ""] = result
                        self._outcomes.refused(result, file, known)
        self._settle_twins()

    def _paths_to_embed(self, files: "Sequence[tuple[FoundFile, KnownFile | None]]") -> Iterator[Path]:
        """Compares contents one file at a time, as the embedding asks for more; what needs no embedding is settled here."""
        in_work: set[str] = set()
        for found, known in files:
            if not self._reembed and self._stays_as_it_is(found, known):
                continue
            file = self._fingerprint(found, known)
            if file is None:
                continue
            known, fault = attempt(self._moves.follow, file, known)
            settled: bool | None = False
            if fault is None and not self._reembed:
                settled, fault = attempt(self._settled_by_content, file, known)
            if fault is not None:
                self._outcomes.faulty(file, fault, known)
            elif settled:
                self._outcomes.done(file)
            elif file.content_hash in in_work and known is None:
                self._twins.append((file, file.content_hash or ""))
            else:
                in_work.add(file.content_hash or "")
                self._pending[found.path] = (file, known)
                yield found.path

    def _stays_as_it_is(self, found: FoundFile, known: "KnownFile | None") -> bool:
        """True when an unchanged file was embedded by older rules of reading and today's make the same of it."""
        if known is None or (known.size, known.mtime_ns) != (found.size, found.mtime_ns):
            return False
        alike, _ = attempt(self._older.hold, found.path, known)  # what is wrong with it is reported where it is embedded
        if alike:
            self._outcomes.unchanged(known)
        return bool(alike)

    def _fingerprint(self, found: FoundFile, known: "KnownFile | None") -> "FileFingerprint | None":
        """What is in a file; None when that is unknown, which is its outcome then, or when it is to be read again."""
        from embedder.file_kind import is_hollow

        try:
            if is_hollow(found.path):
                self._outcomes.hollow(found)
                return None
            file = self._files.fingerprint(found.path)
        except (OSError, ValueError) as error:  # ValueError: a name that cannot be opened
            self._outcomes.unreadable(found, known, error)
            return None
        if file is None:
            self._read_again(found, known)
        return file

    def _read_again(self, found: FoundFile, known: "KnownFile | None") -> None:
        """A file that changes while it is read is read once more in the same run."""
        if self._is_last_round:
            self._outcomes.still_changing(str(found.path))
        else:
            self._changing.append((found, known))

    def _settled_by_content(self, file: "FileFingerprint", known: "KnownFile | None") -> bool:
        """True when the content shows that this file needs no embedding: it was touched, moved or copied."""
        report = self._report
        if known is not None and known.content_hash == file.content_hash:
            is_refused = known.outcome in ("broken", "not-video")
            if (not is_refused and not known.embedded) or may_be_tried_again(known):
                return False
            if is_of_older_reading(known) and not self._older.hold(Path(file.path), known):
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
        if self._copied(file):
            report.copied += 1
            return True
        return False

    def _copied(self, file: "FileFingerprint") -> bool:
        """Gives a file the clips of another one with its content; not those that older rules made and today's would not."""
        twins = [place.file for place in self._catalog.places_of(file.content_hash, self._encoder_id) if place.file.embedded]
        for twin in sorted(twins, key=is_of_older_reading):
            if is_of_older_reading(twin) and not self._older.hold(Path(file.path), twin):
                return False
            if self._catalog.copy_embedding(twin.video_id, self._report.library, file, self._encoder_id) is not None:
                return True
        return False

    def _taken(self, path: Path) -> "tuple[FileFingerprint, KnownFile | None] | None":
        """A file of which the embedding is through; None if something else than its content may have been read meanwhile."""
        file, known = self._pending.pop(path)
        now = self._as_it_was(file, known)
        return None if now is None else (now, known)

    def _settle_twins(self) -> None:
        """Files with the same content as one embedded in this run take its vectors, or its reason."""
        twins, self._twins = self._twins, []
        for file, content in twins:
            now = self._as_it_was(file, None)
            if now is None:
                continue
            if content in self._refused:
                self._outcomes.refused(self._refused[content], now, None)
                continue
            copied, fault = attempt(self._copied, now)
            if fault is not None:
                self._outcomes.faulty(now, fault)
            elif copied:
                self._report.copied += 1
                self._outcomes.done(now)
            else:  # its original vanished meanwhile
                self._read_again(_found(file), None)

    def _as_it_was(self, file: "FileFingerprint", known: "KnownFile | None") -> "FileFingerprint | None":
        """A file, if it still has its content; else None, and it is read again, or has its outcome."""
        try:
            now = self._files.as_it_was(file)
        except OSError as error:
            self._outcomes.unreadable(_found(file), known, error)
            return None
        if now is None:
            self._read_again(_found(file), known)
        return now

    def _sweep(self, scan: Scan) -> None:
        newly_gone = gone_videos(scan, set(self._moves.from_paths), self._report)
        if newly_gone:
            self._catalog.mark_missing(newly_gone.values())
        self._report.excluded = len(scan.excluded.intersection(newly_gone))
        self._report.missing = len(newly_gone) - self._report.excluded


def _found(file: "FileFingerprint") -> FoundFile:
    return FoundFile(path=Path(file.path), size=file.size, mtime_ns=file.mtime_ns)
