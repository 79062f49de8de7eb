"""What is installed is what was tested, and what is passed on is said."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#"))


def needed(wanted: list[str]) -> set[str]:
    """The names of the packages that pip installs for these requirements, here: theirs, and what those need in turn."""
    found: set[str] = set()
    todo = [(Requirement(text), frozenset([""])) for text in wanted]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        requirement, extras = todo.pop()
        if requirement.marker is not None and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras):
            continue
        name, own = canonicalize_name(requirement.name), frozenset(requirement.extras or {""})
        if (name, own) in seen:
            continue
        seen.add((name, own))
        found.add(name)
        try:
            todo += [(Requirement(text), own | {""}) for text in requires(name) or ()]
        except PackageNotFoundError:  # of an extra that is not installed here
            continue
    return found


@pytest.mark.parametrize("extra", ["", "cpu", "train", "postgres", "dev"])
def test_pins__cover_all_that_is_installed(extra: str) -> None:
    wanted = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    pinned = {canonicalize_name(name) for name in PINS}
    assert needed(wanted) - pinned == set(), "refresh constraints.txt with: make pins"


def test_pins__every_line_that_people_copy_keeps_to_them() -> None:
    texts = {name: (ROOT / name).read_text() for name in ("README.md", "Dockerfile", "docs/gpu.md")}
    lines = [(name, line) for name, text in texts.items() for line in re.findall(r"pip install [^`\n#]*\.\[[^`\n#]*", text)]
    assert {name for name, _ in lines} == set(texts)
    assert [line for line in lines if not re.search(r"(-c|--constraint) constraints\.txt", line[1])] == []


def test_notice__goes_with_the_wheel_and_the_images() -> None:
    notice = (ROOT / "NOTICE").read_text()
    assert {"LICENSE", "NOTICE"} <= set(PROJECT["license-files"])
    assert re.search(r"^COPY .*\bNOTICE\b", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for carried in ("FFmpeg", "x264", "x265", "OpenBLAS", "OpenSSL", "psycopg", "onnxruntime", "NVIDIA", "GPL"):
        assert carried in notice


def test_notice__names_what_the_video_wheel_carries_under_the_gpl() -> None:
    import av

    carried = {path.name for path in (Path(av.__file__).parents[1] / "av.libs").glob("lib*")}
    gpl = {word for word in ("x264", "x265", "xvid", "vidstab", "rubberband", "postproc") if any(word in name for name in carried)}
    notice = (ROOT / "NOTICE").read_text()
    assert {word for word in gpl if word not in notice} == set()
