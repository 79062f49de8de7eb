"""How many of the true nearest clips a search of the vector index finds.

Shapes: M queries, D dimensions, k neighbours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.vectors.faiss_index import FaissIndex
from index.vectors.vector_index import ClipSelector

NEIGHBOURS = 10


@dataclass(frozen=True)
class AnnRecall:
    """recall: share of the exact k nearest clips that the search returned, 0 to 1, mean over the queries (recall@k). is_exact:
    whether the index is of the kind that finds all of them by its making.
    """

    recall: float
    is_exact: bool
    num_clips: int
    num_queries: int
    k: int


def neighbour_recall(
    index: FaissIndex, queries: NDArray[np.float32], selector: ClipSelector | None = None, *, k: int = NEIGHBOURS
) -> AnnRecall:
    """queries: (M, D), one or more. selector: which clips may answer, as in the search that is measured. A clip as near as the
    last exact one counts, whichever of equals it is.

    Raises ValueError where no clip may answer, or for no queries.
    """
    num_clips = index.rows.mask(selector).count
    if not num_clips or not len(queries):
        raise ValueError(f"Recall needs clips and queries, got {num_clips} and {len(queries)}.")
    k = min(k, num_clips)
    exact, _ = index.search_exactly(queries, k, selector)
    found, ids = index.search(queries, k, selector)
    last = exact[:, -1:] - 1e-5
    return AnnRecall(
        recall=float(np.mean((found >= last) & (ids >= 0))),
        is_exact=index.is_exact,
        num_clips=num_clips,
        num_queries=len(queries),
        k=k,
    )
