"""How much quicker our training step is than the usual loop, and how long a training waits for its examples.

    python benchmarks/train_throughput.py
    python benchmarks/train_throughput.py --videos ~/Videos --backbones r2plus1d

Two things are measured:

* the step: forward, backward and update on one batch in memory, as `pretrain.train_step` takes it (channels last, bfloat16
  where the machine is quicker for it and it is safe, memory that is kept from step to step), in turns with the loop that everyone
  writes first: a default `DataLoader`, fp32, plain contiguous layout. Each in a process of its own; the same network, head, batch
  and optimiser; medians of all rounds, and of their ratios.
* the wait: the share of a real run's time in which the training stood still for want of examples, on drawn footage and on
  files. The first log window, in which workers start and files are decoded for the first time, is told apart.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from pretrain.backbones import build_backbone
from pretrain.clip_dataset import Batch
from pretrain.config import FootageConfig, OptimiserConfig, TrainConfig
from pretrain.drawn_library import draw_library
from pretrain.optimiser import build_optimiser
from pretrain.pretrain_model import PretrainModel, quicker_in_bf16
from pretrain.processes import make_accelerator
from pretrain.run_files import read_metrics
from pretrain.task_sum import parse_task_sum
from pretrain.tasks.base import ClipShape
from pretrain.train import train
from pretrain.train_step import TrainStep

PACES = 4


def main() -> None:
    """Print the measurements as they come, and at the end as JSON where that is asked for."""
    args = _arguments()
    report: dict[str, Any] = {"cores": len(os.sched_getaffinity(0)), "threads": torch.get_num_threads()}
    print(f"{report['cores']} core(s), torch with {report['threads']} thread(s), bf16: {quicker_in_bf16(_device())}")
    for backbone in args.backbones:
        report[backbone] = measure_step(args, backbone)
    for source in () if args.no_wait else ("drawn", "files"):
        report[f"wait_{source}"] = measure_wait(args, source)
    if args.json:
        print(json.dumps(report, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbones", nargs="+", default=["r2plus1d_quarter", "r2plus1d_half"])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5, help="alternations of ours and the usual")
    parser.add_argument("--steps", type=int, default=2, help="steps of each in a round")
    parser.add_argument("--no-wait", action="store_true", help="leave out the runs that measure the wait")
    parser.add_argument("--wait-steps", type=int, default=60, help="steps of these runs")
    parser.add_argument("--wait-backbone", default="r2plus1d_quarter")
    parser.add_argument("--videos", type=Path, help="folder of videos for the wait on files; drawn ones when not given")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON, too")
    return parser.parse_args()


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


# --- the step ------------------------------------------------------------------------------------------------------------------


def measure_step(args: argparse.Namespace, backbone: str) -> dict[str, float]:
    """Clips a second of ours and of the usual, and the median ratio."""
    with _Side("ours", args, backbone) as ours, _Side("usual", args, backbone) as usual:
        rates = [(ours.rate(), usual.rate()) for _ in range(args.rounds)]
        memory = ours.peak_gb(), usual.peak_gb()
    ratios = [ours / usual for ours, usual in rates]
    found = {
        "ours_clips_per_s": statistics.median(ours for ours, _ in rates),
        "usual_clips_per_s": statistics.median(usual for _, usual in rates),
        "ratio": statistics.median(ratios),
        "ours_peak_gb": memory[0],
        "usual_peak_gb": memory[1],
    }
    print(
        f"{backbone}, {args.frames}x{args.size}x{args.size}, batch {args.batch_size}: ours {found['ours_clips_per_s']:.1f} "
        f"clips/s, usual {found['usual_clips_per_s']:.1f}, ratio {found['ratio']:.2f} ({min(ratios):.2f} to {max(ratios):.2f} in "
        f"{args.rounds} rounds; aim 2.5); peak memory {memory[0]:.1f} and {memory[1]:.1f} GB",
        flush=True,
    )
    return found


class _Side:
    """Ours or the usual in a process of its own, so that what one does to its process does not help or hinder the other."""

    def __init__(self, name: str, args: argparse.Namespace, backbone: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(name, args, backbone, theirs), daemon=True)

    def __enter__(self) -> "_Side":
        self._process.start()
        self.rate()  # the first steps are slower
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.terminate()
        self._process.join()

    def rate(self) -> float:
        """Clips a second over `args.steps` steps."""
        self._pipe.send("rate")
        return float(self._pipe.recv())

    def peak_gb(self) -> float:
        self._pipe.send("peak")
        return float(self._pipe.recv())


def _serve(name: str, args: argparse.Namespace, backbone: str, pipe: Connection) -> None:
    rng = np.random.default_rng(0)
    shape = (args.batch_size, args.frames, args.size, args.size, 3)
    clips = torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))
    paces = torch.from_numpy(rng.integers(0, PACES, args.batch_size))
    step = (our_step if name == "ours" else usual_step)(args, backbone, clips, paces)
    while True:
        if pipe.recv() == "peak":
            pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        else:
            pipe.send(_rate(step, args))


def _rate(step: Callable[[], None], args: argparse.Namespace) -> float:
    began = time.perf_counter()
    for _ in range(args.steps):
        step()
    return float(args.steps * args.batch_size / (time.perf_counter() - began))


def our_step(args: argparse.Namespace, backbone: str, clips: Tensor, paces: Tensor) -> Callable[[], None]:
    """A step of pace training as `train` takes it."""
    config = TrainConfig(
        tasks=parse_task_sum("pace"),
        backbone=backbone,
        clip=ClipShape(num_frames=args.frames, size_px=args.size),
        batch_size=args.batch_size,
        precision="auto",
    )
    accelerator = make_accelerator(config)
    model: PretrainModel = PretrainModel(config).to(  # type: ignore[call-overload]
        device=accelerator.device, memory_format=torch.channels_last_3d
    )
    take = TrainStep(accelerator, model.train(), build_optimiser(model, config.optimiser), clip_norm=config.optimiser.clip_norm)
    batch = Batch([clips[:, None].to(accelerator.device)], [paces[:, None].to(accelerator.device)], [])

    def step() -> None:
        take([batch], 1)

    return step


def usual_step(args: argparse.Namespace, backbone: str, clips: Tensor, paces: Tensor) -> Callable[[], None]:
    """The same the way it is written first: float clips in plain layout out of a default loader, everything in fp32."""
    device = _device()
    net = build_backbone(backbone).to(device).train()
    head = nn.Linear(net.feature_dim, PACES).to(device)
    wanted = OptimiserConfig()
    optimiser = torch.optim.AdamW(
        [*net.parameters(), *head.parameters()], lr=wanted.learning_rate, weight_decay=wanted.weight_decay
    )
    floats = (clips.permute(0, 4, 1, 2, 3).float() / 255 - 0.45).div(0.225).contiguous()
    loader = DataLoader(TensorDataset(floats, paces), batch_size=args.batch_size, shuffle=True)

    def step() -> None:
        for batch, target in loader:
            optimiser.zero_grad()
            loss = functional.cross_entropy(head(net(batch.to(device))), target.to(device))
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            loss.item()

    return step


# --- the wait ------------------------------------------------------------------------------------------------------------------


def measure_wait(args: argparse.Namespace, source: str) -> dict[str, float]:
    """Shares of the time, of a whole run and of all but its first log window."""
    with tempfile.TemporaryDirectory(prefix="vret-benchmark-") as scratch:
        paths: tuple[str, ...] = ()
        if source == "files":
            folder = args.videos or Path(scratch) / "videos"
            if args.videos is None:
                draw_library(folder)
            paths = (str(folder),)
        config = TrainConfig(
            tasks=parse_task_sum("pace"),
            backbone=args.wait_backbone,
            clip=ClipShape(num_frames=args.frames, size_px=args.size),
            footage=FootageConfig(paths=paths),
            batch_size=args.batch_size,
            precision="auto",
            steps=args.wait_steps,
            log_every=10,
            save_every=10 * args.wait_steps,
        )
        train(config, Path(scratch) / "run")
        entries = read_metrics(Path(scratch) / "run")
    seconds = [config.batch_size * 10 / entry["clips_per_s"] for entry in entries]
    waits = [entry["data_wait"] for entry in entries]
    found = {"whole": _weighted(waits, seconds), "after_first_window": _weighted(waits[1:], seconds[1:])}
    found["clips_per_s"] = statistics.median(entry["clips_per_s"] for entry in entries[1:])
    print(
        f"waiting for {source} footage: {found['whole']:.1%} of {config.steps} steps, {found['after_first_window']:.1%} after the "
        f"first 10 (aim 5 %), at {found['clips_per_s']:.1f} clips/s with {config.workers} workers"
    )
    return found


def _weighted(shares: list[float], seconds: list[float]) -> float:
    return sum(share * took for share, took in zip(shares, seconds, strict=True)) / sum(seconds)


if __name__ == "__main__":
    main()
