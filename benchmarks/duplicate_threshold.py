"""How like each other are copies of drawn videos, and how like are videos that are none?

    python benchmarks/duplicate_threshold.py /tmp/copies --encoder default

Draws a library, encodes each of its videos anew in several ways (small, cropped, with a logo, letterboxed, at another frame rate),
indexes all in a data folder of its own, and prints for each way the scores of copies, and those of all pairs about as long that
are none: what the thresholds of `vret duplicates` were chosen by. Some of the originals are calm: hardly anything moves in them.
"""

import argparse
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from app.find_duplicates import part_scales
from app.index_library import index_library
from app.still_pictures import still_vector
from app.workspace import Workspace
from index.search.duplicates import Comparison, VideoPair
from pretrain.drawn_backgrounds import make_background
from pretrain.drawn_library import draw_library

Picture = NDArray[np.uint8]


def main() -> None:
    """Print a line for each way of copying, then those for what is no copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to draw and to index")
    parser.add_argument("--encoder", default="default")
    wanted = parser.parse_args()
    originals = draw_library(wanted.folder / "originals", seed=77, videos_per_shape=3, num_reels=4)
    originals += [draw_calm(wanted.folder / "originals" / f"calm-{number}.mp4", number) for number in range(_CALM)]
    for name, (change, rate, crf) in WAYS.items():
        for path in originals:
            encode_anew(path, wanted.folder / "copies" / f"{path.stem}.{name}.mp4", change, rate=rate, crf=crf)
    with Workspace(wanted.folder / "home") as ws:
        index_library(ws, "copies", [wanted.folder / "originals", wanted.folder / "copies"], encoder_name=wanted.encoder)
        encoder_id = ws.encoder_id(wanted.encoder)
        index, scales = ws.vectors(encoder_id), part_scales(ws, wanted.encoder)
        names = {Path(row.path).name: row for row in ws.catalog.videos("copies", outcome="indexed", limit=100_000)}
        lengths = {row.id: row.duration_s or 0.0 for row in names.values()}
        stems = {row.id: name.split(".")[0] for name, row in names.items()}
        comparison = Comparison(index, lengths, scales, still_vector(ws, wanted.encoder))
        pairs_of: dict[str, list[VideoPair]] = {f"{calm}{name}": [] for calm in ("", "calm ") for name in (*WAYS, "others")}
        for path in originals:
            own = names[path.name].id
            calm = "calm " if path.stem.startswith("calm") else ""
            for name in WAYS:
                pairs_of[calm + name] += comparison.pairs(own, {names[f"{path.stem}.{name}.mp4"].id: 0.0})
            unlike = {other: 0.0 for other in stems if stems[other] != path.stem and comparison.may_be_copies(own, other)}
            pairs_of[f"{calm}others"] += comparison.pairs(own, unlike)
    print("                  pairs  lowest  5 % below  median  5 % above  highest  copies from 0.80, 0.85, 0.88, 0.90, 0.95 on")
    for name, pairs in pairs_of.items():
        scores = np.array([pair.score for pair in pairs])
        shares = [np.mean([pair.is_copy(threshold) for pair in pairs]) for threshold in (0.80, 0.85, 0.88, 0.90, 0.95)]
        low, under, middle, over, high = np.quantile(scores[np.isfinite(scores)], [0, 0.05, 0.5, 0.95, 1])
        shown = "  ".join(f"{share:.4f}" for share in shares)
        print(f"{name:>16} {len(pairs):6d}  {low:.3f}   {under:.3f}      {middle:.3f}   {over:.3f}      {high:.3f}    {shown}")


_CALM = 14


def draw_calm(path: Path, seed: int) -> Path:
    """Write a video, unless it is there, in which hardly anything moves: a slow zoom or pan over a drawn picture, with noise."""
    if path.exists():
        return path
    rng = np.random.default_rng([seed, 97])
    picture = make_background(rng, 640)
    zoom, shift = rng.uniform(-0.06, 0.06), rng.uniform(-40, 40, 2)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for phase in np.linspace(0, 1, round(rng.uniform(4.0, 9.0) * 25)):
            scale = 1 + zoom * phase
            corner = np.array([160.0, 200.0]) * scale + shift * phase
            turn = np.array([[scale, 0, corner[0]], [0, scale, corner[1]]])
            seen = cv2.warpAffine(picture, turn, (320, 240), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            noisy = np.clip(seen + rng.normal(0, 3, seen.shape), 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
        container.mux(stream.encode())
    return path


def _small(picture: Picture) -> Picture:
    return picture[::2, ::2]


def _cropped(picture: Picture) -> Picture:
    height, width = picture.shape[0] // 20, picture.shape[1] // 20
    return picture[height:-height, width:-width]


def _logo(picture: Picture) -> Picture:
    marked = picture.copy()
    marked[8 : 8 + picture.shape[0] // 8, 8 : 8 + picture.shape[1] // 8] = (240, 40, 40)
    return marked


def _letterboxed(picture: Picture) -> Picture:
    bar = picture.shape[0] // 8
    return np.pad(picture, ((bar, bar), (0, 0), (0, 0)))


WAYS: dict[str, tuple[Callable[[Picture], Picture], float | None, str]] = {
    "worse": (lambda picture: picture, None, "36"),
    "small": (_small, None, "28"),
    "cropped": (_cropped, None, "23"),
    "logo": (_logo, None, "23"),
    "letterboxed": (_letterboxed, None, "23"),
    "15 a second": (lambda picture: picture, 15.0, "23"),
}
"""What is done with each picture, the new frame rate (None: as it was), and the quality of H.264 (more is worse)."""


def encode_anew(source: Path, target: Path, change: Callable[[Picture], Picture], *, rate: float | None, crf: str) -> None:
    """Write `target`, unless it is there, from every frame of `source`, or from those on screen at `rate` times a second."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(source)) as old:
        own_rate = float(old.streams.video[0].average_rate or 25)
        pictures = [frame.to_ndarray(format="rgb24").astype(np.uint8) for frame in old.decode(video=0)]
    rate = own_rate if rate is None else rate
    with av.open(str(target), "w") as new:
        stream = new.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000), options={"crf": crf, "preset": "veryfast"})
        stream.pix_fmt = "yuv420p"
        for number in range(round(len(pictures) / own_rate * rate)):
            picture = change(pictures[min(len(pictures) - 1, round(number * own_rate / rate))])
            picture = np.ascontiguousarray(picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2])
            if number == 0:
                stream.width, stream.height = picture.shape[1], picture.shape[0]
            new.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        new.mux(stream.encode())


if __name__ == "__main__":
    main()
