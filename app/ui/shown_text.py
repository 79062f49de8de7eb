"""Names, times and numbers as the page shows them. File names are anybody's text, so they never reach HTML or Markdown bare."""

import html
import re
from pathlib import Path

from index.path_text import shown

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])")


def printable(text: str | Path) -> str:
    """Text that can be sent to a browser: bytes of a file name that are not UTF-8 become `%FF`, a path with some is as everywhere
    (`index.path_text`), and control characters become marks.
    """
    clean = shown(text)
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in clean)


def as_html(text: str | Path) -> str:
    """Text as HTML that shows just that text, also within a quoted attribute."""
    return html.escape(printable(text), quote=True)


def as_markdown(text: str | Path) -> str:
    """Text as Markdown that shows just that text."""
    return _MARKDOWN.sub(r"\\\1", printable(text))


def clock(seconds: float, *, tenths: bool = True) -> str:
    """A second of a video: 0:07.4, 12:03.0, 1:02:03.5."""
    total = max(0, round(seconds * 10)) if tenths else max(0, round(seconds)) * 10
    minutes, rest = divmod(total, 600)
    hours, minutes = divmod(minutes, 60)
    shown = f"{rest // 10:02d}.{rest % 10}" if tenths else f"{rest // 10:02d}"
    return f"{hours}:{minutes:02d}:{shown}" if hours else f"{minutes}:{shown}"


def span(start_s: float, end_s: float) -> str:
    """A moment's seconds: 0:07.4-0:10.2, with a dash between."""
    return f"{clock(start_s)}\N{EN DASH}{clock(end_s)}"


def length(seconds: float) -> str:
    """How much footage: 48 s, 12 min, 3.4 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 video, 1,204 videos."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("ry") else f"{number:,} {noun}s"


def file_size(size_bytes: int) -> str:
    """A file's size: 38 kB, 0.4 MB, 12 MB, 3.1 GB."""
    if size_bytes < 100_000:
        return f"{-(-size_bytes // 1000)} kB"
    size = size_bytes / 1e6
    if size >= 1000:
        return f"{size / 1000:.1f} GB"
    return f"{size:.0f} MB" if size >= 10 else f"{size:.1f} MB"


def percent(score: float) -> int:
    """A cosine as whole percent, 0 to 100; what points the other way is simply not alike."""
    return round(100 * min(1.0, max(0.0, score)))
