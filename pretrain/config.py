"""Everything that decides a training run, in frozen dataclasses that go to JSON and back without loss."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pretrain.schedules import Schedule
from pretrain.task_sum import TaskSum, WeightedTask
from pretrain.tasks import TASKS
from pretrain.tasks.base import ClipShape
from pretrain.typed_json import build, convert

Precision = Literal["fp32", "bf16", "auto"]
OptimiserName = Literal["adamw", "sgd"]
Start = Literal["motion", "default"]


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """name: `adamw` or `sgd`. learning_rate: at its peak. momentum: of SGD. warmup_steps: rise to the peak. clip_norm: the
    gradient's length is cut to this, None for never.
    """

    name: OptimiserName = "adamw"
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.01
    momentum: float = 0.9
    schedule: Schedule = "cosine"
    warmup_steps: int = 0
    clip_norm: float | None = 5.0

    def __post_init__(self) -> None:
        _check_one_of("the optimiser's name", self.name, OptimiserName)
        _check_one_of("schedule", self.schedule, Schedule)
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate is {self.learning_rate:g}; it must be above 0")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm is {self.clip_norm:g}; it must be above 0, or None for gradients as they are")
        for name in ("weight_decay", "momentum", "warmup_steps"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")


@dataclass(frozen=True, kw_only=True)
class FootageConfig:
    """Where tasks that need no drawn truth get their frames.

    paths: folders, video files, and text files that list videos, one a line; empty: drawn footage. never: videos among them that
    must not be trained on, absolute paths. margin: stored frames are this many times as large as a clip, so that a random crop
    has room (published for pace: 128 to 112, 8/7); a task may ask for more (`FrameTask.margin`). max_frame_rate_hz: quicker
    videos are thinned by a whole factor. stretch_frames, max_stretches: a video is kept as at most so many stretches of
    consecutive frames, spread over all of it; as half or a quarter as many, and so on, where the cache could not hold them for
    all videos. cache_dir: where decoded frames are kept between visits and runs; None: in the run's folder, until it is done.
    cache_gb: how many gigabytes of them at most.

    drawn_frames: length of a drawn video, which shows one movement; longer for a task that needs more. drawn_alike: so many
    drawn videos in a row differ in nothing but what moves (`DrawnFootage`).
    """

    paths: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    margin: float = 8 / 7
    max_frame_rate_hz: float = 32.0
    stretch_frames: int = 256
    max_stretches: int = 8
    cache_dir: str | None = None
    cache_gb: float = 8.0
    drawn_frames: int = 128
    drawn_alike: int = 8


@dataclass(frozen=True, kw_only=True)
class LabelledVideo:
    """A video of which it is known what it shows. source: where it comes from; neighbours are sought within one source."""

    path: str
    label: str
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """Labelled videos by which the features are judged now and then; labels are never trained on.

    queries: held-out videos. gallery: videos among which each query's nearest neighbour is sought.
    """

    queries: tuple[LabelledVideo, ...] = ()
    gallery: tuple[LabelledVideo, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run.

    tasks: what is learnt. backbone: registry name. steps: optimiser steps; batch_size: examples of each, of all processes
    together. accumulate: in so many pieces, one after another, to save memory; batch norm, contrastive losses and means over
    those examples that count see one piece at a time. sync_norm: batch norm over the examples of all processes, where there are
    several. seed: of everything random. device: `auto` is the GPU when there is one. precision: `bf16` computes the backbone in
    bfloat16 where that is safe, `auto` does so on machines that are quicker for it. threads: of torch on a CPU, None for its own
    choice. workers: processes that make examples, for each process that trains. log_every, save_every: steps; the second a
    multiple of the first; what would leave less than half of the first to the end waits for the end. init_from: file or run
    whose backbone it starts from, None for random weights. start: how random weights are drawn, `motion` (`motion_start.py`) or
    PyTorch's `default`. probe: by what the features are judged at each save. recipe: the name it came from, for the card.
    """

    tasks: TaskSum
    backbone: str = "r2plus1d_quarter"
    clip: ClipShape = field(default_factory=ClipShape)
    footage: FootageConfig = field(default_factory=FootageConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    steps: int = 1000
    batch_size: int = 64
    accumulate: int = 1
    sync_norm: bool = True
    seed: int = 1
    device: str = "auto"
    precision: Precision = "fp32"
    threads: int | None = None
    workers: int = 2
    log_every: int = 20
    save_every: int = 100
    init_from: str | None = None
    start: Start = "motion"
    probe: ProbeConfig | None = None
    recipe: str = ""

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulate", "log_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        if self.batch_size < 2:
            raise ValueError("batch_size is 1; batch norm needs 2 or more")
        if self.save_every % self.log_every:
            raise ValueError(
                f"save_every is {self.save_every}, log_every {self.log_every}: the first must be a multiple of the second, "
                "so that a resumed run draws the same curve"
            )
        _check_one_of("precision", self.precision, Precision)
        _check_one_of("start", self.start, Start)
        for name in ("workers", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads is {self.threads}; it must be 1 or more, or None for torch's own choice")

    @property
    def reads_videos(self) -> bool:
        """Whether examples are cut from video files; tasks that draw theirs never open one."""
        return bool(self.footage.paths) and self.tasks.uses_footage

    def same_curve(self, other: "TrainConfig") -> bool:
        """Whether a run of the one may go on as a run of the other: they differ at most in where and how fast it is computed."""

        def rest(config: "TrainConfig") -> "TrainConfig":
            footage = dataclasses.replace(config.footage, cache_dir=None, cache_gb=0.0)
            return dataclasses.replace(config, footage=footage, device="auto", threads=None, workers=0)

        return rest(self) == rest(other)

    def to_json(self) -> str:
        """As JSON text that `from_json` reads back."""
        values = dataclasses.asdict(dataclasses.replace(self, tasks=TaskSum(self.tasks.parts)))
        values["tasks"] = [
            {"name": part.name, "weight": part.weight, "knobs": dataclasses.asdict(part.task)}  # type: ignore[call-overload]
            for part in self.tasks.parts
        ]
        return json.dumps(values, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "TrainConfig":
        """Raises ValueError for text that is no such config, naming what is wrong with it."""
        values = json.loads(text)
        if not isinstance(values, dict) or "tasks" not in values:
            raise ValueError("not a training config: no tasks")
        terms = values.pop("tasks")
        if not isinstance(terms, list) or not terms:
            raise ValueError("tasks must be a list of one or more")
        parts = tuple(_part(term, f"tasks[{place}]") for place, term in enumerate(terms))
        config: TrainConfig = build(cls, values, tasks=TaskSum(parts))
        return config


def _part(term: Any, where: str) -> WeightedTask:
    if not isinstance(term, dict) or not {"name", "weight", "knobs"} <= term.keys():
        raise ValueError(f"{where} must have a name, a weight and knobs")
    name = convert(str, term["name"], f"{where}.name")
    return WeightedTask(
        name, build(TASKS[name], term["knobs"], f"{where}.knobs"), float(convert(float, term["weight"], f"{where}.weight"))
    )


def _check_one_of(what: str, value: str, kind: Any) -> None:
    """kind: a Literal."""
    if value not in get_args(kind):
        raise ValueError(f"{what} is {value!r}; it must be one of {', '.join(get_args(kind))}")
