"""Errors that vret raises on purpose, as one clear line on the page. Anything else is a bug and stays visible as one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st

from app.errors import AppError
from app.ui.shown_text import as_markdown
from embedder.errors import EmbedderError
from index.errors import CatalogError


@contextmanager
def shown_trouble(path: Path | None = None, name: str = "") -> Iterator[None]:
    """Shows an error of the three packages as one line, in place of what the block would have shown.

    path, name: the clip that it may be about, and what its owner calls it.
    """
    try:
        yield
    except (AppError, EmbedderError, CatalogError, OSError) as error:
        say_trouble(str(error) if path is None else about_clip(error, path, name))


def about_clip(error: Exception, path: Path, name: str) -> str:
    """An error in words, with a clip called as its owner calls it: an upload is kept under another name."""
    uploaded = path.name != name
    if isinstance(error, FileNotFoundError) and error.filename is not None and Path(error.filename) == path:
        return f"{name} is no longer kept. Upload it again." if uploaded else f"{path} is not there now. Is its disk plugged in?"
    return str(error).replace(str(path), name) if uploaded else str(error)


def say_trouble(message: str) -> None:
    """One line of trouble; file names in it are shown as they are spelled."""
    st.error(as_markdown(" ".join(message.split())), icon=":material/error:")
