"""One data folder, opened: the catalog, the encoders and the vector indexes that the use cases work on."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from app import encoder_files
from app.errors import DataFolderError
from app.settings import Settings

if TYPE_CHECKING:
    from embedder.encoder_card import EncoderCard
    from embedder.onnx_encoder import OnnxEncoder
    from index.catalog import Catalog
    from index.vector_index import VectorIndex
    from index.vector_store import VectorStore


class Workspace:
    """Opens what is asked for when it is asked for, once. Use it in a `with`, or call `close`.

    Safe to share between threads after the first use of each part; the page keeps one for its whole life.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings if settings is not None else Settings.from_environment()
        self._catalog: Catalog | None = None
        self._store: VectorStore | None = None
        self._encoders: dict[tuple[Path, int], OnnxEncoder] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the catalog. The workspace opens it anew if it is used again."""
        if self._catalog is not None:
            self._catalog.close()
        self._catalog = None
        self._store = None

    @property
    def home(self) -> Path:
        return self.settings.home

    @property
    def vectors_folder(self) -> Path:
        return self.home / "vectors"

    @property
    def encoders_folder(self) -> Path:
        return self.home / "encoders"

    @property
    def previews_folder(self) -> Path:
        return self.home / "previews"

    @property
    def uploads_folder(self) -> Path:
        return self.home / "uploads"

    @property
    def runs_folder(self) -> Path:
        return self.home / "runs"

    @property
    def logs_folder(self) -> Path:
        return self.home / "logs"

    def make_home(self) -> None:
        """Makes the data folder. Raises DataFolderError when that cannot be done."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataFolderError(
                f"Cannot make the data folder {self.home}: {error.strerror}. Set VRET_HOME to a folder that you may write."
            ) from error

    @property
    def catalog(self) -> "Catalog":
        """The catalog, made on first use. Raises CatalogError or DataFolderError."""
        if self._catalog is None:
            from index.catalog import Catalog

            self.make_home()
            self._catalog = Catalog.open(self.settings.catalog_url)
        return self._catalog

    def encoder_path(self, name: str | None = None) -> Path:
        """File of an encoder by name, or the given path of an .onnx file. Raises UnknownEncoder."""
        return encoder_files.find_encoder(self.encoders_folder, name or self.settings.encoder_name).path

    def encoder_card(self, name: str | None = None) -> "EncoderCard":
        """Card of an encoder, read without starting ONNX Runtime. Raises UnknownEncoder, EncoderError."""
        from app.encoder_metadata import read_card

        return read_card(self.encoder_path(name))

    def encoder(self, name: str | None = None) -> "OnnxEncoder":
        """The encoder, loaded once for each state of its file. Raises UnknownEncoder, EncoderError, ProviderUnavailable."""
        from embedder.onnx_encoder import OnnxEncoder

        path = self.encoder_path(name)
        key = (path, path.stat().st_mtime_ns)
        if key not in self._encoders:
            self._encoders[key] = OnnxEncoder(path)
        return self._encoders[key]

    def encoder_id(self, name: str | None = None) -> int:
        """The catalog's number of an encoder; the catalog learns of the encoder if it did not know it."""
        card = self.encoder_card(name)
        return self.catalog.register_encoder(card.weights_sha256, card.name, card.dim, card.to_json())

    def vectors(self, encoder_id: int) -> "VectorIndex":
        """The vector index of one encoder, as new as the catalog."""
        from index.vector_store import VectorStore

        if self._store is None:
            self._store = VectorStore(self.catalog, self.vectors_folder)
        return self._store.open(encoder_id)
