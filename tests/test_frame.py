"""The frame of the project says what it promises: packages, pins, images."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = {"app", "embedder", "index", "pretrain"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ]", requirement)[0] for requirement in requirements}


def test_exactly_the_four_packages_are_installed(project: dict[str, Any]) -> None:
    included = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.partition(".")[0] for pattern in included} == PACKAGES


def test_torch_is_in_the_train_extra_only(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    with_torch = {extra for extra, requirements in extras.items() if "torch" in names(requirements)}
    assert with_torch == {"train"}
    assert "torch" not in names(project["project"]["dependencies"])


def test_every_requirement_is_pinned(project: dict[str, Any]) -> None:
    pins = {line.partition("==")[0].lower() for line in pin_lines()}
    required = names(project["project"]["dependencies"])
    for requirements in project["project"]["optional-dependencies"].values():
        required |= names(requirements)
    assert {name.lower() for name in required} - pins == set()


def test_pins_are_plain_versions() -> None:
    """A registry's address or a local label such as +cpu would work on one machine only."""
    wrong = [line for line in pin_lines() if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", line)]
    assert wrong == []
    assert "torch==2.13.0" in pin_lines()


def pin_lines() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line.partition(";")[0].strip() for line in lines if line and not line.startswith("#")]


def test_dockerfile_has_a_cpu_and_a_gpu_target_and_no_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[1:]
    targets = {stage.splitlines()[0].split()[-1]: stage for stage in stages}
    assert {"cpu", "gpu"} <= set(targets)
    for name in ("cpu", "gpu"):
        assert f".[{name}" in targets[name]
        assert "USER vret" in targets[name]
    assert list(targets)[-1] == "cpu", "a plain `docker build` makes the last target"


def test_compose_lets_only_this_machine_in_and_keeps_its_data() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    page = compose["services"]["page"]
    assert [str(port).startswith("127.0.0.1:") for port in page["ports"]] == [True]
    home = page["environment"]["VRET_HOME"]
    volumes = dict(volume.split(":")[:2] for volume in page["volumes"] if not volume.startswith("$"))
    assert home in volumes.values()
    assert {name for name, target in volumes.items() if target == home} <= set(compose["volumes"])
    assert page["build"]["target"] == "cpu"
