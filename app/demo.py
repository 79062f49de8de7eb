"""Use case: something to search in, for someone who has just cloned vret."""

from pathlib import Path

from app.given_path import GivenPath, absolute_path
from app.index_library import OnEvent, index_library
from app.index_report import IndexProgress, IndexReport
from app.library_scan import library_name_of
from app.workspace import Workspace

DRAWN_LIBRARY = "drawn samples"
NUM_SAMPLES = 40  # what `draw_library` draws unless told otherwise


def demo_library(
    ws: Workspace,
    videos: GivenPath | None = None,
    *,
    on_event: OnEvent | None = None,
) -> IndexReport:
    """Indexes a folder of videos, or a sample library that is drawn into the data folder first. Both are quick the second time.

    Raises as `index_library` does.
    """
    if videos is not None:
        folder = absolute_path(videos)
        return index_library(ws, library_name_of(folder), [folder], on_event=on_event, wait_s=-1)
    from pretrain.drawn_library import draw_library

    ws.make_home()
    folder = ws.home / "samples"
    drawn = 0

    def count(path: Path) -> None:
        nonlocal drawn
        drawn += 1
        if on_event is not None:
            on_event(IndexProgress(phase="drawing", done=drawn, total=NUM_SAMPLES, current=str(path)))

    draw_library(folder, on_video=count)
    return index_library(ws, DRAWN_LIBRARY, [folder], on_event=on_event, wait_s=-1)
