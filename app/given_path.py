"""Paths as people give them: on the command line, on the page, in a label file and to the functions of this package."""

import os
from pathlib import Path

from app.errors import BadPath
from index.path_text import BYTES_MARK, text_to_path

GivenPath = str | os.PathLike[str]
"""What every public function takes for a path."""


def given_path(path: GivenPath) -> Path:
    """The path that is meant, as it is: relative to the working folder where it is relative.

    `~` and `~user` are homes; one that the system does not know stays a name, as in a shell. `bytes:/videos/%FF.mp4` is what
    `shown_path` shows of a file whose name is no UTF-8; a file that is really called so is `./bytes:...`.
    Raises BadPath for what no file can be called.
    """
    text = os.fspath(path)
    if not text:
        raise BadPath("A path is empty. Perhaps a variable is not set; the folder you are in is called .")
    if text.startswith(f"{BYTES_MARK}/"):
        text = text_to_path(text)
    try:
        possible = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        possible = False
    if not possible:
        raise BadPath(f"{text!r} cannot be a path.")
    return Path(os.path.expanduser(text))  # unlike Path.expanduser it bears ~nobody


def absolute_path(path: GivenPath) -> Path:
    """As `given_path`, absolute and without `..`; links stay as they are. Raises BadPath, also where there is no working folder."""
    try:
        return Path(os.path.abspath(given_path(path)))
    except FileNotFoundError as error:
        raise BadPath(f"{path} is relative to the folder you are in, which no longer exists. Change to another folder.") from error
