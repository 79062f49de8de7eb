"""What can go wrong between vret and its catalog, in words a user can act on.

    CatalogError
    ├── CatalogUnavailable   cannot be opened: missing rights, no server, bad URL
    │   ├── CatalogReadOnly  the folder or database refuses writing
    │   └── CatalogBusy      another process kept it locked for too long
    ├── CatalogCorrupt       the file is no database, or its pages or blobs are damaged
    ├── CatalogTooNew        written by a newer version of vret
    ├── StorageFull          no room left on the disk
    ├── ValueRefused         one value that the database cannot hold; the catalog itself is well
    ├── UnknownLibrary, UnknownVideo, UnknownEncoder
    ├── NoClips              the moment asked for has no stored clip vectors
    └── EncoderMismatch      vectors of different encoders, or of another dimension, would meet

Every message is one line: what, which value, what would be right, what to do.
"""


class CatalogError(Exception):
    """Base of every error that `index` raises on purpose."""


class CatalogUnavailable(CatalogError):
    """The catalog cannot be opened or reached."""


class CatalogReadOnly(CatalogUnavailable):
    """The catalog, or the folder it lies in, cannot be written to."""


class CatalogBusy(CatalogUnavailable):
    """Another process held the catalog's write lock for longer than we wait."""


class CatalogCorrupt(CatalogError):
    """The catalog's file or one of its blobs is damaged."""


class CatalogTooNew(CatalogError):
    """The catalog was written by a newer version of vret than this one."""


class StorageFull(CatalogError):
    """The disk that holds the catalog is full; the last committed state is intact."""


class ValueRefused(CatalogError):
    """A value is too large, or of a kind that the database does not hold. It concerns what was to be stored, not the catalog."""


class UnknownLibrary(CatalogError):
    """No library has this name."""


class UnknownVideo(CatalogError):
    """No video has this id or path."""


class UnknownEncoder(CatalogError):
    """No encoder with this id or hash is registered."""


class NoClips(CatalogError):
    """A video or a range of it has no stored clips of this encoder."""


class EncoderMismatch(CatalogError):
    """Vectors do not belong to, or do not have the dimension of, the encoder in use."""
