"""A catalog on every database that vret supports."""

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from index.catalog import Catalog


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server: the one named by VRET_TEST_POSTGRES_URL, else a private one if its programs are installed."""
    named = os.environ.get("VRET_TEST_POSTGRES_URL")
    if named:
        yield named
        return
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("no VRET_TEST_POSTGRES_URL, and no PostgreSQL server programs (initdb, pg_ctl) are installed")
    with tempfile.TemporaryDirectory(prefix="vret-postgres-") as folder:
        as_owner: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            if shutil.which("runuser") is None or subprocess.run(["id", "postgres"], capture_output=True).returncode:
                pytest.skip("running as root, and there is no user 'postgres' to start a server as")
            shutil.chown(folder, "postgres")
            as_owner = ["runuser", "-u", "postgres", "--"]
        data = f"{folder}/data"
        subprocess.run([*as_owner, programs / "initdb", "-D", data, "-U", "vret", "-A", "trust", "-E", "UTF8"], check=True,
                       capture_output=True, cwd=folder)
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        control = [*as_owner, programs / "pg_ctl", "-D", data, "-w"]
        subprocess.run([*control, "-o", options, "-l", f"{folder}/log", "start"], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        try:
            yield f"postgresql://vret@/postgres?host={folder}"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=folder)


@pytest.fixture
def postgres_catalog_url(postgres_url: str) -> Iterator[str]:
    """URL of an empty database of its own."""
    server = sa.make_url(postgres_url).set(drivername="postgresql+psycopg")
    name = f"vret_{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """URL of a catalog file that is not there yet."""
    return f"sqlite:///{tmp_path / 'home' / 'catalog.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def catalog_url(request: pytest.FixtureRequest) -> str:
    """URL of an empty catalog, once on each database."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_catalog_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def any_catalog(catalog_url: str) -> Iterator[Catalog]:
    """An empty catalog, once on each database."""
    with Catalog.open(catalog_url) as catalog:
        yield catalog


@pytest.fixture
def catalog(sqlite_url: str) -> Iterator[Catalog]:
    """An empty catalog in SQLite."""
    with Catalog.open(sqlite_url) as catalog:
        yield catalog


def _postgres_programs() -> Path | None:
    found = shutil.which("pg_ctl")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)
