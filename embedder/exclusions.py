"""What is left out when a folder is looked through: bins, thumbnails and other people's data by name, and a user's patterns."""

from __future__ import annotations

import functools
import os
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

# fmt: off
NEVER_FOOTAGE = (
    # Bins and snapshots of disks and NAS
    "#recycle", "@recycle", "@recycle_bin", "$recycle.bin", "recycler", "recycled", "network trash folder", "lost+found",
    "system volume information", "found.000", "#snapshot", "@recently-snapshot", "@snapshot", "~snapshot",
    # Pictures and small copies that a NAS or a program makes of the videos beside them
    "@eadir", "@sharebin", "@tmp", "@__thumb", "__macosx", "temporary items", "thevolumesettingsfolder",
    "adobe premiere pro video previews", "adobe premiere pro audio previews", "media cache", "media cache files",
    # Programs and what they install; `.ts` is TypeScript there
    "node_modules", "bower_components", "jspm_packages", "site-packages", "dist-packages", "__pycache__",
)
_NEVER_FOOTAGE_ENDINGS = (".lrdata", ".lrcat-data")  # previews of Lightroom
# fmt: on
"""Folders of these names, in small letters, are not looked into. Hidden ones (.Trash-1000, .git, .thumbnails) are not anyway."""

DATA_FOLDER_MARK = ".vret-data"
"""A file of this name says that a folder is vret's own: what lies in it was made by vret and is no footage."""

_OLDER_DATA_FOLDER = ({"catalog.db", "index.lock"}, {"catalog.db", "vectors"})
_MAX_PATTERN = 500


def check_pattern(pattern: str) -> str:
    """A pattern as it is kept. Raises ValueError, in words, for one that could leave nothing out.

    Patterns are those of .gitignore: `*.lrv`, `drafts/`, `/only/here`, `a/**/b`, `!but not this`. Capitals do not matter.
    """
    if not pattern.strip() or len(pattern) > _MAX_PATTERN or not pattern.isprintable():
        raise ValueError(f"A pattern to leave out must be 1 to {_MAX_PATTERN} printable characters, got {pattern!r}.")
    kept = pattern if os.sep == "/" else pattern.replace(os.sep, "/")
    kept = os.path.expanduser(kept) if kept.startswith("~/") else kept
    if kept.startswith("./"):
        kept = kept[1:]
    spec = _spec((kept,))
    if not spec.patterns or spec.patterns[0].include is None:
        raise ValueError(f"The pattern {pattern!r} leaves nothing out. Write it as in .gitignore: *.lrv, drafts/, /only/here.")
    return kept


def is_data_folder(folder: Path, names: Collection[str] | None = None) -> bool:
    """Whether vret keeps its data in a folder. names: what lies in it, where that is known. False where it cannot be read."""
    if names is None:
        try:
            names = os.listdir(folder)
        except OSError:
            return False
    return DATA_FOLDER_MARK in names or any(marks.issubset(names) for marks in _OLDER_DATA_FOLDER)


class Exclusions:
    """What is left out below one folder. The folder itself never is: who names it wants it, wherever it lies."""

    def __init__(self, root: Path, patterns: Sequence[str] = ()) -> None:
        """patterns: from `check_pattern`, of which the last that fits decides; an absolute one is one of this folder."""
        self._root = root
        self._patterns = tuple(patterns)
        self._spec = _spec(tuple(_below(root, pattern) for pattern in self._patterns)) if self._patterns else None

    def rule_for(self, parts: Sequence[str], *, is_folder: bool) -> str | None:
        """The name or pattern that leaves out what lies at `parts` below the folder; None keeps it. Its parents were asked before.

        A hidden one (leading dot) is left out with the rule "".
        """
        name = parts[-1]
        if name.startswith("."):
            return ""
        if is_folder:
            plain = name.lower()
            if plain in NEVER_FOOTAGE or plain.endswith(_NEVER_FOOTAGE_ENDINGS):
                return name
        if self._spec is None:
            return None
        decided = self._spec.check_file(_plain("/".join(parts)) + ("/" if is_folder else ""))
        return self._patterns[decided.index] if decided.include and decided.index is not None else None

    def leaves_out(self, path: Path) -> bool:
        """Whether a file below the folder is left out, or one of the folders that lead to it."""
        parts = path.relative_to(self._root).parts
        for count in range(1, len(parts) + 1):
            is_folder = count < len(parts)
            if self.rule_for(parts[:count], is_folder=is_folder) is not None:
                return True
            if is_folder and is_data_folder(self._root.joinpath(*parts[:count])):
                return True
        return False


def _below(root: Path, pattern: str) -> str:
    """An absolute pattern as one of this folder: shells complete whole paths."""
    mark, path = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    inside = root.as_posix().rstrip("/") + "/"
    return mark + "/" + path[len(inside) :] if len(inside) > 1 and path.startswith(inside) else pattern


@functools.lru_cache(maxsize=64)
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # only who has patterns pays for it

    try:
        # A line that begins with # is a comment in .gitignore; here it can only be a name, such as #recycle.
        return GitIgnoreSpec.from_lines(_plain(f"\\{line}" if line.startswith("#") else line) for line in patterns)
    except ValueError as error:
        raise ValueError(f"{error}. Write it as in .gitignore: *.lrv, drafts/, /only/here.") from error


def _plain(text: str) -> str:
    """Without capitals, and accents in one spelling: macOS spells them otherwise than a keyboard does."""
    return unicodedata.normalize("NFC", text).lower()
