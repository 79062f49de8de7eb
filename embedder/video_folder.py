"""Find the video files of a folder."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedder.exclusions import DATA_FOLDER_MARK, Exclusions, is_data_folder
from embedder.file_kind import looks_like_video

# fmt: off
VIDEO_SUFFIXES = frozenset((
    ".264", ".265", ".360", ".3g2", ".3gp", ".3gp2", ".3gpp", ".amv", ".apng", ".asf", ".av1", ".avc", ".avi", ".dif", ".divx",
    ".dv", ".dvr-ms", ".evo", ".f4p", ".f4v", ".flv", ".gif", ".gifv", ".gxf", ".h264", ".h265", ".hdv", ".hevc", ".insv",
    ".ismv", ".ivf", ".lrf", ".lrv", ".m1v", ".m2p", ".m2t", ".m2ts", ".m2v", ".m4v", ".mj2", ".mk3d", ".mkv", ".mod", ".mov",
    ".mp2v", ".mp4", ".mp4v", ".mpe", ".mpeg", ".mpeg2", ".mpeg4", ".mpg", ".mpg2", ".mpg4", ".mpv", ".mqv", ".mts", ".mxf",
    ".nut", ".obu", ".ogm", ".ogv", ".osv", ".ps", ".qt", ".rm", ".rmvb", ".ssif", ".tod", ".tp", ".trp", ".ts", ".vob", ".vro",
    ".webm", ".wm", ".wmv", ".wtv", ".xvid", ".y4m",
))
_NOT_ASKED = frozenset((
    ".3ga", ".aac", ".aax", ".avif", ".cr3", ".flac", ".heic", ".heif", ".hif", ".jp2", ".jpeg", ".jpg", ".jxl", ".m4a", ".m4b",
    ".m4p", ".m4r", ".m4s", ".mka", ".mks", ".mp3", ".oga", ".ogg", ".opus", ".png", ".spx", ".srt", ".thm", ".txt", ".wav",
    ".weba", ".wma", ".xml",
))
# fmt: on
"""File name endings, lower case: those that are taken for videos (what a file really is, its content decides), and those of sound,
pictures and text, some of them in the same containers, of which nobody expects that they are indexed."""

_SYSTEM_FOLDERS = frozenset(("/dev", "/proc", "/sys"))
_LOOKED_AT = 200  # files of one other ending whose first bytes are read, in one folder tree
_LEAST_BYTES = 1024  # smaller files are no videos, and files of /proc have no size


@dataclass(kw_only=True)
class FolderContents:
    """What was found in a folder and below.

    videos: files whose name ends like a video's, sorted, as each was when it was found. left_out: the names and patterns that left
    something out, and how many folders and files each did; nobody looked into those folders. passed_over: endings of files that
    are videos by their first bytes, but not by their name ("" for none), and how many of those looked at; hidden ones by name, as
    "hidden .mp4". unlisted: folders that could not be listed, so that nothing is known of what is in them.
    """

    videos: dict[Path, os.stat_result] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    unlisted: list[Path] = field(default_factory=list)


def find_videos(folder: Path, *, on_error: Callable[[OSError], None] | None = None) -> list[Path]:
    """All files under a folder whose name ends like a video's, sorted; a path that is a file gives itself.

    Capitals do not matter. Left out are hidden files and folders (leading dot), bins and thumbnails of disks, NAS and programs
    (`NEVER_FOOTAGE`), vret's own data, files without an ending and anything that is no regular file. Links are followed, each real
    folder once, so that a loop of links ends.
    on_error: told of every folder and file that cannot be looked at; such ones are skipped. Raises FileNotFoundError.
    """
    if folder.is_file():
        return [folder]
    return list(look_through(folder, on_error=on_error).videos)


def look_through(
    folder: Path,
    patterns: Sequence[str] = (),
    *,
    on_error: Callable[[OSError], None] | None = None,
    tell_passed_over: bool = False,
) -> FolderContents:
    """Like `find_videos`, with all that was not taken. patterns: what else to leave out, see `exclusions.check_pattern`.

    tell_passed_over: read the first bytes of files with other endings, of each ending some. Folders and files that vanish or cannot
    be read meanwhile are told to `on_error`, and end nothing. Raises FileNotFoundError when the folder is not there to begin with.
    """
    if not os.path.exists(folder):
        raise FileNotFoundError(f"{folder}: no such folder")
    walk = _Walk(folder, Exclusions(folder, patterns), on_error, tell_passed_over)
    # Not os.walk: it calls itself for each level, and so ends in an error some 1,000 folders deep.
    pending: list[tuple[str, ...]] = [()]
    while pending:
        pending.extend(reversed(walk.look_into(pending.pop())))
    walk.found.videos = dict(sorted(walk.found.videos.items()))
    return walk.found


class _Walk:
    def __init__(
        self, root: Path, exclusions: Exclusions, on_error: Callable[[OSError], None] | None, tell_passed_over: bool
    ) -> None:
        self.found = FolderContents()
        self._root = root
        self._exclusions = exclusions
        self._on_error = on_error
        self._tell_passed_over = tell_passed_over
        self._seen: set[tuple[int, int] | str] = set()
        self._looked_at: Counter[str] = Counter()

    def look_into(self, parts: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Takes what lies in one folder. Returns the folders in it that are to be looked into, in order, so that of two ways to one
        real folder always the same is taken."""
        folder = self._root.joinpath(*parts)
        try:
            if self._was_seen(folder):
                return []
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            self.found.unlisted.append(folder)
            self._tell(error)
            return []
        if parts and str(folder) in _SYSTEM_FOLDERS:
            return []
        if parts and is_data_folder(folder, {entry.name for entry in entries}):
            self.found.left_out[DATA_FOLDER_MARK] += 1
            return []
        return [below for entry in entries if (below := self._subfolder(entry, (*parts, entry.name))) is not None]

    def _subfolder(self, entry: os.DirEntry[str], parts: tuple[str, ...]) -> tuple[str, ...] | None:
        """Takes one entry of a folder; gives its parts when it is a folder to look into."""
        try:
            is_folder = entry.is_dir()
            if not is_folder and not entry.is_file():
                return None
            rule = self._exclusions.rule_for(parts, is_folder=is_folder)
            if is_folder:
                self.found.left_out.update([rule] if rule else [])
                return parts if rule is None else None
            self._take_file(entry, rule)
        except OSError as error:
            self._tell(error)
        return None

    def _take_file(self, entry: os.DirEntry[str], rule: str | None) -> None:
        ending = _ending(entry.name)
        if rule is None and ending in VIDEO_SUFFIXES:
            self.found.videos[Path(entry.path)] = entry.stat()
        elif rule and ending in VIDEO_SUFFIXES:
            self.found.left_out[rule] += 1
        elif rule == "" and ending in VIDEO_SUFFIXES and not entry.name.startswith("._"):  # "._" are notes of macOS on a file
            self.found.passed_over[f"hidden {ending}"] += 1
        elif rule is None and self._tell_passed_over and ending not in _NOT_ASKED and self._looked_at[ending] < _LOOKED_AT:
            self._looked_at[ending] += 1
            # One that cannot be read was not to be indexed anyway.
            with contextlib.suppress(OSError):
                if entry.stat().st_size >= _LEAST_BYTES and looks_like_video(Path(entry.path)):
                    self.found.passed_over[ending] += 1

    def _was_seen(self, folder: Path) -> bool:
        status = os.stat(folder)
        # Some network and user-space file systems number nothing: there only the real path tells folders apart.
        key = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)
        if key in self._seen:
            return True
        self._seen.add(key)
        return False

    def _tell(self, error: OSError) -> None:
        if self._on_error is not None:
            self._on_error(error)


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()
