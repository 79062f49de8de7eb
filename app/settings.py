"""Where vret keeps its things and what it takes for granted. The only place that reads the environment."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.errors import AppError
from app.given_path import GivenPath, absolute_path

DEFAULT_PORT = 8501


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one process.

    home: the data folder; everything that vret writes lies in it.
    catalog_url: SQLAlchemy URL of the catalog; a SQLite file in `home` unless told otherwise. `sqlite_url` makes one of a path.
    encoder_name: the encoder that is used when none is asked for.
    full_precision: never run an encoder in 8 bits in the place of the one in 32, as is done on CPUs.
    ui_address, ui_port: where the page listens.
    ui_hosts: names under which the page is reached beside this machine's own, such as that of a proxy in front of it.
    """

    home: Path
    catalog_url: str
    encoder_name: str = "default"
    full_precision: bool = False
    ui_address: str = "127.0.0.1"
    ui_port: int = DEFAULT_PORT
    ui_hosts: tuple[str, ...] = ()

    @property
    def shown_catalog_url(self) -> str:
        """The catalog's URL without a password, wherever in it one stands."""
        hidden = re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", self.catalog_url)
        return re.sub(r"(?i)([?&][^=&]*password=)[^&]*", r"\1***", hidden)

    @classmethod
    def at(cls, home: GivenPath) -> "Settings":
        """Settings with everything in one folder, untouched by the environment."""
        home = _home(home, "The data folder")
        return cls(home=home, catalog_url=sqlite_url(home / "catalog.db"))

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Reads VRET_HOME, VRET_CATALOG_URL, VRET_ENCODER, VRET_PRECISION, VRET_UI_ADDRESS, VRET_UI_PORT and VRET_UI_HOSTS (names
        with commas between them); an empty one counts as unset.

        Raises AppError for a port that is no port, a precision that is none, and for a home folder of somebody whom this machine
        does not know.
        """
        environ = os.environ if environ is None else environ
        home = _home(environ["VRET_HOME"], "VRET_HOME") if environ.get("VRET_HOME") else _platform_home()
        return cls(
            home=home,
            catalog_url=environ.get("VRET_CATALOG_URL") or sqlite_url(home / "catalog.db"),
            encoder_name=environ.get("VRET_ENCODER") or "default",
            full_precision=_precision(environ.get("VRET_PRECISION") or "auto") == "fp32",
            ui_address=environ.get("VRET_UI_ADDRESS") or "127.0.0.1",
            ui_port=_port(environ.get("VRET_UI_PORT") or str(DEFAULT_PORT)),
            ui_hosts=tuple(name.strip() for name in environ.get("VRET_UI_HOSTS", "").split(",") if name.strip()),
        )


def sqlite_url(path: Path) -> str:
    """The URL of a catalog file. What a URL takes for something else in a name is written as %XX, so that any name comes back.

    Only ASCII is: bytes that are no UTF-8 stand in the text as Python has them, which %XX would not bring back.
    """
    return "sqlite:///" + re.sub(r"[%?#&=\x00-\x1f\x7f]", lambda found: f"%{ord(found[0]):02X}", str(path))


def _home(path: GivenPath, what: str) -> Path:
    home = absolute_path(path)
    text = os.fspath(path)
    if text.startswith("~") and os.path.expanduser(text) == text:  # nobody is called so, or ~ without HOME
        raise AppError(f"{what} is {str(path)!r}, but there is no such home folder. Give the whole path.")
    return home


def _platform_home() -> Path:
    from platformdirs import user_data_path

    home = user_data_path("vret", appauthor=False)
    if not home.is_absolute():  # nobody's home folder is known: "~" would be a folder of that name
        raise AppError("This user has no home folder. Set VRET_HOME to the folder in which vret shall keep its data.")
    return home


def _precision(text: str) -> str:
    if text not in ("auto", "fp32"):
        raise AppError(f"VRET_PRECISION must be auto (8 bits on a CPU, where an encoder has them) or fp32, got {text!r}.")
    return text


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise AppError(f"VRET_UI_PORT must be a port from 1 to 65535, got {text!r}.")
    return int(text)
