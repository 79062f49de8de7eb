"""File paths as text that every database can hold.

A POSIX path is bytes. Python shows bytes that are not UTF-8 as lone surrogates, which neither SQLite nor PostgreSQL stores.
Such paths are kept percent-encoded behind a mark that no absolute path begins with; all others are kept as they are.
"""

import os
import unicodedata
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

_BYTES_MARK = "bytes:"


def path_to_text(path: str | Path) -> str:
    """The text to store for an absolute path. Raises ValueError for a relative one."""
    text = os.fspath(path)
    if not os.path.isabs(text):
        raise ValueError(f"A video's path must be absolute, got {text!r}. Use os.path.abspath.")
    if _is_unicode(text):
        return text
    return _marked(text)


def text_to_path(text: str) -> str:
    """The path that `path_to_text` stored."""
    if text.startswith(_BYTES_MARK):
        return os.fsdecode(unquote_to_bytes(text.removeprefix(_BYTES_MARK)))
    return text


def spellings(path: str | Path) -> tuple[str, ...]:
    """A path in the ways in which it may have been stored, the likeliest first: as it is spelled, and without links on its way;
    each also with its accents composed and decomposed, since some systems hand out one and some the other.

    A `..` behind a link means the folder above the link's target, as it does for the system.
    """
    text = os.fspath(path)
    try:
        real = os.path.realpath(text)
    except ValueError:  # a NUL, which no file's name has
        return (os.path.abspath(text),)
    plain = os.path.abspath(text)
    first = (real, plain) if os.pardir in text.split(os.sep) else (plain, real)
    return tuple(dict.fromkeys(form for one in first for form in (one, *_composed(one))))


def _composed(text: str) -> tuple[str, ...]:
    return tuple(unicodedata.normalize(form, text) for form in ("NFC", "NFD")) if not text.isascii() else ()


def stored_prefixes(folder: str | Path) -> tuple[str, ...]:
    """What the stored text of every path below a folder begins with: one of these."""
    text = os.path.abspath(os.fspath(folder))
    inside = text if text.endswith(os.sep) else text + os.sep
    # A well-spelled folder may hold badly spelled files, so both forms are looked for.
    return (inside, _marked(inside)) if _is_unicode(inside) else (_marked(inside),)


def _marked(text: str) -> str:
    return _BYTES_MARK + quote_from_bytes(os.fsencode(text))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
