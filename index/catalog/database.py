"""The connection to the catalog's database: pragmas, transactions, and database errors turned into ours."""

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote_from_bytes

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, NoSuchModuleError, SQLAlchemyError, StatementError

from index.catalog import tables
from index.errors import (
    CatalogBusy,
    CatalogCorrupt,
    CatalogError,
    CatalogReadOnly,
    CatalogUnavailable,
    StorageFull,
    ValueRefused,
)

BUSY_TIMEOUT_S = 60.0
"""How long a writer waits for another one. A write is one video's blobs, some milliseconds; a minute means something hangs."""

_LONGEST_SQLITE_NAME = 500  # bytes; SQLite takes 512, the names beside it are longer than the file's


class Database:
    """An engine with `read` and `write` transactions. SQLite files and PostgreSQL; safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._url = _parse_url(url)
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._file = _sqlite_file(self._url) if self.is_sqlite else Path()
        self.is_read_only = self.is_sqlite and _may_only_be_read(self._file)
        with self._errors():
            if self.is_sqlite:
                self._make_parent_folder()
            self.engine = self._make_engine()

    @property
    def label(self) -> str:
        """The database's name for messages: its file, or its URL without the password."""
        return str(self._file) if self.is_sqlite else _without_passwords(self._url)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the catalog, however long it lasts and whoever writes meanwhile."""
        with self._errors():
            engine = self.engine if self.is_sqlite else self.engine.execution_options(isolation_level="REPEATABLE READ")
            with self._unchanged(), engine.connect() as connection, connection.begin():
                yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is alone in writing until it ends: committed on normal exit, undone on any exception."""
        self._check_writable()
        with self._errors(), self.engine.connect().execution_options(vret_write=True) as connection, connection.begin():
            if not self.is_sqlite:
                connection.execute(sa.select(tables.catalog_state.c.id).with_for_update())
            yield connection

    @contextmanager
    def write_apart(self) -> Iterator[sa.Connection]:
        """A small write that need not wait for others where the database allows that, e.g. a job's progress."""
        self._check_writable()
        with self._errors(), self.engine.connect().execution_options(vret_write=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _unchanged(self) -> Iterator[None]:
        """Raises CatalogBusy where a file that was opened as unchangeable was changed after all: what was read may be mixed."""
        if not self.is_read_only or _size(_journal_of(self._file)):
            yield
            return
        before = _state(self._file)
        error: SQLAlchemyError | None = None
        try:
            yield
        except SQLAlchemyError as caught:
            error = caught
        if _state(self._file) != before:
            raise CatalogBusy(
                f"The catalog {self.label}, which may only be read here, was changed meanwhile by somebody who may write it. "
                "Try again."
            ) from error
        if error is not None:
            raise error

    def _check_writable(self) -> None:
        if self.is_read_only:
            raise CatalogReadOnly(
                f"The catalog {self.label} may only be read: you may not write the file, or not in its folder. Searching and "
                "listing work; for all else choose a folder you may write to with VRET_HOME or VRET_CATALOG_URL."
            )

    def _make_parent_folder(self) -> None:
        folder = self._file.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CatalogReadOnly(
                f"The catalog's folder {folder} cannot be made ({error.strerror}). "
                "Choose a folder you may write to with VRET_HOME or VRET_CATALOG_URL."
            ) from error

    def _make_engine(self) -> sa.Engine:
        if not self.is_sqlite:
            return sa.create_engine(self._url, pool_pre_ping=True)
        # The file goes to the driver as it is: between URL and driver a name could be taken for something else.
        url = sa.URL.create("sqlite", database="catalog.db")
        # What is opened to be read only is opened anew each time, lest it goes on with pages that somebody else has changed.
        pool = sa.NullPool if self.is_read_only else sa.QueuePool
        engine = sa.create_engine(url, creator=self._connect, poolclass=pool)

        @sa.event.listens_for(engine, "begin")
        def begin(connection: sa.Connection) -> None:
            writes = connection.get_execution_options().get("vret_write", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _connect(self) -> sqlite3.Connection:
        # We begin transactions ourselves (isolation_level None): the driver would begin late and as a reader, and a reader that
        # turns writer is refused at once when another writer came first, whatever the time-out. The pool hands a connection
        # from thread to thread.
        address = _read_only_address(self._file) if self.is_read_only else str(self._file)
        connection = sqlite3.connect(
            address, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, uri=self.is_read_only
        )
        try:
            # Sorted in memory: a temporary folder may be missing or full.
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute("PRAGMA foreign_keys = ON")
            if not self.is_read_only:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:  # the latter from the pragmas of a new connection
            raise self._explained(error) from error
        except OverflowError as error:  # SQLite's driver, at a number of more than 64 bits or a blob of more than 2 GB
            raise self._refused_value(error) from error

    def _explained(self, error: Exception) -> CatalogError:
        """Our error for a database's. The databases tell most kinds apart by text only, so the text is looked into."""
        if isinstance(error, StatementError) and _is_of_a_value(error):
            return self._refused_value(error.orig or error)
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
        if "unable to open" in text and len(os.fsencode(self._file)) > _LONGEST_SQLITE_NAME:
            return CatalogUnavailable(
                f"The catalog {self.label} cannot be opened: SQLite takes no path of more than {_LONGEST_SQLITE_NAME} bytes. "
                "Choose a folder with a shorter path with VRET_HOME or VRET_CATALOG_URL."
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

    def _refused_value(self, error: BaseException) -> ValueRefused:
        return ValueRefused(f"The catalog {self.label} cannot hold a value: {self._masked(' '.join(str(error).split()))}")

    def _masked(self, text: str) -> str:
        """What a database says, without the password, which it may quote."""
        for password in _passwords(self._url):
            text = text.replace(password, "***")
        return text

    def _disk_is_full(self) -> bool:
        return shutil.disk_usage(self._file.parent).free < 1 << 20


def _sqlite_file(url: sa.URL) -> Path:
    """The file of a SQLite URL, absolute. Raises CatalogUnavailable for what is no plain file, or comes with options."""
    file = url.database or ""
    if url.host or url.username or url.port or not file or file == ":memory:" or "\0" in file:
        raise CatalogUnavailable(
            f"{_without_passwords(url)!r} names no catalog file. Use sqlite:////absolute/path/catalog.db, with four slashes."
        )
    if url.query:
        raise CatalogUnavailable(
            f"A SQLite catalog takes no options, got {_without_passwords(url)!r}. In the file's name, write ? as %3F and % as %25."
        )
    try:
        return Path(os.path.abspath(Path(file).expanduser()))
    except RuntimeError as error:
        raise CatalogUnavailable(f"The catalog {file!r} lies in a home folder that is not there. Give the whole path.") from error


def _may_only_be_read(file: Path) -> bool:
    """Whether a catalog is there, and this user may not write it. SQLite writes a journal and shared memory beside it."""
    if not os.path.isfile(file):
        return False
    beside = (f"{file}-wal", f"{file}-shm")
    has_room = os.access(file.parent, os.W_OK | os.X_OK) or all(os.access(path, os.W_OK) for path in beside)
    return not (has_room and os.access(file, os.W_OK))


def _read_only_address(file: Path) -> str:
    """The URI by which SQLite opens a catalog that may only be read.

    What others write at the moment, or wrote before they were killed, stands in the journal. SQLite reads that if it finds the
    shared memory too, or may make it. Without journal the file alone is everything, and must be declared unchangeable, since
    SQLite would make both; `Database.read` looks whether that was true. Raises CatalogReadOnly where the journal is out of reach.
    """
    address = f"file:{quote_from_bytes(os.fsencode(file))}"
    journal = _journal_of(file)
    if not _size(journal):
        return f"{address}?immutable=1"
    if not os.access(f"{file}-shm", os.R_OK) and not os.access(file.parent, os.W_OK | os.X_OK):
        raise CatalogReadOnly(
            f"The catalog {file} has changes in {journal.name} that were not folded in yet, and cannot be read without writing. "
            "Open it once with `vret status` as somebody who may write there."
        )
    return f"{address}?mode=ro"


def _journal_of(file: Path) -> Path:
    return Path(f"{file}-wal")


def _state(file: Path) -> tuple[int, int, int]:
    """What changes when a file does."""
    status = file.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


_VALUE_ERRORS = (sqlite3.DataError, OverflowError, UnicodeError, ValueError, TypeError)
"""What a driver raises at a value, before or instead of asking the database."""


def _is_of_a_value(error: StatementError) -> bool:
    if isinstance(error, DataError) or isinstance(error.orig, _VALUE_ERRORS):
        return True
    # PostgreSQL's classes of data exceptions, and of values larger than it can hold.
    return str(getattr(error.orig, "sqlstate", None) or "")[:2] in ("22", "54")


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
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"):
        raise CatalogUnavailable(f"A catalog is reached by sqlite:/// or postgresql://, not by {parsed.drivername}://.")
    if backend == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _guessed_without_password(url: str) -> str:
    """What cannot be parsed, without what looks like a password."""
    return re.sub(r"(?i)(password=)[^&]*", r"\1***", re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url))
