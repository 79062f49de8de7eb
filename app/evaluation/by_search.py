"""Videos compared as the search does it: the gallery ranked by the product's own search, and how exact its vector index is."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from app.evaluation.labelled_library import Entry, sides
from app.evaluation.measurement import Measurement, one_side
from app.evaluation.ways import Way
from app.part_weights import look_scale
from app.workspace import Workspace

if TYPE_CHECKING:
    from app.find_similar import ClipQuery, MomentQuery

OnQuery = Callable[[str, int, int], None]
"""Told (what is done, how many, of how many)."""

_RECALL_QUERIES = 200


def add_by_search(
    ws: Workspace,
    measurement: Measurement,
    encoder: str,
    way: Way,
    entries: Sequence[Entry],
    on_query: OnQuery | None,
    *,
    look: float | None = None,
) -> None:
    """A row for each group. A query that cannot be asked, such as a file that is gone, is left out with the reason. look: as
    `find_similar` takes it.
    """
    from app.evaluation.metrics.retrieval import scores_from_rankings

    for group in measurement.groups:
        queries, gallery = sides(entries, measurement.within, group)
        asked, rankings, similarities = [], [], []
        for query, found in _ranked(ws, measurement, encoder, way, queries, gallery, on_query, look):
            asked.append(query)
            rankings.append([place for _, place in found])
            similarities.append([-score for score, _ in found])
        if not asked or not gallery:
            measurement.left_out.append(one_side(group, measurement.labels, asked, gallery, encoder))
            continue
        labels, answers = [entry.label for entry in asked], [entry.label for entry in gallery]
        scores = scores_from_rankings(rankings, labels, answers, similarities)
        measurement.add(group, encoder, way, (asked, gallery), scores)


def _ranked(
    ws: Workspace,
    measurement: Measurement,
    encoder: str,
    way: Way,
    queries: Sequence[Entry],
    gallery: Sequence[Entry],
    on_query: OnQuery | None,
    look: float | None,
) -> "list[tuple[Entry, list[tuple[float, int]]]]":
    """Of each query that could be asked (less its score, place in the gallery) of what was found, best first."""
    from app.find_similar import CANNOT_BE_ASKED, find_similar
    from index.search import Filters

    place_of = {entry.video_id: place for place, entry in enumerate(gallery)}
    if not place_of:
        return []
    # Flagged clips too: a labelled video must not drop out of the gallery because it is dark.
    filters = Filters(video_ids=tuple(place_of), include_flagged=True)
    ranked = []
    for done, query in enumerate(queries, start=1):
        try:
            result = find_similar(
                ws,
                _query(query, way),
                encoder_name=encoder,
                k=len(gallery),
                filters=filters,
                one_per_video=True,
                every_file=True,
                look=look,
            )
        except CANNOT_BE_ASKED as error:
            measurement.left_out.append((str(query.path), f"cannot be asked with: {' '.join(str(error).split())}"))
        else:
            ranked.append((query, sorted((-hit.score, place_of[hit.video_id]) for hit in result.hits)))
        if on_query is not None:
            on_query(f"queries, {encoder}", done, len(queries))
    return ranked


def _query(entry: Entry, way: Way) -> "ClipQuery | MomentQuery":
    from app.find_similar import ClipQuery, MomentQuery

    return MomentQuery(video_id=entry.video_id, end_s=math.inf) if way == "stored" else ClipQuery(path=entry.path)


def index_recall(
    ws: Workspace, encoder: str, queries: Sequence[Entry], gallery: Sequence[Entry], *, look: float | None = None
) -> list[str]:
    """How many of the true nearest clips of the gallery the vector index finds for clips of the queries, in a sentence."""
    import numpy as np

    from app.evaluation.metrics.ann_recall import neighbour_recall
    from index.vectors.faiss_index import FaissIndex
    from index.vectors.vector_index import ClipSelector

    if not queries or not gallery:
        return []
    encoder_id = ws.encoder_id(encoder)
    index = ws.vectors(encoder_id)
    assert isinstance(index, FaissIndex)  # the only kind that a workspace opens
    clips = ws.catalog.clips_of([entry.video_id for entry in queries[:_RECALL_QUERIES]], encoder_id)
    vectors = np.concatenate([video.vectors for video in clips.values()]).astype(np.float32)
    scale = look_scale(ws, encoder, look)
    vectors = vectors if scale is None else vectors * scale
    chosen = np.random.default_rng(0).permutation(len(vectors))[:_RECALL_QUERIES]
    among = ClipSelector(video_ids=np.array([entry.video_id for entry in gallery], np.int64), include_flagged=True)
    found = neighbour_recall(index, vectors[np.sort(chosen)], among)
    kind = "exact index" if found.is_exact else "approximate index"
    return [
        f"{encoder}: the vector index finds {found.recall:.1%} of the true {found.k} nearest clips "
        f"({kind}, {found.num_queries} query clips among {found.num_clips} of the gallery)"
    ]
