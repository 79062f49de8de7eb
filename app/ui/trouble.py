"""Errors that vret raises on purpose, as one clear line on the page. Anything else is a bug and stays visible as one."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app.errors import AppError
from app.ui.shown_text import as_markdown
from embedder.errors import EmbedderError
from index.errors import CatalogError


@contextmanager
def shown_trouble() -> Iterator[None]:
    """Shows an error of the three packages as one line, in place of what the block would have shown."""
    try:
        yield
    except (AppError, EmbedderError, CatalogError, OSError) as error:
        say_trouble(str(error))


def say_trouble(message: str) -> None:
    """One line of trouble; file names in it are shown as they are spelled."""
    st.error(as_markdown(" ".join(message.split())), icon=":material/error:")
