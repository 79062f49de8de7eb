"""What a user is told when the catalog cannot be used: one clear line, and nothing half done."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from index import schema
from index.catalog import Catalog
from index.database import Database
from index.errors import (
    CatalogBusy,
    CatalogCorrupt,
    CatalogError,
    CatalogReadOnly,
    CatalogTooNew,
    CatalogUnavailable,
    StorageFull,
)
from tests.index.walk_videos import Collection, walk


def one_line(error: pytest.ExceptionInfo[CatalogError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("url", ["catalog.db", "mysql://host/name", "nonsense://x", ""])
def test_url_that_is_none(url: str) -> None:
    with pytest.raises(CatalogUnavailable) as error:
        Catalog.open(url)
    assert "sqlite:///" in one_line(error)
    assert "postgresql://" in one_line(error)


def test_url_that_is_none__does_not_show_its_password() -> None:
    with pytest.raises(CatalogUnavailable) as error:
        Catalog.open("postgresql://me:secret@host:port/vret?password=hidden")
    assert "secret" not in one_line(error) and "hidden" not in one_line(error)


def test_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"this is not a database, but long enough to be looked at" * 50)
    with pytest.raises(CatalogCorrupt) as error:
        Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")
    assert str(tmp_path / "catalog.db") in one_line(error)


def test_damaged_pages(catalog: Catalog, tmp_path: Path) -> None:
    collection = Collection.new(catalog)
    video_id = collection.add("a.mp4", walk(1), 60.0)
    catalog.close()
    path = tmp_path / "catalog.db"
    data = bytearray(path.read_bytes())
    data[8192:-4096] = os.urandom(len(data) - 8192 - 4096)
    path.write_bytes(data)
    with pytest.raises(CatalogError) as error, Catalog.open(f"sqlite:///{path}") as damaged:
        damaged.clips(video_id, collection.encoder_id)
    one_line(error)


def test_damaged_blob_is_named(catalog: Catalog, tmp_path: Path) -> None:
    collection = Collection.new(catalog)
    video_id = collection.add("a.mp4", walk(1), 10.0)
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("UPDATE embedding SET vectors = substr(vectors, 1, 100)")
    connection.close()
    with pytest.raises(CatalogCorrupt, match=rf"clips of video {video_id}, .*a\.mp4, are damaged.*--reembed"):
        catalog.clips(video_id, collection.encoder_id)


def test_newer_version_is_refused_and_not_touched(catalog: Catalog, tmp_path: Path) -> None:
    catalog.close()
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(CatalogTooNew) as error:
        Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")
    assert "newer version of vret (schema 9999" in one_line(error)


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CatalogReadOnly) as error:
        Catalog.open(f"sqlite:///{tmp_path / 'file' / 'home' / 'catalog.db'}")
    assert "VRET_HOME" in one_line(error)


def test_read_only_folder(catalog: Catalog, tmp_path: Path) -> None:
    """Tried as a user who may not write there: root may write anywhere."""
    catalog.close()
    folder = tmp_path / "catalog"
    folder.mkdir()
    (tmp_path / "catalog.db").rename(folder / "catalog.db")
    code = f"""
import os
from index.catalog import Catalog
from index.errors import CatalogUnavailable
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    with Catalog.open("sqlite:///{folder}/" + "catalog.db") as catalog:
        catalog.add_library("films", [])
except CatalogUnavailable as error:
    print(error)
try:
    Catalog.open("sqlite:///{folder}/" + "new/catalog.db")
except CatalogUnavailable as error:
    print(error)
"""
    for parent in [folder, *folder.parents][:4]:  # pytest's folders are for their owner alone
        parent.chmod(0o755)
    folder.chmod(0o555)
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    finally:
        folder.chmod(0o755)
    if "ModuleNotFoundError" in done.stderr or "PermissionError" in done.stderr:
        pytest.skip("an ordinary user cannot read this installation")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(lines) == 2
    assert all(str(folder) in line for line in lines)


def test_full_disk_says_so_and_loses_nothing(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        with Catalog.open(f"sqlite:///{small / 'catalog.db'}") as catalog:
            collection = Collection.new(catalog)
            stored: list[int] = []

            def fill() -> None:
                for number in range(100):
                    stored.append(collection.add(f"{number}.mp4", walk(number), 300.0))

            with pytest.raises(StorageFull) as error:
                fill()
            assert "full" in one_line(error)
            assert [video.id for video in catalog.videos()] == stored
            assert stored
            catalog.clips(stored[-1], collection.encoder_id)
        with Catalog.open(f"sqlite:///{small / 'catalog.db'}") as catalog:
            assert [video.id for video in catalog.videos()] == stored
    finally:
        subprocess.run(["umount", "-l", small], check=True)


def test_locked_for_too_long(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.database.BUSY_TIMEOUT_S", 0.05)
    holder = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}") as second:
            assert second.libraries() == [], "readers do not wait for writers"
            with pytest.raises(CatalogBusy) as error:
                second.add_library("films", [])
        assert "another process" in one_line(error)
    finally:
        holder.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:secret@/name?host={}",
        "postgresql:///name?host={}&user=someone&password=secret",
    ],
)
def test_server_that_is_not_there(tmp_path: Path, url: str) -> None:
    with pytest.raises(CatalogUnavailable) as error:
        Catalog.open(url.format(tmp_path))
    assert "secret" not in one_line(error)
    assert "VRET_CATALOG_URL" in one_line(error)


def test_known_revisions_are_those_of_the_migrations(new_catalog_url: str) -> None:
    """A migrated database has exactly the tables of `tables.py`, and `schema.REVISIONS` names every migration."""
    from alembic.autogenerate import compare_metadata
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from index.tables import metadata

    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(revisions)) == schema.REVISIONS

    Catalog.open(new_catalog_url).close()
    database = Database(new_catalog_url)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    database.close()


def test_migrations_are_part_of_the_installed_package() -> None:
    import importlib.resources

    folder = importlib.resources.files("index") / "migrations"
    assert {"env.py", "script.py.mako", "versions"} <= {entry.name for entry in folder.iterdir()}
