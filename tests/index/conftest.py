"""A catalog on every database that vret supports."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
import sqlalchemy as sa

from index.catalog import Catalog
from index.catalog.tables import metadata


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server: the one named by VRET_TEST_POSTGRES_URL, else a private one if its programs are installed."""
    named = os.environ.get("VRET_TEST_POSTGRES_URL")
    if named:
        yield named
        return
    programs = _postgres_programs()
    if programs is None:
        _do_without("no VRET_TEST_POSTGRES_URL, and no PostgreSQL server programs (initdb, pg_ctl) are installed")
    with tempfile.TemporaryDirectory(prefix="vret-postgres-") as folder:
        as_owner: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            if shutil.which("runuser") is None or subprocess.run(["id", "postgres"], capture_output=True).returncode:
                _do_without("running as root, and there is no user 'postgres' to start a server as")
            shutil.chown(folder, "postgres")
            as_owner = ["runuser", "-u", "postgres", "--"]
        data = f"{folder}/data"
        subprocess.run(
            [*as_owner, programs / "initdb", "-D", data, "-U", "vret", "-A", "trust", "-E", "UTF8"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        control = [*as_owner, programs / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-o", options, "-l", f"{folder}/log", "start"], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        try:
            yield f"postgresql://vret@/postgres?host={folder}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder)


@pytest.fixture(scope="session")
def shared_postgres(postgres_url: str) -> Iterator[str]:
    """URL of a migrated database that tests empty and use in turn: making one for each test takes many times as long."""
    with _database(postgres_url) as url:
        Catalog.open(url).close()
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated catalog file to copy."""
    path = tmp_path_factory.mktemp("template") / "catalog.db"
    Catalog.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of a catalog file that is not there yet."""
    return f"sqlite:///{tmp_path / 'home' / 'catalog.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_catalog_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a catalog that is still to be made, once on each database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
    else:
        with _database(request.getfixturevalue("postgres_url")) as url:
            yield url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty catalog, once on each database."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "catalog.db")
        yield f"sqlite:///{tmp_path / 'catalog.db'}"
    else:
        url = str(request.getfixturevalue("shared_postgres"))
        _empty(url)
        yield url


@pytest.fixture
def any_catalog(catalog_url: str) -> Iterator[Catalog]:
    """An empty catalog, once on each database."""
    with Catalog.open(catalog_url) as catalog:
        yield catalog


@pytest.fixture
def catalog(sqlite_template: Path, tmp_path: Path) -> Iterator[Catalog]:
    """An empty catalog in SQLite: `catalog.db` in the test's folder."""
    shutil.copy(sqlite_template, tmp_path / "catalog.db")
    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.db'}") as catalog:
        yield catalog


@pytest.fixture
def filled(any_catalog: Catalog) -> Catalog:
    """A library 'films' over /films, an encoder of 8 dimensions, no videos."""
    any_catalog.add_library("films", [Path("/films")])
    any_catalog.register_encoder("ab" * 32, "tiny", 8, "{}")
    return any_catalog


def _do_without(reason: str) -> NoReturn:
    """Skips; where all tests are promised to run (CI), fails."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; install Debian's postgresql")
    pytest.skip(reason)


@contextmanager
def _database(server_url: str) -> Iterator[str]:
    """URL of a new database on a server; it goes when the test ends."""
    server = sa.make_url(server_url).set(drivername="postgresql+psycopg")
    name = f"vret_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def _empty(url: str) -> None:
    engine = sa.create_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        names = ", ".join(metadata.tables)
        connection.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        connection.execute(sa.text("INSERT INTO catalog_state (id, revision) VALUES (1, 0)"))
    engine.dispose()


def _postgres_programs() -> Path | None:
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)
