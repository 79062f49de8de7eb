"""Drawn videos: endless seeded footage that nobody owns, whose every motion is known exactly.

One description of a scene gives both the 16-frame clips that train the default encoder (`draw_clip`) and whole video
files (`draw_video`; `pretrain.drawn_library` for many). NumPy, OpenCV and PyAV only: the demo needs no torch.

Evidence that drawn footage teaches something about real footage: arXiv 2410.24213.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

from pretrain.drawn_casts import Kind
from pretrain.drawn_paths import Floats, Motion
from pretrain.drawn_scenes import Frames, Scene, make_scene, make_training_scene
from pretrain.drawn_things import Doubles, Mover


@dataclass(frozen=True, kw_only=True)
class DrawnClip:
    """One clip and the truth about it. Truths are float32; angles are clockwise in the picture.

    frames: uint8 (T, H, W, 3) RGB.
    path_xy: (T, 2), where the main mover is seen, [-1, 1] inside the picture, clipped to [-1.5, 1.5]: its centre, for figures
        their torso, or the hand or foot that does the gesture.
    second_xy: (T, 2), the same of the second mover; the main mover's where there is none.
    has_second: whether there is one.
    camera: (T, 4), where the scene's point seen in the middle lies (x, y), log zoom, turn in radians.
    turn: (T, 2), cos and sin of the main mover's turn in the picture plane since the first frame; of figures, their torso's.
    flip: (T, 2), cos and sin of its turn in space about an axis of its own since the first frame; (1, 0) for what does not flip.
    kind: what moves. motion: family of the main mover's path, None where it follows from what the mover does.
    """

    frames: Frames
    path_xy: Floats
    second_xy: Floats
    has_second: bool
    camera: Floats
    turn: Floats
    flip: Floats
    kind: Kind
    motion: Motion | None


def draw_clip(
    rng: np.random.Generator,
    *,
    num_frames: int = 16,
    size_px: int = 64,
    motion: Motion | None = None,
    kind: Kind | Literal["any"] = "any",
    part: float = 0.25,
) -> DrawnClip:
    """One training clip of a random scene, with the truth about everything that moves in it.

    motion: a scene with one hand-like mover on a path of this family; or else kind: a scene of this kind, or of any.
    The clip shows the whole movement; with probability `part` it is cut off by the clip's ends, as a window into a
    longer video is. Same generator state, same clip.
    """
    if motion is None:
        scene = make_training_scene(rng, kind=kind, background_px=2 * size_px)
    else:
        scene = make_scene(rng, motion=motion, background_px=2 * size_px)
    first, last = 0.0, 1.0
    if rng.random() < part:
        length = rng.uniform(0.4, 0.9)
        first = rng.uniform(0, 1 - length)
        last = first + length
    phase = first + (last - first) * (np.arange(num_frames) + 0.5) / num_frames
    main = scene.movers[0]
    path_xy = _place(main, phase)
    has_second = len(scene.movers) > 1
    return DrawnClip(
        frames=scene.render(phase, size_px, size_px),
        path_xy=path_xy,
        second_xy=_place(scene.movers[1], phase) if has_second else path_xy,
        has_second=has_second,
        camera=scene.camera(phase).astype(np.float32),
        turn=_since_first(main.turn_at(phase)),
        flip=_since_first(main.flip_at(phase)),
        kind=scene.kind,
        motion=scene.motion,
    )


def _place(mover: Mover, phase: Doubles) -> Floats:
    return np.clip(mover.at(phase), -1.5, 1.5).astype(np.float32)


def _since_first(angle_T: Doubles) -> Floats:
    """Angles in radians as cos and sin (T, 2) of what has been turned since the first."""
    since = angle_T - angle_T[0]
    return np.stack([np.cos(since), np.sin(since)], axis=1).astype(np.float32)


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
