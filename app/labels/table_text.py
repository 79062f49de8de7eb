"""Tables as spreadsheets save them: the encoding and what stands between the columns are told by the file itself."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINES = tuple(f"sep={mark}".strip() for mark in _SEPARATORS)
"""By these Excel tells what stands between the columns."""


@dataclass(frozen=True)
class Table:
    """columns: the cells of the first line that has some, none in an empty file. rows: (line from 1, cells by column; "" for those
    that a line lacks), without those that are but separators and spaces.
    """

    columns: list[str]
    rows: Iterator[tuple[int, dict[str, str]]]


def read_table(path: Path) -> Table:
    """Reads a file in UTF-8, or in UTF-16 with its mark, as Excel's "Unicode Text" is; commas, semicolons or tabs between columns.

    Raises OSError, UnicodeDecodeError, csv.Error (also while rows are taken).
    """
    data = path.read_bytes()
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    lines = io.StringIO(data.decode("utf-16" if utf16 else "utf-8-sig"), newline="").readlines()
    before = 0
    while before < len(lines) and _is_no_header(lines[before]):
        before += 1
    if before == len(lines):
        return Table([], iter(()))
    separator = max(_SEPARATORS, key=lambda mark: len(next(csv.reader(lines[before:], delimiter=mark), [])))
    reader = csv.reader(lines[before:], delimiter=separator)
    columns = next(reader)

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                named = dict(zip(columns, cells, strict=False))
                yield before + reader.line_num, dict.fromkeys(columns, "") | named

    return Table(columns, rows())


def _is_no_header(line: str) -> bool:
    text = line.strip()
    return text.lower() in _SEPARATOR_LINES or not text.strip("".join(_SEPARATORS) + " ")
