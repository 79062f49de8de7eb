"""The search that reads only what its neighbours name, against one that compares every clip of every candidate video."""

from pathlib import Path

import numpy as np
import pytest

from index.catalog import Catalog
from index.search import Filters, QueryClips, find_moments
from index.vectors.store import VectorStore
from tests.index.reference.search import find_moments as compare_all
from tests.index.walk_videos import Collection, query, walk

VIDEOS, LONG_S = 60, 300.0


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty videos of half a minute, of a few seconds, and three of five minutes."""
    folder = tmp_path_factory.mktemp("library")
    with Catalog.open(f"sqlite:///{folder / 'catalog.db'}") as catalog:
        collection = Collection.new(catalog)
        for number in range(VIDEOS):
            collection.add(f"{number}.mp4", walk(number), 3.0 + number % 7 if number % 3 else 30.0)
        for number in range(3):
            collection.add(f"long{number}.mp4", walk(1000 + number), LONG_S)
    return folder


def noisy(clips: QueryClips, seed: int) -> QueryClips:
    vectors = clips.vectors + np.random.default_rng(seed).normal(scale=0.04, size=clips.vectors.shape).astype(np.float32)
    return QueryClips(clips.duration_s, clips.spans_s, vectors, clips.whole, clips.dense, clips.parts)


@pytest.mark.parametrize("exact_up_to", [10**6, 10], ids=["flat", "ivf"])
@pytest.mark.parametrize("length_s", [2.5, 4.0, 7.0, 10.0, 14.0, 25.0])
def test_the_best_moments_are_those_of_comparing_everything(
    library: Path, length_s: float, exact_up_to: int, tmp_path: Path
) -> None:
    first_right = shared = wanted = 0
    with Catalog.open(f"sqlite:///{library / 'catalog.db'}") as catalog:
        index = VectorStore(catalog, tmp_path, exact_up_to=exact_up_to).open(1)
        rng = np.random.default_rng(round(10 * length_s))
        for seed in range(8):
            number = int(rng.choice(np.arange(0, VIDEOS, 3))) if seed % 2 else 1000 + seed % 3
            start_s = float(rng.uniform(0, 30.0 - length_s if seed % 2 else LONG_S - length_s))
            clips = noisy(query(walk(number), start_s, start_s + length_s), seed)
            found = find_moments(catalog, index, 1, clips, k=5, one_per_video=True)
            expected = compare_all(catalog, index, 1, clips, k=5, one_per_video=True)
            first_right += (found[0].video_id, found[0].start_s) == (
                expected[0].video_id,
                pytest.approx(expected[0].start_s, abs=0.3),
            )
            assert found[0].score == pytest.approx(expected[0].score, abs=0.07)
            near = {moment.video_id for moment in expected if moment.score > expected[-1].score + 0.02}
            shared += len(near & {moment.video_id for moment in found})
            wanted += len(near)
    assert first_right == 8
    assert shared >= 0.9 * wanted


def test_a_filter_changes_who_answers_not_how(library: Path, tmp_path: Path) -> None:
    with Catalog.open(f"sqlite:///{library / 'catalog.db'}") as catalog:
        index = VectorStore(catalog, tmp_path).open(1)
        clips = noisy(query(walk(6), 4.0, 9.0), 0)
        for filters in (
            Filters(),
            Filters(between_s=(2.0, 20.0)),
            Filters(video_ids=(1, 7, 9, 13, 22)),
            Filters(exclude_video_ids=(7,)),
        ):
            found = find_moments(catalog, index, 1, clips, k=3, one_per_video=True, filters=filters)
            expected = compare_all(catalog, index, 1, clips, k=3, one_per_video=True, filters=filters)
            assert found[0].video_id == expected[0].video_id
            assert found[0].score == pytest.approx(expected[0].score, abs=0.07)
