"""What `.ci/run` promises: nothing that it installs for may be skipped, and footage beside the clone is used."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def ci_run(folder: Path, **environment: str) -> str:
    """Output of `.ci/run` in a clone whose tests are one line, with every program that it would install already there."""
    clone, programs = folder / "clone", folder / "programs"
    (clone / ".ci").mkdir(parents=True)
    programs.mkdir()
    shutil.copy(ROOT / ".ci" / "run", clone / ".ci" / "run")
    for name in ("make", "chromium", "pg_ctl"):
        (programs / name).write_text('#!/bin/sh\necho "CI=$CI data=${VRET_TEST_DATA-none}"\n')
        (programs / name).chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "VRET_TEST_DATA")}
    kept["PATH"] = f"{programs}{os.pathsep}{kept['PATH']}"
    done = subprocess.run([clone / ".ci" / "run"], env=kept | environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_footage_beside_the_clone_is_obligatory(tmp_path: Path) -> None:
    data = tmp_path / "shared" / "data"
    data.mkdir(parents=True)
    said, tests = ci_run(tmp_path).splitlines()
    assert "obligatory" in said
    assert tests == f"CI=true data={data}"


def test_without_footage_that_is_said(tmp_path: Path) -> None:
    said, tests = ci_run(tmp_path).splitlines()
    assert "skipped" in said
    assert tests == "CI=true data=none"


def test_named_footage_stays_named(tmp_path: Path) -> None:
    (tmp_path / "shared" / "data").mkdir(parents=True)
    assert "data=/elsewhere" in ci_run(tmp_path, VRET_TEST_DATA="/elsewhere")


def test_a_server_that_is_missing_fails_where_tests_must_run(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("index_conftest", ROOT / "tests" / "index" / "conftest.py")
    assert spec is not None and spec.loader is not None
    conftest = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conftest)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="install Debian's postgresql"):
        conftest._do_without("no server")
    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="no server"):
        conftest._do_without("no server")
