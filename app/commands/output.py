"""Results to stdout as a table, JSON or CSV; talk to stderr.

JSON and CSV are UTF-8 whatever the locale, and exact: a path that is not UTF-8 is written as `shown_path` of
`index.path_text` has it, and options take it back.
Tables and talk are for people: what drives a terminal or cannot be printed is spelled out.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from app.commands.streams import SafeOutput
from app.machine_text import csv_text, json_text
from index.path_text import shown

if TYPE_CHECKING:
    from rich.console import Console


def talk(message: str) -> None:
    """One line on stderr."""
    sys.stderr.write(f"{one_line(message)}\n")
    sys.stderr.flush()


def say(message: str) -> None:
    """One line on stdout."""
    sys.stdout.write(f"{one_line(message)}\n")
    sys.stdout.flush()


def one_line(value: object) -> str:
    """Text as a terminal can show it: file names may hold line breaks and worse. A path stays one that options take back."""
    text = shown(value if isinstance(value, Path) else str(value))
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def check_one_format(as_json: bool, as_csv: bool) -> None:
    """Raises a usage error when both are asked for."""
    if as_json and as_csv:
        raise typer.BadParameter("Give --json or --csv, not both.")


def print_json(value: object) -> None:
    """JSON on stdout; what JSON does not know (paths, times) as text."""
    _write_utf8(json_text(value) + "\n")


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """CSV with a header on stdout, without a byte-order mark. None is empty, true and false are words, a list or an object is
    JSON. At a terminal, and only there, what cannot be printed is spelled out.
    """
    shown = csv_text(columns, rows)
    if sys.stdout.isatty():
        shown = "".join(f"{one_line(line)}\n" for line in shown.split("\n")[:-1])
    _write_utf8(shown)


def print_table(columns: Mapping[str, str], rows: Iterable[Sequence[object]], *, caption: str | None = None) -> None:
    """A table on stdout. columns: heading -> "left" or "right". A pipe gets whole lines, whatever its width."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, caption=caption and Text(one_line(caption)), caption_justify="left", pad_edge=False)
    for heading, side in columns.items():
        table.add_column(Text(one_line(heading)), justify="right" if side == "right" else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(one_line(cell)) for cell in row])
    stdout_console().print(table)


def stdout_console() -> "Console":
    """Console on stdout; a pipe has no width that a line should be folded at."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=240)


def clock(seconds: float) -> str:
    """Seconds as a player shows them, and as options take them: 4:07.25, or 1:04:07.25 from an hour on."""
    hundredths = round(seconds * 100)
    minutes, hundredths = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    rest = f"{hundredths // 100:02d}.{hundredths % 100:02d}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"


def _write_utf8(text: str) -> None:
    if isinstance(sys.stdout, SafeOutput):
        sys.stdout.write_utf8(text)
    else:  # run inside another program, which gave a stream of its own
        sys.stdout.write(text)
