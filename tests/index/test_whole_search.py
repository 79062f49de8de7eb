"""A short query is compared at once and piece by piece; either alone could not tell these videos apart."""

import numpy as np
import pytest

from index.search.video_view import VideoView
from tests.index.reference.whole_search import WholeClipSearch

SPANS_S = np.array([[0.0, 2.0], [1.0, 3.0], [0.0, 3.0]])
X, Y, Z = np.eye(3, dtype=np.float32)


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _view(video_id: int, piece: np.ndarray) -> VideoView:
    vectors = np.stack([piece, piece, _unit(X + Y)])
    none = np.zeros(3, np.bool_)
    return VideoView(video_id, 0.0, 3.0, np.arange(3), SPANS_S, vectors, none, none, np.array([False, False, True]))


def test_score__is_half_the_whole_and_half_the_pieces() -> None:
    parts = _unit(2 * X + X)
    search = WholeClipSearch(X, parts, 3.0, [], factor=1.2, include_flagged=False)
    alike, unlike = search.places([_view(1, X), _view(2, Z)], limit=1)
    whole = float(X @ _unit(X + Y))
    assert alike.score == pytest.approx((whole + float(parts @ _unit(2 * X + _unit(X + Y)))) / 2, abs=1e-5)
    assert unlike.score == pytest.approx((whole + float(parts @ _unit(2 * Z + _unit(X + Y)))) / 2, abs=1e-5)
    assert alike.score > unlike.score + 0.2


def test_score__without_parts_is_the_cosine() -> None:
    search = WholeClipSearch(X, None, 3.0, [], factor=1.2, include_flagged=False)
    alike, unlike = search.places([_view(1, X), _view(2, Z)], limit=1)
    assert alike.score == unlike.score == pytest.approx(float(X @ _unit(X + Y)), abs=1e-5)
