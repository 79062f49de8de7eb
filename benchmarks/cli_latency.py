"""How soon the command line answers: `vret --help`, a cold search over many clips, a second index of an unchanged library, and
an evaluation of many labelled videos from their stored vectors.

    python benchmarks/cli_latency.py
    python benchmarks/cli_latency.py --clips 100000 --files 5000 --repeats 15

Every figure is the median wall time of whole processes, from start to exit, with that of an empty Python process beside it:
the ratio to it also says something on other machines, and on a busy one. The catalogs are filled with random unit vectors and
empty files, because what is measured reads neither videos nor their meaning. `--encoder` gives the vectors' card.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.encoder_files import PACKAGED_FOLDER
from app.settings import Settings
from app.workspace import Workspace
from index.catalog.records import FileFingerprint, VideoFacts

CLIPS_PER_VIDEO = 40
CLIP_S = 2.0
LIMITS_S = {"vret --help": 0.4, "cold search --like": 1.5, "index, nothing changed": 1.0, "eval retrieval": 2.0}
LABELLED_CLIPS = 6
NUM_LABELS = 100


@dataclass(frozen=True)
class Timing:
    """Seconds of one command: median, quickest and slowest of the repeats."""

    what: str
    median_s: float
    min_s: float
    max_s: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--labelled", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--encoder", type=Path, default=PACKAGED_FOLDER / "default.onnx")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="vret-benchmark-") as scratch:
        searched = fill(Path(scratch) / "search", args.clips // CLIPS_PER_VIDEO, CLIPS_PER_VIDEO, args.encoder)
        indexed = fill(Path(scratch) / "index", args.files, 3, args.encoder)
        labelled = fill(Path(scratch) / "eval", args.labelled, LABELLED_CLIPS, args.encoder)
        labels = write_labels(labelled, args.labelled)
        vret = [sys.executable, "-m", "app"]
        encoder = ["--encoder", str(args.encoder)]
        like = f"{searched / 'videos' / '00007.mp4'}@31"
        evaluation = [*vret, "eval", "retrieval", "--labels", str(labels), "--library", "bench", *encoder]
        timings = [
            measure("empty Python", [sys.executable, "-c", "pass"], Path(scratch), args.repeats),
            measure("vret --help", [*vret, "--help"], Path(scratch), args.repeats),
            measure("cold search --like", [*vret, "search", "--like", like, *encoder], searched, args.repeats),
            measure("index, nothing changed", [*vret, "index", "--library", "bench", *encoder], indexed, args.repeats),
            measure("eval retrieval", evaluation, labelled, args.repeats),
        ]
    if args.json:
        print(json.dumps({timing.what: timing.__dict__ for timing in timings}, indent=1))
    else:
        show(timings, args.clips, args.files, args.labelled)


def fill(home: Path, num_videos: int, num_clips: int, encoder: Path) -> Path:
    """A data folder with a library `bench` of so many videos (empty files) and clips each; its vector index is saved."""
    rng = np.random.default_rng(0)
    videos = home / "videos"
    videos.mkdir(parents=True)
    starts_s = np.arange(num_clips) * CLIP_S / 2
    spans_s = np.stack([starts_s, starts_s + CLIP_S], axis=1)
    facts = VideoFacts(float(spans_s[-1, 1]), 320, 240, 25.0, "h264", "mp4")
    with Workspace(Settings.at(home)) as ws:
        ws.catalog.add_library("bench", [videos])
        encoder_id = ws.encoder_id(str(encoder))
        dim = ws.encoder_card(str(encoder)).dim
        for number in range(num_videos):
            path = videos / f"{number:05d}.mp4"
            path.touch()
            status = path.stat()
            file = FileFingerprint(str(path), status.st_size, status.st_mtime_ns, f"{number:064x}")
            vectors = rng.normal(size=(num_clips, dim)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            flags = np.zeros(num_clips, np.uint8)
            ws.catalog.put_embedded("bench", file, facts, encoder_id, spans_s, vectors, flags, [])
        ws.vectors(encoder_id)
    return home


def write_labels(home: Path, num_videos: int) -> Path:
    """Labels of all videos: every fourth one is a query."""
    lines = [
        f"videos/{number:05d}.mp4,label {number % NUM_LABELS},{'train' if number // NUM_LABELS % 4 else 'test'}"
        for number in range(num_videos)
    ]
    labels = home / "labels.csv"
    labels.write_text("\n".join(["path,label,split", *lines]) + "\n")
    return labels


def measure(what: str, command: Sequence[str], home: Path, repeats: int) -> Timing:
    """Runs a command once for the disk's cache, then `repeats` times."""
    environment = os.environ | {"VRET_HOME": str(home)}
    times = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return Timing(what, statistics.median(times[1:]), min(times[1:]), max(times[1:]))


def show(timings: Sequence[Timing], clips: int, files: int, labelled: int) -> None:
    """Prints a table with limits and ratios."""
    print(f"{clips} clips to search, {files} files to look at, {labelled} labelled videos")
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(f"{'what':<24}{'median s':>9}{'min':>7}{'max':>7}{'limit':>7}{'x empty Python':>16}")
    for timing in timings:
        limit = LIMITS_S.get(timing.what)
        print(
            f"{timing.what:<24}{timing.median_s:>9.2f}{timing.min_s:>7.2f}{timing.max_s:>7.2f}"
            f"{'' if limit is None else f'{limit:.1f}':>7}{timing.median_s / timings[0].median_s:>16.1f}"
        )


if __name__ == "__main__":
    main()
