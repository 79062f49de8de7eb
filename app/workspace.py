"""One data folder, opened: the catalog, the encoders and the vector indexes that the use cases work on."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from app import encoder_files
from app.data_folder import make_data_folder
from app.given_path import GivenPath
from app.on_disk import FileState
from app.settings import Settings

if TYPE_CHECKING:
    from app.encoder_metadata import EncoderFacts
    from embedder.encoder_card import EncoderCard
    from embedder.onnx_encoder import OnnxEncoder
    from index.catalog import Catalog
    from index.vectors.store import VectorStore
    from index.vectors.vector_index import VectorIndex


class Workspace:
    """Opens what is asked for when it is asked for, once. Use it in a `with`, or call `close`.

    Safe to share between threads after the first use of each part; the page keeps one for its whole life.
    """

    def __init__(self, settings: Settings | GivenPath | None = None) -> None:
        """settings: those, or the data folder; None takes them from the environment. Raises BadPath."""
        if settings is None:
            settings = Settings.from_environment()
        self.settings = settings if isinstance(settings, Settings) else Settings.at(settings)
        self._catalog: Catalog | None = None
        self._store: VectorStore | None = None
        self._encoders: dict[Path, tuple[FileState, OnnxEncoder]] = {}
        self._facts: dict[Path, tuple[FileState, EncoderFacts]] = {}
        # Identities: of encoders that the catalog knows, and of those that an old row of it was found not to be.
        self._known: set[str] = set()
        self._others: set[str] = set()

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

    @property
    def own_folders(self) -> tuple[Path, ...]:
        """Folders in the data folder in which there is nothing but what vret made."""
        return (
            self.vectors_folder,
            self.encoders_folder,
            self.previews_folder,
            self.uploads_folder,
            self.runs_folder,
            self.logs_folder,
        )

    def make_home(self) -> None:
        """Makes the data folder, for its owner alone. Raises DataFolderError when that cannot be done."""
        make_data_folder(self.home)

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

    def encoder_facts(self, name: str | None = None) -> "EncoderFacts":
        """What an encoder is, worked out anew whenever its file has changed. Raises UnknownEncoder, EncoderError."""
        return self._facts_of(self.encoder_path(name))

    def encoder(self, name: str | None = None) -> "OnnxEncoder":
        """The encoder, loaded once for each state of its file. One that the catalog does not know is tried before, in a process of
        its own. On a CPU it is the same in 8 bits, where that came with vret and the settings allow it.
        Raises UnknownEncoder, EncoderError, ProviderUnavailable.
        """
        from app.encoder_metadata import encoder_state
        from embedder.errors import EncoderError

        file = self._tried(name)
        path, state = file.path, encoder_state(file.path)
        if path not in self._encoders or self._encoders[path][0] != state:
            encoder = self._quickest(file)
            if encoder_state(path) != state or self._facts[path][0] != state:
                raise EncoderError(f"{path} was replaced while it was being loaded. Do it again.")
            self._encoders[path] = state, encoder
        return self._encoders[path][1]

    def _quickest(self, file: encoder_files.EncoderFile) -> "OnnxEncoder":
        """Opens an encoder, or the same in 8 bits where no GPU runs it: one index serves both (docs/results.md).

        Raises EncoderError where the file in 8 bits is of another encoder.
        """
        import onnxruntime

        from embedder.errors import EncoderError
        from embedder.onnx_encoder import OnnxEncoder
        from embedder.onnx_session import CPU, CUDA

        small = None if self.settings.full_precision else file.in_8_bits
        if small is None:
            return OnnxEncoder(file.path)
        note = ""
        if CUDA in onnxruntime.get_available_providers():
            encoder = OnnxEncoder(file.path)
            if encoder.provider != CPU:
                return encoder
            note = encoder.provider_note
        encoder, card = OnnxEncoder(small, providers=[CPU]), self._facts_of(file.path).card
        if (encoder.card.training.get("made_from"), encoder.card.deciding) != (card.weights_sha256, card.deciding):
            raise EncoderError(f"{small} was not made from {file.path}. Install vret anew, or set VRET_PRECISION=fp32")
        encoder.provider_note = note
        return encoder

    def tried_encoder_path(self, name: str | None = None) -> Path:
        """File of an encoder that has proved that it works, in this process or when the catalog learnt of it.

        Raises UnknownEncoder, EncoderError.
        """
        return self._tried(name).path

    def _tried(self, name: str | None) -> encoder_files.EncoderFile:
        file = encoder_files.find_encoder(self.encoders_folder, name or self.settings.encoder_name)
        identity = self._facts_of(file.path).identity
        if identity not in self._known:
            encoder_files.prove(file, identity)
        return file

    def encoder_id(self, name: str | None = None) -> int:
        """The catalog's number of an encoder, by what it is and not by what its file claims; one that the catalog does not know is
        tried, and made known to it. Raises UnknownEncoder, EncoderError, CatalogError.
        """
        from index.errors import CatalogReadOnly

        path = self.encoder_path(name)
        facts = self._facts_of(path)
        if facts.identity not in self._known and self.known_encoder_id(path) is None:
            self.tried_encoder_path(name)
        try:
            return self.catalog.register_encoder(facts.identity, facts.card.name, facts.card.dim, facts.card_json)
        except CatalogReadOnly:
            known = self.known_encoder_id(path)
            if known is None:
                raise
            return known  # what cannot be written down is but another name, or which encoder an old row is

    def known_encoder_id(self, path: Path) -> int | None:
        """The catalog's number of an encoder file, None when it has not seen it. Raises EncoderError, CatalogError."""
        from app.known_encoders import find_known

        facts = self._facts_of(path)
        found = find_known(self.catalog, path, facts, self._others)
        if found is not None:
            self._known.add(facts.identity)
        return found

    def _facts_of(self, path: Path) -> "EncoderFacts":
        from app.encoder_metadata import encoder_state, read_facts

        state = encoder_state(path)
        if path not in self._facts or self._facts[path][0] != state:
            self._facts[path] = state, read_facts(path)
        return self._facts[path][1]

    def vectors(self, encoder_id: int, *, save: bool = False) -> "VectorIndex":
        """The vector index of one encoder, as new as the catalog. save: see `VectorStore.open`."""
        from index.vectors.store import VectorStore

        if self._store is None:
            self._store = VectorStore(self.catalog, self.vectors_folder, saves=not self.catalog.is_read_only)
        return self._store.open(encoder_id, save=save)
