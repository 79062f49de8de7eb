"""Before any test module: ONNX Runtime reads its switch for telemetry when it is imported, and tests import it too; and OpenMP
reads how its threads wait when torch is."""

import os
import sys
from collections.abc import Iterator

import pytest

import embedder  # noqa: F401

# Tests run beside one another. Threads that wait by spinning, as they do by default, take the cores from those that work: on two
# busy cores a training took 91 s, and takes 10 to 20.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_SAFE_PATH = os.environ.get("PYTHONSAFEPATH")
_MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def process_as_it_was() -> Iterator[None]:
    """Two things that are set for the whole process, and would change the tests behind the one that caused it. `vret` sets a
    variable that keeps Python files of the current folder out of all that it starts. And Streamlit puts the script that it runs
    in the place of the main module, which the spawned workers of a training then run first."""
    _restore()
    yield
    _restore()


def _restore() -> None:
    sys.modules["__main__"] = _MAIN
    if _SAFE_PATH is None:
        os.environ.pop("PYTHONSAFEPATH", None)
    else:
        os.environ["PYTHONSAFEPATH"] = _SAFE_PATH
