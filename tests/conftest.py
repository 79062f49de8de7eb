"""Before any test module: ONNX Runtime reads its switch for telemetry when it is imported, and tests import it too."""

import os
from collections.abc import Iterator

import pytest

import embedder  # noqa: F401

_SAFE_PATH = os.environ.get("PYTHONSAFEPATH")


@pytest.fixture(autouse=True)
def safe_path_as_it_was() -> Iterator[None]:
    """`vret` keeps Python files of the current folder out of all that it starts, by a variable. Run inside this process it would
    set that for the tests behind it, too, which start modules of this folder."""
    _restore()
    yield
    _restore()


def _restore() -> None:
    if _SAFE_PATH is None:
        os.environ.pop("PYTHONSAFEPATH", None)
    else:
        os.environ["PYTHONSAFEPATH"] = _SAFE_PATH
