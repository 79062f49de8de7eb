"""What a run makes of videos that it did not find: gone, or only away with their folder."""

import os
import shlex
from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from pathlib import Path

from app.index_report import IndexReport
from app.library_scan import AwayFolder, Scan
from app.on_disk import folder_trouble, inside

_MANY_GONE, _MOST_GONE = 10, 0.5  # so many videos, and this share of a folder's, may be a disk's rather than deleted ones


def gone_videos(scan: Scan, moved_ids: AbstractSet[int], report: IndexReport) -> dict[str, int]:
    """The videos that are to be marked as missing: their paths and numbers. Which folders are away is written into the report.

    moved_ids: videos that this run found again elsewhere. A folder that went away while the run was at work takes no video along.
    """
    gone = {path: entry for path, entry in scan.gone.items() if entry.outcome != "missing"}
    away_now = []
    for folder, num_known in scan.looked_through.items():
        below = {path: entry for path, entry in gone.items() if path.startswith(inside(folder)) and path not in scan.excluded}
        if below and folder_trouble(folder) is not None:
            away_now.append(AwayFolder(folder=folder, why="became unavailable during indexing", videos=below, named=True))
            gone = {path: entry for path, entry in gone.items() if path not in below}
        elif len(below) >= _MANY_GONE and len(below) > _MOST_GONE * num_known:
            said = f"{len(below)} of its {num_known} videos are missing. If a drive is disconnected, connect it and index again"
            report.warnings.append((str(folder), said))
    for emptied, number in _emptied(path for path in gone if path not in scan.excluded).items():
        said = "its known video counts" if number == 1 else f"its {number} known videos count"
        report.warnings.append((emptied, f"is empty, so {said} as missing. If a drive belongs there, connect it and index again"))
    ids = {path: entry.video_id for path, entry in gone.items()}
    for away in (*scan.away, *away_now):
        ids |= _gone_with(away, moved_ids, report)
    return ids


def _emptied(paths: Iterable[str]) -> Counter[str]:
    """Folders that are there and hold nothing more, as where a disk was mounted, and how many of the gone videos lay in each."""
    emptied: Counter[str] = Counter()
    for folder, number in Counter(map(os.path.dirname, paths)).items():
        nearest = next(parent for parent in (folder, *map(str, Path(folder).parents)) if os.path.exists(parent))
        emptied[nearest] += number
    return Counter({folder: number for folder, number in emptied.items() if folder_trouble(folder) is not None})


def _gone_with(away: AwayFolder, moved_ids: AbstractSet[int], report: IndexReport) -> dict[str, int]:
    """Those of its videos that are gone with a folder that is away: none, unless most were found again elsewhere, so that the
    folder itself was moved."""
    left = {path: entry for path, entry in away.videos.items() if entry.video_id not in moved_ids}
    found_again = len(away.videos) - len(left)
    if not away.named and not found_again:  # nobody asked about it
        return {}
    was_moved = found_again >= max(1, len(left))
    said = [f"{found_again} of its {len(away.videos)} videos were found again elsewhere"] if found_again else []
    if left and was_moved:
        said.append(f"not found, so missing: {len(left)}")
    elif left:
        said.append(f"known videos kept: {len(left)}")
    else:
        said = said or ["no video of the library is in it"]
        forget = f"vret libraries remove {shlex.quote(report.library)} --folder {shlex.quote(str(away.folder))}"
        said.append(f"if it no longer exists: {forget}")
    report.away.append((str(away.folder), f"{away.why}; {', '.join(said)}"))
    return {path: entry.video_id for path, entry in left.items() if entry.outcome != "missing"} if was_moved else {}
