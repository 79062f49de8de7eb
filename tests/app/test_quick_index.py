"""A first pass by key frames: what it finds, what it does not change, and how the next run replaces it."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.errors import BadQuery, WrongValue
from app.evaluation.retrieval import evaluate_retrieval
from app.find_duplicates import find_duplicates
from app.find_similar import ClipQuery, PictureQuery, SearchResult, find_similar
from app.index_library import index_library
from app.labels.read_labels import read_labels
from app.workspace import Workspace
from tests.helpers.draw_picture import frame_of, write_picture
from tests.helpers.make_video import draw_moving_picture, joined_end_to_end
from tests.helpers.report_counts import counts
from tests.helpers.whole_command import vret


@pytest.fixture
def fresh(joined: Workspace, folder: Path) -> Workspace:
    """The library `quick` of other videos, by key frames; `home` is read whole."""
    quick = folder.parent / "quick"
    for seed in range(30, 34):
        draw_moving_picture(quick / f"{seed}.mp4", seed=seed, seconds=4.0)
    report = index_library(joined, "quick", [quick], encoder_name="both", quick=True)
    assert (counts(report), report.by_key_frames) == ({"added": 4}, 4)
    return joined


def found(ws: Workspace, path: Path, **options: object) -> SearchResult:
    return find_similar(ws, ClipQuery(path=path), encoder_name="both", one_per_video=True, **options)  # type: ignore[arg-type]


def test_a_quick_pass_makes_videos_findable_by_their_look(fresh: Workspace, folder: Path, tmp_path: Path) -> None:
    source = folder.parent / "quick" / "31.mp4"
    picture = PictureQuery(path=write_picture(tmp_path / "p.png", frame_of(source, 0.0)))
    result = find_similar(fresh, picture, encoder_name="both", one_per_video=True)
    assert result.hits[0].path == source
    assert result.hits[0].score > 0.95
    assert any("4 video(s) are indexed by their look only so far" in note for note in result.notes)
    assert {hit.path.stem for hit in found(fresh, source, look=0.0).hits} == {"a", "b", "c", "long"}  # nothing moves in key frames


def test_the_next_run_reads_them_whole(fresh: Workspace, folder: Path) -> None:
    num_clips = {video.path: video.num_clips for video in fresh.catalog.videos("quick")}
    assert counts(index_library(fresh, "quick", encoder_name="both", quick=True)) == {"unchanged": 4}
    said: list[str] = []
    report = index_library(fresh, "quick", encoder_name="both", on_event=lambda event: said.append(event.message or ""))
    assert (counts(report), report.by_key_frames) == ({"reread": 4}, 0)
    assert not any("read anew" in line for line in said)  # it was to be expected, and needs no line for each video
    assert all(video.num_clips > num_clips[video.path] for video in fresh.catalog.videos("quick"))
    query = folder.parent / "quick" / "32.mp4"
    result = found(fresh, query, look=0.0)
    assert (result.hits[0].path, result.warnings) == (query, ())
    assert counts(index_library(fresh, "quick", encoder_name="both")) == {"unchanged": 4}


def test_a_quick_pass_leaves_what_was_read_whole(joined: Workspace, folder: Path) -> None:
    before = {video.path: video.num_clips for video in joined.catalog.videos("home")}
    draw_moving_picture(folder / "new.mp4", seed=40)
    report = index_library(joined, "home", encoder_name="both", quick=True)
    assert (counts(report), report.by_key_frames) == ({"added": 1, "unchanged": 4}, 1)
    assert {video.path: video.num_clips for video in joined.catalog.videos("home") if video.path in before} == before


def test_where_all_is_known_by_key_frames_look_alone_is_compared(ws: Workspace, joined: Workspace, folder: Path) -> None:
    joined.catalog.remove_library("home")
    index_library(joined, "home", [folder], encoder_name="both", quick=True)
    result = found(joined, folder / "b.mp4")  # longer than a clip may be, so that it is compared window by window
    assert (result.look, {hit.path.stem for hit in result.hits}) == (1.0, {"a", "b", "c", "long"})
    assert result.warnings == ()
    (note,) = result.notes
    assert "so that alone is compared" in note
    assert found(joined, folder / "b.mp4", look=0.5).look == 0.5


def test_a_copy_of_a_video_known_by_key_frames_is_read_whole_too(fresh: Workspace, folder: Path) -> None:
    original = folder.parent / "quick" / "33.mp4"
    (folder / "copy.mp4").write_bytes(original.read_bytes())
    assert counts(index_library(fresh, "home", encoder_name="both")) == {"added": 1, "unchanged": 4}
    assert counts(index_library(fresh, "quick", encoder_name="both"))["reread"] >= 3


def test_one_key_frame_in_common_makes_no_duplicates(joined: Workspace, tmp_path: Path) -> None:
    """Two videos that begin with the same second, in which lies the only key frame of each."""
    card, films = draw_moving_picture(tmp_path / "card.mp4", seed=60, seconds=1.0), tmp_path / "films"
    for seed in (61, 62):
        joined_end_to_end(films / f"{seed}.mp4", card, draw_moving_picture(tmp_path / "rest.mp4", seed=seed))
    index_library(joined, "films", [films], encoder_name="both", quick=True)
    first, second = (joined.catalog.clips(video.id, joined.encoder_id("both")) for video in joined.catalog.videos("films"))
    assert np.allclose(first.vectors, second.vectors, atol=0.02), "by their key frames they are one"
    report = find_duplicates(joined, library="films", encoder_name="both")
    assert (report.groups, report.without_vectors) == ([], 2)


def test_an_evaluation_tells_of_videos_known_by_key_frames(fresh: Workspace, folder: Path, tmp_path: Path) -> None:
    rows = [(folder.parent / "quick" / f"{seed}.mp4", seed % 2, "train" if seed < 32 else "test") for seed in range(30, 34)]
    csv = "\n".join(["path,label,split", *(f"{path},{label},{split}" for path, label, split in rows)])
    (tmp_path / "labels.csv").write_text(csv)
    labels = read_labels(tmp_path / "labels.csv")
    report = evaluate_retrieval(fresh, "quick", labels, encoders=["both"])
    assert any("4 labelled video(s) are indexed by their look only so far" in said for said in report.warnings)
    index_library(fresh, "quick", encoder_name="both")
    assert not any("by their look only" in said for said in evaluate_retrieval(fresh, "quick", labels, encoders=["both"]).warnings)


def test_what_a_quick_pass_cannot_do_is_said(joined: Workspace, folder: Path) -> None:
    with pytest.raises(BadQuery, match="sees how things move, not how they look"):
        index_library(joined, "home", [folder], encoder_name="motion", quick=True)
    for options in ({"hop": 0.5}, {"reembed": True}):
        with pytest.raises(WrongValue, match="--quick"):
            index_library(joined, "home", [folder], encoder_name="both", quick=True, **options)  # type: ignore[arg-type]


def test_a_library_counts_the_videos_known_by_key_frames(fresh: Workspace) -> None:
    def counted() -> dict[str, int]:
        return {library.name: library.num_by_key_frames for library in fresh.catalog.libraries()}

    assert counted() == {"home": 0, "quick": 4}
    index_library(fresh, "quick", encoder_name="both")
    assert counted() == {"home": 0, "quick": 0}


def test_the_command_tells_what_comes_next(joined: Workspace, folder: Path) -> None:
    draw_moving_picture(folder / "new.mp4", seed=41)
    done = vret("index", folder, "--library", "home", "--encoder", "both", "--quick")
    assert done.returncode == 0, done.stderr
    assert "1 video(s) by their look only so far" in done.stdout
    assert "vret index --library home" in done.stdout
    (library,) = json.loads(vret("libraries", "--json").stdout)
    assert library["by_key_frames"] == 1
