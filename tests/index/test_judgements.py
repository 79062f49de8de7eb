"""Judgements in the catalog: kept with their query, replaced by a later word on the same moment, gone with their video."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.catalog import Catalog, FileFingerprint, VideoFacts
from index.errors import UnknownLibrary, UnknownVideo
from tests.helpers.old_catalog import take_back

QUERY: dict[str, Any] = {"kind": "moment", "content": "c0", "start_s": 1.0, "end_s": 3.0}
OTHER: dict[str, Any] = {"kind": "upload", "file": "ab.mp4", "start_s": None, "end_s": None}


def put_video(catalog: Catalog, path: str, library: str = "films") -> int:
    spans, vectors = np.array([[0.0, 8.0]]), np.eye(1, 8, dtype=np.float32)
    facts = VideoFacts(8.0, 640, 360, 25.0, "h264", "mp4")
    return catalog.put_embedded(library, FileFingerprint(path, 10, 1, path), facts, 1, spans, vectors, [0], [b"p"])


@pytest.fixture
def filled(any_catalog: Catalog) -> Catalog:
    """Libraries 'films' (videos 1 and 2) and 'plays' (video 3)."""
    any_catalog.register_encoder("ab" * 32, "tiny", 8, "{}")
    for library in ("films", "plays"):
        any_catalog.add_library(library, [Path(f"/{library}")])
    assert [put_video(any_catalog, "/films/a.mp4"), put_video(any_catalog, "/films/b.mp4")] == [1, 2]
    assert put_video(any_catalog, "/plays/a.mp4", "plays") == 3
    return any_catalog


def told(catalog: Catalog, **asked: Any) -> list[tuple[int, float, float, bool]]:
    return [(one.video_id, one.start_s, one.end_s, one.relevant) for one in catalog.judgements(**asked)]


def test_a_judgement_comes_back_as_it_went_in(filled: Catalog) -> None:
    number = filled.put_judgement(1, 1, QUERY, 2.0, 4.0, True, query_name="a \udcff.mp4")
    (found,) = filled.judgements()
    assert (found.id, found.video_id, found.encoder_id, found.query) == (number, 1, 1, QUERY)
    assert (found.start_s, found.end_s, found.relevant, found.query_name) == (2.0, 4.0, True, "a %FF.mp4")
    assert filled.put_judgement(2, None, QUERY, 2.0, 4.0, False) > number
    assert filled.judgements()[1].encoder_id is None


@pytest.mark.parametrize(
    ("span", "same"),
    [
        ((2.0, 4.0), True),
        ((2.9, 4.9), True),  # 1.1 s of 2 s in common
        ((3.0, 5.0), False),  # just half
        ((0.0, 8.0), True),  # all of the shorter one
        ((4.0, 6.0), False),
    ],
)
def test_a_later_word_on_the_same_moment_replaces_the_earlier(filled: Catalog, span: tuple[float, float], same: bool) -> None:
    filled.put_judgement(1, 1, QUERY, 2.0, 4.0, True)
    filled.put_judgement(1, None, dict(reversed(QUERY.items())), *span, False)  # the order of the query's entries says nothing
    first = [] if same else [(1, 2.0, 4.0, True)]
    assert told(filled) == [*first, (1, *span, False)]


def test_another_query_or_video_is_another_judgement(filled: Catalog) -> None:
    filled.put_judgement(1, 1, QUERY, 2.0, 4.0, True)
    filled.put_judgement(1, 1, OTHER, 2.0, 4.0, False)
    filled.put_judgement(2, 1, QUERY, 2.0, 4.0, False)
    assert told(filled, query=QUERY) == [(1, 2.0, 4.0, True), (2, 2.0, 4.0, False)]
    assert told(filled, query=OTHER) == [(1, 2.0, 4.0, False)]
    assert told(filled, query=QUERY | {"end_s": 3.1}) == []


def test_what_was_taken_back_is_gone__by_the_moment_not_the_exact_second(filled: Catalog) -> None:
    filled.put_judgement(1, 1, QUERY, 2.0, 4.0, True)
    assert filled.remove_judgement(1, QUERY, 3.5, 5.5) == 0
    assert filled.remove_judgement(1, OTHER, 2.0, 4.0) == 0
    assert filled.remove_judgement(1, QUERY, 2.1, 4.1) == 1
    assert told(filled) == []


def test_judgements_of_one_library_and_their_end_with_it(filled: Catalog) -> None:
    for video_id in (1, 2, 3):
        filled.put_judgement(video_id, 1, QUERY, 0.0, 2.0, True)
    assert [one.video_id for one in filled.judgements("films")] == [1, 2]
    assert [one.video_id for one in filled.judgements("plays", query=QUERY)] == [3]
    filled.remove_library("films")
    assert [one.video_id for one in filled.judgements()] == [3]
    with pytest.raises(UnknownLibrary, match="plays"):
        filled.judgements("films")


def test_judging_changes_nothing_that_can_be_searched(filled: Catalog) -> None:
    before = filled.revision
    filled.put_judgement(1, 1, QUERY, 2.0, 4.0, True)
    filled.remove_judgement(1, QUERY, 2.0, 4.0)
    assert filled.revision == before


def test_bad_judgements_are_refused(filled: Catalog) -> None:
    with pytest.raises(UnknownVideo, match="no video 77"):
        filled.put_judgement(77, 1, QUERY, 2.0, 4.0, True)
    for span in ((4.0, 4.0), (-1.0, 2.0), (0.0, float("inf")), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match="end after it begins"):
            filled.put_judgement(1, 1, QUERY, *span, True)
    for query in ({"at_s": float("nan")}, {"path": Path("/a.mp4")}):
        with pytest.raises(ValueError, match="JSON object"):
            filled.put_judgement(1, 1, query, 2.0, 4.0, True)
    assert told(filled) == []


def test_a_judgement_of_the_second_schema_is_kept(sqlite_template: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    (tmp_path / "old.db").write_bytes(sqlite_template.read_bytes())
    with Catalog.open(url) as catalog:
        catalog.register_encoder("ab" * 32, "tiny", 8, "{}")
        catalog.add_library("films", [Path("/films")])
        put_video(catalog, "/films/a.mp4")
        catalog.put_judgement(1, 1, QUERY, 2.0, 4.0, True)
    take_back(url, "0002")
    with Catalog.open(url) as migrated:
        assert told(migrated, query=QUERY) == [(1, 2.0, 4.0, True)]
        assert migrated.judgements()[0].query_name == ""
