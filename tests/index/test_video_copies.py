"""Which videos are copies, told from vectors: parts that must agree, groups that chains do not swallow, cost that stays small."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from index.search import Moment
from index.search.duplicates import Comparison, candidate_offsets, group_copies, whole_fit
from index.search.near_equal import copies_of_earlier
from index.search.shared_moments import shared_moments
from index.vectors.faiss_index import FaissIndex
from index.vectors.vector_index import clip_ids

DIM = 16
MOTION = np.repeat(np.float32([2, 0]), DIM)
LOOK = np.repeat(np.float32([0, 2]), DIM)
BOTH = (MOTION, LOOK)


def walk(seed: int, seconds: float) -> NDArray[np.float32]:
    """Clips of 2 s at a hop of 1 s of a video in which something happens: unit vectors (n, DIM); neighbours have about 0.5."""
    steps = np.random.default_rng(seed).normal(0, 1, (int(seconds), DIM))
    vectors = steps[:-1] + steps[1:]
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def noisy(vectors: NDArray[np.float32], seed: int, noise: float = 0.05) -> NDArray[np.float32]:
    changed = vectors + np.random.default_rng([seed, 1]).normal(0, noise, vectors.shape)
    return (changed / np.linalg.norm(changed, axis=1, keepdims=True)).astype(np.float32)


def index_of(videos: Sequence[NDArray[np.float32]]) -> FaissIndex:
    """Videos 1, 2, 3 and on, of clips of 2 s at a hop of 1 s."""
    index = FaissIndex(videos[0].shape[1])
    for video_id, vectors in enumerate(videos, start=1):
        starts = np.arange(len(vectors), dtype=np.float64)
        spans = np.stack([starts, starts + 2], axis=1)
        index.add(clip_ids(video_id, len(vectors)), vectors, spans, np.zeros(len(vectors), np.uint8))
    return index


def joined(motion: NDArray[np.float32], look: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([motion, look], axis=1) / np.float32(np.sqrt(2))


def scores(index: FaissIndex, shorter: int, longer: Sequence[int], scales: Any = (None,), at: float = 0.0) -> NDArray[np.float64]:
    return whole_fit(index, shorter, np.array(longer, np.int64), np.full(len(longer), at), scales)[1]


def test_both_parts_must_agree() -> None:
    one, other, look, elsewhere = walk(1, 12), walk(2, 12), walk(3, 12), walk(4, 12)
    index = index_of([joined(one, look), joined(noisy(one, 5), noisy(look, 6)), joined(one, elsewhere), joined(other, look)])
    found = scores(index, 1, [2, 3, 4], BOTH)
    assert found[0] > 0.9
    assert max(found[1:]) < 0.5
    assert min(scores(index, 1, [3, 4])) > 0.4, "one part alone makes up for a half of the other"


def test_a_copy_that_begins_later_is_found_at_its_place() -> None:
    film = walk(1, 20)
    index = index_of([film[1:], film])
    ids = np.array([1, 2], np.int64)
    offsets = candidate_offsets(index, ids, min_score=0.9)[1, 2]
    assert np.median(offsets) == pytest.approx(1.0)
    comparison = Comparison(index, {1: 19.0, 2: 20.0}, (None,), None)
    for one, other, behind in ((1, 2, 1.0), (2, 1, -1.0)):
        (pair,) = comparison.pairs(one, {other: behind})
        assert (pair.shorter, pair.longer, pair.offset_s) == (1, 2, pytest.approx(1.0))
        assert pair.score == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("lengths", "may"), [((10, 8), True), ((10, 7), False), ((2.4, 1.5), True), ((0.9, 0.3), False), ((9, 1), False)]
)
def test_copies_last_about_as_long(lengths: tuple[float, float], may: bool) -> None:
    index = index_of([walk(1, 10), walk(1, 10)])
    comparison = Comparison(index, {1: lengths[0], 2: lengths[1]}, (None,), None)
    assert comparison.may_be_copies(1, 2) is may


def test_calm_footage_must_be_certain() -> None:
    """By movement alone, still pictures are alike: 0.95 says nothing of them."""
    still = walk(9, 2)[0]
    calm = np.tile(still, (15, 1))
    index = index_of(
        [
            noisy(calm, 1, 0.04),
            noisy(calm, 2, 0.04),
            noisy(calm, 3, 0.005),
            noisy(calm, 4, 0.005),
            walk(7, 16),
            noisy(walk(7, 16), 5),
        ]
    )
    lengths = dict.fromkeys(range(1, 7), 16.0)
    by_movement = Comparison(index, lengths, (None,), still)
    ((calm_pair,), (sure,), (lively,)) = (by_movement.pairs(one, {one + 1: 0.0}) for one in (1, 3, 5))
    assert (calm_pair.calm, sure.calm, lively.calm) == (True, True, False)
    assert 0.9 < calm_pair.score < 0.99 and not calm_pair.is_copy(0.9)
    assert sure.is_copy(0.9) and lively.is_copy(0.9)
    assert not sure.is_copy(1.0)
    assert Comparison(index, lengths, (None,), None).pairs(1, {2: 0.0})[0].is_copy(0.9)


def test_videos_of_which_there_is_too_little_are_not_compared() -> None:
    index = index_of([walk(1, 12), walk(1, 12)])
    index.add(clip_ids(3, 1), walk(1, 2), np.array([[0.0, 0.7]]), np.zeros(1, np.uint8))
    index.add(clip_ids(4, 5), walk(1, 6), np.stack([np.arange(5.0), np.arange(5.0) + 2], axis=1), np.ones(5, np.uint8))
    assert scores(index, 3, [1])[0] == -np.inf, "no clips of about that length"
    assert scores(index, 4, [1])[0] == -np.inf, "nothing to see"
    assert scores(index, 1, [4])[0] == -np.inf
    assert scores(index, 1, [9])[0] == -np.inf, "not in the index"
    assert set(candidate_offsets(index, np.array([1, 2, 3, 4], np.int64), min_score=0.9)) == {(1, 2)}


def test_only_these_videos_take_part() -> None:
    index = index_of([walk(1, 12), noisy(walk(1, 12), 1), noisy(walk(1, 12), 2)])
    assert set(candidate_offsets(index, np.array([1, 3], np.int64), min_score=0.9)) == {(1, 3)}


def test_copies_are_found_though_a_video_is_like_itself_all_over() -> None:
    """Its own clips are the nearest of its clips, by the hundred."""
    calm = np.tile(walk(1, 2), (400, 1))
    index = index_of([noisy(calm, 1, 0.001), noisy(calm, 2, 0.02), walk(3, 50)])
    assert (1, 2) in candidate_offsets(index, np.array([1, 2, 3], np.int64), min_score=0.9)


def test_a_few_clips_of_each_video_are_asked_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the cost is that of so many searches, however long the videos are and however many."""
    asked = []
    search = FaissIndex.search_rows
    monkeypatch.setattr(
        FaissIndex, "search_rows", lambda self, queries, *rest: (asked.append(len(queries)), search(self, queries, *rest))[1]
    )
    videos = [walk(seed, 60) for seed in range(40)]
    candidate_offsets(index_of(videos), np.arange(1, 41, dtype=np.int64), min_score=0.9)
    assert sum(asked) < 40 * 59 / 4


def grouped(
    like: dict[int, Sequence[int]], matching: set[tuple[int, int]], apart: Sequence[tuple[int, int]] = ()
) -> list[list[int]]:
    return group_copies(sorted(like), like, lambda one, other: (min(one, other), max(one, other)) in matching, set(apart))


def test_a_chain_does_not_make_a_group() -> None:
    """1 is like 2, 2 like 3, 3 like 4, and 1 is unlike 3 and 4."""
    chain = {1: (2,), 2: (1, 3), 3: (2, 4), 4: (3,)}
    assert grouped(chain, {(1, 2), (2, 3), (3, 4)}) == [[1, 2], [3, 4]]


def test_members_are_found_over_others() -> None:
    """3 is no neighbour of 1, but of 2, and matches 1."""
    assert grouped({1: (2,), 2: (1, 3), 3: (2,)}, {(1, 2), (1, 3)}) == [[1, 2, 3]]
    assert grouped({1: (), 2: (3,), 3: (2,)}, {(2, 3)}) == [[2, 3]]
    assert grouped({1: (), 2: ()}, set()) == []


def test_pairs_that_are_apart_share_no_group() -> None:
    everyone = {number: tuple({1, 2, 3, 4} - {number}) for number in (1, 2, 3, 4)}
    matching = {(one, other) for one in range(1, 5) for other in range(one + 1, 5)}
    assert grouped(everyone, matching) == [[1, 2, 3, 4]]
    assert grouped(everyone, matching, [(2, 3)]) == [[1, 2, 4]]
    assert grouped(everyone, matching, [(1, 2), (1, 3)]) == [[1, 4], [2, 3]]


@pytest.mark.parametrize("scales", [(None,), BOTH], ids=["one part", "two parts"])
def test_shared_moments_have_both_spans(scales: Any) -> None:
    """Seconds 10 to 18 of a film are the seconds 3 to 11 of another; of a third, only two seconds are of the film."""
    film, host, third = (joined(walk(seed, 30), walk(seed + 50, 30)) for seed in (1, 2, 3))
    host[3:10] = noisy(film[10:17], 4, 0.01)
    third[0:1] = film[20:21]
    index, ids = index_of([film, host, third]), np.array([1, 2, 3], np.int64)
    (found,) = shared_moments(index, ids, scales, min_score=0.75, still=None)
    assert (found.one, found.other) == (1, 2)
    assert found.one_span_s == pytest.approx((10.0, 18.0), abs=1.0)
    assert found.other_span_s == pytest.approx((3.0, 11.0), abs=1.0)
    assert found.score > 0.95
    assert shared_moments(index, ids, scales, min_score=0.75, still=None, apart=[(1, 2)]) == []


def test_calm_seconds_are_no_shared_moment() -> None:
    still = walk(9, 2)[0]
    films = [walk(seed, 40) for seed in (2, 3)]
    for film, seed in zip(films, (5, 6), strict=True):
        film[10:20] = noisy(np.tile(still, (10, 1)), seed, 0.04)
    index, ids = index_of(films), np.array([1, 2], np.int64)
    assert shared_moments(index, ids, (None,), min_score=0.75, still=still) == []
    assert len(shared_moments(index, ids, (None,), min_score=0.75, still=None)) == 1
    nothing_moves = index_of([noisy(np.tile(still, (20, 1)), seed) for seed in (1, 2)])
    assert shared_moments(nothing_moves, ids, (None,), min_score=0.75, still=still) == []


def moment(video_id: int, ordinal: int, start_s: float) -> Moment:
    return Moment(video_id, Path(f"{video_id}.mp4"), "films", start_s, start_s + 2, 0.9, ordinal, False)


def test_moments_of_copies_are_told_at_the_same_place_only() -> None:
    film = walk(1, 20)
    index = index_of([film, noisy(film, 1), walk(2, 20), film[3:]])
    answer = [moment(1, 5, 5.0), moment(2, 5, 5.0), moment(2, 9, 9.0), moment(3, 5, 5.0), moment(4, 2, 2.0), moment(1, 9, 9.0)]
    found = copies_of_earlier(index, answer, (None,), lambda: None, min_score=0.88)
    assert found == [0, 0, 2, 3, 0, 2]
    assert copies_of_earlier(index, [], (None,), lambda: None, min_score=0.88) == []


def test_moments_whose_clips_are_gone_stand_for_themselves() -> None:
    film = walk(1, 20)
    index = index_of([film, film])
    index.remove(clip_ids(1, 6)[5:])
    answer = [moment(1, 5, 5.0), moment(2, 5, 5.0), moment(9, 5, 5.0)]
    assert copies_of_earlier(index, answer, (None,), lambda: None, min_score=0.88) == [0, 1, 2]


def test_calm_moments_must_be_certain() -> None:
    still = walk(9, 2)[0]
    calm = np.tile(still, (15, 1))
    index = index_of([noisy(calm, 1, 0.04), noisy(calm, 2, 0.04), noisy(calm, 3, 0.001), noisy(calm, 4, 0.001)])
    answer = [moment(video, 5, 5.0) for video in (1, 2, 3, 4)]
    assert copies_of_earlier(index, answer, (None,), lambda: still, min_score=0.88) == [0, 1, 2, 2]
    assert copies_of_earlier(index, answer, (None,), lambda: None, min_score=0.88) == [0, 0, 0, 0]
