"""Every file of the footage's manifests gets the outcome that its manifest says."""

import re
from pathlib import Path
from typing import Any

import pytest

from embedder.embed_videos import LOW_INFORMATION, PLAIN, EmbeddedVideo, RejectedVideo, embed_videos
from embedder.onnx_encoder import OnnxEncoder
from tests.helpers.footage import footage, manifest

pytestmark = pytest.mark.data

SEVERAL_STREAMS = re.compile("(two|second) video")
Outcomes = dict[Path, EmbeddedVideo | RejectedVideo]

MAY_INDEX = {"index", "partial", "index or reject", "index or skip", "reject or index as one frame"}
MAY_REJECT = {"reject", "partial", "index or reject", "reject or skip", "reject or index as one frame"}


def outcomes(folder: str, encoder: OnnxEncoder) -> Outcomes:
    root = footage(folder)
    return {result.path: result for result in embed_videos([root / row["file"] for row in manifest(folder)], encoder)}


@pytest.fixture(scope="module")
def broken(encoder: OnnxEncoder) -> Outcomes:
    return outcomes("broken", encoder)


@pytest.fixture(scope="module")
def sound(encoder: OnnxEncoder) -> Outcomes:
    return outcomes("clips", encoder)


def rows(folder: str) -> list[Any]:
    found = manifest(folder)
    # One row stands for the missing ones, so that their absence is seen.
    return [pytest.param(row, id=row["file"]) for row in found] or [pytest.param({"file": ""}, id="absent")]


@pytest.mark.parametrize("row", rows("broken"))
def test_broken(broken: Outcomes, row: dict[str, str]) -> None:
    result = broken[footage("broken") / row["file"]]
    if isinstance(result, RejectedVideo):
        assert row["outcome"] in MAY_REJECT, result.reason
        assert result.reason
        assert "\n" not in result.reason
    else:
        assert row["outcome"] in MAY_INDEX
        check_embedded(result)
        assert row["outcome"] != "partial" or result.warnings


@pytest.mark.parametrize("row", rows("clips"))
def test_clips(sound: Outcomes, row: dict[str, str]) -> None:
    result = sound[footage("clips") / row["file"]]
    assert isinstance(result, EmbeddedVideo), result
    check_embedded(result)
    if not SEVERAL_STREAMS.search(row["notes"]):  # which of them is best is a matter of taste
        assert result.facts.num_frames == int(row["frames"])
        assert {result.facts.width, result.facts.height} == {int(row["width"]), int(row["height"])}
    if row["duration_s"] and row["file"] not in OTHER_DURATION and not SEVERAL_STREAMS.search(row["notes"]):
        assert result.facts.duration_s == pytest.approx(float(row["duration_s"]), abs=0.25)


OTHER_DURATION = {
    "exoplayer_sample_fragmented.mp4",  # the header says 40 hours for one second
    "photoprism_earth.avi",  # the header counts the sound, which is longer
    "photoprism_earth.mov",
}


def check_embedded(video: EmbeddedVideo) -> None:
    num_clips = len(video.spans_s)
    assert num_clips == len(video.vectors) == len(video.flags) == len(video.thumbnails) >= 1
    assert abs((video.vectors**2).sum(axis=1) - 1).max() < 1e-4
    assert (video.spans_s[:, 0] < video.spans_s[:, 1]).all()
    assert video.spans_s.max() <= video.facts.duration_s + 1e-6
    assert all(picture[:4] == b"RIFF" and picture[8:12] == b"WEBP" for picture in video.thumbnails)
    assert all("\n" not in line for line in video.warnings)


@pytest.mark.parametrize("name", ["all_black.mp4", "all_gray.mkv", "frozen_picture.mp4", "four_hours_static_1fps.mkv"])
def test_broken__nothing_to_see_is_flagged(broken: Outcomes, name: str) -> None:
    """Also whether it is plain: in the frozen picture, there is something to see."""
    result = broken[footage("broken") / name]
    assert isinstance(result, EmbeddedVideo)
    assert set(result.flags) == {LOW_INFORMATION if name == "frozen_picture.mp4" else LOW_INFORMATION | PLAIN}


def test_clips__one_scene_in_many_formats_gives_one_vector(sound: Outcomes) -> None:
    """Where the scene was neither turned, nor cropped, nor cut short, nor given other colours, it should look alike."""
    scene = sound[footage("clips") / "derived_moov_at_end.mp4"]
    assert isinstance(scene, EmbeddedVideo)
    for path, video in sound.items():
        alike = path.name.startswith("derived_") and not any(word in path.name for word in ("rotate", "hdr10", "portrait"))
        if alike and isinstance(video, EmbeddedVideo) and abs(video.facts.duration_s - 2.4) < 0.05:
            assert float(video.vectors[-1] @ scene.vectors[-1]) > 0.97, path.name
