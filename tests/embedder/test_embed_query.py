from pathlib import Path

import numpy as np
import pytest

from embedder.clip_plan import plan_query
from embedder.embed_query import embed_query
from embedder.embed_videos import EmbeddedVideo, embed_videos
from embedder.errors import QueryTooLong, VideoRejected
from embedder.onnx_encoder import OnnxEncoder
from tests.helpers.counting_video import draw_counting_video
from tests.helpers.make_video import draw_moving_picture


def indexed(path: Path, encoder: OnnxEncoder) -> EmbeddedVideo:
    (video,) = embed_videos([path], encoder)
    assert isinstance(video, EmbeddedVideo)
    return video


@pytest.mark.parametrize("seconds", [6.0, 45.0])  # the later spans of the long one are found by seeking
def test_embed_query__sees_the_pixels_of_indexing(tmp_path: Path, encoder: OnnxEncoder, seconds: float) -> None:
    path = draw_moving_picture(tmp_path / "v.mp4", seconds=seconds, seed=5)
    video = indexed(path, encoder)
    for row in range(0, len(video.spans_s), len(video.spans_s) // 6):
        start_s, end_s = video.spans_s[row]
        query = embed_query(path, encoder, start_s=start_s, end_s=end_s)
        assert query.whole == 0
        assert query.duration_s == pytest.approx(end_s - start_s)
        assert float(query.vectors[0] @ video.vectors[row]) > 0.99999


@pytest.mark.parametrize("name", ["v.mkv", "v.ts", "v.avi", "v.webm"])
def test_embed_query__sees_the_pixels_of_indexing_in_every_container(tmp_path: Path, encoder: OnnxEncoder, name: str) -> None:
    codec = {"v.avi": "mpeg4", "v.webm": "libvpx"}.get(name, "libx264")
    path = draw_counting_video(tmp_path / name, num_frames=25 * 40, gop=60, codec=codec, size=(64, 48))
    video = indexed(path, encoder)
    for row in (3, 52, 70):
        start_s, end_s = video.spans_s[row]
        query = embed_query(path, encoder, start_s=start_s, end_s=end_s)
        assert float(query.vectors[0] @ video.vectors[row]) > 0.99999


def test_embed_query__plan_and_seconds_count_from_the_query(tmp_path: Path, encoder: OnnxEncoder) -> None:
    path = draw_moving_picture(tmp_path / "v.mp4", seconds=8.0)
    query = embed_query(path, encoder, start_s=2.2, end_s=6.2)
    assert np.allclose(query.spans_s, plan_query(4.0, (1.0, 2.0)).spans_s)
    assert query.whole is None
    assert query.vectors.shape == (len(query.spans_s), encoder.card.dim)


def test_embed_query__whole_file(tmp_path: Path, encoder: OnnxEncoder) -> None:
    query = embed_query(draw_moving_picture(tmp_path / "v.mp4", seconds=1.5), encoder)
    assert query.duration_s == pytest.approx(1.5, abs=0.01)
    assert query.spans_s[query.whole or 0].tolist() == [0, query.duration_s]
    assert not query.is_low_information


def test_embed_query__range_past_the_end_is_cut_there(tmp_path: Path, encoder: OnnxEncoder) -> None:
    path = draw_moving_picture(tmp_path / "v.mp4", seconds=3.0)
    assert embed_query(path, encoder, start_s=2.0, end_s=9.0).duration_s == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("start_s", [3.5, 100.0])
def test_embed_query__nothing_there(tmp_path: Path, encoder: OnnxEncoder, start_s: float) -> None:
    path = draw_moving_picture(tmp_path / "v.mp4", seconds=3.0)
    with pytest.raises(VideoRejected, match=r"the video ends at 3\.00 s"):
        embed_query(path, encoder, start_s=start_s, end_s=start_s + 2)


def test_embed_query__frozen_has_low_information(tmp_path: Path, encoder: OnnxEncoder) -> None:
    still = draw_counting_video(tmp_path / "still.mp4", times_s=[0.0, 4.0])
    query = embed_query(still, encoder, start_s=0.5, end_s=3.5)
    assert query.is_low_information
    assert len(query.vectors) == len(query.spans_s) > 1


@pytest.mark.parametrize(("start_s", "end_s"), [(-1.0, 2.0), (2.0, 2.0), (3.0, 1.0)])
def test_embed_query__impossible_ranges(tmp_path: Path, encoder: OnnxEncoder, start_s: float, end_s: float) -> None:
    with pytest.raises(ValueError, match="start"):
        embed_query(tmp_path / "v.mp4", encoder, start_s=start_s, end_s=end_s)


def test_embed_query__too_long(tmp_path: Path, encoder: OnnxEncoder) -> None:
    with pytest.raises(QueryTooLong, match="300 s"):
        embed_query(tmp_path / "v.mp4", encoder, start_s=0, end_s=400)
    long = draw_counting_video(tmp_path / "long.mp4", times_s=[float(t) for t in range(320)], size=(32, 24))
    with pytest.raises(QueryTooLong, match="300 s"):
        embed_query(long, encoder)


def test_embed_query__bad_files(tmp_path: Path, encoder: OnnxEncoder) -> None:
    with pytest.raises(FileNotFoundError):
        embed_query(tmp_path / "none.mp4", encoder)
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"words")
    with pytest.raises(VideoRejected, match="text file"):
        embed_query(bad, encoder)
