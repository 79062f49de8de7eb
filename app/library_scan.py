"""What is on disk against what the catalog knows: which files need work, which are as they were, which are gone."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import BadFolder

if TYPE_CHECKING:
    from index.catalog import KnownFile


MAX_TRIES = 3
"""How often a file is read that fails for a reason that may pass: a decoder that hangs on it costs minutes each time."""


@dataclass(frozen=True, kw_only=True)
class FoundFile:
    """A video file on disk, as it was when it was found."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(kw_only=True)
class Scan:
    """A library's folders, compared with the catalog by path, size and time of change; no file has been opened.

    unchanged: known and embedded, nothing to do. broken: refused before and unchanged since, with the reason; not those
    whose reason may pass, which are compared again.
    returned: was missing, is back unchanged and embedded. to_compare: new or changed files, whose content decides; a known
    one comes with what is known of it, and so does one that this encoder has not embedded yet.
    gone: known paths under the scanned folders that are no more. without_video: scanned folders in which nothing is, or ever
    was, a video. warnings: (path, what could not be looked at).
    """

    unchanged: list[str] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    returned: list[int] = field(default_factory=list)
    to_compare: list[tuple[FoundFile, "KnownFile | None"]] = field(default_factory=list)
    gone: dict[str, "KnownFile"] = field(default_factory=dict)
    without_video: list[Path] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def check_folders(folders: Iterable[Path]) -> list[Path]:
    """The folders as absolute paths, each once, none inside another. Raises BadFolder for the first that cannot be indexed."""
    absolute: list[Path] = []
    for folder in folders:
        path = Path(os.path.abspath(folder.expanduser()))
        if not path.exists():
            raise BadFolder(f"There is no folder {path}. {_nearest_existing(path)}")
        if not path.is_dir():
            raise BadFolder(f"{path} is a file. Give the folder that it lies in: {path.parent}")
        if not os.access(path, os.R_OK | os.X_OK):
            raise BadFolder(f"The folder {path} cannot be read: permission denied.")
        absolute.append(path)
    distinct = sorted(set(absolute))
    return [path for path in distinct if not any(other in path.parents for other in distinct)]


def scan_library(folders: Sequence[Path], known: Mapping[str, "KnownFile"], *, reembed: bool = False) -> Scan:
    """Compares. folders: absolute. known: what the catalog has of the library, by path. reembed: take nothing as done."""
    from embedder.video_folder import find_videos

    scan = Scan()
    seen: set[str] = set()

    def skip(error: OSError) -> None:
        scan.warnings.append((str(error.filename), f"cannot be looked at: {error.strerror}"))

    for folder in folders:
        for path in find_videos(folder, on_error=skip):
            text = str(path)
            if text in seen:
                continue
            try:
                status = path.stat()
            except OSError as error:
                scan.warnings.append((text, f"cannot be looked at: {error.strerror}"))
                seen.add(text)
                continue
            if stat.S_ISREG(status.st_mode):
                seen.add(text)
                found = FoundFile(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns)
                _compare(scan, found, known.get(text), reembed)
    _sweep(scan, folders, known, seen)
    scan.without_video = [folder for folder in folders if not any(path.startswith(_inside(folder)) for path in chain(seen, known))]
    return scan


def nothing_to_index(scan: Scan) -> str:
    """Says that there was no video in the scanned folders, what was looked for, and what could not be looked at."""
    from embedder.video_folder import VIDEO_SUFFIXES

    where = " or ".join(map(str, scan.without_video))
    unseen = "".join(f" {path} {why}." for path, why in scan.warnings[:3])
    return (
        f"No video was found in {where} or below.{unseen} A video is known by the end of its name, one of "
        f"{' '.join(sorted(VIDEO_SUFFIXES))}; what is hidden (leading dot) is left out."
    )


def may_be_tried_again(known: "KnownFile") -> bool:
    """Whether a file failed for a reason that may pass, and not too often yet."""
    return known.outcome == "broken" and 0 < known.failures < MAX_TRIES


def _compare(scan: Scan, found: FoundFile, known: "KnownFile | None", reembed: bool) -> None:
    same = known is not None and (known.size, known.mtime_ns) == (found.size, found.mtime_ns)
    if known is None or not same or reembed or may_be_tried_again(known):
        scan.to_compare.append((found, known))
    elif known.outcome == "broken":
        scan.broken.append((str(found.path), known.reason or ""))
    elif not known.embedded:
        scan.to_compare.append((found, known))
    elif known.outcome == "missing":
        scan.returned.append(known.video_id)
    else:
        scan.unchanged.append(str(found.path))


def _sweep(scan: Scan, folders: Sequence[Path], known: Mapping[str, "KnownFile"], seen: set[str]) -> None:
    """Finds what is gone. A path that merely cannot be looked at (permissions, a sleeping disk) is not gone."""
    roots = tuple(map(_inside, folders))
    for path, entry in known.items():
        if path in seen or not path.startswith(roots):
            continue
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            scan.gone[path] = entry
        except OSError as error:
            scan.warnings.append((path, f"cannot be looked at: {error.strerror}"))
        else:  # still there, but no longer what is taken for a video, e.g. a folder or a hidden one now
            scan.gone[path] = entry


def _inside(folder: Path) -> str:
    """What the path of everything inside a folder begins with."""
    return f"{folder}{os.sep}" if str(folder) != os.sep else os.sep


def _nearest_existing(path: Path) -> str:
    parent = next(parent for parent in path.parents if parent.exists())
    return f"The nearest folder that exists is {parent}."
