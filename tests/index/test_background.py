"""What a score means in a library: beside what arbitrary clips of it get."""

from pathlib import Path

import numpy as np
import pytest

from index.catalog import Catalog
from index.search import Filters, find_moments
from index.search.background import FEWEST, Background
from index.vectors.store import VectorStore
from tests.index.walk_videos import Collection, query, walk


@pytest.fixture
def films(catalog: Catalog) -> Collection:
    collection = Collection.new(catalog)
    for number in range(12):
        collection.add(f"{number}.mp4", walk(number), 40.0)
    return collection


@pytest.mark.parametrize("length_s", [3.0, 6.0, 20.0])
def test_the_same_footage_stands_out_and_other_footage_does_not(films: Collection, tmp_path: Path, length_s: float) -> None:
    index = VectorStore(films.catalog, tmp_path).open(films.encoder_id)
    moments = find_moments(films.catalog, index, films.encoder_id, query(walk(3), 7.3, 7.3 + length_s), k=4, one_per_video=True)

    same, *others = (moment.deviations for moment in moments)
    assert same is not None and same > 3
    assert all(other is not None and other < 0.8 * same for other in others)


def test_what_a_score_means_does_not_depend_on_the_filter(films: Collection, tmp_path: Path) -> None:
    index = VectorStore(films.catalog, tmp_path).open(films.encoder_id)
    clips = query(walk(3), 7.3, 10.3)
    everywhere = find_moments(films.catalog, index, films.encoder_id, clips, k=1)
    here = find_moments(films.catalog, index, films.encoder_id, clips, k=1, filters=Filters(video_ids=(everywhere[0].video_id,)))

    assert here[0].deviations == pytest.approx(everywhere[0].deviations)


def test_a_library_of_few_clips_says_nothing(catalog: Catalog, tmp_path: Path) -> None:
    collection = Collection.new(catalog)
    collection.add("only.mp4", walk(1), 10.0)
    index = VectorStore(catalog, tmp_path).open(collection.encoder_id)

    (found,) = find_moments(catalog, index, collection.encoder_id, query(walk(1), 2.0, 6.0), k=1)
    assert found.deviations is None
    assert Background.of(np.full(FEWEST - 1, 0.5)) is None
    assert Background.of(np.concatenate([np.full(FEWEST - 1, 0.5), [-np.inf]])) is None


def test_a_few_clips_that_are_alike_do_not_raise_the_background() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(0.4, 0.05, 200)
    plain, with_copies = Background.of(scores), Background.of(np.concatenate([scores, np.full(10, 0.99)]))

    assert plain is not None and with_copies is not None
    assert with_copies.median == pytest.approx(plain.median, abs=0.01)
    assert with_copies.spread == pytest.approx(plain.spread, rel=0.3)
    assert plain.deviations(0.6) == pytest.approx(4, abs=0.7)
