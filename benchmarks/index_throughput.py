"""How close indexing comes to what the machine allows, and how much memory it takes.

    python benchmarks/index_throughput.py --encoder app/encoders/default.onnx
    python benchmarks/index_throughput.py --encoder my.onnx --videos ~/Videos --memory 10,100,1000

Three things are measured on the same videos and the same clips, in turns, several times, each as a median:

* decode: one process for each core, each reading its share of the videos into clips (frames, flags, thumbnails), which are
  thrown away;
* inference: ONNX Runtime on clips that lie in memory;
* indexing: `app.index_library` into an empty data folder, from the scan to the saved vector index.

On a CPU both halves share the cores, so that the machine allows 1 / (1 / decode + 1 / inference) clips a second; with a GPU they
run side by side, and it allows min(decode, inference). Beside it the same clips the usual way: every frame of the video through
`to_ndarray` at full size, resized by OpenCV, through the same backbone in eager torch (where torch is installed).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from embedder.clip_plan import ClipPlan, plan_clips, sample_slots
from embedder.cores import num_cores
from embedder.embed_query import picture_spec
from embedder.onnx_encoder import OnnxEncoder
from embedder.onnx_session import CPU
from embedder.video_folder import find_videos

HOP = 0.5


def main() -> None:
    args = _arguments()
    if args.part:
        _run_part(args)
        return
    with tempfile.TemporaryDirectory(prefix="vret-benchmark-") as scratch:
        videos = find_videos(args.videos) if args.videos else draw_videos(Path(scratch) / "drawn", args.count)
        report = measure(args, videos, Path(scratch))
        for count in args.memory:
            report[f"memory_{count}_videos_mb"] = measure_memory(args, videos, count, Path(scratch))
    if args.json:
        print(json.dumps(report, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True, help="the .onnx file to measure with")
    parser.add_argument("--videos", type=Path, help="folder of videos; drawn ones (340x256, 30 fps, 10 s) when not given")
    parser.add_argument("--count", type=int, default=24, help="how many videos to draw")
    parser.add_argument("--rounds", type=int, default=3, help="repeats of every measurement")
    parser.add_argument("--memory", type=_counts, default=[], help="also peak memory at these numbers of videos: 10,100,1000")
    parser.add_argument("--no-usual", action="store_true", help="leave out the usual way")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON, too")
    parser.add_argument("--part", choices=("decode", "index"), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("paths", nargs="*", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _counts(text: str) -> list[int]:
    return [int(count) for count in text.split(",")]


# --- the comparison ------------------------------------------------------------------------------------------------------------


def measure(args: argparse.Namespace, videos: list[Path], scratch: Path) -> dict[str, Any]:
    """Measure in turns, so that whatever else the machine does falls on all alike; print and return the numbers."""
    encoder = OnnxEncoder(args.encoder)
    num_clips, clips = sample(videos, encoder)
    ways: dict[str, Callable[[], float]] = {
        "decode": lambda: num_clips / decode_all(args, videos),
        "inference": lambda: inference_rate(encoder, clips),
        "indexing": lambda: num_clips / index_all(args, videos, scratch),
    }
    if not args.no_usual:
        ways["usual way"] = lambda: usual_rate(videos, encoder)
    print(f"{len(videos)} videos, {num_clips} clips, {num_cores()} cores, encoder {encoder.card.name} on {encoder.provider}")
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(args.rounds):
        for name, way in ways.items():
            rates[name].append(way())
        print(f"  round {number + 1}: " + ", ".join(f"{name} {rates[name][-1]:.1f}" for name in ways) + " clips/s")
    median = {name: statistics.median(values) for name, values in rates.items()}
    decode, inference = median["decode"], median["inference"]
    on_cpu = encoder.provider == CPU
    allowed = 1 / (1 / decode + 1 / inference) if on_cpu else min(decode, inference)
    formula = "1/(1/decode + 1/inference)" if on_cpu else "min(decode, inference)"
    print(f"the machine allows {formula} = {allowed:.1f} clips/s")
    print(f"indexing reaches {median['indexing']:.1f} clips/s = {median['indexing'] / allowed:.0%} of it")
    if "usual way" in median:
        times = median["indexing"] / median["usual way"]
        print(f"the usual way gives {median['usual way']:.1f} clips/s; indexing is {times:.1f} times as fast")
    return {"clips_per_s": median, "rounds": rates, "allowed": allowed, "share": median["indexing"] / allowed}


def sample(videos: list[Path], encoder: OnnxEncoder) -> tuple[int, np.ndarray]:
    """How many clips the encoder gets of these videos, and some of them, uint8 (N, T, H, W, 3)."""
    from embedder.clip_reader import read_clips
    from embedder.worker_messages import Clip

    num_clips = 0
    kept: list[np.ndarray] = []
    for path in videos:
        for reply in read_clips(_job(path, encoder)):
            if isinstance(reply, Clip) and reply.pixels is not None:
                num_clips += 1
                if len(kept) < 2 * encoder.lanes * encoder.batch_size:
                    kept.append(reply.pixels)
    return num_clips, np.stack(kept)


def _job(path: Path, encoder: OnnxEncoder) -> Any:
    from embedder.worker_messages import ClipsJob

    return ClipsJob(path=path, plan=ClipPlan(encoder.card.spans_s, HOP), pictures=picture_spec(encoder.card))


def decode_all(args: argparse.Namespace, videos: list[Path]) -> float:
    """Seconds that all cores together take to read all videos into clips, without the start of the processes."""
    shares = [share for k in range(num_cores()) if (share := videos[k :: num_cores()])]
    command = [sys.executable, __file__, "--encoder", str(args.encoder), "--part", "decode"]
    readers = [
        subprocess.Popen([*command, *map(str, share)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for share in shares
    ]
    for reader in readers:
        assert reader.stdout is not None
        reader.stdout.readline()  # "ready"
    began = time.perf_counter()
    for reader in readers:
        reader.communicate("go\n")
    return time.perf_counter() - began


def inference_rate(encoder: OnnxEncoder, clips: np.ndarray, seconds: float = 5.0) -> float:
    """Clips a second of the encoder alone, all its lanes at once."""
    encoder.run(clips[: encoder.batch_size])
    until, began = time.perf_counter() + seconds, time.perf_counter()

    def lane(number: int) -> int:
        done, at = 0, number * encoder.batch_size
        while time.perf_counter() < until:
            batch = clips[at % len(clips) :][: encoder.batch_size]
            done, at = done + len(batch), at + encoder.batch_size
            encoder.run(batch)
        return done

    with ThreadPoolExecutor(encoder.lanes) as pool:
        done = sum(pool.map(lane, range(encoder.lanes)))
    return done / (time.perf_counter() - began)


def index_all(args: argparse.Namespace, videos: list[Path], scratch: Path) -> float:
    """Seconds of a whole indexing run into an empty data folder."""
    folder = scratch / "library"
    if not folder.exists():
        folder.mkdir()
        for number, path in enumerate(videos):
            (folder / f"{number}{path.suffix}").symlink_to(path)
    home = Path(tempfile.mkdtemp(dir=scratch))
    command = [sys.executable, __file__, "--encoder", str(args.encoder), "--part", "index", "--home", str(home), str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    shutil.rmtree(home)
    return float(done.stdout.splitlines()[-1])


def _run_part(args: argparse.Namespace) -> None:
    """The measured work, in a process of its own."""
    if args.part == "decode":
        from embedder.clip_reader import read_clips

        encoder = OnnxEncoder(args.encoder)
        print("ready", flush=True)
        sys.stdin.readline()
        for path in args.paths:
            for _ in read_clips(_job(path, encoder)):
                pass
        return
    began = time.perf_counter()
    _index(args.paths[0], args.encoder, args.home)
    print(time.perf_counter() - began)


def _index(folder: Path, encoder: Path, home: Path) -> None:
    from app.index_library import index_library
    from app.settings import Settings
    from app.workspace import Workspace

    with Workspace(Settings.at(home)) as ws:
        report = index_library(ws, "benchmark", [folder], encoder_name=str(encoder), hop=HOP)
    assert not report.broken, report.broken


# --- the usual way --------------------------------------------------------------------------------------------------------------


def usual_rate(videos: list[Path], encoder: OnnxEncoder) -> float:
    """Clips a second of a plain loop over some of the videos: all frames as full-size arrays, then resized, then encoded."""
    encode = _eager_torch(encoder) or encoder.encode
    done, began = 0, time.perf_counter()
    for path in videos[:4]:
        clips = np.stack(list(_usual_clips(path, encoder)))
        for first in range(0, len(clips), 8):
            encode(clips[first : first + 8])
        done += len(clips)
    return done / (time.perf_counter() - began)


def _usual_clips(path: Path, encoder: OnnxEncoder) -> Iterator[np.ndarray]:
    import av
    import cv2

    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or 25)
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    size = (encoder.card.width_px, encoder.card.height_px)
    for start_s, end_s in plan_clips(len(frames) / rate, ClipPlan(encoder.card.spans_s, HOP)):
        seconds = sample_slots(start_s, end_s, encoder.card.num_frames) / 16
        wanted = np.minimum((seconds * rate).astype(int), len(frames) - 1)
        yield np.stack([cv2.resize(frames[number], size, interpolation=cv2.INTER_AREA) for number in wanted])


def _eager_torch(encoder: OnnxEncoder) -> Callable[[np.ndarray], object] | None:
    """The encoder's backbone, of a joined encoder that of its first part, with random weights (speed does not depend on them) in
    eager torch; None without torch."""
    try:
        import torch
    except ImportError:
        return None
    from pretrain.backbones import build_backbone
    from pretrain.encoder_module import ClipEncoder, Pooling

    pooling = Pooling.parse(str(encoder.card.training.get("pooling", "avg")))
    backbone = build_backbone(encoder.card.backbone.split("+")[0])
    network = ClipEncoder(backbone, pooling=pooling, num_frames=encoder.card.num_frames, size_px=encoder.card.height_px).eval()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = network.to(device)

    def encode(clips: np.ndarray) -> object:
        with torch.no_grad():
            return network(torch.from_numpy(clips).to(device)).cpu()

    return encode


# --- memory ---------------------------------------------------------------------------------------------------------------------


def measure_memory(args: argparse.Namespace, videos: list[Path], count: int, scratch: Path) -> float:
    """Peak of an indexing run over ``count`` files, in MB: what the process and its workers hold together, shared parts once."""
    folder = scratch / f"library-{count}"
    folder.mkdir()
    for number in range(count):
        source = videos[number % len(videos)]
        # Another content for each, or indexing would know it for a copy: players and decoders skip what follows the video.
        (folder / f"{number}{source.suffix}").write_bytes(source.read_bytes() + number.to_bytes(8, "big"))
    home = Path(tempfile.mkdtemp(dir=scratch))
    command = [sys.executable, __file__, "--encoder", str(args.encoder), "--part", "index", "--home", str(home), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.2):
            peak = max(peak, sum(_held_bytes(pid) for pid in _family(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    ended.set()
    watcher.join()
    shutil.rmtree(folder)
    if code:
        raise SystemExit(f"indexing {count} videos failed with exit code {code}")
    print(f"peak memory over {count} videos: {peak / 1e6:.0f} MB")
    return peak / 1e6


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        threads = os.listdir(f"/proc/{pid}/task")
        for thread in threads:
            children += Path(f"/proc/{pid}/task/{thread}/children").read_text().split()
    except OSError:
        return []
    return [pid, *{descendant for child in set(children) for descendant in _family(int(child))}]


def _held_bytes(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


# --- drawn videos ---------------------------------------------------------------------------------------------------------------


def draw_videos(folder: Path, count: int) -> list[Path]:
    """Textured pictures that drift, 340x256, H.264, 30 fps, 10 s: about as costly to decode as real footage of that size."""
    import av

    folder.mkdir(parents=True)
    paths = [folder / f"{number}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        rng = np.random.default_rng(number)
        ground = np.kron(rng.integers(0, 255, (64, 86, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
        step_y, step_x = rng.uniform(-4, 4, 2)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=Fraction(30), options={"preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = 340, 256, "yuv420p"
            for at in range(300):
                view = np.roll(ground, (round(step_y * at), round(step_x * at)), (0, 1))[:256, :340]
                noisy = view + rng.integers(0, 12, view.shape, dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, format="rgb24")))
            container.mux(stream.encode())
    return paths


if __name__ == "__main__":
    main()
