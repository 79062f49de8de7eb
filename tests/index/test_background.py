"""What a score means in a library: how easily unlike footage scores as high."""

from pathlib import Path

import numpy as np
import pytest

from index.catalog import Catalog
from index.search import Filters, find_moments
from index.search.background import Background
from index.vectors.store import VectorStore
from tests.index.walk_videos import Collection, query, walk


@pytest.fixture
def films(catalog: Catalog) -> Collection:
    collection = Collection.new(catalog)
    for number in range(12):
        collection.add(f"{number}.mp4", walk(number), 40.0)
    return collection


@pytest.mark.parametrize("length_s", [3.0, 6.0, 20.0])
def test_the_same_footage_is_hardly_chance_and_other_footage_may_be(films: Collection, tmp_path: Path, length_s: float) -> None:
    index = VectorStore(films.catalog, tmp_path).open(films.encoder_id)
    moments = find_moments(films.catalog, index, films.encoder_id, query(walk(3), 7.3, 7.3 + length_s), k=4, one_per_video=True)

    same, *others = (moment.false_alarm_rate for moment in moments)
    assert same is not None and same < 0.1
    assert all(other is not None and other > 2 * same for other in others)
    nothing_like_it = find_moments(films.catalog, index, films.encoder_id, query(walk(99), 7.3, 7.3 + length_s), k=1)
    assert nothing_like_it[0].false_alarm_rate is not None and nothing_like_it[0].false_alarm_rate > 3 * same


def test_what_a_score_means_does_not_depend_on_the_filter(films: Collection, tmp_path: Path) -> None:
    index = VectorStore(films.catalog, tmp_path).open(films.encoder_id)
    clips = query(walk(3), 7.3, 10.3)
    everywhere = find_moments(films.catalog, index, films.encoder_id, clips, k=1)
    only = Filters(video_ids=(everywhere[0].video_id,))
    here = find_moments(films.catalog, index, films.encoder_id, clips, k=1, filters=only)

    assert here[0].false_alarm_rate == pytest.approx(everywhere[0].false_alarm_rate)


def test_a_library_of_one_video_says_nothing(catalog: Catalog, tmp_path: Path) -> None:
    collection = Collection.new(catalog)
    collection.add("only.mp4", walk(1), 60.0)
    index = VectorStore(catalog, tmp_path).open(collection.encoder_id)

    (found,) = find_moments(catalog, index, collection.encoder_id, query(walk(1), 2.0, 6.0), k=1)
    assert found.false_alarm_rate is None


def test_copies_are_no_unlike_footage(catalog: Catalog, tmp_path: Path) -> None:
    collection = Collection.new(catalog)
    for number in range(8):
        collection.add(f"copy{number}.mp4", walk(1), 60.0)
    index = VectorStore(catalog, tmp_path).open(collection.encoder_id)

    # One film, eight times: still nothing that it could be told apart from.
    found = find_moments(catalog, index, collection.encoder_id, query(walk(1), 2.0, 6.0), k=3)
    assert [moment.false_alarm_rate for moment in found] == [None] * 3


def test_it_follows_what_is_added(films: Collection, tmp_path: Path) -> None:
    """The same walk twelve times more: nothing in such a library is far from anything else, so that a score says less."""
    store = VectorStore(films.catalog, tmp_path)
    clips = query(walk(3), 7.3, 10.3)
    before = find_moments(films.catalog, store.open(films.encoder_id), films.encoder_id, clips, k=2, one_per_video=True)[1]
    for number in range(30):
        films.add(f"again{number}.mp4", walk(0), 40.0)
    after = find_moments(films.catalog, store.open(films.encoder_id), films.encoder_id, clips, k=2, one_per_video=True)[1]

    assert before.false_alarm_rate is not None and after.false_alarm_rate is not None
    assert after.false_alarm_rate != before.false_alarm_rate


def test_the_rate_falls_with_the_score_and_grows_with_the_library() -> None:
    background = Background(0.05, 0.1)
    rates = [background.false_alarm_rate(score, 1000) for score in np.linspace(0, 1, 11)]

    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0.99 and rates[-1] < 0.01
    assert background.false_alarm_rate(0.6, 100_000) > 10 * background.false_alarm_rate(0.6, 1000)
    assert Background(0.99, 0.01).false_alarm_rate(0.9995, 1000) == 0.0
    assert Background(0.99, 0.01).false_alarm_rate(0.995, 1000) > 0.9
    assert background.false_alarm_rate(0.6, 3) == background.false_alarm_rate(0.6, 100)
