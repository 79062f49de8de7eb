from pathlib import Path

import pytest

from app.errors import BadQuery, NotIndexed
from app.find_similar import ClipQuery, MomentQuery, find_similar
from app.index_library import index_library
from app.workspace import Workspace
from embedder.errors import VideoRejected
from index.errors import UnknownLibrary
from index.search import Filters
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
    assert by_number.hits == by_path.hits


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


def test_indexed_with_another_encoder_is_told(indexed: Workspace, folder: Path) -> None:
    write_tiny_encoder(indexed.encoders_folder / "other.onnx", name="other", seed=3)
    with pytest.raises(NotIndexed, match=r"'other' yet. It has vectors of tiny"):
        find_similar(indexed, ClipQuery(path=folder / "a.mp4"), encoder_name="other")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (ClipQuery(path=Path("a.mp4"), start_s=2.0, end_s=2.0), "end after it begins"),
        (ClipQuery(path=Path("a.mp4"), start_s=-1.0), "begin at 0 s"),
        (ClipQuery(path=Path("nosuch.mp4")), "no file"),
        (MomentQuery(path=Path("nosuch.mp4"), at_s=1.0), "is not indexed"),
        (MomentQuery(at_s=1.0), "needs a video"),
    ],
)
def test_a_bad_query_is_told(
    indexed: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch, query: ClipQuery | MomentQuery, said: str
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(BadQuery, match=said):
        find_similar(indexed, query)


def test_an_unreadable_query_is_told(indexed: Workspace, folder: Path) -> None:
    (folder / "bad.mp4").write_text("no video")
    with pytest.raises(VideoRejected, match=r"bad\.mp4"):
        find_similar(indexed, ClipQuery(path=folder / "bad.mp4"))


def test_unknown_library_lists_the_known(indexed: Workspace, folder: Path) -> None:
    with pytest.raises(UnknownLibrary, match="home"):
        find_similar(indexed, ClipQuery(path=folder / "a.mp4"), filters=Filters(library="hoem"))
