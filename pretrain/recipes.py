"""Named full runs. A recipe is a function that returns a whole config; a variant is `dataclasses.replace` of one."""

from collections.abc import Callable
from dataclasses import replace

from pretrain.config import FootageConfig, OptimiserConfig, TrainConfig
from pretrain.registry import Registry
from pretrain.task_sum import parse_task_sum
from pretrain.tasks.base import ClipShape

RECIPES: Registry[Callable[[], TrainConfig]] = Registry("recipe")


@RECIPES.register("default_encoder")
def default_encoder() -> TrainConfig:
    """What the encoder in the package is to be trained with: drawn clips only, so nobody's footage is in it. (The one that ships
    was trained by this recipe's predecessor, at quarter width; see docs/results.md.)
    """
    return TrainConfig(
        recipe="default_encoder",
        tasks=parse_task_sum("trajectory"),
        backbone="r2plus1d_half",
        optimiser=OptimiserConfig(name="adamw", learning_rate=1.5e-3, schedule="cosine", warmup_steps=30, clip_norm=5.0),
        steps=1000,
        batch_size=64,
        precision="bf16",
    )


@RECIPES.register("laptop")
def laptop() -> TrainConfig:
    """Minutes on two cores: enough to see a task learn."""
    return replace(default_encoder(), recipe="laptop", backbone="r2plus1d_quarter", steps=400, precision="auto")


@RECIPES.register("smoke")
def smoke() -> TrainConfig:
    """Seconds: whether everything is in place, nothing learnt."""
    return replace(
        laptop(), recipe="smoke", clip=ClipShape(num_frames=16, size_px=32), steps=8, batch_size=4, log_every=2, save_every=4
    )


@RECIPES.register("pace_published")
def pace_published() -> TrainConfig:
    """The small networks' settings of the pace paper: 16 x 112 x 112, SGD, batch 30, about 57 thousand steps. Wants
    a GPU and footage.
    """
    return TrainConfig(
        recipe="pace_published",
        tasks=parse_task_sum("pace"),
        backbone="r2plus1d",
        start="default",
        clip=ClipShape(num_frames=16, size_px=112),
        footage=FootageConfig(cache_gb=32.0),
        optimiser=OptimiserConfig(
            name="sgd", learning_rate=1e-3, momentum=0.9, weight_decay=5e-3, schedule="thirds", clip_norm=None
        ),
        steps=57_000,
        batch_size=30,
        save_every=1000,
    )
