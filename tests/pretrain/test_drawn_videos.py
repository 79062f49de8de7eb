"""Drawn footage is worth as much as its truth: the paths must be where the movers are seen, and a seed must mean one video."""

import csv
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pretrain.drawn_boards import Board
from pretrain.drawn_casts import KIND_SHARES, Kind
from pretrain.drawn_figures import Figure
from pretrain.drawn_hands import Hand
from pretrain.drawn_library import draw_library
from pretrain.drawn_paths import MOTIONS, SHAPES, Motion, make_path, make_shape
from pretrain.drawn_scenes import Light, Scene, make_scene, make_training_scene
from pretrain.drawn_things import Mover
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
    for truth in (clip.path_xy, clip.second_xy, clip.camera, clip.turn, clip.flip):
        assert truth.dtype == np.float32 and np.isfinite(truth).all()
    assert np.abs(clip.path_xy).max() <= 1.5


def test_draw_clip__kinds_and_truths_that_go_with_them() -> None:
    """Turns start at none, only boards flip, and there is a second path exactly where there is a second mover."""
    flipped = set()
    for kind in KIND_SHARES:
        for seed in range(8):
            clip = draw_clip(np.random.default_rng([1, seed]), kind=kind, num_frames=6, size_px=24, part=0.0)
            assert clip.kind == kind
            for angle in (clip.turn, clip.flip):
                assert np.allclose(angle[0], (1, 0)) and np.allclose(np.hypot(*angle.T), 1, atol=1e-5)
            assert clip.has_second or np.array_equal(clip.second_xy, clip.path_xy)
            if not np.allclose(clip.flip, (1, 0)):
                flipped.add(kind)
            if kind in ("encounter", "crowd"):
                assert clip.has_second and not np.array_equal(clip.second_xy, clip.path_xy)
    assert flipped == {"board"}


def test_draw_clip__with_a_motion_is_a_classical_scene() -> None:
    clips = [draw_clip(np.random.default_rng(seed), motion="star", num_frames=2, size_px=16) for seed in range(12)]
    assert {(clip.kind, clip.motion) for clip in clips} == {("hand", "star")}


def bare(scene: Scene, *movers: Mover) -> Scene:
    """The scene with only these movers in it, and everything else held still."""
    still = replace(scene, camera_walk=np.zeros_like(scene.camera_walk), standing=(), in_front=0, noise=0.0, blur=0.0)
    return replace(still, light=Light(), bars=(0.0, 0.0), movers=movers)


def seen_at(scene: Scene, mover: Mover, phase: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which pixels (T, 128, 128) the mover changes."""
    with_it, without = bare(scene, mover).render(phase, 128, 128), bare(scene).render(phase, 128, 128)
    return np.asarray(np.abs(with_it.astype(int) - without).sum(axis=3) > 20)


PHASE = (np.arange(16) + 0.5) / 16


@pytest.mark.parametrize("motion", MOTIONS)
def test_path_is_where_the_mover_is_seen(motion: Motion) -> None:
    """With everything else held still, the pixels that the mover changes lie around its path in every frame."""
    scene = make_scene(np.random.default_rng(MOTIONS.index(motion)), motion=motion, background_px=256)
    assert isinstance(scene.movers[0], Hand)
    mover = replace(scene.movers[0], arm=None, growth=0.0)
    seen = 0
    for mask, (x, y) in zip(seen_at(scene, mover, PHASE), mover.at(PHASE), strict=True):
        if max(abs(x), abs(y)) < 0.5 and mask.sum() > 20:
            rows, columns = np.nonzero(mask)
            centre = (np.array([columns.mean(), rows.mean()]) + 0.5) / 64 - 1
            assert np.hypot(*(centre - (x, y))) < 0.6 * mover.radius + 0.05
            seen += 1
    assert seen > 0 or np.abs(mover.at(PHASE)).max(axis=1).min() >= 0.5


@pytest.mark.parametrize("kind", [kind for kind in KIND_SHARES if kind != "hand"])
def test_labelled_point_lies_on_what_is_seen(kind: Kind) -> None:
    """For every kind and mover: the labelled point lies on the thing, and for whole bodies and plates near its middle."""
    looked_at = hits = 0
    offsets = []
    for seed in range(6):
        scene = make_training_scene(np.random.default_rng(seed), kind=kind, background_px=256)
        for mover in scene.movers[:2]:
            if isinstance(mover, Hand):
                mover = replace(mover, arm=None)
            whole = not isinstance(mover, Figure) or mover.label == "torso"
            for mask, (x, y) in zip(seen_at(scene, mover, PHASE), mover.at(PHASE), strict=True):
                if max(abs(x), abs(y)) < 0.9:
                    looked_at += 1
                    row, column = int((y + 1) * 64), int((x + 1) * 64)
                    hits += bool(mask[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3].any())
                if whole and max(abs(x), abs(y)) < 1 - 1.5 * mover.radius and mask.any():
                    rows, columns = np.nonzero(mask)
                    centre = (np.array([columns.mean(), rows.mean()]) + 0.5) / 64 - 1
                    offsets.append(np.hypot(*(centre - (x, y))) / mover.radius)
    assert looked_at > 50
    assert hits > 0.97 * looked_at
    assert not offsets or np.median(offsets) < 0.4


def hand_figure(seed: int, gesture_of: str) -> tuple[Scene, Figure]:
    """A solo figure whose label is the hand or foot, in its scene."""
    for i in range(200):
        scene = make_training_scene(np.random.default_rng([seed, i]), kind="figure", background_px=256)
        figure = scene.movers[0]
        if isinstance(figure, Figure) and figure.label == gesture_of:
            return scene, figure
    raise AssertionError(f"no figure is labelled at its {gesture_of}")


@pytest.mark.parametrize("label", ["hand", "foot"])
def test_gesture__the_label_is_at_the_hand_or_foot_itself(label: str) -> None:
    """Painted in a colour of their own, the tips are found where the label says, while the torso's label is elsewhere."""
    scene, figure = hand_figure(3, label)
    plain = {part: np.zeros(3) for part in ("torso", "head", "arms", "legs")}
    figure = replace(figure, looks=replace(figure.looks, **plain, tips=np.full(3, 255.0), stripe=None, cloth=None))
    dark = replace(bare(scene, figure), background=np.zeros_like(scene.background))
    bright = dark.render(PHASE, 128, 128).sum(axis=3) > 200
    for mask, (x, y) in zip(bright, figure.at(PHASE), strict=True):
        if max(abs(x), abs(y)) < 0.95:
            row, column = int((y + 1) * 64), int((x + 1) * 64)
            assert mask[max(row - 3, 0) : row + 4, max(column - 3, 0) : column + 4].any()
    assert np.ptp(figure.at(PHASE), axis=0).max() > 2 * np.ptp(replace(figure, label="torso").at(PHASE), axis=0).max()


def test_board__turning_about_its_length_shows_its_back() -> None:
    """A plate seen head-on shows its front; half a turn later it shows its back, and a quarter turn its edge alone."""
    scene = make_training_scene(np.random.default_rng(0), kind="board", background_px=256)
    board = next(mover for mover in scene.movers if isinstance(mover, Board))
    board = replace(board, front=np.array([250.0, 0, 0]), back=np.array([0.0, 0, 250]), edge=np.array([0.0, 250, 0]), marks=())
    board = replace(board, wheels=False, tilt=0.0, axis="long", radius=0.5, path=board.path * 0, thickness=0.05)
    board = replace(board, turns=lambda phase: phase * 0, flips=lambda phase: 2 * np.pi * phase)
    dark = replace(bare(scene, board), background=np.zeros_like(scene.background))
    head_on, edge_on, behind = (dark.render(np.array([phase]), 128, 128)[0].sum(axis=(0, 1)) for phase in (0.0, 0.25, 0.5))
    assert head_on.argmax() == 0 and edge_on.argmax() == 1 and behind.argmax() == 2
    assert edge_on.sum() < 0.5 * head_on.sum(), "seen from its edge it is foreshortened"


@pytest.mark.parametrize("kind", KIND_SHARES)
def test_render__a_frame_does_not_depend_on_which_others_are_asked_for(kind: Kind) -> None:
    scene = make_training_scene(np.random.default_rng(5), kind=kind)
    scene = replace(scene, noise=8.0, light=replace(scene.light, flicker=0.05))
    everything = scene.render(PHASE, 32, 32)
    assert np.array_equal(scene.render(PHASE[[9, 2, 2, 15]], 32, 32), everything[[9, 2, 2, 15]])
    assert np.array_equal(scene.render(PHASE[7:8], 32, 32)[0], everything[7])


def test_render__every_frame_has_noise_of_its_own() -> None:
    scene = make_training_scene(np.random.default_rng(5), kind="hand")
    noisy = replace(bare(scene), noise=8.0, background=np.full_like(scene.background, 128))
    one, other = noisy.render(np.array([0.4, 0.4 + 1 / 1000]), 32, 32).astype(float) - 128
    assert abs(float((one * other).mean())) < 0.1 * float((one * one).mean())
    another_scene = replace(noisy, seed=noisy.seed + 1)
    assert not np.array_equal(another_scene.render(np.array([0.4]), 32, 32), noisy.render(np.array([0.4]), 32, 32))


def test_light_jumps_at_its_phase() -> None:
    scene = bare(make_scene(np.random.default_rng(0)))
    scene = replace(scene, background=np.full_like(scene.background, 100), light=Light(jump_at=0.5, jump=1.5))
    before, after = scene.render(np.array([0.49, 0.51]), 16, 16)
    assert (before == 100).all() and (after == 150).all()


def test_bars_are_black_and_leave_the_rest() -> None:
    scene = replace(bare(make_scene(np.random.default_rng(0))), bars=(0.0, 0.125))
    scene = replace(scene, background=np.full_like(scene.background, 100))
    (frame,) = scene.render(np.array([0.5]), 16, 16)
    assert (frame[:2] == 0).all() and (frame[-2:] == 0).all() and (frame[2:-2] == 100).all()


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
