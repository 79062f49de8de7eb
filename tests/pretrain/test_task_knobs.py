"""Knobs as they are written on the command line: typed by the task's own fields."""

from dataclasses import dataclass, field

import pytest

from pretrain.task_knobs import knobs_of, with_knobs
from pretrain.task_sum import TaskSum, WeightedTask, parse_task_sum
from pretrain.tasks.pace import Pace
from pretrain.tasks.statistics import Statistics


@dataclass(frozen=True, kw_only=True)
class Part:
    depth: int = 1
    share: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Everything:
    whole: int = 3
    real: float | None = 0.5
    sure: bool = False
    pair: tuple[float, float] = (1.0, 2.0)
    part: Part = field(default_factory=Part)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("whole=5", Everything(whole=5)),
        ("real=1e-3,sure=true", Everything(real=0.001, sure=True)),
        ("real=none", Everything(real=None)),
        ("pair=3,0.25,whole=1", Everything(pair=(3.0, 0.25), whole=1)),
        ("part.depth=2, part.share=0", Everything(part=Part(depth=2, share=0.0))),
    ],
)
def test_knobs__have_the_types_of_the_fields_and_are_written_as_read(text: str, expected: Everything) -> None:
    made = with_knobs(Everything(), text, of="it")
    assert made == expected
    assert isinstance(made.whole, int) and isinstance(made.pair[0], float) and isinstance(made.sure, bool)
    assert with_knobs(Everything(), knobs_of(made, Everything()), of="it") == made


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("whale=5", r"it has no knob 'whale'. Did you mean whole\? There are: whole, real, sure, pair, part"),
        ("whole=1.5", "it knob whole is '1.5'; it must be a whole number"),
        ("real=much", "it knob real is 'much'; it must be a number"),
        ("whole=1,2", "it knob whole is '1,2'; it must be a whole number"),
        ("sure=yes", "it knob sure is 'yes'; it can be true, false"),
        ("pair=1,2,3", "it knob pair is '1,2,3'; it takes 2 values"),
        ("part=3", "it knob part has parts; set one of them: part.depth, part.share"),
        ("part.width=3", "it knob part has no knob 'width'.* There are: depth, share"),
        ("whole.half=3", "it knob whole has no parts; write whole=value"),
        ("whole=1,whole=2", "it knob whole is set twice"),
        ("part.depth=1,part.depth=1", "it knob part.depth is set twice"),
        ("3", "'3' sets no knob of it; write knob=value"),
    ],
)
def test_knobs__errors_say_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        with_knobs(Everything(), text, of="it")


@pytest.mark.parametrize(
    "text",
    [
        "pace(contrast=same_context)",
        "pace(paces=0.5,1,2,loop=published,jitter.share=0)+0.5*statistics(targets=published)",
        "0.25*pace(temperature=0.07)",
        "statistics(motion_weight=1e+16)+trajectory",
    ],
)
def test_task_sum__with_knobs_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_task_sum(text)) == text
    assert parse_task_sum(str(parse_task_sum(text))) == parse_task_sum(text)


@pytest.mark.parametrize("weight", [0.12345678, 2e6, 1e16, 1.5e-7, 1 / 3, 5e22, 10.0, 3])
def test_task_sum__every_weight_is_read_back_as_it_was(weight: float) -> None:
    tasks = TaskSum((WeightedTask("pace", Pace()), WeightedTask("statistics", Statistics(), weight)))
    assert parse_task_sum(str(tasks)) == tasks


@pytest.mark.parametrize("text", ["0*pace", "1e999*pace"])
def test_task_sum__a_weight_is_above_0_and_finite(text: str) -> None:
    with pytest.raises(ValueError, match=r"weight of task pace is .* above 0, and finite"):
        parse_task_sum(text)


def test_task_sum__knobs_reach_the_task_and_the_others_keep_their_defaults() -> None:
    pace = Pace(contrast="same_pace", paces=(1 / 3, 1))
    tasks = TaskSum((WeightedTask("pace", pace), WeightedTask("statistics", Statistics(), 2.0)))
    assert parse_task_sum(" pace ( paces=0.3333333333333333,1, contrast = same_pace ) + 2*statistics()") == tasks
    assert parse_task_sum(str(tasks)) == tasks


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pace(contrast=context)", "task pace knob contrast is 'context'; it can be none, same_context, same_pace"),
        ("pace(speed=3)", "task pace has no knob 'speed'.* There are: paces, "),
        ("pace(paces=1)", "two or more different numbers"),
        ("pace(loop=published", "lacks a bracket: 1 opened, 0 closed; write"),
        ("pace)+trajectory", "'pace\\)' in .* lacks a bracket: 0 opened, 1 closed"),
        ("pace(a(b))", "is no task"),
    ],
)
def test_task_sum__errors_name_the_knob_or_the_grammar(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_task_sum(text)
