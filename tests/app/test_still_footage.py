"""Footage in which nothing moves: to a search by movement there is nothing in it, to one by look there is."""

from pathlib import Path

import pytest

from app.find_similar import ClipQuery, MomentQuery, PictureQuery, SearchResult, embed_for_search, find_similar
from app.index_library import index_library
from app.workspace import Workspace
from index.search import Filters
from tests.helpers.draw_picture import frame_of, write_picture
from tests.helpers.make_video import draw_moving_picture, encode_anew
from tests.helpers.whole_command import vret


@pytest.fixture
def still(joined: Workspace, folder: Path) -> Path:
    """`slide`: a frozen picture of 4 s in the library, beside a black video and those that move."""
    draw_moving_picture(folder / "slide.mp4", seed=21, seconds=4.0, speed=0.0)
    draw_moving_picture(folder / "other-slide.mp4", seed=22, seconds=4.0, speed=0.0)
    draw_moving_picture(folder / "black.mp4", light=0.0)
    for encoder in ("both", "motion", "looks"):
        index_library(joined, "home", [folder], encoder_name=encoder)
    return folder / "slide.mp4"


def names(result: SearchResult) -> list[str]:
    return [hit.path.stem for hit in result.hits]


def found(ws: Workspace, query: ClipQuery | MomentQuery | PictureQuery, encoder: str = "both", **options: object) -> SearchResult:
    return find_similar(ws, query, encoder_name=encoder, one_per_video=True, **options)  # type: ignore[arg-type]


def test_a_picture_finds_frozen_footage_but_nothing_black(joined: Workspace, still: Path, tmp_path: Path) -> None:
    picture = PictureQuery(path=write_picture(tmp_path / "p.png", frame_of(still, 1.0)))
    for encoder in ("both", "looks"):
        result = found(joined, picture, encoder)
        assert names(result)[0] == "slide"
        assert not result.hits[0].flagged
        assert "black" not in names(result)
        everything = found(joined, picture, encoder, filters=Filters(include_flagged=True))
        assert [hit.path.stem for hit in everything.hits if hit.flagged] == ["black"]


@pytest.mark.parametrize("stored", [False, True])
def test_a_frozen_clip_is_compared_by_its_look(joined: Workspace, still: Path, tmp_path: Path, stored: bool) -> None:
    again = encode_anew(still, tmp_path / "again.mp4", crf=20)
    query = MomentQuery(path=still, at_s=1.0) if stored else ClipQuery(path=again)
    result = found(joined, query)
    assert (names(result)[0], result.look) == ("slide", 1.0)
    assert result.hits[0].score > 0.95
    assert any("nothing moves in the query, so it is compared by its look alone" in text for text in result.warnings)
    weighed = found(joined, query, look=0.5)
    assert weighed.look == 0.5 and not any("look alone" in text for text in weighed.warnings)


def test_where_look_does_not_count_frozen_footage_is_empty(joined: Workspace, still: Path, folder: Path) -> None:
    for encoder, options in (("motion", {}), ("both", {"look": 0.0})):
        result = found(joined, ClipQuery(path=still), encoder, **options)
        assert result.hits == []
        assert any("frozen" in text and "nothing is like it" in text for text in result.warnings)
        moving = found(joined, ClipQuery(path=folder / "a.mp4"), encoder, **options)
        assert set(names(moving)) == {"a", "b", "c", "long"}
    assert "slide" in names(found(joined, ClipQuery(path=folder / "a.mp4")))


def test_a_black_clip_finds_nothing_by_look_either(joined: Workspace, still: Path) -> None:
    result = found(joined, ClipQuery(path=still.parent / "black.mp4"))
    assert result.hits == []
    assert any("it is black or one colour" in text for text in result.warnings)


def test_a_frozen_example_counts_as_a_picture_does(joined: Workspace, still: Path, folder: Path) -> None:
    slide, moving = ClipQuery(path=still, start_s=0.0, end_s=2.0), ClipQuery(path=folder / "a.mp4", start_s=0.5, end_s=2.5)
    result = find_similar(joined, [slide, moving], encoder_name="both", one_per_video=True)
    assert set(names(result)[:2]) == {"slide", "a"}
    assert not any("left out" in text for text in result.warnings)
    by_movement = find_similar(joined, [slide, moving], encoder_name="motion", one_per_video=True)
    assert any("slide.mp4 is left out" in text and "frozen" in text for text in by_movement.warnings)


def test_the_command_tells_why_look_alone_was_compared(joined: Workspace, still: Path) -> None:
    done = vret("search", still, "--encoder", "both")
    assert done.returncode == 0 and "compared by its look alone" in done.stderr


def test_stills_alone_have_no_movement_to_search_by(joined: Workspace, still: Path, tmp_path: Path) -> None:
    picture = PictureQuery(path=write_picture(tmp_path / "p.png", frame_of(still, 1.0)))
    slide = ClipQuery(path=still, start_s=0.0, end_s=2.0)
    both = embed_for_search(joined, [picture, slide], encoder_name="both")
    assert find_similar(joined, both, encoder_name="both", one_per_video=True).hits[0].path == still
    assert find_similar(joined, both, encoder_name="both", look=0.0).hits == []
    frozen = embed_for_search(joined, [slide, slide], encoder_name="both")
    assert find_similar(joined, frozen, encoder_name="both", look=0.5, one_per_video=True).hits[0].path == still


def test_a_long_frozen_query(joined: Workspace, folder: Path) -> None:
    """Compared window by window, since it is too long to be seen at once."""
    draw_moving_picture(folder / "long-slide.mp4", seed=23, seconds=9.0, speed=0.0)
    index_library(joined, "home", [folder], encoder_name="both")
    result = found(joined, ClipQuery(path=folder / "long-slide.mp4"))
    assert (names(result)[0], result.look) == ("long-slide", 1.0)
    assert found(joined, ClipQuery(path=folder / "long-slide.mp4"), look=0.0).hits == []


def test_clips_without_the_flag_of_plain_ones_are_embedded_anew_where_looks_are_seen(joined: Workspace, still: Path) -> None:
    import sqlite3

    with sqlite3.connect(joined.home / "catalog.db") as connection:
        for rowid, flags in connection.execute("SELECT rowid, flags FROM embedding").fetchall():
            older = bytes(flag & 3 for flag in flags)
            connection.execute("UPDATE embedding SET flags = ?, reading = 2 WHERE rowid = ?", (older, rowid))
        connection.execute("UPDATE video SET reading = 2")
    connection.close()
    for encoder, again in (("both", 3), ("looks", 3), ("motion", 0)):
        assert index_library(joined, "home", encoder_name=encoder).reread == again
        assert index_library(joined, "home", encoder_name=encoder).reread == 0
    picture = MomentQuery(path=still, at_s=1.0)
    assert "black" not in names(found(joined, picture))
