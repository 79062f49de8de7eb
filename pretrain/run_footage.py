"""Which videos a run trains on, and how much of each: decided once, when it begins, and kept in its folder.

Example i is drawn out of them. A file that came into a folder later, or a cache of another size, would change every example of a
resumed run.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from embedder.worker_messages import StretchPlan
from pretrain.atomic_file import replacing
from pretrain.config import TrainConfig
from pretrain.errors import CheckpointError, PretrainError
from pretrain.frame_cache import stretches_that_fit
from pretrain.processes import gather_lists
from pretrain.run_files import FOOTAGE_NAME
from pretrain.tasks.base import FrameTask
from pretrain.typed_json import build
from pretrain.video_list import training_videos


@dataclass(frozen=True, kw_only=True)
class RunFootage:
    """plan: how every one of the videos is read."""

    videos: tuple[Path, ...]
    plan: StretchPlan


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What the file holds."""

    videos: tuple[str, ...]
    stretches: int


def choose_footage(config: TrainConfig, videos: Sequence[Path] | None = None) -> RunFootage | None:
    """The videos that are there now, or these, of each as many stretches as fit into the cache; None where no video is read.

    Raises TrainingDataError.
    """
    if not config.reads_videos:
        return None
    chosen, plan = tuple(training_videos(config.footage) if videos is None else videos), _plan(config)
    count = stretches_that_fit(plan, len(chosen), int(config.footage.cache_gb * 1e9))
    return RunFootage(videos=chosen, plan=replace(plan, max_stretches=count))


def footage_of_run(config: TrainConfig, run_dir: Path, *, is_main: bool, resumes: bool) -> RunFootage | None:
    """As above, but a run that resumes goes on with what it began with. Of several processes the first one looks and writes, and
    all get the same; all must call it. Raises TrainingDataError, CheckpointError, OSError.
    """
    if not config.reads_videos:
        return None
    own: RunFootage | PretrainError | None = None
    if is_main:
        try:
            own = _first_or_kept(config, run_dir, resumes=resumes)
        except PretrainError as error:  # the others wait for an answer
            own = error
    (first, *_) = gather_lists([own])
    if isinstance(first, PretrainError):
        raise first
    return first


def _first_or_kept(config: TrainConfig, run_dir: Path, *, resumes: bool) -> RunFootage | None:
    kept = _read(config, run_dir / FOOTAGE_NAME) if resumes else None
    if kept is not None:
        return kept
    chosen = choose_footage(config)
    if chosen is not None:
        values = {"stretches": chosen.plan.max_stretches, "videos": [os.fspath(video) for video in chosen.videos]}
        with replacing(run_dir / FOOTAGE_NAME) as file:
            file.write(json.dumps(values, indent=0).encode())
    return chosen


def _read(config: TrainConfig, path: Path) -> RunFootage | None:
    """None where there is none, as in runs of earlier versions."""
    try:
        kept: _Kept = build(_Kept, json.loads(path.read_text(encoding="utf-8")))
        if not kept.videos or not all(kept.videos) or kept.stretches < 1:
            raise ValueError("it must name one video or more, of each 1 stretch or more")
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} cannot be used ({error}); delete it to go on with the videos that are there now") from error
    plan = _plan(config)
    return RunFootage(
        videos=tuple(map(Path, kept.videos)), plan=replace(plan, max_stretches=min(kept.stretches, plan.max_stretches))
    )


def frame_size_px(config: TrainConfig, task: FrameTask) -> int:
    """Side of the source frames that a task gets."""
    return round(config.clip.size_px * max(config.footage.margin, task.margin))


def _plan(config: TrainConfig) -> StretchPlan:
    wanted = config.footage
    tasks = [part.task for part in config.tasks.parts if isinstance(part.task, FrameTask)]
    return StretchPlan(
        size_px=max(frame_size_px(config, task) for task in tasks),
        max_frame_rate_hz=wanted.max_frame_rate_hz,
        stretch_frames=max(wanted.stretch_frames, *(task.frames_needed(config.clip) for task in tasks)),
        max_stretches=wanted.max_stretches,
    )
