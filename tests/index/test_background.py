"""What a hit means in a library: how easily unrelated footage is as similar to the query."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedder.clip_plan import ClipPlan, plan_clips
from index.catalog import Catalog, FileFingerprint, VideoFacts
from index.search import Filters, find_moments
from index.search.background import Background
from index.search.query import PartWeight, QueryClips
from index.vectors.store import VectorStore
from tests.index.walk_videos import SPANS_S, Collection, Walk, embed, query, walk


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


def unlike_pairs(num_parts: int) -> np.ndarray:
    """Cosines (P, n) of directions that have nothing in common, in 64 dimensions."""
    return np.random.default_rng(3).normal(0, 1 / 8, size=(num_parts, 5000))


def rates(background: Background, cosines: list[list[float]], *, num_videos: int = 1000, score: float = 0.5) -> list[float]:
    table = np.array(cosines).T
    return background.false_alarm_rates(table, np.full(table.shape[1], score), num_videos).tolist()


def test_the_rate_falls_with_the_likeness_and_grows_with_the_library() -> None:
    background = Background.of(unlike_pairs(1), (PartWeight(64, 1.0),))
    falling = rates(background, [[cosine] for cosine in np.linspace(0, 1, 11)])

    assert falling == sorted(falling, reverse=True)
    assert falling[0] > 0.99 and falling[-1] < 1e-6
    (few,), (many,) = (rates(background, [[0.8]], num_videos=number) for number in (1000, 100_000))
    assert many > 10 * few
    assert rates(background, [[0.8]], num_videos=3) == rates(background, [[0.8]], num_videos=100)


def test_the_footage_itself_is_no_chance_where_everything_is_near() -> None:
    near = Background.of(0.99 + unlike_pairs(1) / 20, (PartWeight(64, 1.0),))

    assert rates(near, [[0.995]], score=0.995)[0] > 0.9
    assert rates(near, [[0.995]], score=0.9995) == [0.0]


def test_very_like_in_one_part_is_less_likely_chance_than_somewhat_in_both() -> None:
    """All three have the same score, 0.5."""
    background = Background.of(unlike_pairs(2), (PartWeight(64, 0.5), PartWeight(64, 0.5)))
    motion, look, both = rates(background, [[0.95, 0.05], [0.05, 0.95], [0.5, 0.5]])

    assert max(motion, look) < both / 3


def test_a_part_counts_the_more_the_more_it_weighs() -> None:
    """The same hit, similar in the first part alone."""
    (little,), (much,) = (
        rates(Background.of(unlike_pairs(2), (PartWeight(64, weight), PartWeight(64, 1 - weight))), [[0.7, 0.1]])
        for weight in (0.1, 0.9)
    )

    assert much < little / 2


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_a_part_without_weight_does_not_count(weight: float) -> None:
    pairs = unlike_pairs(2)
    one = Background.of(pairs[:1], (PartWeight(64, weight), PartWeight(64, 1 - weight)))
    alone = Background.of(pairs[:1], (PartWeight(64, 1.0),))

    assert rates(one, [[0.3], [0.6]]) == pytest.approx(rates(alone, [[0.3], [0.6]]))


@pytest.mark.parametrize("late_s", [6.0, 12.0])
@pytest.mark.parametrize("lasts_s", [5.0, 9.0])
def test_the_same_footage_is_no_chance_where_the_query_sticks_out(
    films: Collection, tmp_path: Path, late_s: float, lasts_s: float
) -> None:
    """A query of twenty seconds; all there is of it in the library are some seconds of its middle or its end."""
    piece = films.add("piece.mp4", lambda seconds: walk(77)(seconds + late_s), lasts_s)
    index = VectorStore(films.catalog, tmp_path).open(films.encoder_id)
    found = find_moments(films.catalog, index, films.encoder_id, query(walk(77), 0.0, 20.0), k=13, one_per_video=True)

    rate_of = {moment.video_id: moment.false_alarm_rate for moment in found}
    same = rate_of.pop(piece)
    assert same is not None and same < 0.02
    assert all(other is not None and other > 0.1 for other in rate_of.values())


@pytest.mark.parametrize("length_s", [4.0, 6.0])
def test_the_same_footage_is_no_chance_where_no_clip_lies_just_there(catalog: Catalog, tmp_path: Path, length_s: float) -> None:
    """Fast footage, and queries off the index's grid: finer windows find it, the nearest clip alone would not."""
    collection = Collection.new(catalog)
    for number in range(12):
        collection.add(f"{number}.mp4", walk(number, pace_s=1.5), 40.0)
    index = VectorStore(catalog, tmp_path).open(collection.encoder_id)
    for start_s in np.arange(10.0, 11.0, 0.13).tolist():
        clips = query(walk(3, pace_s=1.5), start_s, start_s + length_s)
        (found,) = find_moments(catalog, index, collection.encoder_id, clips, k=1)
        assert found.path.name == "3.mp4"
        assert found.false_alarm_rate is not None and found.false_alarm_rate < 0.02


def test_a_long_query_is_graded_by_all_of_it(films: Collection, tmp_path: Path) -> None:
    """One video shares 24 of its 30 seconds, all but the middle; another the middle alone."""

    def mixed(middle: int, rest: int) -> Walk:
        def content(seconds: np.ndarray) -> np.ndarray:
            inside = (seconds >= 12) & (seconds < 18)
            return np.where(inside[:, None], walk(middle)(seconds), walk(rest)(seconds))

        return content

    most, little = films.add("most.mp4", mixed(78, 77), 30.0), films.add("little.mp4", mixed(77, 79), 30.0)
    index = VectorStore(films.catalog, tmp_path).open(films.encoder_id)
    found = find_moments(films.catalog, index, films.encoder_id, query(walk(77), 0.0, 30.0), k=14, one_per_video=True)
    rate_of = {moment.video_id: moment.false_alarm_rate for moment in found}

    assert rate_of[most] is not None and rate_of[most] < 0.02
    assert rate_of.get(little) is None or rate_of[little] > 0.1


def test_which_seconds_of_a_long_query_a_clip_is_compared_with() -> None:
    """The window of its length which lies there."""
    clips = query(walk(3), 0.0, 20.0)
    middles_s, lengths_s = np.array([2.0, 15.0, 15.0]), np.array([4.0, 4.0, 8.1])
    at = clips.windows_of(np.zeros((3, 64), np.float32), lengths_s, middles_s, middles_s)

    starts_s, ends_s = clips.spans_s[at].T
    np.testing.assert_allclose(ends_s - starts_s, [4, 4, 8], atol=0.1)
    np.testing.assert_allclose((starts_s + ends_s) / 2, [2, 15, 15], atol=1.1)


def test_of_windows_that_may_answer_the_one_is_taken_that_scores_highest() -> None:
    """By the parts as they weigh: here the first number alone, or the second."""
    spans_s, vectors = np.array([[0.0, 2.0], [4.0, 6.0]]), np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    clip, anywhere_s = np.array([[0.6, 0.8]], np.float32), (np.array([0.0]), np.array([6.0]))
    for scale, row in (((2.0, 0.0), 0), ((0.0, 2.0), 1)):
        clips = QueryClips(6.0, spans_s, vectors, None, scale=np.float32(scale))
        assert clips.windows_of(clip, np.array([2.0]), *anywhere_s).tolist() == [row]


@pytest.fixture
def halves(catalog: Catalog, tmp_path: Path) -> Callable[[str, tuple[float, float], tuple[float, float]], list[float | None]]:
    """The rates of five hits, of vectors that have two parts, for a name of the library, how long the parts are, and their weights.
    In the library "noise" the second part is noise."""

    def rates_of(name: str, lengths: tuple[float, float], weights: tuple[float, float]) -> list[float | None]:
        rng = np.random.default_rng(5)

        def vectors_of(content: Walk, spans_s: np.ndarray) -> np.ndarray:
            parts = embed(content, spans_s).reshape(-1, 2, 32)
            if name == "noise":
                parts[:, 1] = rng.normal(size=(len(parts), 32))
            parts *= np.float32(lengths)[:, None] / np.linalg.norm(parts, axis=2, keepdims=True)
            return (parts / np.linalg.norm(lengths)).reshape(-1, 64).astype(np.float32)

        encoder_id = catalog.register_encoder(f"{name:x<32}".encode().hex(), name, 64, "{}")
        if name not in [library.name for library in catalog.libraries()]:
            catalog.add_library(name, [Path("/films") / name])
            spans_s = plan_clips(40.0, ClipPlan(SPANS_S))
            for number in range(12):
                file = FileFingerprint(f"/films/{name}/{number}.mp4", 1000, 1, f"{name} {number}")
                facts, flags = VideoFacts(40.0, 64, 48, 25.0, "h264", "mp4"), np.zeros(len(spans_s), np.uint8)
                catalog.put_embedded(name, file, facts, encoder_id, spans_s, vectors_of(walk(number), spans_s), flags, [])
        clips = query(walk(3), 7.3, 10.3)
        share = np.square(lengths) / np.square(lengths).sum()
        clips = replace(
            clips,
            vectors=vectors_of(walk(3), clips.spans_s + 7.3),
            scale=np.repeat((np.array(weights) / share).astype(np.float32), 32),
            part_weights=tuple(PartWeight(32, weight) for weight in weights),
        )
        index = store.setdefault(name, VectorStore(catalog, tmp_path / name)).open(encoder_id)
        return [moment.false_alarm_rate for moment in find_moments(catalog, index, encoder_id, clips, k=5, one_per_video=True)]

    store: dict[str, VectorStore] = {}
    return rates_of


def test_parts_count_by_their_weights_alone(
    halves: Callable[[str, tuple[float, float], tuple[float, float]], list[float | None]],
) -> None:
    """Noise in a part without weight changes no rate, nor does how long the parts of the vectors are; other weights do."""
    even, first = (0.5, 0.5), (1.0, 0.0)

    assert halves("noise", even, first) == pytest.approx(halves("as is", even, first), rel=0.05)
    assert halves("longer", (3.0, 1.0), even) == pytest.approx(halves("as is", even, even), rel=0.05)
    assert halves("as is", even, first) != pytest.approx(halves("as is", even, even), rel=0.05)


def test_weights_of_other_parts_are_refused() -> None:
    clips = query(walk(3), 0.0, 3.0)
    with pytest.raises(ValueError, match="part_weights must be of 64 numbers together"):
        QueryClips(3.0, clips.spans_s, clips.vectors, clips.whole, part_weights=(PartWeight(40, 0.5), PartWeight(23, 0.5)))
