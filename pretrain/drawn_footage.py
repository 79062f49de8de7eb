"""Drawn videos for tasks that cut their examples from any footage."""

from dataclasses import dataclass

import numpy as np

from pretrain.drawn_scenes import make_training_scene
from pretrain.frame_source import DrawnFrames


@dataclass(frozen=True, kw_only=True)
class DrawnFootage:
    """Endless drawn videos by number, each one scene from its beginning to its end.

    size_px: of a side of every frame. num_frames: of every video. alike: so many videos in a row are set in the same
    surroundings, seen by the same camera in the same light; only what moves is each one's own. A task that compares videos
    would otherwise need no more than one frame of each. seed: of the surroundings.
    """

    size_px: int
    num_frames: int
    alike: int = 1
    seed: int = 0

    def video(self, number: int, rng: np.random.Generator) -> DrawnFrames:
        """rng: decides what moves in it, and how."""
        # A key of its own, so that the numbers are not those of another generator of the same seed.
        surroundings = np.random.SeedSequence([self.seed, number // self.alike], spawn_key=(1,))
        scene = make_training_scene(rng, surroundings=np.random.default_rng(surroundings), background_px=2 * self.size_px)
        return DrawnFrames(scene=scene, num_frames=self.num_frames, size_px=self.size_px)
