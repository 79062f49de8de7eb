"""Brings a database to this version's schema. Alembic is imported only when there is something to migrate."""

from pathlib import Path

import sqlalchemy as sa

from index.catalog.database import Database
from index.catalog.tables import catalog_state
from index.errors import CatalogReadOnly, CatalogTooNew, CatalogUnavailable

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Every schema revision this version of vret knows, oldest first. A test holds it to the files in `migrations/versions`."""
_LOCK_KEY = 0x76726574  # any number of our own, for PostgreSQL's advisory lock


def ensure_schema(database: Database) -> None:
    """Create or migrate the schema if needed. Two processes may do this at once: the second finds it done.

    Raises CatalogTooNew for a database of a newer version, CatalogUnavailable for one of another program, CatalogReadOnly for one
    of an older version that may only be read, CatalogError for one that cannot be opened or written.
    """
    with database.read() as connection:
        current = _current_revision(connection, database)
    if current == REVISIONS[-1]:
        return
    if database.is_read_only:
        raise CatalogReadOnly(
            f"The catalog {database.label} was written by an older version of vret and may only be read. "
            "Run `vret status` once as somebody who may write it, which brings it up to date."
        )
    with database.write_apart() as connection:
        if not database.is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_KEY)))
        if _current_revision(connection, database) != REVISIONS[-1]:
            _upgrade(connection)


def _current_revision(connection: sa.Connection, database: Database) -> str | None:
    names = set(sa.inspect(connection).get_table_names())
    revision: str | None = None
    if "alembic_version" in names:
        revision = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    # A table that the catalog always had. In PostgreSQL others may have tables of their own beside ours.
    if catalog_state.name not in names and (revision is not None or (names - {"alembic_version"} and database.is_sqlite)):
        raise CatalogUnavailable(
            f"{database.label} is a database of another program (it has {', '.join(sorted(names)[:3])}), and is left alone. "
            "Choose another catalog with VRET_CATALOG_URL."
        )
    if revision is not None and revision not in REVISIONS:
        raise CatalogTooNew(
            f"The catalog {database.label} was written by a newer version of vret (schema {revision}; this one knows up to "
            f"{REVISIONS[-1]}). Update vret, or choose another catalog with VRET_CATALOG_URL."
        )
    return revision


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
