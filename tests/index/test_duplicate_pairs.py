"""Pairs that are said to be no duplicates: kept whichever way round they are named, gone with their videos."""

from pathlib import Path

import pytest

from index.catalog import Catalog
from index.errors import UnknownVideo
from tests.helpers.catalog_rows import put
from tests.helpers.old_catalog import take_back


@pytest.fixture
def filled(any_catalog: Catalog) -> Catalog:
    """A library 'films' of videos 1 to 4."""
    any_catalog.register_encoder("ab" * 32, "tiny", 8, "{}")
    any_catalog.add_library("films", [Path("/films")])
    assert [put(any_catalog, f"/films/{name}.mp4", name) for name in "abcd"] == [1, 2, 3, 4]
    return any_catalog


def test_a_pair_is_one_pair_whichever_way_round(filled: Catalog) -> None:
    before = filled.revision
    assert filled.put_not_duplicates([3], [1]) == 1
    assert filled.put_not_duplicates([1], [3]) == 0
    assert filled.not_duplicates() == {(1, 3)}
    assert filled.remove_not_duplicates([1], [3]) == 1
    assert filled.remove_not_duplicates([3], [1]) == 0
    assert filled.not_duplicates() == set()
    assert filled.revision == before, "nothing that can be searched has changed"


def test_rows_of_one_file_are_paired_with_all_of_the_other(filled: Catalog) -> None:
    assert filled.put_not_duplicates([1, 4], [2, 3]) == 4
    assert filled.not_duplicates() == {(1, 2), (1, 3), (2, 4), (3, 4)}
    assert filled.remove_not_duplicates([4], [2, 3]) == 2
    assert filled.not_duplicates() == {(1, 2), (1, 3)}


def test_forgotten_videos_and_libraries_take_their_pairs_along(filled: Catalog) -> None:
    filled.put_not_duplicates([1], [2, 3])
    filled.forget_videos([3])
    assert filled.not_duplicates() == {(1, 2)}
    filled.remove_library("films")
    assert filled.not_duplicates() == set()


def test_what_is_no_pair_is_refused_whole(filled: Catalog) -> None:
    with pytest.raises(UnknownVideo, match="no video 9"):
        filled.put_not_duplicates([1], [2, 9])
    with pytest.raises(ValueError, match="video 2 on both sides"):
        filled.put_not_duplicates([1, 2], [2])
    assert filled.not_duplicates() == set()


def test_a_catalog_from_before_gets_the_table(catalog: Catalog, tmp_path: Path) -> None:
    catalog.register_encoder("ab" * 32, "tiny", 8, "{}")
    catalog.add_library("films", [Path("/films")])
    put(catalog, "/films/a.mp4", "a")
    put(catalog, "/films/b.mp4", "b")
    catalog.close()
    take_back(f"sqlite:///{tmp_path / 'catalog.db'}", "0006")
    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}") as migrated:
        assert migrated.put_not_duplicates([1], [2]) == 1
        assert migrated.damage() == []
