"""What is on disk against what the catalog knows: which files need work, which are as they were, which are gone."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import BadFolder

if TYPE_CHECKING:
    from index.catalog import KnownFile


_LARGEST = 2**63 - 1  # what a catalog holds of a number; a file may be dated beyond it, in the year 2400 or long before 1677

MAX_TRIES = 3
"""How often a file is read that fails for a reason that may pass: a decoder that hangs on it costs minutes each time."""


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A video file on disk, as it was when it was found. size, mtime_ns: as `kept_size` and `kept_time` have them."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(kw_only=True)
class Scan:
    """A library's folders, compared with the catalog by path, size and time of change; no file has been opened.

    unchanged: known and embedded, nothing to do. broken: refused before and unchanged since, with the reason; not those
    whose reason may pass, which are compared again. not_videos: the same of files of another kind under a video's name.
    returned: was missing, is back unchanged and embedded. to_compare: new or changed files, whose content decides; a known
    one comes with what is known of it, and so does one that this encoder has not embedded yet.
    gone: known paths under the scanned folders that are no more, or are left out by now; the latter are in excluded, too.
    left_out, passed_over: see `embedder.video_folder.FolderContents`, of all folders together.
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
    without_video: list[Path] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def check_folders(folders: Iterable[Path]) -> list[Path]:
    """The folders as absolute paths, each once, none inside another, but for one that would be left out there: who names it wants
    it. Raises BadFolder for the first that cannot be indexed."""
    from embedder.exclusions import Exclusions

    absolute: list[Path] = []
    for folder in folders:
        path = Path(os.path.abspath(os.path.expanduser(folder)))
        if not os.path.lexists(path) and os.sep == "/" and re.match(r"[A-Za-z]:[\\/]", str(folder)):
            raise BadFolder(f"There is no folder {path}. {folder} is a path of Windows; here it is called otherwise.")
        if not os.path.exists(path):
            raise BadFolder(f"There is no folder {path}. {_nearest_existing(path)}")
        if not os.path.isdir(path):
            raise BadFolder(f"{path} is a file. Give the folder that it lies in: {path.parent}")
        if not os.access(path, os.R_OK | os.X_OK):
            raise BadFolder(f"The folder {path} cannot be read: permission denied.")
        absolute.append(path)
    distinct = sorted(set(absolute))
    return [
        path
        for path in distinct
        if not any(other in path.parents and not Exclusions(other).leaves_out(path / "a video") for other in distinct)
    ]


def library_name_of(folder: Path) -> str:
    """What a library is called after a folder: the name of the real folder, also for `..`, `.`, `~` and links."""
    path = Path(os.path.realpath(os.path.expanduser(folder)))
    return path.name or path.drive.rstrip(":\\/") or "root"


def kept_time(mtime_ns: int) -> int:
    """A file's time of change as the catalog has it: what is beyond the numbers that it holds is the last of them."""
    return max(-_LARGEST, min(_LARGEST, mtime_ns))


def scan_library(
    folders: Sequence[Path], known: Mapping[str, "KnownFile"], *, excludes: Sequence[str] = (), reembed: bool = False
) -> Scan:
    """Compares. folders: absolute. known: what the catalog has of the library, by path. excludes: patterns of what to leave out.
    reembed: take nothing as done."""
    from embedder.exclusions import is_data_folder
    from embedder.video_folder import look_through

    scan = Scan()
    seen: set[str] = set()
    unlisted: list[Path] = []

    def skip(error: OSError) -> None:
        scan.warnings.append((str(error.filename), f"cannot be looked at: {error.strerror}"))

    for folder in folders:
        if is_data_folder(folder):  # of a library made before such were refused: what it has stays as it is
            scan.warnings.append((str(folder), "is a data folder of vret, and was not looked through"))
            unlisted.append(folder)
            continue
        try:
            contents = look_through(folder, excludes, on_error=skip, tell_passed_over=True)
        except FileNotFoundError:  # since it was checked
            scan.warnings.append((str(folder), "vanished while it was looked through"))
            unlisted.append(folder)
            continue
        scan.left_out += contents.left_out
        scan.passed_over += contents.passed_over
        # One that vanished is gone with all that was in it; of one that is there nothing is known.
        unlisted += [path for path in contents.unlisted if path == folder or os.path.lexists(path)]
        for path, status in contents.videos.items():
            text = str(path)
            if text not in seen:
                seen.add(text)
                found = FoundFile(path=path, size=status.st_size, mtime_ns=kept_time(status.st_mtime_ns))
                _compare(scan, found, known.get(text), reembed)
    _sweep(scan, folders, known, seen, tuple(map(_inside, unlisted)), excludes)
    scan.without_video = [folder for folder in folders if not any(path.startswith(_inside(folder)) for path in chain(seen, known))]
    return scan


def nothing_to_index(scan: Scan) -> str:
    """Says that there was no video in the scanned folders, what was looked for, and what could not be looked at or was left out."""
    from embedder.video_folder import VIDEO_SUFFIXES

    where = " or ".join(map(str, scan.without_video))
    unseen = "".join(f" {path} {why}." for path, why in scan.warnings[:3])
    out = "".join(f" {line}." for line in (left_out_words(scan.left_out), passed_over_words(scan.passed_over)) if line)
    return (
        f"No video was found in {where} or below.{unseen}{out} A video is known by the end of its name, one of "
        f"{' '.join(sorted(VIDEO_SUFFIXES))}; what is hidden (leading dot) is left out."
    )


def left_out_words(left_out: Mapping[str, int]) -> str:
    """What names and patterns left out, in a line; empty for nothing."""
    from embedder.exclusions import DATA_FOLDER_MARK

    named = [f"{'a data folder of vret' if rule == DATA_FOLDER_MARK else rule} ({count})" for rule, count in _most(left_out)]
    return f"left out by name or pattern: {', '.join(named)}" if named else ""


def passed_over_words(passed_over: Mapping[str, int]) -> str:
    """Which endings of what looks like video were passed over, in a line; empty for none."""
    named = [f"{count} {ending or 'without an ending'}" for ending, count in _most(passed_over)]
    return f"passed over, since their names do not end like a video's: {', '.join(named)}" if named else ""


def _most(counts: Mapping[str, int], shown: int = 12) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:shown]


def may_be_tried_again(known: "KnownFile") -> bool:
    """Whether a file failed for a reason that may pass, and not too often yet."""
    return known.outcome == "broken" and 0 < known.failures < MAX_TRIES


def _compare(scan: Scan, found: FoundFile, known: "KnownFile | None", reembed: bool) -> None:
    same = known is not None and (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
    if known is None or not same or reembed or may_be_tried_again(known):
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
    unlisted: tuple[str, ...],
    excludes: Sequence[str],
) -> None:
    """Finds what is gone. A path that merely cannot be looked at (permissions, a sleeping disk) is not gone."""
    from embedder.exclusions import Exclusions

    roots = {_inside(folder): Exclusions(folder, excludes) for folder in folders}
    for path, entry in known.items():
        above = [exclusions for root, exclusions in roots.items() if path.startswith(root)]
        if path in seen or not above or path.startswith(unlisted):
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


def _inside(folder: Path) -> str:
    """What the path of everything inside a folder begins with."""
    return f"{folder}{os.sep}" if str(folder) != os.sep else os.sep


def _nearest_existing(path: Path) -> str:
    parent = next(parent for parent in path.parents if os.path.exists(parent))
    return f"The nearest folder that exists is {parent}."
