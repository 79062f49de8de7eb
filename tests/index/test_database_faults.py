"""What a user is told when the catalog cannot be used: one clear line, and nothing half done."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from index.catalog import Catalog, schema
from index.catalog.database import Database
from index.errors import (
    CatalogBusy,
    CatalogCorrupt,
    CatalogError,
    CatalogReadOnly,
    CatalogTooNew,
    CatalogUnavailable,
    StorageFull,
)
from tests.helpers.catalog_rows import put
from tests.helpers.old_catalog import take_back
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


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://relative/catalog.db"])
def test_sqlite_url_that_names_no_file(url: str) -> None:
    with pytest.raises(CatalogUnavailable, match=r"names no catalog file.*four slashes"):
        Catalog.open(url)


@pytest.mark.parametrize("options", ["timeout=1", "mode=ro", "uri=true", "timeout=1/catalog.db"])
def test_sqlite_url_with_options_is_refused(tmp_path: Path, options: str) -> None:
    """SQLAlchemy would cut the name there, and pass over what it does not know."""
    with pytest.raises(CatalogUnavailable) as error:
        Catalog.open(f"sqlite:///{tmp_path}/x?{options}")
    assert "takes no options" in one_line(error) and "%3F" in one_line(error)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["what%3F.db", "a%2520b.db", "file:x.db", "a#b;c&d.db", "two words.db"])
def test_sqlite_url_of_any_file_name(tmp_path: Path, name: str) -> None:
    Catalog.open(f"sqlite:///{tmp_path}/{name}").close()
    assert [path.name for path in tmp_path.iterdir()] == [unquote(name)]


def test_sqlite_url_below_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Catalog.open("sqlite:///~/catalog.db").close()
    assert [path.name for path in tmp_path.iterdir()] == ["catalog.db"]
    with pytest.raises(CatalogUnavailable, match="home folder that is not there"):
        Catalog.open("sqlite:///~nobody-of-that-name/catalog.db")


@pytest.mark.parametrize("version", [None, "0003", "a1b2c3"])
def test_database_of_another_program_is_left_alone(tmp_path: Path, version: str | None) -> None:
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("CREATE TABLE video (title TEXT)")
        if version is not None:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES (?)", [version])
    connection.close()
    before = (tmp_path / "catalog.db").read_bytes()
    with pytest.raises(CatalogUnavailable, match="another program"):
        Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}")
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0] == 1 + (
            version is not None
        )
    connection.close()
    assert len((tmp_path / "catalog.db").read_bytes()) == len(before)


@pytest.fixture
def only_readable(catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A filled catalog that this user may not write, as the system tells."""
    Collection.new(catalog).add("a.mp4", walk(1), 10.0)
    catalog.close()
    access = os.access
    monkeypatch.setattr("index.catalog.database.os.access", lambda path, mode: mode & os.W_OK == 0 and access(path, mode))
    return tmp_path / "catalog.db"


def test_what_may_only_be_read_is_read_and_nothing_is_made_beside_it(only_readable: Path) -> None:
    with Catalog.open(f"sqlite:///{only_readable}") as reader:
        assert reader.is_read_only
        assert [row.path.name for row in reader.videos()] == ["a.mp4"]
        assert reader.register_encoder("ef" * 32, "unknown", 8, "{}") == 0
        with pytest.raises(CatalogReadOnly) as error:
            reader.add_library("films2", [])
        assert "may only be read" in one_line(error)
    assert [path.name for path in only_readable.parent.iterdir()] == ["catalog.db"]


def test_what_others_write_meanwhile_is_seen_by_who_may_only_read(only_readable: Path) -> None:
    """Out of the journal, while the writer is at work, and once it has ended."""
    reader = Catalog.open(f"sqlite:///{only_readable}")
    writer = sqlite3.connect(only_readable, isolation_level=None)
    writer.execute("UPDATE library SET name = 'renamed'")
    assert (only_readable.parent / "catalog.db-wal").stat().st_size > 0
    assert [library.name for library in reader.libraries()] == ["renamed"]
    writer.execute("UPDATE library SET name = 'again'")
    assert [library.name for library in reader.libraries()] == ["again"]
    writer.close()
    assert not (only_readable.parent / "catalog.db-wal").exists()
    assert [library.name for library in reader.libraries()] == ["again"]


def test_what_changes_while_it_is_read_as_unchangeable_is_not_believed(only_readable: Path) -> None:
    reader = Catalog.open(f"sqlite:///{only_readable}")

    def write() -> None:
        writer = sqlite3.connect(only_readable, isolation_level=None)
        writer.execute("UPDATE library SET name = 'renamed'")
        writer.close()

    with pytest.raises(CatalogBusy, match="changed meanwhile"), reader.snapshot():
        write()
    assert [library.name for library in reader.libraries()] == ["renamed"]


def test_journal_that_cannot_be_read_without_writing_is_said(only_readable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that was made while somebody wrote: without the shared memory SQLite would pass over the journal."""
    (only_readable.parent / "catalog.db-wal").write_bytes(b"changes")
    with pytest.raises(CatalogReadOnly) as error:
        Catalog.open(f"sqlite:///{only_readable}")
    assert "catalog.db-wal" in one_line(error)


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


DAMAGE = {
    "vectors cut short": "UPDATE embedding SET vectors = substr(vectors, 1, 100)",
    "vectors of nothing": "UPDATE embedding SET vectors = zeroblob(length(vectors))",
    "spans that are none": "UPDATE embedding SET spans = zeroblob(length(spans))",
    "more clips than there are": "UPDATE embedding SET num_clips = num_clips + 1",
    "places beyond the pictures": "UPDATE thumbnail_pack SET pictures = x'00'",
    "a video without its library": "UPDATE video SET library_id = 99",
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_found(catalog: Catalog, tmp_path: Path, damage: str) -> None:
    collection = Collection.new(catalog)
    collection.add("a.mp4", walk(1), 10.0)
    assert catalog.damage() == []
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute(damage)
    connection.close()
    assert len(catalog.damage()) == 1


def test_damaged_index_of_a_table_is_found(catalog: Catalog, tmp_path: Path) -> None:
    """What SQLite itself would answer wrongly by, without an error."""
    Collection.new(catalog).add("a.mp4", walk(1), 10.0)
    catalog.close()
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, '(path)', '(reason)') WHERE name = 'ix_video_path'")
    connection.close()
    assert "finds the file damaged" in catalog.damage()[0]


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
    monkeypatch.setattr("index.catalog.database.BUSY_TIMEOUT_S", 0.05)
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
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(revisions)) == schema.REVISIONS

    Catalog.open(new_catalog_url).close()
    assert other_than_in_tables(new_catalog_url) == []


def test_every_migration_can_be_taken_back_and_made_again(new_catalog_url: str) -> None:
    with Catalog.open(new_catalog_url) as catalog:
        catalog.add_library("films", [Path("/films")])
        catalog.set_excludes("films", ["drafts/"])
        catalog.register_encoder("ab" * 32, "tiny", 8, "{}")
        video_id = put(catalog, "/films/a.mp4")
    for revision in reversed(schema.REVISIONS[:-1]):
        take_back(new_catalog_url, revision)
    with Catalog.open(new_catalog_url) as catalog:
        assert [(video.id, video.outcome, video.num_clips) for video in catalog.videos("films")] == [(video_id, "indexed", 3)]
    assert other_than_in_tables(new_catalog_url) == []


def other_than_in_tables(url: str) -> list[Any]:
    """How the tables of a database differ from those of `tables.py`."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from index.catalog.tables import metadata

    database = Database(url)
    try:
        with database.read() as connection:
            return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))
    finally:
        database.close()


def test_migrations_are_part_of_the_installed_package() -> None:
    import importlib.resources

    folder = importlib.resources.files("index.catalog") / "migrations"
    assert {"env.py", "script.py.mako", "versions"} <= {entry.name for entry in folder.iterdir()}
