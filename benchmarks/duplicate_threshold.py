"""How like each other are copies of drawn videos, and how like are videos that are none?

    python benchmarks/duplicate_threshold.py /tmp/copies --encoder default

Draws a library, encodes each of its videos anew in several ways (small, cropped, with a logo, letterboxed, at another frame rate),
indexes all in a data folder of its own, and prints for each way the scores of copies, and those of the nearest videos that are
none: what the threshold of `vret duplicates` was chosen by.
"""

import argparse
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from app.find_duplicates import part_scales
from app.index_library import index_library
from app.workspace import Workspace
from index.search.duplicates import whole_fit
from pretrain.drawn_library import draw_library

Picture = NDArray[np.uint8]


def main() -> None:
    """Print a line for each way of copying, then one for what is no copy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to draw and to index")
    parser.add_argument("--encoder", default="default")
    wanted = parser.parse_args()
    originals = draw_library(wanted.folder / "originals", seed=77, videos_per_shape=3, num_reels=4)
    for name, (change, rate, crf) in WAYS.items():
        for path in originals:
            encode_anew(path, wanted.folder / "copies" / f"{path.stem}.{name}.mp4", change, rate=rate, crf=crf)
    with Workspace(wanted.folder / "home") as ws:
        index_library(ws, "copies", [wanted.folder / "originals", wanted.folder / "copies"], encoder_name=wanted.encoder)
        encoder_id = ws.encoder_id(wanted.encoder)
        index, scales = ws.vectors(encoder_id), part_scales(ws, wanted.encoder)
        names = {Path(row.path).name: row for row in ws.catalog.videos("copies", outcome="indexed", limit=100_000)}
        copies: dict[str, list[float]] = {name: [] for name in WAYS}
        nearest_other = []
        ids = np.array(sorted(row.id for row in names.values()), np.int64)
        stems = {row.id: name.split(".")[0] for name, row in names.items()}
        lengths = {row.id: row.duration_s or 0.0 for row in names.values()}
        for path in originals:
            own = names[path.name].id
            for name in WAYS:
                one, other = sorted((own, names[f"{path.stem}.{name}.mp4"].id), key=lambda video_id: lengths[video_id])
                copies[name].append(float(whole_fit(index, one, np.array([other]), np.zeros(1), scales)[1][0]))
            others = np.array([i for i in ids.tolist() if stems[i] != path.stem and lengths[i] >= lengths[own]], np.int64)
            if len(others):
                nearest_other.append(float(whole_fit(index, own, others, np.zeros(len(others)), scales)[1].max()))
    for name, scores in copies.items():
        print(f"{name:>12}: lowest {min(scores):.3f}, 5 % below {np.quantile(scores, 0.05):.3f}, median {np.median(scores):.3f}")
    print(f"   no copies: highest {max(nearest_other):.3f}, 5 % above {np.quantile(nearest_other, 0.95):.3f}")


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
