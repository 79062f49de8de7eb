"""Use cases that tidy up: remove libraries, forget what is gone, tell what has been running."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.errors import BadFolder, UnknownPattern
from app.given_path import GivenPath, absolute_path
from app.index_library import checked_patterns
from app.on_disk import away_links, folder_trouble, inside, is_gone
from app.run_lock import run_lock
from app.workspace import Workspace

_LOOKED_THROUGH = 500  # jobs, for those that are running still


def remove_library(ws: Workspace, name: str, folder: GivenPath | None = None) -> None:
    """Removes a library, or one folder of it, with its vectors; files on disk stay.

    Raises UnknownLibrary, Busy while an indexing run is at work, CatalogError.
    """
    ws.make_home()
    with run_lock(ws.home):
        ws.catalog.library(name)
        if folder is None:
            ws.catalog.remove_library(name)
        else:
            try:
                ws.catalog.remove_folder(name, absolute_path(folder))
            except ValueError as error:
                raise BadFolder(str(error)) from error


@dataclass(frozen=True, kw_only=True)
class Purged:
    """What a purge did. forgotten: how many videos. left: of each place that was spared, in words, how many."""

    forgotten: int
    left: dict[str, int]


def purge_missing(ws: Workspace, library: str, *, away: bool = False) -> Purged:
    """Forgets the videos of a library that were gone at its last run and still are, or are left out of it by now.

    Those below a folder that is away (absent, empty, unreadable) are left, and those that are back or cannot be looked for; with
    `away` all videos below such folders are forgotten. Raises as `remove_library` does.
    """
    ws.make_home()
    with run_lock(ws.home):
        there = ws.catalog.library(library)
        folders, excludes = there.folders, there.excludes
        going: list[int] = []
        left: Counter[str] = Counter()
        missing = {str(video.path): video.id for video in ws.catalog.videos(library, outcome="missing")}
        spared = _spared(missing, folders)
        for path, video_id in missing.items():
            if path in spared and not away:
                left[spared[path]] += 1
            elif path in spared or is_gone(path) or _is_left_out(path, folders, excludes):
                going.append(video_id)
            else:
                left["file is back or cannot be checked; index the library again"] += 1
        if away:
            for folder in folders:
                going += ws.catalog.video_ids(library=library, folder=folder) if folder_trouble(folder) is not None else []
        return Purged(forgotten=ws.catalog.forget_videos(going), left=dict(left))


def _is_left_out(path: str, folders: Iterable[Path], excludes: Sequence[str]) -> bool:
    """Whether a file is there, but left out of every folder of the library that it lies in."""
    from embedder.exclusions import Exclusions

    above = [Exclusions(folder, excludes) for folder in folders if path.startswith(inside(folder))]
    return bool(above) and all(exclusions.leaves_out(Path(path)) for exclusions in above)


def _spared(paths: Iterable[str], folders: Iterable[Path]) -> dict[str, str]:
    """Which of the paths lie in what may only be away, in words: a folder of the library, one below it that is empty, a link."""
    spared: dict[str, str] = {}
    for folder in folders:
        below = [path for path in paths if path.startswith(inside(folder))]
        why = folder_trouble(folder)
        if why is not None:
            spared |= dict.fromkeys(below, f"in {folder}, which {why}")
            continue
        for path in below:
            parent = next(str(parent) for parent in Path(path).parents if os.path.exists(parent))
            why = folder_trouble(parent)
            if why is not None:
                spared[path] = f"in {parent}, which {why}"
        spared |= {path: f"behind the link {link}" for path, link in away_links(below, str(folder)).items()}
    return spared


def change_excludes(ws: Workspace, library: str, add: Sequence[str], remove: Sequence[str] = ()) -> tuple[str, ...]:
    """Changes what a library leaves out; returns all of it. The next indexing run goes by it, the one at work does not.

    Raises UnknownLibrary, BadPattern for one that leaves nothing out, UnknownPattern for one to remove that is none of its.
    """
    old = ws.catalog.library(library).excludes
    going = checked_patterns(remove)
    for pattern, shown in zip(going, remove, strict=True):
        if pattern not in old:
            raise UnknownPattern(f"Library {library!r} does not leave out {shown!r}. It leaves out: {', '.join(old) or 'nothing'}.")
    new = tuple(dict.fromkeys([*(pattern for pattern in old if pattern not in going), *checked_patterns(add)]))
    if new != old:
        ws.catalog.set_excludes(library, new)
    return new


def job_rows(ws: Workspace, *, limit: int | None = 10) -> list[dict[str, Any]]:
    """What is running, then the last runs, each newest first, with all that the catalog has of them, and `done` as text such as
    "12/40". limit: of those that have ended; None for all.
    """
    rows = []
    jobs = ws.catalog.jobs(limit=None if limit is None else _LOOKED_THROUGH)
    running = [job for job in jobs if job.state == "running"]
    for job in (*running, *[job for job in jobs[:limit] if job.state != "running"]):
        progress = job.progress
        done = f"{progress['done']}/{progress['total']}" if "total" in progress else ""
        rows.append(asdict(job) | {"done": done, "current": progress.get("current", "")})
    return rows
