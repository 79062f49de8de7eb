"""What the README promises, on real footage where there is some; with the encoder that comes with vret, else a tiny one."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.encoder_files import PACKAGED_FOLDER
from app.find_similar import ClipQuery, find_similar
from app.index_library import index_library
from app.settings import Settings
from app.workspace import Workspace
from embedder.video_folder import VIDEO_SUFFIXES
from pretrain.drawn_library import draw_library
from tests.helpers.footage import footage, manifest
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.tiny_encoder import write_tiny_encoder


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace(Settings.at(tmp_path / "home")) as workspace:
        if not (PACKAGED_FOLDER / "default.onnx").exists():
            write_tiny_encoder(workspace.encoders_folder / "default.onnx", spans_s=(2.0, 4.0, 8.0))
        yield workspace


@pytest.mark.data
def test_a_file_of_the_library_finds_itself_first(ws: Workspace) -> None:
    folder = footage("actions") / "square"
    report = index_library(ws, "actions", [folder])
    assert report.broken == []
    for path in sorted(folder.iterdir())[::7]:
        hit = find_similar(ws, ClipQuery(path=path)).hits[0]
        assert hit.path == path
        assert hit.score >= 0.99


@pytest.mark.data
def test_a_long_query_is_not_crowded_out_by_many_short_videos(ws: Workspace) -> None:
    """Short videos answer windows of every length, long ones at first only the longest: still they find themselves."""
    folder = footage("clips")
    index_library(ws, "clips", [folder])
    for name in ("torchcodec_nasa_13013.mp4", "intel_bottle-detection.mp4"):
        hit = find_similar(ws, ClipQuery(path=folder / name), k=1).hits[0]
        assert hit.path.name == name
        assert hit.score >= 0.99


def test_a_query_off_the_grid_finds_its_place(ws: Workspace, tmp_path: Path) -> None:
    """Right to a quarter clip, though it starts where no indexed clip starts, and goes over a cut."""
    folder = tmp_path / "videos"
    draw_library(folder, videos_per_shape=1, num_reels=3, acts_per_reel=4)
    index_library(ws, "drawn", [folder])
    quarter_s = min(ws.encoder_card().spans_s) / 4
    whole = find_similar(ws, ClipQuery(path=folder / "reel-1.mp4"), k=1).hits[0]  # too long for one clip: a sequence
    assert whole.path.name == "reel-1.mp4"
    assert whole.score >= 0.99
    for reel, start_s in ((1, 5.37), (2, 3.33), (3, 6.61)):
        query = ClipQuery(path=folder / f"reel-{reel}.mp4", start_s=start_s, end_s=start_s + 3)
        hit = find_similar(ws, query).hits[0]
        assert hit.path == query.path
        assert hit.start_s == pytest.approx(start_s, abs=quarter_s)
        assert hit.end_s == pytest.approx(start_s + 3, abs=quarter_s)


@pytest.mark.data
def test_every_hostile_file_gets_its_outcome_and_stops_nothing(ws: Workspace, tmp_path: Path) -> None:
    """Two sound videos among damaged ones; each refused one is in report and catalog with one line, and not tried again."""
    folder = footage("broken")
    refused = [row["file"] for row in manifest("broken") if row["outcome"] == "reject"]
    names = [name for name in refused if Path(name).suffix.lower() in VIDEO_SUFFIXES and (folder / name).is_file()][:12]
    assert len(names) == 12
    library = tmp_path / "library"
    library.mkdir()
    for name in names:
        shutil.copy(folder / name, library / name)
    for seed in range(2):
        draw_moving_picture(library / f"sound-{seed}.mp4", seed=seed)
    report = index_library(ws, "mixed", [library])
    assert report.added == 2
    refusals = [*report.broken, *report.not_videos]
    assert {Path(path).name for path, _ in refusals} == set(names)
    assert all(reason and "\n" not in reason for _, reason in refusals)
    again = index_library(ws, "mixed")
    assert (again.unchanged, len(again.broken) + len(again.not_videos), again.newly_broken) == (2, len(names), 0)
