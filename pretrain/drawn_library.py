"""A sample library of drawn videos, so that vret can be tried and tested without anyone's footage.

Short videos show one movement each; reels show several in a row, so that there are moments to be found. All are seeded,
and what each shows is written beside them (`labels.csv`, `moments.csv`).
"""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pretrain.drawn_paths import SHAPES, Shape, make_shape
from pretrain.drawn_scenes import make_scene
from pretrain.drawn_videos import draw_video

_BACKGROUND_PX = 640  # twice the width of the videos


def draw_library(
    folder: Path,
    *,
    seed: int = 0,
    videos_per_shape: int = 4,
    num_reels: int = 4,
    acts_per_reel: int = 8,
    on_video: Callable[[Path], None] | None = None,
) -> list[Path]:
    """Draw the library into `folder` and return its files; what is already there is kept and not drawn again.

    labels.csv has one row a short video (path, label, group, split, source), half of each shape in `train`;
    moments.csv one row for each movement in a reel (path, start_s, end_s, label).
    """
    folder.mkdir(parents=True, exist_ok=True)
    labels: list[tuple[str, str, str, str, str]] = []
    files: list[Path] = []
    for shape in SHAPES:
        for number in range(1, videos_per_shape + 1):
            path = folder / f"{shape}-{number}.mp4"
            _draw(path, [shape], np.random.default_rng([seed, len(files)]), on_video)
            split = "train" if number <= (videos_per_shape + 1) // 2 else "test"
            labels.append((path.name, shape, path.stem, split, "drawn"))
            files.append(path)
    moments: list[tuple[str, str, str, str]] = []
    for number in range(1, num_reels + 1):
        path = folder / f"reel-{number}.mp4"
        rng = np.random.default_rng([seed, len(files)])
        order = [list(SHAPES)[i] for i in rng.integers(len(SHAPES), size=acts_per_reel)]
        at_s = 0.0
        for shape, seconds in zip(order, _draw(path, order, rng, on_video), strict=True):
            moments.append((path.name, f"{at_s:.2f}", f"{at_s + seconds:.2f}", shape))
            at_s += seconds
        files.append(path)
    _write_csv(folder / "labels.csv", ("path", "label", "group", "split", "source"), labels)
    _write_csv(folder / "moments.csv", ("path", "start_s", "end_s", "label"), moments)
    return files


def _draw(path: Path, shapes: list[Shape], rng: np.random.Generator, on_video: Callable[[Path], None] | None) -> list[float]:
    """Draw one file of one act a shape, unless it is there; return the seconds of each act, which the seed decides."""
    seconds = [round(float(rng.uniform(2.0, 3.6)), 2) for _ in shapes]
    seconds = [round(s * 25) / 25 for s in seconds]  # whole frames, so that the times written down are exact
    if not path.exists():
        unfinished = path.with_suffix(".part")
        acts = (
            (make_scene(rng, path=make_shape(shape, rng), background_px=_BACKGROUND_PX), length)
            for shape, length in zip(shapes, seconds, strict=True)
        )
        draw_video(unfinished, acts)
        unfinished.rename(path)
    if on_video is not None:
        on_video(path)
    return seconds


def _write_csv(path: Path, header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
