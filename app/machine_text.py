"""JSON and CSV for programs: text that UTF-8 can hold, from which every path can be had again, and one form of each value."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from index.path_text import shown

_ODD = re.compile(r"[^\n -~]")


def json_text(value: object, *, indent: int = 2) -> str:
    """JSON, in which what cannot be printed is escaped; what JSON does not know (paths, times) is text."""
    text = json.dumps(_plain(value), indent=indent, default=str, ensure_ascii=False)
    return _ODD.sub(_escaped, text)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV with a header. A cell of None, or of a column that a row lacks, is empty; true and false are words; a list or an object
    is JSON.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def _plain(value: object) -> object:
    """The same with every text such that UTF-8 can hold it."""
    if isinstance(value, Path | str):
        return value if isinstance(value, str) and value.isascii() else shown(value)
    if isinstance(value, Mapping):
        return {_plain(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def _cell(value: object) -> object:
    value = _plain(value)
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, bool | list | dict) else value


def _escaped(found: re.Match[str]) -> str:
    letter = found[0]
    return letter if letter.isprintable() else json.dumps(letter)[1:-1]
