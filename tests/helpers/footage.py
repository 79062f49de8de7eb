"""The optional real footage: VRET_TEST_DATA, or a folder ``shared/data`` beside the repository."""

import csv
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def footage_folder() -> Path:
    """Where the footage lies, whether or not it is there."""
    named = os.environ.get("VRET_TEST_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "data"


def footage(name: str) -> Path:
    """One folder or file of it. Skips the test where there is none; fails where VRET_TEST_DATA promises one."""
    path = footage_folder() / name
    if path.exists():
        return path
    reason = f"no footage at {path}; name its folder by VRET_TEST_DATA"
    if os.environ.get("VRET_TEST_DATA"):
        pytest.fail(reason)
    pytest.skip(reason)


def manifest(name: str) -> list[dict[str, str]]:
    """The rows of a folder's manifest.csv; none where the footage is absent."""
    path = footage_folder() / name / "manifest.csv"
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
