"""Drawn videos: endless seeded footage that nobody owns, whose every motion is known exactly.

One description of a scene gives both the 16-frame clips that train the default encoder (`draw_clip`) and whole video
files (`draw_video`; `pretrain.drawn_library` for many). NumPy, OpenCV and PyAV only: the demo needs no torch.

Evidence that drawn footage teaches something about real footage: arXiv 2410.24213.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from pretrain.drawn_paths import Floats, Motion
from pretrain.drawn_scenes import Frames, Scene, make_scene


@dataclass(frozen=True, kw_only=True)
class DrawnClip:
    """One clip and the truth about it.

    frames: uint8 (T, H, W, 3) RGB.
    path_xy: float32 (T, 2), centre of the main mover, [-1, 1] inside the picture, clipped to [-1.5, 1.5].
    camera: float32 (T, 4), where the scene's point seen in the middle lies (x, y), log zoom, turn in radians.
    second_xy: float32 (T, 2), centre of the second mover; the main mover's where there is none.
    motion: family of the main mover's path.
    """

    frames: Frames
    path_xy: Floats
    camera: Floats
    second_xy: Floats
    motion: Motion


def draw_clip(
    rng: np.random.Generator,
    *,
    num_frames: int = 16,
    size_px: int = 64,
    motion: Motion | None = None,
    part: float = 0.25,
) -> DrawnClip:
    """One training clip of a random scene, with the exact path of its movers.

    The clip shows the whole movement; with probability `part` it is cut off by the clip's ends, as a window into a
    longer video is. Same generator state, same clip.
    """
    scene = make_scene(rng, motion=motion, background_px=2 * size_px)
    first, last = 0.0, 1.0
    if rng.random() < part:
        length = rng.uniform(0.4, 0.9)
        first = rng.uniform(0, 1 - length)
        last = first + length
    phase = first + (last - first) * (np.arange(num_frames) + 0.5) / num_frames
    path_xy = scene.movers[0].at(phase)
    return DrawnClip(
        frames=scene.render(phase, size_px, size_px),
        path_xy=np.clip(path_xy, -1.5, 1.5).astype(np.float32),
        camera=scene.camera(phase).astype(np.float32),
        second_xy=np.clip(scene.movers[-1].at(phase), -1.5, 1.5).astype(np.float32),
        motion=scene.motion,
    )


def draw_video(
    path: Path, acts: Iterable[tuple[Scene, float]], *, width_px: int = 320, height_px: int = 240, frame_rate: int = 25
) -> None:
    """Write an H.264 file that shows one scene after the other, each for its number of seconds. Sizes must be even."""
    import av

    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=Fraction(frame_rate), options={"crf": "23", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width_px, height_px, "yuv420p"
        for scene, seconds in acts:
            num_frames = max(1, round(seconds * frame_rate))
            for first in range(0, num_frames, frame_rate):  # a second at a time keeps memory small
                numbers = np.arange(first, min(first + frame_rate, num_frames))
                for picture in scene.render((numbers + 0.5) / num_frames, width_px, height_px):
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
