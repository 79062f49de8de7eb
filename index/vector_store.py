"""Keeps one vector index per encoder on disk, as a cache of the catalog that heals itself."""

from pathlib import Path
from typing import TYPE_CHECKING

from index.vector_index import VectorIndex

if TYPE_CHECKING:
    from index.catalog import Catalog


class VectorStore:
    """`VectorStore(catalog, folder)`: the folder may be missing, read-only, damaged or full; search works nonetheless."""

    def __init__(self, catalog: "Catalog", folder: Path) -> None:
        self._catalog = catalog
        self._folder = folder

    def open(self, encoder_id: int) -> VectorIndex:
        """The index of one encoder, caught up with the catalog. Saves it when that is worth it.

        Raises UnknownEncoder. A file that cannot be read or written is no error: it is rebuilt, and the log says so.
        """
        raise NotImplementedError

    def delete(self, encoder_id: int) -> None:
        """Remove the cached files of one encoder; the next `open` rebuilds them."""
        raise NotImplementedError
