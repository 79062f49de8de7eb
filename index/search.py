"""From query clips to ranked moments."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from index.catalog import Catalog
    from index.vector_index import VectorIndex


@dataclass(frozen=True)
class QueryClips:
    """An embedded query. spans_s float64 (M, 2) within [0, duration_s]; vectors float32 (M, D), unit length;
    whole: row of the clip that spans the whole query, if there is one."""

    duration_s: float
    spans_s: NDArray[np.float64]
    vectors: NDArray[np.float32]
    whole: int | None


@dataclass(frozen=True)
class Filters:
    """Where to search. All given conditions must hold.

    library: name. folder: only videos below it. between_s: only moments inside these seconds of their video.
    include_flagged: also clips with nothing in them (black, frozen).
    """

    library: str | None = None
    folder: Path | None = None
    video_ids: tuple[int, ...] | None = None
    exclude_video_ids: tuple[int, ...] | None = None
    between_s: tuple[float, float] | None = None
    include_flagged: bool = False


@dataclass(frozen=True)
class Moment:
    """A span of one video that answers a query. score: cosine, -1 to 1; clip_ordinal: nearest clip, for its thumbnail."""

    video_id: int
    path: Path
    library: str
    start_s: float
    end_s: float
    score: float
    clip_ordinal: int
    flagged: bool


def find_moments(
    catalog: "Catalog",
    vector_index: "VectorIndex",
    encoder_id: int,
    query: QueryClips,
    *,
    k: int = 10,
    filters: Filters = Filters(),
    one_per_video: bool = False,
) -> list[Moment]:
    """The k best moments for a query, best first; fewer when there are not so many.

    one_per_video: only the best moment of each video. Raises EncoderMismatch for vectors of another dimension,
    UnknownLibrary for a filter that names none, ValueError for k < 1.
    """
    raise NotImplementedError


def moment_as_query(catalog: "Catalog", encoder_id: int, video_id: int, at_s: float, end_s: float | None = None) -> QueryClips:
    """A query made of stored vectors: nothing is decoded, nothing is encoded.

    at_s alone: the moment around that second. With end_s: the range [at_s, end_s].
    Raises UnknownVideo, and NoClips where the video has no vectors of this encoder.
    """
    raise NotImplementedError
