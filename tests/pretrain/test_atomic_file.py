"""A file that is replaced is the whole old one or the whole new one, and nothing lies beside it."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pretrain.atomic_file import replacing


@pytest.fixture
def _umask() -> Iterator[None]:
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.parametrize("durable", [True, False])
def test_replacing__the_old_one_is_there_until_the_new_one_is_whole(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"old")
    with replacing(path, durable=durable) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_replacing__what_goes_wrong_changes_nothing(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_replacing__a_folder_in_the_way_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").mkdir()
    with pytest.raises(OSError), replacing(tmp_path / "a.onnx") as file:  # noqa: PT011 - which one is the system's choice
        file.write(b"new")
    assert list(tmp_path.iterdir()) == [tmp_path / "a.onnx"]


@pytest.mark.usefixtures("_umask")
def test_replacing__the_umask_decides_who_may_read(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as file:
        file.write(b"x")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_replacing__several_at_once_do_not_mix(tmp_path: Path) -> None:
    contents = [bytes([letter]) * 100_000 for letter in range(4)]

    def write(content: bytes) -> None:
        for _ in range(20):
            with replacing(tmp_path / "a", durable=False) as file:
                file.write(content)

    threads = [threading.Thread(target=write, args=(content,)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() in contents
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
