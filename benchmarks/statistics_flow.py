"""How right the motion labels of the statistics task are with each quality of optical flow, on clips whose true flow is known.

    python benchmarks/statistics_flow.py
    python benchmarks/statistics_flow.py --size 112 --clips 100

Clips show one or two textured or plain discs that travel, turn and grow on a textured ground before a moving camera, most with
noise, half of them blurred. Printed: the flow's mean error in pixels; how often a label is that of the true flow (blocks of the
grid, rings and triangles, directions, times), beside always saying the commonest; and processor time per clip, on one thread.
"""

import argparse
import time
from dataclasses import dataclass
from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from pretrain.drawn_paths import MOTIONS, make_path
from pretrain.motion_statistics import motion_values
from pretrain.optical_flow import Flow, flow_of_clip

KINDS = {"grid": [0, 2], "rings": [4, 6], "triangles": [8, 10], "directions": [1, 3, 5, 7, 9, 11], "times": [12, 13]}
Floats = NDArray[np.float32]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64, help="pixels of a clip's side")
    parser.add_argument("--clips", type=int, default=60)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(1)
    drawn = [draw(rng, args.size, num_frames=16) for _ in range(args.clips)]
    true = np.stack([motion_values(flow) for _, flow in drawn])
    commonest = np.array([np.bincount(column).max() / args.clips for column in true.T])
    print(f"{args.clips} clips, 16 frames, {args.size} pixels a side")
    print(f"{'':16}{'ms':>8}{'error px':>10}" + "".join(f"{kind:>12}" for kind in KINDS))
    print(f"{'commonest':16}{'':8}{'':10}" + shares(commonest))
    for method in get_args(Flow):
        began_s = time.process_time()
        flows = [flow_of_clip(frames, method) for frames, _ in drawn]
        milliseconds = (time.process_time() - began_s) / args.clips * 1000
        error_px = np.mean([np.linalg.norm(flow - truth, axis=-1).mean() for flow, (_, truth) in zip(flows, drawn, strict=True)])
        right = (np.stack([motion_values(flow) for flow in flows]) == true).mean(axis=0)
        print(f"{method:16}{milliseconds:8.1f}{error_px:10.2f}" + shares(right))


def shares(of_values: NDArray[np.float64]) -> str:
    return "".join(f"{of_values[places].mean():12.2f}" for places in KINDS.values())


@dataclass(frozen=True, kw_only=True)
class Layer:
    """picture (n, n, 3) and cover (n, n) of one thing; at: (T, 3, 3), from its pixels to the clip's; beyond: what its cover does
    outside of it.
    """

    picture: Floats
    cover: Floats
    at: NDArray[np.float64]
    beyond: int = cv2.BORDER_CONSTANT


def draw(rng: np.random.Generator, size: int, num_frames: int) -> tuple[NDArray[np.uint8], Floats]:
    """Frames uint8 (T, S, S, 3), and the flow from each to the next, float32 (T - 1, S, S, 2)."""
    layers = [ground(rng, size, num_frames), *(disc(rng, size, num_frames) for _ in range(rng.integers(1, 3)))]
    noise = rng.uniform(0, 10) if rng.random() < 0.7 else 0.0
    blur = rng.uniform(0.3, 1.0) * size / 64 if rng.random() < 0.5 else 0.0
    column, row = np.meshgrid(np.arange(size), np.arange(size))
    points = np.stack([column, row, np.ones_like(row)], axis=-1).astype(np.float64)
    frames = np.empty((num_frames, size, size, 3), np.uint8)
    flow = np.zeros((num_frames - 1, size, size, 2), np.float32)
    for t in range(num_frames):
        canvas = np.zeros((size, size, 3), np.float32)
        for layer in layers:
            to_clip = layer.at[t, :2]
            picture = cv2.warpAffine(layer.picture, to_clip, (size, size), borderMode=cv2.BORDER_REFLECT_101)
            cover = cv2.warpAffine(layer.cover, to_clip, (size, size), borderMode=layer.beyond)
            canvas += cover[..., None] * (picture - canvas)
            if t + 1 < num_frames:
                moved = points @ (layer.at[t + 1] @ np.linalg.inv(layer.at[t])).T - points
                flow[t][cover > 0.5] = moved[..., :2][cover > 0.5]
        if blur > 0:
            canvas = np.asarray(cv2.GaussianBlur(canvas, (0, 0), blur), np.float32)
        frames[t] = np.clip(canvas + noise * rng.standard_normal(canvas.shape), 0, 255)
    return frames, flow


def ground(rng: np.random.Generator, size: int, num_frames: int) -> Layer:
    """A texture seen by a camera that shakes, zooms and turns a little; four times in ten it pans as well."""
    pan = np.cumsum(rng.normal(0, 0.004 * size, (num_frames, 2)), axis=0)
    if rng.random() < 0.4:
        pan += np.linspace(0, 1, num_frames)[:, None] * rng.normal(0, 0.15 * size, 2)
    time_T = np.linspace(0, 1, num_frames)
    at = placed(size / 2 + pan, time_T * rng.normal(0, 0.05), time_T * rng.normal(0, 0.07), size)
    octaves = [(3, 6, 12, 24), (2, 4, 48), (3, 6, 12, 24, 48)][int(rng.integers(3))]
    everywhere = np.ones((2 * size, 2 * size), np.float32)
    return Layer(picture=texture(rng, 2 * size, octaves), cover=everywhere, at=at, beyond=cv2.BORDER_REPLICATE)


def disc(rng: np.random.Generator, size: int, num_frames: int) -> Layer:
    """A round thing on a random path."""
    path = make_path(MOTIONS[int(rng.integers(len(MOTIONS)))], rng) * rng.uniform(0.25, 0.75) + rng.uniform(-0.3, 0.3, 2)
    along = path[np.linspace(0, len(path) - 1, num_frames).astype(int)]
    radius = size * rng.uniform(0.06, 0.2)
    width = int(2 * radius) + 1
    plain = np.full((width, width, 3), rng.uniform(0, 255, 3), np.float32)
    row, column = np.mgrid[:width, :width] - radius
    time_T = np.linspace(0, 1, num_frames)
    return Layer(
        picture=texture(rng, width, (3, 6)) if rng.random() < 0.7 else plain,
        cover=(column**2 + (row * rng.uniform(1, 1.7)) ** 2 < radius**2).astype(np.float32),
        at=placed((along + 1) * size / 2, rng.uniform(0, 6) + time_T * rng.normal(0, 0.8), time_T * rng.normal(0, 0.2), radius),
    )


def texture(rng: np.random.Generator, width: int, octaves: tuple[int, ...]) -> Floats:
    picture = np.zeros((width, width, 3), np.float32) + rng.uniform(60, 190, 3).astype(np.float32)
    for cells in octaves:
        coarse = rng.standard_normal((cells, cells, 3)).astype(np.float32) * (40 * (octaves[0] / cells) ** 0.5)
        picture += cv2.resize(coarse, (width, width), interpolation=cv2.INTER_CUBIC)
    return picture


def placed(
    centre_T2: NDArray[np.float64], turn_T: NDArray[np.float64], growth_T: NDArray[np.float64], origin: float
) -> NDArray[np.float64]:
    """Matrices (T, 3, 3) that turn and enlarge (growth: log of the factor) about a thing's pixel (origin, origin) and lay that at
    the centre.
    """
    at = np.tile(np.eye(3), (len(turn_T), 1, 1))
    cosine, sine = np.cos(turn_T) * np.exp(growth_T), np.sin(turn_T) * np.exp(growth_T)
    at[:, 0, 0], at[:, 0, 1], at[:, 1, 0], at[:, 1, 1] = cosine, -sine, sine, cosine
    at[:, :2, 2] = centre_T2 - at[:, :2, :2] @ np.full(2, origin)
    return at


if __name__ == "__main__":
    main()
