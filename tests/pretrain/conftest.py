"""Training seeds torch's generator and sets its threads: every test finds both as they were."""

from collections.abc import Iterator

import pytest

from tests.helpers.tiny_run import torch_as_before


@pytest.fixture(autouse=True)
def _torch_as_before() -> Iterator[None]:
    with torch_as_before():
        yield
