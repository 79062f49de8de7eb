"""Search, from outside: what comes back for a query, and where."""

import itertools
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from index.catalog import Catalog
from index.errors import EncoderMismatch, NoClips, UnknownLibrary, UnknownVideo
from index.search import Filters, find_moments, moment_as_query
from index.search.query import Moment, QueryClips
from index.vectors.faiss_index import FaissIndex
from index.vectors.store import VectorStore
from tests.index.walk_videos import DIM, ROOT, Collection, backwards, query, walk

FILM_S = 60.0


@pytest.fixture(scope="module", params=[200_000, 10], ids=["flat", "ivf"])
def indexed_films(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> tuple[Path, int]:
    """Twelve films of a minute and eight of a few seconds, behind both kinds of index: folder, and the limit of exact search."""
    folder = tmp_path_factory.mktemp("films")
    with Catalog.open(f"sqlite:///{folder / 'catalog.db'}") as catalog:
        collection = Collection.new(catalog)
        for number in range(12):
            collection.add(f"long{number}.mp4", walk(number), FILM_S)
        for number in range(8):
            collection.add(f"short{number}.mp4", walk(100 + number), 1.5 + 0.7 * number)
        VectorStore(catalog, folder / "vectors", exact_up_to=request.param).open(collection.encoder_id)
    return folder, request.param


@pytest.fixture
def films(indexed_films: tuple[Path, int], tmp_path: Path) -> Iterator["Films"]:
    """A copy of the indexed films to do with as one likes."""
    folder, exact_up_to = indexed_films
    home = shutil.copytree(folder, tmp_path / "home")
    with Catalog.open(f"sqlite:///{home / 'catalog.db'}") as catalog:
        yield Films(Collection(catalog, 1), VectorStore(catalog, home / "vectors", exact_up_to=exact_up_to))


class Films:
    """A collection and the way to search it."""

    def __init__(self, collection: Collection, store: VectorStore) -> None:
        self.collection = collection
        self.catalog = collection.catalog
        self.encoder_id = collection.encoder_id
        self.store = store

    def search(self, clips: QueryClips, **options: object) -> list[Moment]:
        index = self.store.open(self.encoder_id)
        return find_moments(self.catalog, index, self.encoder_id, clips, **options)  # type: ignore[arg-type]

    def id_of(self, name: str) -> int:
        row = self.catalog.find_video(ROOT / name)
        assert row is not None
        return row.id


@pytest.mark.parametrize("length_s", [1.1, 2.0, 2.7, 3.3, 4.0, 5.7, 7.9, 8.0, 9.4, 10.0, 10.1, 12.3, 17.0, 29.3, 45.0])
def test_query_from_a_film_comes_back_in_place(films: Films, length_s: float) -> None:
    quarter_s = 2.0 / 4  # of the shortest clips: stricter than a quarter of the clips of the query's own length
    for start_s in (0.0, 3.17, 7.77, 13.03):
        best = films.search(query(walk(3), start_s, start_s + length_s))[0]

        assert best.path == ROOT / "long3.mp4"
        assert best.start_s == pytest.approx(start_s, abs=quarter_s)
        assert best.end_s == pytest.approx(start_s + length_s, abs=quarter_s)
        assert best.score > 0.8


def test_mean_error_of_places_is_far_below_a_quarter_clip(films: Films) -> None:
    rng = np.random.default_rng(5)
    errors = []
    for _ in range(40):
        length_s = rng.uniform(3, 30)
        start_s = rng.uniform(0, FILM_S - length_s)
        best = films.search(query(walk(6), start_s, start_s + length_s), k=1)[0]
        assert best.path == ROOT / "long6.mp4"
        errors.append(abs(best.start_s - start_s))
    assert np.mean(errors) < 0.15


@pytest.mark.parametrize("number", range(8))
def test_whole_short_video_finds_itself_whole(films: Films, number: int) -> None:
    duration_s = 1.5 + 0.7 * number

    best = films.search(query(walk(100 + number), 0.0, duration_s))[0]

    assert best.path == ROOT / f"short{number}.mp4"
    assert best.score >= 0.99
    assert (best.start_s, best.end_s) == pytest.approx((0.0, duration_s))


@pytest.mark.parametrize("duration_s", [8.3, 9.0, 9.9, 10.3, 11.7, 14.1, 60.0])
def test_whole_longer_video_finds_itself_whole(films: Films, duration_s: float) -> None:
    films.collection.add("self.mp4", walk(55), duration_s)

    best = films.search(query(walk(55), 0.0, duration_s))[0]

    assert best.path == ROOT / "self.mp4"
    assert best.score >= 0.99
    assert (best.start_s, best.end_s) == pytest.approx((0.0, duration_s), abs=0.1)


@pytest.mark.parametrize(("start_s", "end_s"), [(10.0, 13.0), (10.0, 18.0), (10.0, 34.0)])
def test_backwards_is_another_moment(films: Films, start_s: float, end_s: float) -> None:
    films.collection.add("reverse.mp4", backwards(walk(3), FILM_S), FILM_S)

    forwards = films.search(query(walk(3), start_s, end_s), k=30, one_per_video=True)

    scores = {moment.path.name: moment.score for moment in forwards}
    assert forwards[0].path.name == "long3.mp4"
    assert scores["reverse.mp4"] < 0.8 * scores["long3.mp4"]


def test_several_moments_of_one_video_come_back_apart(films: Films) -> None:
    scene = walk(77)

    def twice(seconds: np.ndarray) -> np.ndarray:
        inside = scene(np.where(seconds < 30, seconds - 10, seconds - 40) + 10)
        elsewhere = walk(78)(seconds)
        shown = ((seconds >= 10) & (seconds < 18)) | ((seconds >= 40) & (seconds < 48))
        return np.where(shown[:, None], inside, elsewhere)

    video_id = films.collection.add("twice.mp4", twice, FILM_S)
    moments = films.search(query(twice, 11.0, 17.0), k=10)

    assert [moment.video_id for moment in moments[:2]] == [video_id, video_id]
    assert sorted(moment.start_s for moment in moments[:2]) == pytest.approx([11.0, 41.0], abs=0.5)


def test_moments_of_one_video_do_not_overlap_and_are_sorted(films: Films) -> None:
    moments = films.search(query(walk(2), 5.3, 9.1), k=60)

    assert [moment.score for moment in moments] == sorted((moment.score for moment in moments), reverse=True)
    for video_id in {moment.video_id for moment in moments}:
        spans = sorted((moment.start_s, moment.end_s) for moment in moments if moment.video_id == video_id)
        for (start, end), (next_start, next_end) in itertools.pairwise(spans):
            assert end - next_start <= 0.11 * min(end - start, next_end - next_start)


def test_query_partly_outside_is_cut_to_the_video(films: Films) -> None:
    content = walk(9)
    films.collection.add("tail.mp4", lambda seconds: content(seconds + 20.0), 30.0)

    best = next(m for m in films.search(query(content, 12.0, 36.0), k=5) if m.path.name == "tail.mp4")

    assert best.start_s == pytest.approx(0.0, abs=0.5)
    assert best.end_s == pytest.approx(16.0, abs=0.5)


def test_query_longer_than_the_video_finds_it_whole(films: Films) -> None:
    content = walk(8)
    films.collection.add("piece.mp4", lambda seconds: content(seconds + 14.0), 12.0)

    moments = films.search(query(content, 8.0, 32.0), k=3, filters=Filters(exclude_video_ids=(films.id_of("long8.mp4"),)))

    assert moments[0].path.name == "piece.mp4"
    assert (moments[0].start_s, moments[0].end_s) == pytest.approx((0.0, 12.0), abs=0.5)


def test_long_query_finds_videos_of_a_second_or_two(films: Films) -> None:
    content = walk(8)
    films.collection.add("flash.mp4", lambda seconds: content(seconds + 14.0), 1.8)

    names = [m.path.name for m in films.search(query(content, 8.0, 32.0), k=40, one_per_video=True)]

    assert names[0] == "long8.mp4"
    assert "flash.mp4" in names


@pytest.mark.parametrize("length_s", [3.0, 8.0, 20.0])
def test_more_hits_than_videos_brings_every_video_once(films: Films, length_s: float) -> None:
    moments = films.search(query(walk(1), 4.0, 4.0 + length_s), k=1000, one_per_video=True)

    assert len({moment.video_id for moment in moments}) == len(moments) == 20


def test_query_shorter_than_any_clip_and_library_of_long_clips(films: Films) -> None:
    best = films.search(query(walk(4), 20.0, 20.4), filters=Filters(video_ids=(films.id_of("long4.mp4"),)))[0]

    assert best.start_s == pytest.approx(20.0, abs=0.6)
    assert best.end_s - best.start_s == pytest.approx(0.4, abs=1e-3)


def test_empty_index_has_no_moments(catalog: Catalog, tmp_path: Path) -> None:
    collection = Collection.new(catalog)
    index = VectorStore(catalog, tmp_path).open(collection.encoder_id)

    for end_s in (3.0, 30.0):
        assert find_moments(catalog, index, collection.encoder_id, query(walk(1), 0.0, end_s)) == []


@pytest.mark.parametrize("length_s", [3.0, 20.0])
def test_flagged_clips_answer_only_when_asked(catalog: Catalog, tmp_path: Path, length_s: float) -> None:
    collection = Collection.new(catalog)
    collection.add("black.mp4", walk(1), FILM_S, flag=lambda spans: np.ones(len(spans), np.bool_))
    index = VectorStore(catalog, tmp_path).open(collection.encoder_id)
    clips = query(walk(1), 4.0, 4.0 + length_s)

    assert find_moments(catalog, index, collection.encoder_id, clips) == []
    found = find_moments(catalog, index, collection.encoder_id, clips, filters=Filters(include_flagged=True))
    assert found[0].flagged
    assert found[0].score > 0.8


def test_black_seconds_inside_a_moment_do_not_hide_it(films: Films) -> None:
    content = walk(66)
    films.collection.add("fade.mp4", content, FILM_S, flag=lambda spans: (spans[:, 0] >= 20) & (spans[:, 1] <= 28))

    best = films.search(query(content, 12.0, 36.0))[0]

    assert best.path.name == "fade.mp4"
    assert best.score >= 0.99
    assert not best.flagged


def test_filters_hold_together(films: Films) -> None:
    films.catalog.add_library("other", [Path("/elsewhere")])
    other = films.collection.add("other.mp4", walk(3), FILM_S, library="other")
    deep = films.collection.add("deep/x.mp4", walk(3), FILM_S)
    clips = query(walk(3), 10.0, 14.0)

    def found(**conditions: object) -> set[int]:
        return {m.video_id for m in films.search(clips, k=100, filters=Filters(**conditions))}  # type: ignore[arg-type]

    assert found(library="other") == {other}
    assert found(folder=ROOT / "deep") == {deep}
    assert found(folder=ROOT / "dee") == set()
    assert found(library="other", folder=ROOT / "deep") == set()
    assert found(video_ids=(deep, other)) == {deep, other}
    assert found(video_ids=(deep, other), library="films") == {deep}
    assert deep not in found(exclude_video_ids=(deep,))
    with pytest.raises(UnknownLibrary, match=r"'nope'.*films, other"):
        found(library="nope")


@pytest.mark.parametrize("length_s", [4.0, 15.0])
def test_between_keeps_moments_inside(films: Films, length_s: float) -> None:
    moments = films.search(query(walk(3), 10.0, 10.0 + length_s), k=50, filters=Filters(between_s=(22.0, 47.0)))

    assert moments
    assert all(moment.start_s >= 22.0 and moment.end_s <= 47.0 for moment in moments)


def test_filter_that_excludes_the_nearest_ten_thousand_still_gives_k(catalog: Catalog) -> None:
    """The filter acts inside the vector query: it does not thin out a list of the nearest."""
    collection = Collection.new(catalog)
    far = [collection.add(f"far{number}.mp4", walk(500 + number), 8.0) for number in range(12)]
    index = FaissIndex(DIM)
    for video_id in far:
        clips = catalog.clips(video_id, collection.encoder_id)
        index.add((video_id << 20) + np.arange(len(clips)), clips.vectors, clips.spans_s, clips.flags)
    clips = query(walk(1), 4.0, 8.0)
    near = clips.vectors[:1] + np.random.default_rng(0).normal(scale=0.001, size=(10_000, DIM)).astype(np.float32)
    crowd = 999_999
    index.add((crowd << 20) + np.arange(10_000), near, np.tile([0.0, 4.0], (10_000, 1)), np.zeros(10_000, np.uint8))

    found = find_moments(
        catalog, index, collection.encoder_id, clips, k=12, one_per_video=True, filters=Filters(exclude_video_ids=(crowd,))
    )

    assert {moment.video_id for moment in found} == set(far)


def test_missing_and_forgotten_videos_do_not_answer(films: Films) -> None:
    clips, video_id = query(walk(3), 10.0, 14.0), films.id_of("long3.mp4")
    assert films.search(clips)[0].video_id == video_id

    films.catalog.mark_missing([video_id])
    assert video_id not in {moment.video_id for moment in films.search(clips, k=50)}
    films.catalog.mark_present([video_id])
    assert films.search(clips)[0].video_id == video_id
    stale = films.store.open(films.encoder_id)
    films.catalog.mark_missing([video_id])
    films.catalog.forget_videos([video_id])
    moments = find_moments(films.catalog, stale, films.encoder_id, clips)
    assert moments
    assert video_id not in {moment.video_id for moment in moments}


def test_search_refuses_what_cannot_be(films: Films) -> None:
    clips = query(walk(3), 10.0, 14.0)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        films.search(clips, k=0)
    narrow = QueryClips(4.0, clips.spans_s, clips.vectors[:, :8], clips.whole)
    with pytest.raises(EncoderMismatch, match="8 dimensions, the index 64"):
        films.search(narrow)
    with pytest.raises(ValueError, match="at least one vector"):
        QueryClips(4.0, np.zeros((0, 2)), np.zeros((0, 8), np.float32), None)


@pytest.mark.parametrize(("at_s", "end_s"), [(12.5, None), (0.0, None), (59.9, None), (12.0, 16.0), (11.2, 14.3), (20.0, 48.0)])
def test_moment_as_query_finds_itself_first(films: Films, at_s: float, end_s: float | None) -> None:
    video_id = films.id_of("long5.mp4")

    best = films.search(moment_as_query(films.catalog, films.encoder_id, video_id, at_s, end_s))[0]

    assert best.video_id == video_id
    assert best.score >= 0.99
    assert best.start_s <= at_s + 2.0
    assert best.end_s >= (end_s or at_s) - 2.0


@pytest.mark.parametrize("end_s", [None, 40.0])
def test_a_query_in_which_there_is_nothing_to_see_finds_nothing(films: Films, end_s: float | None) -> None:
    video_id = films.collection.add("black.mp4", walk(70), FILM_S, flag=lambda spans: np.ones(len(spans), np.bool_))
    clips = moment_as_query(films.catalog, films.encoder_id, video_id, 12.0, end_s)

    assert films.search(clips) == []
    assert films.search(clips, filters=Filters(include_flagged=True))[0].video_id == video_id


def test_moment_as_query_takes_a_short_video_whole(films: Films) -> None:
    clips = moment_as_query(films.catalog, films.encoder_id, films.id_of("short3.mp4"), 1.0)

    assert clips.duration_s == pytest.approx(3.6)
    best = films.search(clips)[0]
    assert (best.start_s, best.end_s, best.path.name) == (0.0, pytest.approx(3.6), "short3.mp4")


def test_moment_as_query_says_what_is_wrong(films: Films) -> None:
    video_id = films.id_of("long5.mp4")
    with pytest.raises(NoClips, match=r"lasts 60\.00 s.*no second 61\.00"):
        moment_as_query(films.catalog, films.encoder_id, video_id, 61.0)
    with pytest.raises(ValueError, match="end after it starts"):
        moment_as_query(films.catalog, films.encoder_id, video_id, 5.0, 5.0)
    with pytest.raises(UnknownVideo, match="no video 4711"):
        moment_as_query(films.catalog, films.encoder_id, 4711, 1.0)
    other = films.catalog.register_encoder("cd" * 32, "other", 8, "{}")
    with pytest.raises(NoClips, match=r"\.mp4 has no clips of encoder 'other'\. Index library 'films'"):
        moment_as_query(films.catalog, other, video_id, 1.0)


def test_a_whole_movement_finds_the_same_movement_before_a_piece_of_another(catalog: Catalog, tmp_path: Path) -> None:
    """A stroke of a pen is part of a square; asked with the stroke alone, strokes come first."""
    stroke, rest, other = walk(11), walk(12), walk(13)

    def slightly_off(seconds: np.ndarray) -> np.ndarray:
        return stroke(seconds) + 0.55 * other(seconds)

    def square(seconds: np.ndarray) -> np.ndarray:
        return np.where(seconds[:, None] < 3.0, stroke(seconds) + 0.45 * other(seconds), rest(seconds))

    collection = Collection.new(catalog)
    whole = collection.add("stroke.mp4", stroke, 3.0)
    same = collection.add("again.mp4", slightly_off, 3.0)
    longer = collection.add("square.mp4", square, 7.0)
    index = VectorStore(catalog, tmp_path).open(collection.encoder_id)
    asked = moment_as_query(catalog, collection.encoder_id, whole, 0.0, 3.0)
    assert asked.is_whole_video

    def ranking(clips: QueryClips) -> list[int]:
        found = find_moments(catalog, index, collection.encoder_id, clips, one_per_video=True)
        return [moment.video_id for moment in found]

    assert ranking(asked) == [whole, same, longer]
    assert ranking(replace(asked, is_whole_video=False)) == [whole, longer, same]


def test_a_search_with_empty_clips_does_not_change_what_the_next_one_finds(catalog: Catalog, tmp_path: Path) -> None:
    """Masks are kept from search to search."""
    collection = Collection.new(catalog)
    collection.add("black.mp4", walk(1), FILM_S, flag=lambda spans: np.ones(len(spans), np.bool_))
    index = VectorStore(catalog, tmp_path).open(collection.encoder_id)
    clips = query(walk(1), 4.0, 7.0)
    for _ in range(2):
        assert find_moments(catalog, index, collection.encoder_id, clips, filters=Filters(include_flagged=True))
        assert find_moments(catalog, index, collection.encoder_id, clips) == []


def test_a_look_has_no_length(films: Films) -> None:
    """A scene that hardly changes, four seconds of it and a fifth of a second: by look alone the one finds the other."""
    scene = walk(77, pace_s=200.0)
    tiny = films.collection.add("tiny.mp4", scene, 0.2)
    clips = query(scene, 10.0, 14.0)

    assert films.search(replace(clips, by_look_alone=True), k=1)[0].video_id == tiny
    assert films.search(clips, k=1)[0].video_id != tiny
