import dataclasses
import json

import pytest

from pretrain.config import FootageConfig, TrainConfig
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


@pytest.mark.parametrize("text", ["pace", "pace+trajectory", "0.5*pace+2*trajectory"])
def test_task_sum__is_written_as_it_is_read(text: str) -> None:
    assert str(parse_task_sum(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pase", "Did you mean pace"),
        ("pace+pace", "different tasks"),
        ("0*pace", "above 0"),
        ("pace+", "is no task"),
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
