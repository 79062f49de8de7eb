import math
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import BadPath, BadQuery, BadRange, NotIndexed, WrongValue
from app.find_similar import ClipQuery, MomentQuery, SearchResult, find_similar
from app.index_library import index_library
from app.workspace import Workspace
from embedder.errors import VideoRejected
from index.errors import NoClips, UnknownLibrary
from index.search import Filters
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.tiny_encoder import write_tiny_encoder


@pytest.fixture
def indexed(ws: Workspace, folder: Path) -> Workspace:
    index_library(ws, "home", [folder])
    return ws


def test_a_range_of_a_long_video_is_found_where_it_is(indexed: Workspace, folder: Path) -> None:
    long = folder / "below" / "long.mp4"
    result = find_similar(indexed, ClipQuery(path=long, start_s=2.3, end_s=4.3))
    hit = result.hits[0]
    assert hit.path == long
    assert (hit.start_s, hit.end_s) == (pytest.approx(2.3, abs=0.5), pytest.approx(4.3, abs=0.5))
    assert [other.rank for other in result.hits] == list(range(1, len(result.hits) + 1))
    assert result.provider == "CPUExecutionProvider"
    assert result.query_s == pytest.approx(2.0, abs=0.1)


def test_more_like_a_moment_needs_no_decoding(indexed: Workspace, folder: Path) -> None:
    by_path = find_similar(indexed, MomentQuery(path=folder / "b.mp4", at_s=1.0))
    assert by_path.provider is None
    assert by_path.hits[0].path == folder / "b.mp4"
    video = indexed.catalog.find_video(folder / "b.mp4")
    assert video is not None
    (folder / "b.mp4").unlink()
    by_number = find_similar(indexed, MomentQuery(video_id=video.id, at_s=1.0))
    assert by_number.hits == [replace(hit, missing=hit.path == folder / "b.mp4") for hit in by_path.hits]


def test_a_black_clip_finds_nothing_and_says_why(indexed: Workspace, folder: Path, tmp_path: Path) -> None:
    draw_moving_picture(tmp_path / "black.mp4", light=0.0)
    result = find_similar(indexed, ClipQuery(path=tmp_path / "black.mp4"))
    assert result.hits == []
    assert any("nothing to see in the query" in warning and "nothing is like it" in warning for warning in result.warnings)
    anyway = find_similar(indexed, ClipQuery(path=tmp_path / "black.mp4"), filters=Filters(include_flagged=True))
    assert anyway.hits


def test_filters_hold(indexed: Workspace, folder: Path) -> None:
    only = find_similar(indexed, ClipQuery(path=folder / "a.mp4"), filters=Filters(folder=folder / "below"))
    assert {hit.path.name for hit in only.hits} == {"long.mp4"}


def test_k_and_one_per_video(indexed: Workspace, folder: Path) -> None:
    assert len(find_similar(indexed, ClipQuery(path=folder / "a.mp4"), k=2).hits) == 2
    paths = [hit.path for hit in find_similar(indexed, ClipQuery(path=folder / "a.mp4"), k=50, one_per_video=True).hits]
    assert len(paths) == len(set(paths)) == 4


def test_nothing_indexed_yet(ws: Workspace, folder: Path) -> None:
    with pytest.raises(NotIndexed, match="vret index FOLDER --encoder default"):
        find_similar(ws, ClipQuery(path=folder / "a.mp4"))


def test_an_encoder_that_was_renamed_since_is_named_as_it_is_called_now(indexed: Workspace, folder: Path) -> None:
    (indexed.encoders_folder / "default.onnx").rename(indexed.encoders_folder / "motion.onnx")
    write_tiny_encoder(indexed.encoders_folder / "default.onnx", seed=9)
    with pytest.raises(NotIndexed, match=r"There are vectors of the encoder motion: search with --encoder motion\."):
        find_similar(indexed, ClipQuery(path=folder / "a.mp4"))


def test_indexed_with_another_encoder_is_told(indexed: Workspace, folder: Path) -> None:
    write_tiny_encoder(indexed.encoders_folder / "other.onnx", name="other", seed=3)
    with pytest.raises(
        NotIndexed, match=r"'other' yet\. There are vectors of the encoder default: search with --encoder default\. Run: "
    ):
        find_similar(indexed, ClipQuery(path=folder / "a.mp4"), encoder_name="other")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (ClipQuery(path=Path("a.mp4"), start_s=2.0, end_s=2.0), "end after it begins"),
        (ClipQuery(path=Path("a.mp4"), start_s=-1.0), "begin at 0 s"),
        (ClipQuery(path=Path("nosuch.mp4")), "no file"),
        (ClipQuery(path=Path("below")), "below is a folder. Give one video file"),
        (MomentQuery(path=Path("nosuch.mp4"), at_s=1.0), r"There is no file .*nosuch\.mp4, .*vret videos"),
        (MomentQuery(path=Path("below"), at_s=1.0), "below is a folder. Give one video file"),
        (MomentQuery(at_s=1.0), "needs a video"),
    ],
)
def test_a_bad_query_is_told(
    indexed: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch, query: ClipQuery | MomentQuery, said: str
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(BadQuery, match=said):
        find_similar(indexed, query)


def test_a_moment_of_a_file_that_has_none_is_told(indexed: Workspace, folder: Path) -> None:
    bad, new = folder / "bad.mp4", folder / "it's new.mp4"
    bad.write_text("no video")
    index_library(indexed, "home", [folder])
    new.write_bytes((folder / "a.mp4").read_bytes())
    with pytest.raises(BadQuery, match=r"bad\.mp4 could not be indexed: is a text file, not a video. Choose"):
        find_similar(indexed, MomentQuery(path=bad, at_s=1.0))
    with pytest.raises(BadQuery, match=rf"new\.mp4 is not indexed. .*vret search {re.escape(shlex.quote(str(new)))} "):
        find_similar(indexed, MomentQuery(path=new, at_s=1.0))


def test_a_moment_that_only_another_encoder_knows_is_told(indexed: Workspace, folder: Path, tmp_path: Path) -> None:
    write_tiny_encoder(indexed.encoders_folder / "other.onnx", name="other", seed=3)
    index_library(indexed, "below", [folder / "below"], encoder_name="other")
    with pytest.raises(NoClips, match=r"a\.mp4 has no clips of encoder 'other'\. Index library 'home'"):
        find_similar(indexed, MomentQuery(path=folder / "a.mp4", at_s=1.0), encoder_name="other")


@pytest.mark.parametrize("stored", [False, True])
def test_a_range_past_the_end_is_cut_and_that_is_said(indexed: Workspace, folder: Path, stored: bool) -> None:
    def found(end_s: float) -> SearchResult:
        path = folder / "a.mp4"
        return find_similar(
            indexed, MomentQuery(path=path, at_s=1.0, end_s=end_s) if stored else ClipQuery(path=path, start_s=1.0, end_s=end_s)
        )

    cut = found(100.0)
    assert cut.hits[0].path == folder / "a.mp4"
    assert cut.warnings == ("the video ends at 3.00 s, so the query ends there and not at 100.00 s",)
    assert found(3.0).warnings == found(3.05).warnings == ()


@pytest.mark.parametrize("end_s", [None, 101.0])
def test_a_range_that_begins_past_the_end_is_refused(indexed: Workspace, folder: Path, end_s: float | None) -> None:
    with pytest.raises(VideoRejected, match=r"a\.mp4: nothing at 100.00 s, the video ends at 3.00 s"):
        find_similar(indexed, ClipQuery(path=folder / "a.mp4", start_s=100.0, end_s=end_s))


def test_a_folder_without_videos_of_a_library_names_the_folders(indexed: Workspace, folder: Path) -> None:
    query = ClipQuery(path=folder / "a.mp4")
    index_library(indexed, "other", [folder / "below"])
    with pytest.raises(BadQuery) as told:
        find_similar(indexed, query, filters=Filters(folder=folder / "nosuch"))
    assert str(told.value).endswith(f"lies in {folder / 'nosuch'}. The libraries' folders: {folder}, {folder / 'below'}.")
    (folder / "empty").mkdir()
    with pytest.raises(BadQuery) as told:
        find_similar(indexed, query, filters=Filters(folder=folder / "empty", library="other"))
    assert str(told.value) == f"No video of library 'other' lies in {folder / 'empty'}. The library's folders: {folder / 'below'}."


def test_an_unreadable_query_is_told(indexed: Workspace, folder: Path) -> None:
    (folder / "bad.mp4").write_text("no video")
    with pytest.raises(VideoRejected, match=r"bad\.mp4"):
        find_similar(indexed, ClipQuery(path=folder / "bad.mp4"))


def test_unknown_library_lists_the_known(indexed: Workspace, folder: Path) -> None:
    with pytest.raises(UnknownLibrary, match="home"):
        find_similar(indexed, ClipQuery(path=folder / "a.mp4"), filters=Filters(library="hoem"))


def test_paths_may_be_text_and_begin_at_home(home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    with Workspace("~/home") as ws:
        assert ws.home == home
        index_library(ws, "home", ["~/videos"])
        for query in (
            ClipQuery(path="~/videos/a.mp4"),
            ClipQuery(path=str(folder / "a.mp4")),
            MomentQuery(path="~/videos/a.mp4", at_s=1.0),
        ):
            assert find_similar(ws, query, k=1).hits[0].path == folder / "a.mp4"
        only = find_similar(ws, ClipQuery(path="~/videos/a.mp4"), filters=Filters(folder="~/videos/below"))
        assert {hit.path.name for hit in only.hits} == {"long.mp4"}


def test_one_folder_as_text_is_not_taken_for_its_letters(ws: Workspace, folder: Path) -> None:
    assert index_library(ws, "home", str(folder)).added == 4


@pytest.mark.parametrize(
    ("start_s", "end_s"), [(2.0, 1.0), (1.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (0.0, math.nan), (math.inf, None)]
)
def test_a_range_that_cannot_be_is_a_typed_error(indexed: Workspace, folder: Path, start_s: float, end_s: float | None) -> None:
    path = folder / "a.mp4"
    for query in (ClipQuery(path=path, start_s=start_s, end_s=end_s), MomentQuery(path=path, at_s=start_s, end_s=end_s)):
        with pytest.raises(BadRange, match="begin at 0 s or later and end after it begins"):
            find_similar(indexed, query)
    if end_s is not None:
        with pytest.raises(BadRange, match="between_s"):
            find_similar(indexed, ClipQuery(path=path), filters=Filters(between_s=(start_s, end_s)))


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_a_path_that_cannot_be_is_a_typed_error(indexed: Workspace, path: str) -> None:
    for query in (ClipQuery(path=path), MomentQuery(path=path)):
        with pytest.raises(BadPath):
            find_similar(indexed, query)
    with pytest.raises(BadPath):
        index_library(indexed, "x", [path])


@pytest.mark.parametrize("hop", [0.0, -1.0, 1.5, math.nan])
def test_a_hop_that_cannot_be_is_a_typed_error(ws: Workspace, folder: Path, hop: float) -> None:
    with pytest.raises(WrongValue, match="hop"):
        index_library(ws, "x", [folder], hop=hop)
