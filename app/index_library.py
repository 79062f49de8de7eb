"""Use case: make the videos of some folders searchable. Does only what has not been done yet."""

import math
import os
import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import BadFolder, BadLibraryName, BadPattern, WrongValue
from app.given_path import GivenPath, given_path
from app.index_report import IndexProgress, IndexReport
from app.index_run import IndexRun
from app.library_scan import Scan, check_folders, nothing_to_index, scan_library
from app.on_disk import folder_trouble, same_folders
from app.part_weights import check_sees_look
from app.run_lock import LockHolder, run_lock
from app.workspace import Workspace
from embedder.reading_rules import READING_RULES, SAME_UNLESS_DAMAGED

if TYPE_CHECKING:
    from index.catalog import Catalog

_WAIT = "Wait for its end, or stop it; vret index --wait -1 waits by itself."

OnEvent = Callable[[IndexProgress], None]


def index_library(
    ws: Workspace,
    library: str,
    folders: Sequence[GivenPath] = (),
    *,
    encoder_name: str | None = None,
    hop: float | None = None,
    excludes: Sequence[str] = (),
    on_event: OnEvent | None = None,
    wait_s: float = 0.0,
    reembed: bool = False,
    quick: bool = False,
) -> IndexReport:
    """Brings a library up to date with its folders.

    library: its name; made if it is new. folders: added to the library, and only these are looked through; none means all that
    the library has. A folder of the library that is away or empty is told in the report, and its videos are left as they are. hop:
    distance of the clips' starts in clip lengths, for videos embedded in this run. excludes: patterns of what to leave out from now
    on, added to those that the library has. wait_s: how long to wait for another run, negative for ever. reembed: embed every video
    anew. quick: a first pass over videos that are not yet known, by their key frames and so their look alone; the next run without
    it reads them whole.

    On Ctrl-C what is done stays done, and the report says `stopped`. A killed run leaves the same state, without a report.
    Raises BadFolder, BadPath, BadLibraryName, BadPattern, WrongValue (also quick with reembed or hop), BadQuery (quick with an
    encoder that sees no look), Busy, UnknownEncoder, UnknownLibrary, DataFolderError,
    CatalogError, EncoderError, ProviderUnavailable.
    """
    began = time.perf_counter()
    if isinstance(folders, str | os.PathLike):  # else each letter of it would be a folder
        folders = [folders]
    folders = [given_path(folder) for folder in folders]
    if hop is not None and not 0 < hop <= 1:
        raise WrongValue(f"The hop must be more than 0 and at most 1 clip length, got {hop}.")
    if math.isnan(wait_s):
        raise WrongValue("The seconds to wait must be a number, got nan.")
    if quick and (reembed or hop is not None):
        raise WrongValue("--quick reads key frames of new videos only: leave out --hop and --reembed, or --quick.")
    tell: OnEvent = on_event if on_event is not None else _ignore
    paths = check_folders(folders, _known_folders(ws, library) if any(map(folder_trouble, folders)) else ())
    _refuse_own_folders(ws, paths)
    new_excludes = checked_patterns(excludes)
    card = ws.encoder_card(encoder_name)  # a missing encoder is said before anything is made
    if quick:
        check_sees_look(ws, encoder_name, so="--quick, which sees key frames only, finds nothing")
    ws.make_home()

    def say_who_is_waited_for(holder: LockHolder | None) -> None:
        tell(IndexProgress(phase="waiting", current=str(holder or "another run")))

    with run_lock(ws.home, wait_s=wait_s, on_wait=say_who_is_waited_for, advice=_WAIT):
        tell(IndexProgress(phase="scanning", current=", ".join(map(str, paths))))
        encoder_id = ws.encoder_id(encoder_name)
        ws.catalog.take_as_read_by(encoder_id, READING_RULES, same_from=SAME_UNLESS_DAMAGED)
        if paths:
            scan = _scan_and_add(ws.catalog, library, encoder_id, paths, new_excludes, reembed=reembed)
        else:
            paths = _folders_of(ws.catalog, library)
            patterns = [*ws.catalog.library(library).excludes, *new_excludes]
            scan = scan_library(paths, ws.catalog.known_files(library, encoder_id), excludes=patterns, reembed=reembed)
            if new_excludes:
                ws.catalog.set_excludes(library, patterns)
        scan.warnings += [
            (pattern, "this pattern matches no video and no folder")
            for pattern in new_excludes
            if pattern not in scan.left_out and not pattern.startswith("!")
        ]
        report = IndexReport(library=library, encoder=encoder_name or ws.settings.encoder_name)
        IndexRun(ws, report, encoder_id, encoder_name, hop, tell, reembed=reembed, quick=quick).carry_out(scan)
    report.seconds = time.perf_counter() - began
    tell(IndexProgress(phase="done", clips=report.clips, broken=len(report.broken), seconds=report.seconds, message=card.name))
    return report


def checked_patterns(patterns: Iterable[str]) -> list[str]:
    """Patterns of what to leave out, as they are kept. Raises BadPattern."""
    from embedder.exclusions import check_pattern

    try:
        return [check_pattern(pattern) for pattern in patterns]
    except ValueError as error:
        raise BadPattern(str(error)) from error


def _refuse_own_folders(ws: Workspace, folders: Iterable[Path]) -> None:
    """Raises BadFolder for the data folder, and for what vret made in it. Other folders in it (drawn samples) are as any."""
    from embedder.exclusions import is_data_folder

    own = [os.path.realpath(folder) for folder in ws.own_folders]
    for folder in folders:
        real = os.path.realpath(folder)
        if real == os.path.realpath(ws.home) or is_data_folder(folder):
            raise BadFolder(
                f"{folder} is a data folder of vret: all files in it were made by vret. Name the folder of your videos."
            )
        if any(real == path or real.startswith(path + os.sep) for path in own):
            raise BadFolder(f"{folder} belongs to the data folder of vret, {ws.home}. Name the folder of your videos.")


def _scan_and_add(
    catalog: "Catalog", library: str, encoder_id: int, folders: Sequence[Path], new_excludes: Sequence[str], *, reembed: bool
) -> Scan:
    """Looks through folders and adds them to a library, which is made if it is new. New folders that are all without a video are
    a slip, and leave nothing behind. Raises BadFolder, BadLibraryName."""
    from index.catalog.libraries import check_library_name
    from index.errors import UnknownLibrary

    try:
        check_library_name(library)
    except ValueError as error:
        raise BadLibraryName(f"{error} Give one with --library NAME.") from error
    try:
        there = catalog.library(library)
        own, old_excludes, known = set(there.folders), there.excludes, catalog.known_files(library, encoder_id)
    except UnknownLibrary:
        own, old_excludes, known = set(), (), {}
    excludes = [*old_excludes, *new_excludes]
    folders = same_folders(folders, sorted(own))
    scan = scan_library(folders, known, others=sorted(own.difference(folders)), excludes=excludes, reembed=reembed)
    if len(scan.without_video) == len(folders) and own.isdisjoint(folders):
        raise BadFolder(nothing_to_index(scan))
    catalog.add_library(library, folders)
    if new_excludes:
        catalog.set_excludes(library, excludes)
    return scan


def _known_folders(ws: Workspace, library: str) -> tuple[Path, ...]:
    """The library's folders; none where it is yet to be made."""
    return next((each.folders for each in ws.catalog.libraries() if each.name == library), ())


def _folders_of(catalog: "Catalog", library: str) -> list[Path]:
    """The library's folders. Where none of them is there, that is an error: nothing could be looked through."""
    folders = list(catalog.library(library).folders)
    if folders and not any(map(os.path.isdir, folders)):
        which = "; ".join(f"the folder {folder} {folder_trouble(folder)}" for folder in folders)
        raise BadFolder(
            f"No folder of library {library!r} can be read: {which}. Connect the drive, or name the folders to index: "
            f" vret index FOLDER --library {shlex.quote(library)}"
        )
    return same_folders(folders)


def _ignore(progress: IndexProgress) -> None:
    pass
