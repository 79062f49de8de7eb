"""The connection to the catalog's database: pragmas, transactions, and database errors turned into ours."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from index import tables
from index.errors import (
    CatalogBusy,
    CatalogCorrupt,
    CatalogError,
    CatalogReadOnly,
    CatalogUnavailable,
    StorageFull,
)

BUSY_TIMEOUT_S = 60.0
"""How long a writer waits for another one. A write is one video's blobs, some milliseconds; a minute means something hangs."""


class Database:
    """An engine with `read` and `write` transactions. SQLite files and PostgreSQL; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._url = _parse_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        with self._errors():
            self._make_parent_folder()
            self.engine = self._make_engine()

    @property
    def label(self) -> str:
        """The database's name for messages: its file, or its URL without the password."""
        if self.is_sqlite and self._url.database:
            return self._url.database
        return _without_passwords(self._url)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the catalog, however long it lasts and whoever writes meanwhile."""
        with self._errors():
            engine = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
            with engine.connect() as connection, connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is alone in writing until it ends: committed on normal exit, undone on any exception."""
        with self._errors(), self.engine.connect().execution_options(vret_write=True) as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(sa.select(tables.catalog_state.c.id).with_for_update())
            yield connection

    @contextmanager
    def write_apart(self) -> Iterator[sa.Connection]:
        """A small write that need not wait for others where the database allows that, e.g. a job's progress."""
        with self._errors(), self.engine.connect().execution_options(vret_write=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _make_parent_folder(self) -> None:
        if self.is_sqlite and self._url.database and self._url.database != ":memory:":
            folder = Path(self._url.database).absolute().parent
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CatalogReadOnly(
                    f"The catalog's folder {folder} cannot be made ({error.strerror}). "
                    "Choose a folder you may write to with VRET_HOME or VRET_CATALOG_URL."
                ) from error

    def _make_engine(self) -> sa.Engine:
        if not self.is_sqlite:
            return sa.create_engine(self._url, pool_pre_ping=True)
        engine = sa.create_engine(self._url, connect_args={"timeout": BUSY_TIMEOUT_S})

        @sa.event.listens_for(engine, "connect")
        def prepare(connection: Any, _record: object) -> None:
            # We begin transactions ourselves (below): the driver would begin late and as a reader, and a reader that
            # turns writer is refused at once when another writer came first, whatever the time-out.
            connection.isolation_level = None
            for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = NORMAL"):
                connection.execute(f"PRAGMA {pragma}")

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            writes = connection.get_execution_options().get("vret_write", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:  # the latter from the pragmas of a new connection
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> CatalogError:
        """Our error for a database's. The databases tell kinds apart by text only, so the text is looked into."""
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        reason = self._masked(" ".join(str(cause).split()))
        text = reason.lower()
        if "disk is full" in text or "no space left" in text or ("disk i/o error" in text and self._disk_is_full()):
            return StorageFull(f"The disk that holds the catalog {self.label} is full. Free some space; nothing stored is lost.")
        if "readonly" in text or "read-only" in text:
            return CatalogReadOnly(
                f"The catalog {self.label} cannot be written to ({reason}). Check the rights of file and folder."
            )
        if "database is locked" in text or "lock timeout" in text:
            return CatalogBusy(
                f"The catalog {self.label} has been locked by another process for {BUSY_TIMEOUT_S:.0f} s. "
                "Wait for it to end, or end it."
            )
        if "not a database" in text or "malformed" in text or "unsupported file format" in text:
            return CatalogCorrupt(
                f"The catalog {self.label} is damaged or no SQLite file ({reason}). "
                "Restore it from a backup, or move it away and index again."
            )
        if "unable to open" in text:
            return CatalogUnavailable(
                f"The catalog {self.label} cannot be opened ({reason}). Check that its folder exists and is writable."
            )
        if isinstance(error, sa.exc.OperationalError | sqlite3.OperationalError):
            return CatalogUnavailable(
                f"The catalog {self.label} cannot be reached: {reason}. Check VRET_CATALOG_URL and that the server runs."
            )
        return CatalogError(f"The catalog {self.label} refused: {reason}")

    def _masked(self, text: str) -> str:
        """What a database says, without the password, which it may quote."""
        for password in _passwords(self._url):
            text = text.replace(password, "***")
        return text

    def _disk_is_full(self) -> bool:
        folder = Path(self._url.database or ".").absolute().parent
        return shutil.disk_usage(folder).free < 1 << 20


def _is_password(name: str) -> bool:
    return name.lower().endswith("password")  # also sslpassword


def _passwords(url: sa.URL) -> list[str]:
    """Every password in a URL: before the host, or among the driver's options."""
    values = [value for name, value in url.normalized_query.items() if _is_password(name)]
    return [text for text in (url.password, *(text for texts in values for text in texts)) if text]


def _without_passwords(url: sa.URL) -> str:
    shown = url.set(query={name: "***" if _is_password(name) else value for name, value in url.query.items()})
    return shown.render_as_string(hide_password=True)


def _parse_url(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, NoSuchModuleError, ValueError) as error:  # ValueError: a port that is no number
        raise CatalogUnavailable(
            f"{_guessed_without_password(url)!r} is no database URL. Use sqlite:////absolute/path/catalog.db or postgresql://user@host/name."
        ) from error
    if backend not in ("sqlite", "postgresql"):
        raise CatalogUnavailable(f"A catalog lives in SQLite or PostgreSQL, not in {backend!r}. Use sqlite:/// or postgresql://.")
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _guessed_without_password(url: str) -> str:
    """What cannot be parsed, without what looks like a password."""
    return re.sub(r"(?i)(password=)[^&]*", r"\1***", re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url))
