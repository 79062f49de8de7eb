"""How many examples a second each pretext task makes, on drawn footage: what a worker process of a training run can do.

    python benchmarks/task_examples.py
    python benchmarks/task_examples.py --size 112 --tasks pace,statistics

Beside it how many frames a second are drawn, which is what most of that time goes into, and how many clips a second the
statistics task labels without optical flow, and how many get that. Medians over rounds, in processor time of one thread.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import get_args

import cv2
import numpy as np

from pretrain.appearance_statistics import appearance_values
from pretrain.drawn_scenes import make_training_scene
from pretrain.frame_source import DrawnFrames, Frames, FrameSource, StoredFrames
from pretrain.motion_statistics import motion_values
from pretrain.optical_flow import Flow, flow_of_clip
from pretrain.tasks import TASKS
from pretrain.tasks.base import ClipShape, DrawnTask, FrameTask, PretextTask

MARGIN = 8 / 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64, help="pixels of a clip's side")
    parser.add_argument("--frames", type=int, default=16, help="frames of a clip")
    parser.add_argument("--tasks", default=",".join(TASKS.names()), help="which, parted by commas")
    parser.add_argument("--count", type=int, default=8, help="examples in each round")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    clip = ClipShape(num_frames=args.frames, size_px=args.size)
    rate = partial(measure, count=args.count, rounds=args.rounds)
    print(f"clips of {clip.num_frames} frames, {clip.size_px} pixels a side; processor time, one thread")
    for name in args.tasks.split(","):
        print_task(name, TASKS[name](), clip, rate)
    drawn = [draw(clip, seed, clip.num_frames) for seed in range(args.count)]
    print(f"frames drawn: {clip.num_frames * rate(lambda seed: draw(clip, seed, clip.num_frames)):.0f} a second")
    print_labels([np.ascontiguousarray(frames[:, : clip.size_px, : clip.size_px]) for frames in drawn], rate)


def print_task(name: str, task: PretextTask, clip: ClipShape, rate: Callable[[Callable[[int], object]], float]) -> None:
    """Clips a second as the network would get them; frame tasks also from frames that lie in memory."""
    per_example = len(example(task, clip, 0)) if isinstance(task, DrawnTask | FrameTask) else 0
    line = f"{name}: {per_example * rate(lambda seed: example(task, clip, seed)):.0f} clips/s"
    if isinstance(task, FrameTask):
        source = StoredFrames(draw(clip, 0, task.frames_needed(clip), max(MARGIN, task.margin)))
        line += f", {per_example * rate(lambda seed: example(task, clip, seed, source)):.0f} clips/s from frames in memory"
    print(line)


def example(task: PretextTask, clip: ClipShape, seed: int, source: FrameSource | None = None) -> Frames:
    """The clips of one example; a frame task's from a scene of its own unless a source is given."""
    rng = np.random.default_rng(seed)
    if isinstance(task, DrawnTask):
        return task.make_example(clip, rng).clips_KTHWC
    if isinstance(task, FrameTask):
        if source is None:
            source = drawn_source(clip, rng, task.frames_needed(clip), max(MARGIN, task.margin))
        return task.make_example(source, clip, rng).clips_KTHWC
    raise TypeError(f"{type(task).__name__} is neither a FrameTask nor a DrawnTask")


def print_labels(clips: list[Frames], rate: Callable[[Callable[[int], object]], float]) -> None:
    flows = [flow_of_clip(clip, "dis_medium") for clip in clips]
    print(f"statistics labels without flow: {rate(lambda k: (appearance_values(clips[k]), motion_values(flows[k]))):.0f} clips/s")
    for method in get_args(Flow):
        print(f"optical flow {method}: {rate(partial(_flow_of, clips, method)):.0f} clips/s")


def _flow_of(clips: list[Frames], method: Flow, number: int) -> object:
    return flow_of_clip(clips[number], method)


def drawn_source(clip: ClipShape, rng: np.random.Generator, num_frames: int, margin: float = MARGIN) -> DrawnFrames:
    """What a training run without footage cuts its examples from."""
    size_px = round(clip.size_px * margin)
    return DrawnFrames(scene=make_training_scene(rng, background_px=2 * size_px), num_frames=num_frames, size_px=size_px)


def draw(clip: ClipShape, seed: int, num_frames: int, margin: float = MARGIN) -> Frames:
    return drawn_source(clip, np.random.default_rng(seed), num_frames, margin).take(np.arange(num_frames))


def measure(work: Callable[[int], object], *, count: int, rounds: int) -> float:
    """Calls a second, the median round's; each calls `work` with 0, 1, ... count - 1. One call beforehand does not count."""
    work(0)
    rates = []
    for _ in range(rounds):
        began_s = time.process_time()
        for number in range(count):
            work(number)
        rates.append(count / (time.process_time() - began_s))
    return statistics.median(rates)


if __name__ == "__main__":
    main()
