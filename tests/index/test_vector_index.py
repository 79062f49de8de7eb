"""Every vector index against the same expectations; the plain NumPy one is the reference."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from index.errors import EncoderMismatch
from index.vectors.faiss_index import FaissIndex
from index.vectors.vector_index import ClipSelector, VectorIndex, clip_ids
from tests.index.numpy_index import NumpyIndex

DIM = 16


def flat() -> FaissIndex:
    return FaissIndex(DIM)


def compacted(exact_up_to: int) -> Callable[[], FaissIndex]:
    """An index that has been through a file's state: one segment of base, made of a crowd that is removed again."""

    def make() -> FaissIndex:
        index = FaissIndex(DIM)
        fill(index, seed=9, videos=range(900, 940))
        index = index.compacted(exact_up_to=exact_up_to)
        index.remove_videos(np.arange(900, 940))
        return index

    return make


MAKERS = {"numpy": lambda: NumpyIndex(DIM), "flat": flat, "flat base": compacted(10**6), "ivf base": compacted(10)}


@pytest.fixture(params=MAKERS)
def index(request: pytest.FixtureRequest) -> VectorIndex:
    made: VectorIndex = MAKERS[request.param]()
    return made


def fill(index: VectorIndex, *, seed: int = 0, videos: range = range(1, 31), clips: int = 20) -> dict[int, np.ndarray]:
    """Random clips of 2 and 4 s; each video's clip 0 is flagged, clip 1 is the whole video. Returns vectors by video."""
    rng = np.random.default_rng(seed)
    by_video = {}
    for video in videos:
        vectors = rng.normal(size=(clips, DIM)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        starts = np.arange(clips, dtype=float)
        lengths = np.where(np.arange(clips) % 2 == 0, 2.0, 4.0)
        flags = np.zeros(clips, np.uint8)
        flags[:2] = 1, 2
        index.add(clip_ids(video, clips), vectors, np.stack([starts, starts + lengths], axis=1), flags)
        by_video[video] = vectors
    return by_video


SELECTORS = {
    "none": None,
    "default": ClipSelector(),
    "flagged too": ClipSelector(include_flagged=True),
    "some videos": ClipSelector(video_ids=np.array([28, 3, 5, 77777])),
    "not some videos": ClipSelector(exclude_video_ids=np.array([3, 5])),
    "no videos": ClipSelector(video_ids=np.array([], np.int64)),
    "short": ClipSelector(lengths_s=(1.5, 2.5)),
    "inside": ClipSelector(between_s=(3.0, 9.0)),
    "whole": ClipSelector(whole_video=True),
    "not whole": ClipSelector(whole_video=False),
    "all at once": ClipSelector(np.arange(1, 20), np.array([4]), (3.0, 5.0), (2.0, 16.0), False, True),
}


@pytest.mark.parametrize("selector", SELECTORS.values(), ids=SELECTORS.keys())
@pytest.mark.parametrize("k", [1, 7, 1000])
def test_search_equals_brute_force(index: VectorIndex, selector: ClipSelector | None, k: int) -> None:
    reference = NumpyIndex(DIM)
    fill(index)
    fill(reference)
    queries = np.random.default_rng(4).normal(size=(3, DIM)).astype(np.float32)

    scores, ids = index.search(queries, k, selector)

    expected_scores, expected_ids = reference.search(queries, k, selector)
    assert (scores.shape, scores.dtype, ids.dtype) == ((3, k), np.float32, np.int64)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-5)


def test_empty_index_answers_with_nothing(index: VectorIndex) -> None:
    scores, ids = index.search(np.ones((2, DIM), np.float32), 3)
    assert (ids == -1).all()
    assert np.isneginf(scores).all()
    assert len(index) == 0


def test_removed_clips_do_not_answer(index: VectorIndex) -> None:
    vectors = fill(index)

    assert index.remove(np.array([3 << 20 | 5, 3 << 20 | 6, 12345])) == 2
    assert index.remove_videos(np.array([4, 5, 4711])) == 40
    assert len(index) == 600 - 42
    for video, ordinal in ((3, 5), (4, 0), (5, 19)):
        assert (video << 20 | ordinal) not in index.search(vectors[video][ordinal][None], 600)[1]


def test_added_again_is_replaced(index: VectorIndex) -> None:
    old = fill(index, seed=0)
    new = fill(index, seed=1, videos=range(1, 4))

    assert len(index) == 600
    scores, ids = index.search(new[2][7][None], 1)
    assert (ids[0, 0], scores[0, 0]) == (2 << 20 | 7, pytest.approx(1.0, abs=1e-3))
    assert index.search(old[2][7][None], 1)[0][0, 0] < 0.99


def test_equal_scores_come_in_order_of_id(index: VectorIndex) -> None:
    one = np.eye(DIM, dtype=np.float32)[:1]
    for video in (9, 2, 7):
        index.add(clip_ids(video, 1), one, np.array([[0.0, 2.0]]), np.zeros(1, np.uint8))

    assert (index.search(one, 3)[1][0] >> 20).tolist() == [2, 7, 9]


def test_float16_vectors_score_as_unit_vectors(index: VectorIndex) -> None:
    halves = (np.random.default_rng(0).normal(size=(50, DIM))).astype(np.float32)
    halves = (halves / np.linalg.norm(halves, axis=1, keepdims=True)).astype(np.float16)
    index.add(clip_ids(1, 50), halves, np.tile([0.0, 2.0], (50, 1)), np.zeros(50, np.uint8))

    queries = halves.astype(np.float32)
    assert index.search(queries / np.linalg.norm(queries, axis=1, keepdims=True), 1)[0].min() > 0.999


def test_other_dimension_is_refused(index: VectorIndex) -> None:
    with pytest.raises(EncoderMismatch, match="16 dimensions"):
        index.search(np.ones((1, 8), np.float32), 1)
    with pytest.raises(EncoderMismatch, match="16 dimensions"):
        index.add(clip_ids(1, 1), np.ones((1, 8), np.float32), np.array([[0.0, 1.0]]), np.zeros(1, np.uint8))
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        index.search(np.ones((1, DIM), np.float32), 0)


def test_search_while_another_thread_adds(index: VectorIndex) -> None:
    if isinstance(index, NumpyIndex):
        pytest.skip("the reference is not meant to be shared")
    vectors = fill(index)
    stop = threading.Event()

    def add() -> None:
        while not stop.is_set():
            fill(index, seed=2, videos=range(100, 103))

    thread = threading.Thread(target=add)
    thread.start()
    try:
        for _ in range(100):
            assert index.search(vectors[6][3][None], 1)[1][0, 0] == 6 << 20 | 3
    finally:
        stop.set()
        thread.join()


def clustered(count: int, seed: int) -> np.ndarray:
    """Vectors in heaps, as the clips of real videos lie."""
    rng = np.random.default_rng(seed)
    heaps = np.random.default_rng(0).normal(size=(200, DIM))
    vectors = heaps[rng.integers(200, size=count)] + 0.4 * rng.normal(size=(count, DIM))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
def test_inverted_lists_find_nearly_all_with_and_without_filter(share: float) -> None:
    vectors = clustered(60_000, 1)
    exact, index = NumpyIndex(DIM), FaissIndex(DIM)
    for number in range(60):
        part = slice(number * 1000, number * 1000 + 1000)
        for target in (exact, index):
            target.add(clip_ids(number + 1, 1000), vectors[part], np.tile([0.0, 2.0], (1000, 1)), np.zeros(1000, np.uint8))
    index = index.compacted(exact_up_to=1000)
    assert not index.is_exact
    assert len(index) == 60_000
    selector = ClipSelector(video_ids=np.arange(1, round(60 * share) + 1))
    queries = clustered(40, 2)

    scores, ids = index.search(queries, 20, selector)

    true_scores, true_ids = exact.search(queries, 20, selector)
    recall = np.mean([len(set(a) & set(b)) / 20 for a, b in zip(ids, true_ids, strict=True)])
    assert recall > 0.97
    assert np.abs(scores[:, 0] - true_scores[:, 0]).max() < 2e-3, "re-ranked with the stored vectors, not the codes"


@pytest.mark.parametrize("dim", [7, 10, 64])
def test_inverted_lists_find_most_where_nothing_is_near(dim: int) -> None:
    """Vectors in all directions, of whatever width: the worst case, in which the tenth nearest is hardly nearer than any other."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(12_000, dim)).astype(np.float32)
    index = FaissIndex(dim)
    index.add(clip_ids(1, len(vectors)), vectors, np.tile([0.0, 2.0], (len(vectors), 1)), np.zeros(len(vectors), np.uint8))
    index = index.compacted(exact_up_to=1000)
    assert not index.is_exact
    queries = rng.normal(size=(30, dim)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    found, exact = index.search(queries, 10)[1], index.search_exactly(queries, 10)[1]
    assert np.mean([len(set(one) & set(other)) / 10 for one, other in zip(found, exact, strict=True)]) > 0.75
