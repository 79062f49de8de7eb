"""Videos put into a catalog: three clips of eight dimensions each."""

import numpy as np

from index.catalog import Catalog, FileFingerprint, VideoFacts

FACTS = VideoFacts(8.0, 640, 360, 25.0, "h264", "mp4")
SPANS = np.array([[0.0, 2.0], [1.0, 3.0], [0.0, 8.0]])


def unit(count: int, dim: int = 8, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def file(path: str, content: str | None = "c1", *, size: int = 10, mtime_ns: int = 1) -> FileFingerprint:
    return FileFingerprint(path, size, mtime_ns, content)


def put(
    catalog: Catalog, path: str, content: str | None = "c1", *, encoder_id: int = 1, library: str = "films", seed: int = 0
) -> int:
    return catalog.put_embedded(
        library, file(path, content), FACTS, encoder_id, SPANS, unit(3, seed=seed), [0, 1, 0], [b"a", b"bb", b"a"], warnings=["odd"]
    )
