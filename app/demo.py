"""Use case: something to search in, for someone who has just cloned vret."""

from collections.abc import Callable
from pathlib import Path

from app.index_library import OnEvent, index_library
from app.index_report import IndexReport
from app.workspace import Workspace

DRAWN_LIBRARY = "drawn samples"


def demo_library(
    ws: Workspace,
    videos: Path | None = None,
    *,
    on_drawn: Callable[[Path], None] | None = None,
    on_event: OnEvent | None = None,
) -> IndexReport:
    """Indexes a folder of videos, or a sample library that is drawn into the data folder first. Both are quick the second time.

    Raises as `index_library` does.
    """
    if videos is not None:
        videos = videos.expanduser().absolute()
        return index_library(ws, videos.name or "root", [videos], on_event=on_event, wait_s=-1)
    from pretrain.drawn_library import draw_library

    ws.make_home()
    folder = ws.home / "samples"
    draw_library(folder, on_video=on_drawn)
    return index_library(ws, DRAWN_LIBRARY, [folder], on_event=on_event, wait_s=-1)
