"""Drawn footage is worth as much as its truth: the paths must be where the movers are seen, and a seed must mean one video."""

import csv
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from pretrain.drawn_library import draw_library
from pretrain.drawn_paths import MOTIONS, SHAPES, Motion, make_path, make_shape
from pretrain.drawn_scenes import make_scene
from pretrain.drawn_videos import draw_clip


def test_draw_clip__same_seed_same_clip() -> None:
    one, other = (draw_clip(np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one.frames, other.frames)
    assert np.array_equal(one.path_xy, other.path_xy)
    assert not np.array_equal(one.frames, draw_clip(np.random.default_rng(8)).frames)


def test_draw_clip__shapes_types_and_ranges() -> None:
    clip = draw_clip(np.random.default_rng(0), num_frames=8, size_px=32)
    assert clip.frames.shape == (8, 32, 32, 3) and clip.frames.dtype == np.uint8
    assert clip.path_xy.shape == clip.second_xy.shape == (8, 2) and clip.camera.shape == (8, 4)
    for truth in (clip.path_xy, clip.second_xy, clip.camera):
        assert truth.dtype == np.float32 and np.isfinite(truth).all()
    assert np.abs(clip.path_xy).max() <= 1.5


@pytest.mark.parametrize("motion", MOTIONS)
def test_path_is_where_the_mover_is_seen(motion: Motion) -> None:
    """With everything else held still, the pixels that the mover changes lie around its path in every frame."""
    rng = np.random.default_rng(MOTIONS.index(motion))
    scene = make_scene(rng, motion=motion, background_px=256)
    mover = replace(scene.movers[0], arm=None, growth=0.0)
    still = replace(scene, camera_walk=np.zeros_like(scene.camera_walk), standing=(), in_front=0, noise=0.0, blur=0.0)
    still = replace(still, light=(1.0, 0.0, 0.0, 0.0), movers=(mover,))
    gone = replace(still, movers=(replace(mover, path=mover.path * 0 + 9),))
    phase = (np.arange(16) + 0.5) / 16
    changed = np.abs(still.render(phase, 128, 128).astype(int) - gone.render(phase, 128, 128)).sum(axis=3) > 20
    seen = 0
    for mask, (x, y) in zip(changed, mover.at(phase), strict=True):
        if max(abs(x), abs(y)) < 0.5 and mask.sum() > 20:
            rows, columns = np.nonzero(mask)
            centre = np.array([columns.mean(), rows.mean()]) / 64 - 1
            assert np.hypot(*(centre - (x, y))) < 0.6 * mover.radius + 0.05
            seen += 1
    assert seen > 0 or np.abs(mover.at(phase)).max(axis=1).min() >= 0.5


def test_size_of_rendering_does_not_change_the_motion() -> None:
    scene = make_scene(np.random.default_rng(3), background_px=512)
    scene = replace(scene, noise=0.0)
    phase = np.array([0.2, 0.8])
    small, large = scene.render(phase, 64, 64), scene.render(phase, 256, 256)
    shrunk = large.reshape(2, 64, 4, 64, 4, 3).mean(axis=(2, 4))
    assert np.abs(shrunk - small).mean() < 12


def test_paths_are_walked_evenly_and_vary() -> None:
    for motion in MOTIONS:
        if motion != "still":
            steps = np.hypot(*np.diff(make_path(motion, np.random.default_rng(0)), axis=0).T)
            assert steps.max() < 6 * np.median(steps)
    circle, again = (make_shape("circle", np.random.default_rng(seed)) for seed in (0, 1))
    assert not np.array_equal(circle, again)
    swipe = make_shape("swipe-right", np.random.default_rng(0))
    assert swipe[-1, 0] > swipe[0, 0], "a named shape is always drawn the same way round"


def test_draw_library__files_play_and_truth_lies_beside_them(tmp_path: Path) -> None:
    files = draw_library(tmp_path, videos_per_shape=2, num_reels=1, acts_per_reel=2)
    assert len(files) == 2 * len(SHAPES) + 1
    with (tmp_path / "labels.csv").open() as file:
        labels = list(csv.DictReader(file))
    assert {row["label"] for row in labels} == set(SHAPES)
    assert {row["split"] for row in labels} == {"train", "test"}
    with (tmp_path / "moments.csv").open() as file:
        moments = list(csv.DictReader(file))
    with av.open(str(tmp_path / "reel-1.mp4")) as container:
        num_frames = sum(1 for _ in container.decode(video=0))
    assert num_frames / 25 == pytest.approx(float(moments[-1]["end_s"]), abs=0.05)


def test_draw_library__what_is_there_is_kept(tmp_path: Path) -> None:
    first = draw_library(tmp_path, videos_per_shape=1, num_reels=1, acts_per_reel=2)
    truth = (tmp_path / "moments.csv").read_text()
    first[0].write_bytes(b"kept")
    draw_library(tmp_path, videos_per_shape=1, num_reels=1, acts_per_reel=2)
    assert first[0].read_bytes() == b"kept"
    assert (tmp_path / "moments.csv").read_text() == truth
