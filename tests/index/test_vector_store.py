"""The cache on disk: whatever happens to it, search answers as if it had been built anew."""

import errno
import json
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from index.catalog import Catalog
from index.errors import UnknownEncoder
from index.search import find_moments
from index.vectors import files as index_files
from index.vectors.faiss_index import FaissIndex
from index.vectors.store import VectorStore
from index.vectors.vector_index import VectorIndex
from tests.index.walk_videos import DIM, ROOT, Collection, query, walk


@pytest.fixture
def films(catalog: Catalog) -> Collection:
    """Three videos of 20 s."""
    collection = Collection.new(catalog)
    for number in range(3):
        collection.add(f"{number}.mp4", walk(number), 20.0)
    return collection


@pytest.fixture(params=[200_000, 5], ids=["flat", "ivf"])
def store(films: Collection, tmp_path: Path, request: pytest.FixtureRequest) -> VectorStore:
    """A store whose files are written."""
    made = VectorStore(films.catalog, tmp_path / "vectors", exact_up_to=request.param)
    made.open(films.encoder_id)
    return made


def again(store: VectorStore) -> VectorStore:
    """The store as the next process has it."""
    return VectorStore(store._catalog, store._folder, exact_up_to=store._exact_up_to)


def assert_same_as_built_anew(films: Collection, index: VectorIndex, tmp_path: Path) -> None:
    fresh = VectorStore(films.catalog, tmp_path / "anew").open(films.encoder_id)
    shutil.rmtree(tmp_path / "anew")
    queries = np.eye(DIM, dtype=np.float32)[:8]
    assert (len(index), index.revision) == (len(fresh), fresh.revision)
    np.testing.assert_array_equal(index.search(queries, 500)[1], fresh.search(queries, 500)[1])


Reasons = Callable[[], list[str]]


@pytest.fixture
def rebuilds(caplog: pytest.LogCaptureFixture, store: VectorStore) -> Reasons:
    """Why indexes were rebuilt since the store's first file was there, as logged."""
    caplog.set_level(logging.INFO, "index.vectors.store")
    return lambda: [record.getMessage() for record in caplog.records if "Rebuilding" in record.getMessage()]


def test_second_open_reads_the_file(films: Collection, store: VectorStore, tmp_path: Path, rebuilds: Reasons) -> None:
    index = again(store).open(films.encoder_id)

    assert rebuilds() == []
    assert isinstance(index, FaissIndex)
    assert index.is_exact == (store._exact_up_to > 5)
    assert_same_as_built_anew(films, index, tmp_path)


def test_open_catches_up_without_rebuilding(films: Collection, store: VectorStore, tmp_path: Path, rebuilds: Reasons) -> None:
    catalog = films.catalog
    films.add("new.mp4", walk(8), 12.0)
    films.add("0.mp4", walk(9), 9.0)
    first = catalog.find_video(ROOT / "1.mp4")
    assert first is not None
    catalog.mark_missing([first.id])

    for opened in (store.open(films.encoder_id), again(store).open(films.encoder_id)):
        assert_same_as_built_anew(films, opened, tmp_path)
    assert [reason for reason in rebuilds() if "none yet" not in reason] == []


def test_many_changes_are_saved(films: Collection, store: VectorStore, rebuilds: Reasons) -> None:
    films.add("long.mp4", walk(8), 1500.0)

    store.open(films.encoder_id)

    manifest = json.loads(index_files.manifest_of(store._folder, "ab" * 32).read_text())
    assert manifest["revision"] == films.catalog.revision
    assert len(list(store._folder.iterdir())) == 1 + len(manifest["files"]), "the replaced files are gone"
    assert len(again(store).open(films.encoder_id)) == manifest["num_clips"]
    assert rebuilds() == []


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


DAMAGE = {
    "deleted": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "one byte": _flip,
    "noise": lambda path: path.write_bytes(os.urandom(path.stat().st_size)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damaged_files_heal(
    films: Collection, store: VectorStore, tmp_path: Path, damage: Callable[[Path], object], rebuilds: Reasons
) -> None:
    for path in sorted(store._folder.iterdir()):
        if not path.exists():
            continue
        copy = tmp_path / "damaged"
        shutil.copytree(store._folder, copy)
        damage(copy / path.name)
        hurt = VectorStore(films.catalog, copy, exact_up_to=store._exact_up_to)

        assert_same_as_built_anew(films, hurt.open(films.encoder_id), tmp_path)
        assert any(path.name.split(".")[-1] in reason or "none yet" in reason or "manifest" in reason for reason in rebuilds())
        shutil.rmtree(copy)


def test_healed_files_are_read_by_the_next(films: Collection, store: VectorStore, rebuilds: Reasons) -> None:
    _flip(next(store._folder.glob("*.faiss")))
    again(store).open(films.encoder_id)
    assert len(rebuilds()) == 1

    again(store).open(films.encoder_id)

    assert len(rebuilds()) == 1


@pytest.mark.parametrize(
    "lie",
    [
        {"format": 99},
        {"dim": 8},
        {"num_clips": 1},
        {"encoder_sha256": "cd" * 32},
        {"files": {}},
        {"files": {"faiss": {"name": "../../secret", "size": 1, "crc32": 1}}},
        {"files": None},
        {"token": "of another history"},
        {"revision": 10_000},
        {"revision": None},
    ],
)
def test_manifest_that_does_not_fit_is_not_believed(films: Collection, store: VectorStore, tmp_path: Path, lie: dict) -> None:
    path = index_files.manifest_of(store._folder, "ab" * 32)
    path.write_text(json.dumps(json.loads(path.read_text()) | lie))

    assert_same_as_built_anew(films, again(store).open(films.encoder_id), tmp_path)


def test_file_of_another_encoder_is_not_taken(films: Collection, store: VectorStore) -> None:
    other = films.catalog.register_encoder("cd" * 32, "other", DIM, "{}")
    shutil.copy(index_files.manifest_of(store._folder, "ab" * 32), index_files.manifest_of(store._folder, "cd" * 32))

    assert len(again(store).open(other)) == 0
    with pytest.raises(UnknownEncoder, match="no encoder with id 99"):
        store.open(99)


def test_restored_backup_of_the_catalog(films: Collection, store: VectorStore, tmp_path: Path, rebuilds: Reasons) -> None:
    """The file knows videos that the restored catalog never had, and the catalog goes on to the same revision with others."""
    catalog = films.catalog
    catalog.close()
    shutil.copy(tmp_path / "catalog.db", tmp_path / "backup.db")
    films.add("after.mp4", walk(5), 600.0)
    films.add("last.mp4", walk(6), 600.0)
    again(store).open(films.encoder_id)
    lost_revision = catalog.revision
    catalog.close()
    shutil.copy(tmp_path / "backup.db", tmp_path / "catalog.db")
    shutil.copytree(store._folder, tmp_path / "of lost history")

    for number in range(4):  # the catalog is behind the file's revision, at it, and beyond
        shutil.rmtree(store._folder)
        shutil.copytree(tmp_path / "of lost history", store._folder)
        assert_same_as_built_anew(films, again(store).open(films.encoder_id), tmp_path)
        films.add(f"other{number}.mp4", walk(50 + number), 10.0)
    assert catalog.revision > lost_revision
    assert len([reason for reason in rebuilds() if "another history" in reason]) == 4


def test_restored_backup_of_the_file(films: Collection, store: VectorStore, tmp_path: Path) -> None:
    shutil.copytree(store._folder, tmp_path / "old")
    films.add("after.mp4", walk(5), 600.0)
    again(store).open(films.encoder_id)
    shutil.rmtree(store._folder)
    shutil.copytree(tmp_path / "old", store._folder)

    assert_same_as_built_anew(films, again(store).open(films.encoder_id), tmp_path)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_full_disk_while_saving_is_no_obstacle(
    films: Collection, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(index_files.os, step, full)
    folder = tmp_path / "vectors"

    index = VectorStore(films.catalog, folder).open(films.encoder_id)

    assert "could not be saved" in caplog.text
    assert "No space left on device" in caplog.text
    assert list(folder.iterdir()) == [], "nothing half written stays"
    monkeypatch.undo()
    assert_same_as_built_anew(films, index, tmp_path)


@pytest.mark.parametrize("name", ["what?", "a%20b", "new\nline", os.fsdecode(b"b\xffd"), "мир"])
def test_folder_of_any_name(films: Collection, tmp_path: Path, name: str, rebuilds: Reasons) -> None:
    for exact_up_to in (200_000, 5):
        folder = tmp_path / f"{name}{exact_up_to}"
        VectorStore(films.catalog, folder, exact_up_to=exact_up_to).open(films.encoder_id)
        before = len(rebuilds())
        index = VectorStore(films.catalog, folder, exact_up_to=exact_up_to).open(films.encoder_id)
        assert len(rebuilds()) == before
        assert_same_as_built_anew(films, index, tmp_path)


FAULTS = {
    "full": (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
    "over quota": (OSError(errno.EDQUOT, "Disk quota exceeded"), "the disk is full"),
    "no rights": (PermissionError(errno.EACCES, "Permission denied"), "you may not write there"),
    "read-only disk": (OSError(errno.EROFS, "Read-only file system"), "you may not write there"),
    "broken disk": (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    "memory": (MemoryError(), "the memory does not suffice"),
    "FAISS": (RuntimeError("Error in faiss: unknown index"), "FAISS failed (Error in faiss: unknown index)"),
}


@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_what_failed_is_called_by_its_name(
    films: Collection,
    tmp_path: Path,
    fault: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Though FAISS, which writes most of it, has one kind of error for all."""

    class Writer:
        def __init__(self, write: object) -> None:
            raise fault

    monkeypatch.setattr(index_files.faiss, "PyCallbackIOWriter", Writer)
    VectorStore(films.catalog, tmp_path / "vectors").open(films.encoder_id)
    assert said in caplog.text
    assert ("full" in caplog.text) == ("full" in said)
    assert list((tmp_path / "vectors").iterdir()) == []


def test_error_of_a_write_comes_through_faiss(films: Collection) -> None:
    def write(_: bytes) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    index = VectorStore(films.catalog, Path("/nowhere"), saves=False).open(films.encoder_id)
    assert isinstance(index, FaissIndex)
    with pytest.raises(OSError, match="Disk quota exceeded"):
        index_files.faiss.write_index(index.base.index, index_files.faiss.PyCallbackIOWriter(write))


def test_only_own_files_are_swept(films: Collection, store: VectorStore) -> None:
    """However old they are, and whatever a manifest says."""
    stem = "ab" * 8
    others = [
        store._folder / name for name in (f"{stem}-notes.txt", f"{stem}-1-abcdefgh.faiss", "thesis.rows.npy", "mine.json.tmp")
    ]
    strays = [store._folder / f"{stem}-1-0123abcd.{end}" for end in ("faiss", "rows.npy", "halves.npy", "json.tmp")]
    for path in (*others, *strays):
        path.write_text("x")
        os.utime(path, (1e9, 1e9))
    manifest = index_files.manifest_of(store._folder, "ab" * 32)
    told = json.loads(manifest.read_text())
    told["files"]["more"] = {"name": "thesis.rows.npy", "size": 1, "crc32": 1}
    manifest.write_text(json.dumps(told))

    films.add("long.mp4", walk(8), 1500.0)
    again(store).open(films.encoder_id)

    assert all(path.exists() for path in others)
    assert not any(path.exists() for path in strays)


def test_full_file_system_keeps_the_old_file(films: Collection, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip("file systems cannot be mounted here; test_full_disk_while_saving_is_no_obstacle stands in")
    try:
        VectorStore(films.catalog, small).open(films.encoder_id)
        before = sorted(path.name for path in small.iterdir())
        films.add("long.mp4", walk(8), 1500.0)

        index = VectorStore(films.catalog, small).open(films.encoder_id)

        assert "could not be saved" in caplog.text
        assert sorted(path.name for path in small.iterdir()) == before
        assert_same_as_built_anew(films, index, tmp_path)
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_folder_that_cannot_be_made(films: Collection, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")

    index = VectorStore(films.catalog, tmp_path / "file" / "vectors").open(films.encoder_id)

    assert "could not be saved" in caplog.text
    assert find_moments(films.catalog, index, films.encoder_id, query(walk(1), 3.0, 7.0))[0].path == ROOT / "1.mp4"


def test_a_damaged_video_is_left_out_and_named(
    films: Collection, store: VectorStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the index is built anew; one that was built before the damage has its vectors and still finds it."""
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("UPDATE embedding SET vectors = substr(vectors, 1, 100) WHERE video_id = 2")
    connection.close()
    names = {"0.mp4", "1.mp4", "2.mp4"}
    for folder, expected in ((store._folder, names), (tmp_path / "anew", names - {"1.mp4"})):
        caplog.clear()
        index = VectorStore(films.catalog, folder).open(films.encoder_id)
        found = find_moments(films.catalog, index, films.encoder_id, query(walk(2), 3.0, 7.0), k=50)
        assert {moment.path.name for moment in found} == expected
    (line,) = [record.getMessage() for record in caplog.records if "damaged" in record.getMessage()]
    assert str(ROOT / "1.mp4") in line
    assert f"vret index {ROOT} --library" in line and "--reembed" in line


def test_opening_imports_neither_alembic_nor_decoders(films: Collection, store: VectorStore, tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from index.catalog import Catalog
from index.search import find_moments, moment_as_query
from index.vectors.store import VectorStore
catalog = Catalog.open("sqlite:///{tmp_path / "catalog.db"}")
index = VectorStore(catalog, Path({str(store._folder)!r})).open(1)
print(find_moments(catalog, index, 1, moment_as_query(catalog, 1, 2, 5.0))[0].video_id)
print([name for name in ("alembic", "av", "onnxruntime", "torch", "cv2", "streamlit") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["2", "[]"]
