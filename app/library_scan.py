"""What is on disk against what the catalog knows: which files need work, which are as they were, which are gone."""

import os
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import BadFolder
from app.given_path import GivenPath, given_path
from app.on_disk import GONE, away_links, folder_trouble, inside, kept_time, same_folders, state_of
from embedder.reading_rules import READING_RULES
from index.path_text import typed_text

if TYPE_CHECKING:
    from index.catalog import KnownFile


MAX_TRIES = 3
"""How often a file is read that fails for a reason that may pass: a decoder that hangs on it costs minutes each time."""


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A video file on disk, as it was when it was found. mtime_ns: as `kept_time` has it."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, kw_only=True)
class AwayFolder:
    """A folder of the library that says nothing about its videos, and why: absent, empty, unreadable. They are left as they are.

    videos: what is known of them, by path. named: whether it was to be looked through, and not only belongs to the library.
    """

    folder: Path
    why: str
    videos: dict[str, "KnownFile"]
    named: bool


@dataclass(kw_only=True)
class Scan:
    """A library's folders, compared with the catalog by path, size and time of change; no file has been opened.

    unchanged: known and embedded, nothing to do. broken: refused before and unchanged since, with the reason; not those
    whose reason may pass, and those refused by older rules of reading, which are compared again.
    not_videos: the same of files of another kind under a video's name.
    returned: was missing, is back unchanged and embedded. to_compare: new or changed files, whose content decides, and those read
    by older rules; a known one comes with what is known of it, and so does one that this encoder has not embedded yet.
    gone: known paths under the scanned folders that are no more, or are left out by now; the latter are in excluded, too.
    left_out, passed_over: see `embedder.video_folder.FolderContents`, of all folders together.
    away: folders that could not be looked through. looked_through: the other folders, and how many of the known videos that are not
    missing should be there. linked: how many more names were found of files that are counted under another one.
    without_video: scanned folders in which nothing is, or ever was, a video. warnings: (path, what could not be looked at).
    """

    unchanged: list[str] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    not_videos: list[tuple[str, str]] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    to_compare: list[tuple[FoundFile, "KnownFile | None"]] = field(default_factory=list)
    gone: dict[str, "KnownFile"] = field(default_factory=dict)
    excluded: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    away: list[AwayFolder] = field(default_factory=list)
    linked: int = 0
    looked_through: dict[Path, int] = field(default_factory=dict)
    without_video: list[Path] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def check_folders(folders: Iterable[GivenPath], known: Iterable[Path] = ()) -> list[Path]:
    """The folders as absolute paths, each real place once. Raises BadFolder for the first that cannot be indexed.

    known: the library's folders, as which the same places are spelled; of these one may be away.
    """
    known = list(known)
    absolute: list[Path] = []
    for folder in folders:
        path = _absolute(given_path(folder))
        if path in known and folder_trouble(path) is not None:
            absolute.append(path)
            continue
        if not os.path.lexists(path) and os.sep == "/" and re.match(r"[A-Za-z]:[\\/]", str(folder)):
            raise BadFolder(f"There is no folder {path}. {folder} is a Windows path; on this system the folder has another one.")
        if not os.path.exists(path):
            raise BadFolder(f"There is no folder {path}. {_nearest_existing(path)}")
        if not os.path.isdir(path):
            raise BadFolder(f"{path} is a file. Give the folder that it lies in: {path.parent}")
        if not os.access(path, os.R_OK | os.X_OK):
            raise BadFolder(f"The folder {path} cannot be read: permission denied.")
        absolute.append(path)
    return same_folders(absolute, known)


def _absolute(folder: Path) -> Path:
    """Behind a link `..` is the folder above the link's target, so that such a path is taken as the system takes it."""
    return Path(os.path.realpath(folder) if os.pardir in folder.parts else os.path.abspath(folder))


def library_name_of(folder: GivenPath) -> str:
    """What a library is called after a folder: the name of the real folder, also for `..`, `.`, `~` and links. Raises BadPath."""
    path = Path(os.path.realpath(given_path(folder)))
    return typed_text(path.name) or path.drive.rstrip(":\\/") or "root"


def scan_library(
    folders: Sequence[Path],
    known: Mapping[str, "KnownFile"],
    *,
    others: Iterable[Path] = (),
    excludes: Sequence[str] = (),
    reembed: bool = False,
) -> Scan:
    """Compares. folders: absolute. known: what the catalog has of the library, by path. others: further folders of the library,
    which are not looked through. excludes: patterns of what to leave out. reembed: take nothing as done.
    """
    from embedder.exclusions import is_data_folder
    from embedder.video_folder import look_through

    scan = Scan()
    found: dict[str, FoundFile] = {}
    files: dict[str, Hashable] = {}
    seen: set[str] = set()
    unlisted: list[str] = []

    def skip(error: OSError) -> None:
        scan.warnings.append((str(error.filename), f"cannot be looked at: {error.strerror}"))
        if error.errno not in GONE:
            unlisted.append(str(error.filename))

    scan.away = [*_away(folders, known, named=True), *_away(others, known, named=False)]
    away = [each.folder for each in scan.away]
    folders = [folder for folder in folders if folder not in away]
    there = [path for path, entry in known.items() if entry.outcome != "missing"]
    scan.looked_through = {folder: sum(path.startswith(inside(folder)) for path in there) for folder in folders}
    for folder in folders:
        if is_data_folder(folder):  # of a library made before such were refused: what it has stays as it is
            scan.warnings.append((str(folder), "is a data folder of vret, so it was skipped"))
            unlisted.append(str(folder))
            continue
        try:
            contents = look_through(folder, excludes, on_error=skip, tell_passed_over=True)
        except FileNotFoundError:  # since it was checked
            scan.warnings.append((str(folder), "disappeared during the scan"))
            unlisted.append(str(folder))
            continue
        scan.left_out += contents.left_out
        scan.passed_over += contents.passed_over
        # One that vanished is gone with all that was in it; of one that is there nothing is known.
        unlisted += [str(path) for path in contents.unlisted if path == folder or os.path.lexists(path)]
        for path, status in contents.videos.items():
            text = str(path)
            if text not in seen:
                seen.add(text)
                found[text] = FoundFile(path=path, size=status.st_size, mtime_ns=kept_time(status.st_mtime_ns))
                files[text] = state_of(status).file
    linked = _linked(files, known, folders)
    scan.linked = len(linked)
    for text, file in found.items():
        if text not in linked:
            _compare(scan, file, known.get(text), reembed)
    _sweep(scan, folders, known, seen, [*map(str, away), *unlisted], excludes)
    scan.without_video = [folder for folder in folders if not any(path.startswith(inside(folder)) for path in chain(seen, known))]
    return scan


def _away(folders: Iterable[Path], known: Mapping[str, "KnownFile"], *, named: bool) -> list[AwayFolder]:
    """Those that cannot be looked through. An empty folder in which there never was a video is not away."""
    found = []
    for folder in folders:
        why = folder_trouble(folder)
        if why is not None:
            videos = {path: entry for path, entry in known.items() if path.startswith(inside(folder))}
            if videos or not os.path.isdir(folder):
                found.append(AwayFolder(folder=folder, why=why, videos=videos, named=named))
    return found


def _linked(files: Mapping[str, Hashable], known: Mapping[str, "KnownFile"], folders: Sequence[Path]) -> set[str]:
    """Paths of which the file is counted under another one: one that is known, or else the plainest. files: which each is."""
    counted: dict[Hashable, str] = {files[path]: path for path in files if path in known}
    new: dict[Hashable, list[str]] = {}
    for path, file in files.items():
        if path not in known:
            new.setdefault(file, []).append(path)
    roots = tuple(map(inside, folders))
    for path, entry in known.items() if new else ():
        # Only outside of what was looked through: inside, a known path that was not seen has lost its file.
        if entry.outcome != "missing" and not path.startswith(roots):
            counted.setdefault(_file_at(path), path)
    for file, paths in new.items():
        if len(paths) > 1:
            paths.sort(key=lambda path: (os.path.islink(path), os.path.realpath(path) != path, path))
        counted.setdefault(file, paths[0])
    return {path for file, paths in new.items() for path in paths if counted[file] != path}


def _file_at(path: str) -> Hashable | None:
    try:
        return state_of(os.stat(path)).file
    except OSError:
        return None


def nothing_to_index(scan: Scan) -> str:
    """Says that there was no video in the scanned folders, what was looked for, and what could not be looked at or was left out."""
    from embedder.video_folder import VIDEO_SUFFIXES

    where = " or ".join(map(str, scan.without_video))
    unseen = "".join(f" {path} {why}." for path, why in scan.warnings[:3])
    out = "".join(f" {line}." for line in (left_out_words(scan.left_out), passed_over_words(scan.passed_over)) if line)
    return (
        f"No video was found in {where} or below.{unseen}{out} A video is known by the end of its name: .mp4, .mov, .mkv, .avi, "
        f".webm and {len(VIDEO_SUFFIXES) - 5} others. What is hidden (leading dot) is left out."
    )


def left_out_words(left_out: Mapping[str, int]) -> str:
    """What names and patterns left out, in a line; empty for nothing."""
    from embedder.exclusions import DATA_FOLDER_MARK

    named = [f"{'a data folder of vret' if rule == DATA_FOLDER_MARK else rule} ({count})" for rule, count in _most(left_out)]
    return f"left out by name or pattern: {', '.join(named)}" if named else ""


def passed_over_words(passed_over: Mapping[str, int]) -> str:
    """Which endings of what looks like video were passed over, in a line; empty for none."""
    named = [f"{count} {ending or 'without an ending'}" for ending, count in _most(passed_over)]
    return f"skipped, no video file extension: {', '.join(named)}" if named else ""


def _most(counts: Mapping[str, int], shown: int = 12) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:shown]


def may_be_tried_again(known: "KnownFile") -> bool:
    """Whether a file failed for a reason that may pass, and not too often yet."""
    return known.outcome == "broken" and 0 < known.failures < MAX_TRIES


def is_of_older_reading(known: "KnownFile") -> bool:
    """Whether a file was embedded, or refused, by older rules of reading, so that it must be seen whether it would be today."""
    return known.reading < READING_RULES and (known.outcome == "broken" or known.embedded)


def _compare(scan: Scan, found: FoundFile, known: "KnownFile | None", reembed: bool) -> None:
    same = known is not None and (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
    if known is None or not same or reembed or may_be_tried_again(known) or is_of_older_reading(known):
        scan.to_compare.append((found, known))
    elif known.outcome == "broken":
        scan.broken.append((str(found.path), known.reason or ""))
    elif known.outcome == "not-video":
        scan.not_videos.append((str(found.path), known.reason or ""))
    elif not known.embedded:
        scan.to_compare.append((found, known))
    elif known.outcome == "missing":
        scan.returned.append(known.video_id)
    else:
        scan.unchanged.append(str(found.path))


def _sweep(
    scan: Scan,
    folders: Sequence[Path],
    known: Mapping[str, "KnownFile"],
    seen: set[str],
    unknown: Sequence[str],
    excludes: Sequence[str],
) -> None:
    """Finds what is gone. A path that merely cannot be looked at (permissions, a sleeping disk) is not gone. unknown: what could
    not be looked at, with all that may lie below."""
    from embedder.exclusions import Exclusions

    roots = {inside(folder): Exclusions(folder, excludes) for folder in folders}
    hidden = tuple(map(inside, unknown))
    for path, entry in known.items():
        above = [exclusions for root, exclusions in roots.items() if path.startswith(root)]
        if path in seen or not above or path in unknown or path.startswith(hidden):
            continue
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            scan.gone[path] = entry
        except OSError as error:
            scan.warnings.append((path, f"cannot be looked at: {error.strerror}"))
        else:  # still there, but left out by now, or no longer what is taken for a video, e.g. a folder
            scan.gone[path] = entry
            if all(exclusions.leaves_out(Path(path)) for exclusions in above):
                scan.excluded.add(path)
    for folder in folders:
        below: dict[str, dict[str, KnownFile]] = {}
        for path, link in away_links([path for path in scan.gone if path.startswith(inside(folder))], str(folder)).items():
            below.setdefault(link, {})[path] = scan.gone.pop(path)
        scan.away += [
            AwayFolder(folder=Path(link), why="leads to a missing or empty folder", videos=videos, named=True)
            for link, videos in below.items()
        ]


def _nearest_existing(path: Path) -> str:
    parent = next(parent for parent in path.parents if os.path.exists(parent))
    return f"The nearest folder that exists is {parent}."
