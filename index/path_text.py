"""File paths as text that every database, and every program that reads our output, can hold.

A POSIX path is bytes. Python shows bytes that are not UTF-8 as lone surrogates, which neither SQLite nor PostgreSQL nor JSON hold.
Such paths are kept percent-encoded behind a mark that no absolute path begins with; all others are kept as they are.

The text of a path is the same in every locale: in one of Latin-1 Python itself reads the names of the same files as other letters.
"""

import os
import re
import sys
import unicodedata
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

BYTES_MARK = "bytes:"
_SURROGATE = re.compile("[\ud800-\udfff]")


def path_to_text(path: str | Path) -> str:
    """The text to store for an absolute path. Raises ValueError for a relative one."""
    if not os.path.isabs(path):
        raise ValueError(f"A video's path must be absolute, got {os.fspath(path)!r}. Use os.path.abspath.")
    text = _utf8_text(os.fspath(path))
    return text if _is_unicode(text) else _marked(path)


def text_to_path(text: str) -> str:
    """The path that `path_to_text` stored, or `shown_path` showed."""
    if text.startswith(BYTES_MARK):
        return os.fsdecode(unquote_to_bytes(text.removeprefix(BYTES_MARK)))
    return text if sys.getfilesystemencoding() == "utf-8" else os.fsdecode(text.encode("utf-8", "surrogateescape"))


def spellings(path: str | os.PathLike[str]) -> tuple[str, ...]:
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


def shown_path(path: str | Path) -> str:
    """A path as text that says which file it is: itself, or, where it is not UTF-8, `bytes:` and the path, in which `%` and two
    digits stand for each byte that is none, and for `%`: `bytes:/videos/%FF.mp4`. `text_to_path` takes it back.
    """
    text = _utf8_text(os.fspath(path))
    return text if _is_unicode(text) else BYTES_MARK + shown_bytes(text.replace("%", "%25"))


def shown_bytes(text: str) -> str:
    """Any text, such as a sentence that quotes a file's name, with `%FF` for a byte that is not UTF-8. Not to be taken back."""
    return _SURROGATE.sub(lambda letter: quote_from_bytes(letter[0].encode("utf-8", _errors(letter[0]))), text)


def shown(text: str | Path) -> str:
    """As `shown_path` for a path, and for text that begins as an absolute one does, else as `shown_bytes`."""
    return shown_path(text) if isinstance(text, Path) or os.path.isabs(text) else shown_bytes(text)


def folded(text: str) -> str:
    """Equal for texts that differ in capitals alone, or in how accents are written (NFC, NFD). The Turkish i with and without its
    dot are one, since what is a capital of which depends on the language.
    """
    if text.isascii():
        return text.lower()
    cased = unicodedata.normalize("NFD", text).casefold().replace("i\u0307", "i").replace("\u0131", "i")
    return unicodedata.normalize("NFC", cased)


def stored_prefixes(folder: str | os.PathLike[str]) -> tuple[str, ...]:
    """What the stored text of every path below a folder begins with: one of these."""
    text = os.path.abspath(os.fspath(folder))
    inside = text if text.endswith(os.sep) else text + os.sep
    # A well-spelled folder may hold badly spelled files, so both forms are looked for.
    shown = _utf8_text(inside)
    return (shown, _marked(inside)) if _is_unicode(shown) else (_marked(inside),)


def _utf8_text(text: str) -> str:
    """A path as Python reads it where file names are UTF-8."""
    if sys.getfilesystemencoding() == "utf-8":
        return text
    try:
        return os.fsencode(text).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no path of this locale, but text that another one kept
        return text


def typed_text(text: str) -> str:
    """A word of a command line, or a file's name, as it reads in UTF-8 where it is that, whatever the locale has made of it."""
    try:
        return text if sys.getfilesystemencoding() == "utf-8" else os.fsencode(text).decode()
    except UnicodeError:
        return text


def _errors(letter: str) -> str:
    """How Python had hidden a byte in this letter; other lone surrogates are of Windows' own names."""
    return "surrogateescape" if "\udc80" <= letter <= "\udcff" else "surrogatepass"


def _marked(path: str | Path) -> str:
    return BYTES_MARK + quote_from_bytes(os.fsencode(path))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
