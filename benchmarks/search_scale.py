"""How long a warm search takes in a large library, and how much of that is FAISS.

    python benchmarks/search_scale.py --videos 5700 --seconds 100      a million clips
    python benchmarks/search_scale.py --videos 80 --seconds 7200       as many, in films of two hours
    python benchmarks/search_scale.py --videos 57000 --seconds 100     ten million; needs 25 GB of disk

The footage is drawn: each video is a random walk through feature space, and clips are embedded from it as an encoder would. Queries
are cut from the videos off the index's grid, with noise. Prints the time to build and to open, the median and the best of the
queries of each length without and with a library filter, raw FAISS beside it, and the recall: the share of the exact ten nearest
clips that FAISS finds, and how many queries find their own video and seconds first. --folder keeps the library for another run.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.evaluation.metrics.ann_recall import neighbour_recall
from embedder.clip_plan import ClipPlan, plan_clips, plan_query
from index.catalog import Catalog, FileFingerprint, VideoFacts
from index.search import Filters, QueryClips, find_moments
from index.vectors.faiss_index import FaissIndex
from index.vectors.store import VectorStore
from index.vectors.vector_index import ClipSelector

SPANS_S = (2.0, 4.0, 8.0)
SAMPLES, WAVES = 4, 6
LENGTHS_S = (3.0, 8.0, 30.0)
PLACE_S = 0.5  # a query's first hit is right when it starts within this many seconds of where it was cut


def embed(seed: int, spans_s: NDArray[np.float64], dim: int, *, noise: float = 0.0) -> NDArray[np.float32]:
    """Vectors float32 (N, D) of clips of one walk: its features at four times within each clip, in order."""
    rng = np.random.default_rng(seed)
    speeds = rng.normal(scale=0.1, size=(WAVES, dim // SAMPLES)).astype(np.float32)
    phases = rng.uniform(0, 2 * np.pi, size=(WAVES, dim // SAMPLES)).astype(np.float32)
    sizes = rng.normal(size=(WAVES, dim // SAMPLES)).astype(np.float32)
    starts, lengths = spans_s[:, 0], spans_s[:, 1] - spans_s[:, 0]
    samples = []
    for number in range(SAMPLES):
        at = (starts + (number + 0.5) / SAMPLES * lengths).astype(np.float32)
        features = np.zeros((len(at), dim // SAMPLES), np.float32)
        for wave in range(WAVES):
            features += sizes[wave] * np.cos(2 * np.pi * np.outer(at, speeds[wave]) + phases[wave])
        samples.append(features)
    joined = np.concatenate(samples, axis=1)
    if noise:
        joined += rng.normal(scale=noise, size=joined.shape).astype(np.float32)
    unit: NDArray[np.float32] = joined / np.linalg.norm(joined, axis=1, keepdims=True)
    return unit


def build(folder: Path, num_videos: int, seconds: float, dim: int) -> None:
    """A catalog of walks, every twentieth in a library of its own."""
    with Catalog.open(f"sqlite:///{folder / 'catalog.db'}") as catalog:
        catalog.add_library("films", [Path("/films")])
        catalog.add_library("few", [Path("/few")])
        encoder = catalog.register_encoder("ab" * 32, "walks", dim, "{}")
        spans = plan_clips(seconds, ClipPlan(SPANS_S))
        flags = np.zeros(len(spans), np.uint8)
        for number in range(num_videos):
            name = "few" if number % 20 == 0 else "films"
            file = FileFingerprint(f"/{name}/{number}.mp4", 1000, 1, f"content {number}")
            facts = VideoFacts(seconds, 64, 48, 25.0, "h264", "mp4")
            catalog.put_embedded(name, file, facts, encoder, spans, embed(number, spans, dim), flags, [])


def cut(video: int, start_s: float, length_s: float, dim: int) -> QueryClips:
    """What embedding seconds of a video as a query gives, with noise as another encoding of it has."""
    plan = plan_query(length_s, SPANS_S)
    vectors = embed(video, plan.spans_s + start_s, dim, noise=0.3)
    return QueryClips(length_s, plan.spans_s, vectors, plan.whole, plan.dense, plan.parts)


def timed(action: Callable[[], object]) -> float:
    """Milliseconds it takes."""
    began = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=5700)
    parser.add_argument("--seconds", type=float, default=100.0)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--queries", type=int, default=15, help="of each length")
    parser.add_argument("--folder", type=Path, help="where the library lies or shall lie; by default a temporary folder")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = wanted.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "catalog.db").exists():
            build(folder, wanted.videos, wanted.seconds, wanted.dim)
        measure(folder, wanted)


def measure(folder: Path, wanted: argparse.Namespace) -> None:
    """Open, search, compare."""
    with Catalog.open(f"sqlite:///{folder / 'catalog.db'}") as catalog:
        first = timed(lambda: VectorStore(catalog, folder / "vectors").open(1))
        opened = timed(lambda: VectorStore(catalog, folder / "vectors").open(1))
        index = VectorStore(catalog, folder / "vectors").open(1)
        assert isinstance(index, FaissIndex)
        print(f"{len(index)} clips of {wanted.videos} videos; built in {first / 1000:.1f} s, opened in {opened:.0f} ms")
        rng = np.random.default_rng(1)
        print("| query | median ms | best | library filter | raw FAISS, 1 vector | place right |")
        print("|---|---|---|---|---|---|")
        for length_s in LENGTHS_S:
            print(row_of(catalog, index, length_s, wanted, rng))
        some = rng.choice(len(index), 50, replace=False)
        for name, selector in (("all clips", None), ("clips of 4 s", ClipSelector(lengths_s=(3.0, 5.0)))):
            found = neighbour_recall(index, index.vectors(np.sort(some)), selector)
            print(f"recall@{found.k} of FAISS against exact, {name}: {found.recall:.3f}")
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


def row_of(catalog: Catalog, index: FaissIndex, length_s: float, wanted: argparse.Namespace, rng: np.random.Generator) -> str:
    """A line of the table."""
    times, filtered, raw, right = [], [], [], 0
    for number in range(wanted.queries + 2):
        video = int(rng.integers(wanted.videos))
        start_s = float(rng.uniform(0, wanted.seconds - length_s))
        query = cut(video, start_s, length_s, wanted.dim)
        best = find_moments(catalog, index, 1, query)[0]
        right += best.path.stem == str(video) and abs(best.start_s - start_s) <= PLACE_S
        if number >= 2:  # the first two warm up
            times.append(timed(partial(find_moments, catalog, index, 1, query)))
            filtered.append(timed(partial(find_moments, catalog, index, 1, query, filters=Filters(library="few"))))
            raw.append(timed(partial(index.search_rows, query.vectors[:1], 256)))
    of = wanted.queries + 2
    return (
        f"| {length_s:.0f} s | {statistics.median(times):.0f} | {min(times):.0f} | {statistics.median(filtered):.0f} | "
        f"{statistics.median(raw):.1f} | {right} of {of} |"
    )


if __name__ == "__main__":
    main()
