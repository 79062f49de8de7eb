"""Training seeds torch's generator and sets its threads: every test finds both as they were."""

import signal
from collections.abc import Iterator

import pytest

from tests.helpers.tiny_run import torch_as_before


@pytest.fixture(autouse=True)
def _torch_as_before() -> Iterator[None]:
    with torch_as_before():
        yield


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """What a shell script starts in the background ignores Ctrl-C, these tests too, and vret keeps to that."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
