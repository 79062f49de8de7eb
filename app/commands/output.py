"""Results to stdout as a table, JSON or CSV; talk to stderr."""

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console


def talk(message: str) -> None:
    """One line on stderr."""
    typer.echo(message, err=True)


def one_line(value: object) -> str:
    """Text as it can stand in a list: file names may hold line breaks and worse."""
    text = str(value)
    return text if text.isprintable() else "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def check_one_format(as_json: bool, as_csv: bool) -> None:
    """Raises a usage error when both are asked for."""
    if as_json and as_csv:
        raise typer.BadParameter("Give --json or --csv, not both.")


def print_json(value: object) -> None:
    """JSON on stdout; what JSON does not know (paths, times) as text."""
    typer.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """CSV with a header on stdout; None is empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row[column] for column in columns] for row in rows)


def print_table(columns: Mapping[str, str], rows: Iterable[Sequence[str]], *, caption: str | None = None) -> None:
    """A table on stdout. columns: heading -> "left" or "right". A pipe gets whole lines, whatever its width."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, caption=caption, caption_justify="left", pad_edge=False)
    for heading, side in columns.items():
        table.add_column(heading, justify="right" if side == "right" else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    stdout_console().print(table)


def stdout_console() -> "Console":
    """Console on stdout; a pipe has no width that a line should be folded at."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=240)


def clock(seconds: float) -> str:
    """Seconds as a player shows them: 4:07.25, or 1:04:07.25 from an hour on."""
    hundredths = round(seconds * 100)
    minutes, hundredths = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    rest = f"{hundredths // 100:02d}.{hundredths % 100:02d}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"
