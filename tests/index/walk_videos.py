"""Videos without pictures: each is a smooth random walk through feature space, and clips are embedded from it as an encoder would.

A clip's vector is made of the walk at four times within the clip, in order, so it changes smoothly with the clip's place and length
and is another when the video runs backwards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedder.clip_plan import ClipPlan, plan_clips, plan_query
from index.catalog import Catalog, FileFingerprint, VideoFacts
from index.search import QueryClips

SPANS_S = (2.0, 4.0, 8.0)
FEATURES, SAMPLES = 16, 4
DIM = FEATURES * SAMPLES
ROOT = Path("/films")

Walk = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Seconds (n,) -> features (n, FEATURES)"""


def walk(seed: int, *, pace_s: float = 4.0) -> Walk:
    """A walk that changes markedly within about `pace_s`."""
    rng = np.random.default_rng(seed)
    waves = 24
    speeds = rng.normal(scale=0.4 / pace_s, size=(waves, FEATURES))
    phases = rng.uniform(0, 2 * np.pi, size=(waves, FEATURES))
    sizes = rng.normal(size=(waves, FEATURES))
    return lambda seconds: (sizes * np.cos(2 * np.pi * speeds * seconds[:, None, None] + phases)).sum(axis=1)


def backwards(forwards: Walk, duration_s: float) -> Walk:
    """The same video, last second first."""
    return lambda seconds: forwards(duration_s - seconds)


def embed(content: Walk, spans_s: NDArray[np.float64]) -> NDArray[np.float32]:
    """Vectors float32 (N, DIM) of clips."""
    starts, lengths = spans_s[:, 0], spans_s[:, 1] - spans_s[:, 0]
    samples = [content(starts + (number + 0.5) / SAMPLES * lengths) for number in range(SAMPLES)]
    joined = np.concatenate(samples, axis=1)
    return (joined / np.linalg.norm(joined, axis=1, keepdims=True)).astype(np.float32)


def query(content: Walk, start_s: float, end_s: float) -> QueryClips:
    """What embedding seconds [start_s, end_s] of a video as a query gives."""
    plan = plan_query(end_s - start_s, SPANS_S)
    return QueryClips(end_s - start_s, plan.spans_s, embed(content, plan.spans_s + start_s), plan.whole, plan.dense, plan.parts)


@dataclass
class Collection:
    """A catalog to be filled with walks."""

    catalog: Catalog
    encoder_id: int

    @classmethod
    def new(cls, catalog: Catalog, *, library: str = "films") -> "Collection":
        catalog.add_library(library, [ROOT])
        return cls(catalog, catalog.register_encoder("ab" * 32, "walks", DIM, "{}"))

    def add(
        self,
        name: str,
        content: Walk,
        duration_s: float,
        *,
        library: str = "films",
        flag: Callable[[NDArray[np.float64]], NDArray[np.bool_]] | None = None,
    ) -> int:
        """Index a video as the product would. flag: which clips, by their spans, have nothing in them."""
        spans = plan_clips(duration_s, ClipPlan(SPANS_S))
        flags = np.zeros(len(spans), np.uint8) if flag is None else flag(spans).astype(np.uint8)
        return self.catalog.put_embedded(
            library,
            FileFingerprint(str(ROOT / name), 1000, 1, f"content of {name}"),
            VideoFacts(duration_s, 64, 48, 25.0, "h264", "mp4"),
            self.encoder_id,
            spans,
            embed(content, spans),
            flags,
            [b"picture"] * len(spans),
        )
