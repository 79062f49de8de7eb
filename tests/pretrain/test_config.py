import dataclasses
import json
from typing import Any

import pytest

from pretrain.config import FootageConfig, OptimiserConfig, TrainConfig
from pretrain.recipes import RECIPES
from pretrain.registry import UnknownName
from pretrain.schedules import learning_rate_factor
from pretrain.task_sum import TaskSum, WeightedTask, parse_task_sum
from pretrain.tasks.pace import Pace
from pretrain.tasks.trajectory import Trajectory


@pytest.mark.parametrize("name", RECIPES.names())
def test_json__every_recipe_survives(name: str) -> None:
    config = RECIPES[name]()
    assert config.recipe == name
    assert TrainConfig.from_json(config.to_json()) == config


def plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


# Of every knob, what the docstrings give as published, released or, for cloze, unofficial. None: no such value.
AS_PUBLISHED: dict[str, dict[str, Any]] = {
    "pace": {
        "paces": (1, 2, 3, 4),
        "between": None,
        "loop": "published",
        "jitter": {"brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2, "share": 0.8},
        "flip": 0.5,
        "contrast": "none",
        "pace_weight": 1,
        "contrast_weight": None,
        "projection": None,
        "similarity": None,
        "temperature": None,
    },
    "statistics": {
        "strides": (1,),
        "flip": 0.5,
        "mirrored_u": "released",
        "maps": "released",
        "flow": None,
        "targets": "published",
        "histograms": "all_pixels",
        "dominant_colour": "commonest_colour",
        "still": "published",
        "motion_weight": 1,
        "appearance_weight": 0.1,
    },
    "cloze": {
        "gap": 0.5,
        "away": 1,
        "spacing": "unofficial",
        "places": "unofficial",
        "tiles": "reversal",
        "stride": 1,
        "hidden": 0,
    },
    "overlap": {
        "paces": (1, 2, 4, 8),
        "sampler": "released",
        "compare": "pair",
        "areas": (0.2, 1),
        "sizes": None,
        "flip": 0.5,
        "looks": 0.3,
        "jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1, "share": 0.8},
        "grey": {"share": 0.2},
        "grey_kind": "one_channel",
        "blur": {"share": 0.5, "sigmas": (0.1 / 112, 2 / 112), "border": "cut"},
        "tilt_degrees": 10,
        "contrast": "byol",
        "temperature": None,
        "momentum": 0.996,
        "projection": 8,
        "weights": {"contrast": 0.1, "spatial": 1, "temporal": 1, "pace": 1, "rotation": 1},
    },
    "cvrl": {
        "stride": 2,
        "exponent": 1,
        "stretch_frames": 250,
        "crop": {"areas": (0.3, 1), "aspects": (0.5, 2)},
        "flip": 0.5,
        "jitter": {"brightness": 0.8, "contrast": 0.8, "saturation": 0.8, "hue": 0.2, "share": 0.8},
        "grey": 0.2,
        "views": "asymmetric",
        "blur_sigmas": (0.1 / 224, 2 / 224),
        "border": "dark",
        "hidden": 2048,
        "out": 128,
        "temperature": 0.1,
        "doubled": True,
    },
}


@pytest.mark.parametrize("name", AS_PUBLISHED)
def test_recipe__published_has_every_knob_on_its_published_side(name: str) -> None:
    (part,) = RECIPES[f"{name}_published"]().tasks.parts
    assert part.name == name
    knobs = {field.name: plain(getattr(part.task, field.name)) for field in dataclasses.fields(part.task)}  # type: ignore[arg-type]
    assert knobs.keys() == AS_PUBLISHED[name].keys()
    assert {key: knobs[key] for key, wanted in AS_PUBLISHED[name].items() if wanted is not None} == {
        key: wanted for key, wanted in AS_PUBLISHED[name].items() if wanted is not None
    }


def test_recipe__there_is_one_as_published_for_every_task_that_was() -> None:
    assert {name.removesuffix("_published") for name in RECIPES.names() if name.endswith("_published")} == AS_PUBLISHED.keys()


def test_json__knobs_of_tasks_survive() -> None:
    slow = WeightedTask("pace", Pace(paces=(0.5, 1, 2), loop="published"))
    tasks = TaskSum((slow, WeightedTask("trajectory", Trajectory(), 0.3)))
    config = TrainConfig(tasks=tasks, footage=FootageConfig(paths=("a", "b"), cache_dir="c"))
    assert TrainConfig.from_json(config.to_json()) == config


def test_json__an_unknown_field_is_named() -> None:
    values = json.loads(RECIPES["smoke"]().to_json()) | {"batch": 3}
    with pytest.raises(ValueError, match=r"TrainConfig has no batch; there are .*batch_size"):
        TrainConfig.from_json(json.dumps(values))


def test_config__windows_and_checkpoints_must_fit() -> None:
    with pytest.raises(ValueError, match="save_every is 25, log_every 20"):
        dataclasses.replace(RECIPES["laptop"](), save_every=25)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": -1}, "seed is -1; it must be 0 or more"),
        ({"workers": -1}, "workers is -1; it must be 0 or more"),
        ({"threads": 0}, "threads is 0; it must be 1 or more"),
        ({"start": "warm"}, "start is 'warm'; it must be one of motion, default"),
        ({"precision": "fp8"}, "precision is 'fp8'; it must be one of fp32, bf16, auto"),
    ],
)
def test_config__what_cannot_be_is_said(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(RECIPES["smoke"](), **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "adam"}, "the optimiser's name is 'adam'; it must be one of adamw, sgd"),
        ({"schedule": "linear"}, "schedule is 'linear'; it must be one of cosine, constant, thirds"),
        ({"learning_rate": 0.0}, "learning_rate is 0; it must be above 0"),
        ({"clip_norm": 0.0}, "clip_norm is 0; it must be above 0, or None"),
        ({"momentum": -0.1}, "momentum is -0.1; it must be 0 or more"),
        ({"warmup_steps": -1}, "warmup_steps is -1; it must be 0 or more"),
    ],
)
def test_optimiser__what_cannot_be_is_said(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OptimiserConfig(**changes)


@pytest.mark.parametrize("text", ["pace", "pace+trajectory", "0.5*pace+2*trajectory"])
def test_task_sum__is_written_as_it_is_read(text: str) -> None:
    assert str(parse_task_sum(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pase", "Did you mean pace"),
        ("pace+pace", "different tasks"),
        ("0*pace", "above 0"),
        ("pace+", "'pace\\+' lacks a task beside a plus; write a name"),
        ("pace*2", "is no task"),
    ],
)
def test_task_sum__errors_say_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises((ValueError, UnknownName), match=words):
        parse_task_sum(text)


def test_learning_rate__rises_and_falls_along_a_cosine() -> None:
    factors = [learning_rate_factor(step, steps=110, warmup_steps=10, schedule="cosine") for step in range(110)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9] == factors[10] == 1
    assert factors[60] == pytest.approx(0.5)
    assert 0 < factors[-1] < 0.001
    assert sorted(factors[10:], reverse=True) == factors[10:]


def test_learning_rate__thirds_drop_to_a_tenth_twice() -> None:
    factors = [learning_rate_factor(step, steps=18, warmup_steps=0, schedule="thirds") for step in range(18)]
    assert factors == pytest.approx([1.0] * 6 + [0.1] * 6 + [0.01] * 6)
