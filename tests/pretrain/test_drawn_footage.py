"""Drawn videos for frame tasks: what they share, and that they do not depend on the other tasks of a run."""

import dataclasses

import numpy as np

from pretrain.clip_dataset import drawn_footage
from pretrain.config import FootageConfig
from pretrain.drawn_footage import DrawnFootage
from pretrain.recipes import RECIPES
from pretrain.tasks.pace import Pace
from pretrain.tasks.statistics import Statistics


def test_videos__of_a_group_share_the_surroundings_and_not_what_moves() -> None:
    footage = DrawnFootage(size_px=24, num_frames=40, alike=4, seed=3)
    scenes = [footage.video(number, np.random.default_rng(number)).scene for number in range(8)]
    assert all(np.array_equal(scene.background, scenes[0].background) for scene in scenes[:4])
    assert not any(np.array_equal(scene.background, scenes[0].background) for scene in scenes[4:])
    ways = [scene.movers[0].at(np.linspace(0, 1, 5)).tobytes() for scene in scenes]
    assert len(set(ways)) == 8


def test_video__of_a_number_is_always_the_same() -> None:
    drawn = [DrawnFootage(size_px=24, num_frames=40, alike=4, seed=3).video(5, np.random.default_rng(1)) for _ in range(2)]
    here, there = (video.take(np.array([0, 20, 39])) for video in drawn)
    np.testing.assert_array_equal(here, there)


def test_length__is_the_same_for_all_tasks_but_those_that_need_more() -> None:
    laptop = RECIPES["laptop"]()
    assert {drawn_footage(laptop, task).num_frames for task in (Pace(), Statistics(), Statistics(strides=(1,)))} == {137, 128}
    short = dataclasses.replace(laptop, footage=FootageConfig(drawn_frames=64))
    assert drawn_footage(short, Pace()).num_frames == 61 + 16
    assert drawn_footage(short, Statistics(strides=(1,))).num_frames == 64
