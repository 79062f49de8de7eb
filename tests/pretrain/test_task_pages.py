"""docs/tasks.md is made by the code, and must not fall behind it."""

import re
from pathlib import Path

import numpy as np
import pytest

from pretrain.task_pages import task_page
from pretrain.task_pictures import draw_examples
from pretrain.tasks import TASKS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", TASKS.names())
def test_tasks_page__is_what_the_code_says_today(name: str) -> None:
    text = (DOCS / "tasks.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {name}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/tasks.md has no section on {name}: python -m pretrain.task_pages docs"
    answers = re.findall(r"^\*Answer: (.*)\.\*$", section[0], re.MULTILINE)
    assert len(answers) == 2 and answers[0] != answers[1]
    assert section[0].rstrip() == task_page(name, answers).rstrip(), "run: python -m pretrain.task_pages docs"
    for number in (1, 2):
        assert (DOCS / "pictures" / "tasks" / f"{name}-{number}.jpg").stat().st_size > 5000


def test_draw_examples__a_row_for_each_clip_and_different_answers() -> None:
    (picture, words), (_, other) = draw_examples("cloze")
    assert picture.dtype == np.uint8
    assert picture.shape == (3 * 100 - 4, 8 * 100 - 4, 3)
    assert words != other
