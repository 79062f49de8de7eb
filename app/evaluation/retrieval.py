"""Use case: measure how good retrieval is, against labels.

Query = test rows, gallery = train rows, nothing dropped. With the vectors of an index (preset `library`) videos are compared by
the means of their clip vectors, and by the search itself: see `ways`. The other presets make features of their own, as papers do.

Shapes: Q queries, G gallery videos, D vector dimensions.
"""

import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from app.errors import NotIndexed
from app.evaluation.data_fingerprint import data_fingerprint
from app.evaluation.labelled_library import (
    Entry,
    LeftOut,
    indexed_entries,
    measured_rows,
    sides,
    stored_means,
)
from app.evaluation.measurement import Measurement, one_side
from app.evaluation.retrieval_rows import RetrievalReport, report_to_dict
from app.evaluation.stored_runs import run_settings, stored_encoders
from app.evaluation.ways import STORED_WAYS, Way
from app.labels.rows import LabelledVideo, LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    from index.retrieval_metrics import RetrievalScores

_RECALL_QUERIES = 200
OnQuery = Callable[[str, int, int], None]
"""Told (what is done, how many, of how many)."""


def evaluate_retrieval(
    ws: Workspace,
    library: str,
    labels: LabelSet,
    *,
    encoders: Sequence[str] = (),
    within: str | None = None,
    ignore_labels: Sequence[str] = (),
    ways: Sequence[Way] = STORED_WAYS,
    in_all_encoders: bool = False,
    keep: bool = True,
    on_query: OnQuery | None = None,
) -> RetrievalReport:
    """Measures each encoder in each group in each way, from the vectors in the index; beside them the untrained networks and raw
    colour with which the library is indexed.

    within: "source", "group" or None, the column whose values are measured apart. ignore_labels: rows that take no part.
    in_all_encoders: only videos take part that are indexed with all of the encoders, so that all have the same task. keep: the run
    is stored.
    Raises BadLabels, NotIndexed, UnknownLibrary, UnknownEncoder, EmbedderError, CatalogError.
    """
    ws.catalog.library(library)
    rows = measured_rows(labels, within=within, ignore_labels=ignore_labels)
    names = tuple(dict.fromkeys(encoders)) or (ws.settings.encoder_name,)
    everyone = (*names, *(floor for floor in indexed_floors(ws, library) if floor not in names))
    facts = stored_encoders(ws, everyone)
    measurement = Measurement(labels, rows, within, frozenset(name for name in everyone if facts[name]["floor"]))
    measurement.left_out += labels.missing
    entries = {name: indexed_entries(ws, library, name, rows, measurement.left_out) for name in everyone}
    for name in names:
        if not entries[name]:
            raise NotIndexed(_nothing_with(ws, library, labels, rows, name))
    vectors = {name: stored_means(ws, name, entries[name], measurement.left_out) for name in everyone}
    entries = {name: [entry for entry in own if entry.path in vectors[name]] for name, own in entries.items()}
    if in_all_encoders:
        common = set.intersection(*({entry.path for entry in entries[name]} for name in names))
        entries = {name: [entry for entry in own if entry.path in common] for name, own in entries.items()}
    for name in everyone:
        if "mean" in ways:
            measurement.add_by_vectors(name, "mean", entries[name], vectors[name])
        if any(way != "mean" for way in ways):
            measurement.checks += _recall(ws, name, *sides(entries[name], None, ""))
        for way in ways:
            if way != "mean":
                _add_by_search(ws, measurement, name, way, entries[name], on_query)
    if not any(row.encoder in names for row in measurement.found):
        raise NotIndexed(_nothing(library, labels, measurement.left_out))
    if not keep:
        return measurement.report()
    choices = {"preset": "library", "within": within, "ignored": list(ignore_labels), "ways": list(ways), "asked": list(names)}
    return store_retrieval(ws, library, measurement, facts, choices)


def store_retrieval(
    ws: Workspace,
    library: str | None,
    measurement: Measurement,
    encoders: Mapping[str, Mapping[str, Any]],
    choices: Mapping[str, Any],
) -> RetrievalReport:
    """The report of a measurement, kept in the catalog with what was asked. choices: asked, the encoders' names, and all others."""
    report = measurement.report()
    asked = [(row.encoder, (row.queries, row.gallery)) for row in report.rows if row.encoder in choices["asked"]]
    settings = run_settings(measurement.labels, encoders, data_fingerprint(asked), **choices)
    run_id = ws.catalog.put_evaluation_run("retrieval", library, settings, report_to_dict(report))
    return replace(report, run_id=run_id)


def indexed_floors(ws: Workspace, library: str) -> list[str]:
    """The encoders that learnt nothing, raw colour among them, of which the library has vectors and the file is here."""
    from app.encoder_files import list_encoders
    from embedder.errors import EncoderError

    named = {}
    for file in list_encoders(ws.encoders_folder):
        try:
            card = file.read_card()
        except EncoderError:  # a damaged file is no floor; `vret encoders` tells of it
            continue
        if card.task == "untrained":
            named[card.weights_sha256] = file.name
    known = [row for row in ws.catalog.encoders() if row.weights_sha256 in named and row.num_clips]
    return sorted(named[row.weights_sha256] for row in known if ws.catalog.has_clips(row.id, library=library))


def _recall(ws: Workspace, encoder: str, queries: Sequence[Entry], gallery: Sequence[Entry]) -> list[str]:
    """How many of the true nearest clips of the gallery the vector index finds for clips of the queries, in a sentence."""
    import numpy as np

    from index.ann_recall import neighbour_recall
    from index.faiss_index import FaissIndex
    from index.vector_index import ClipSelector

    if not queries or not gallery:
        return []
    encoder_id = ws.encoder_id(encoder)
    index = ws.vectors(encoder_id)
    assert isinstance(index, FaissIndex)  # the only kind that a workspace opens
    clips = ws.catalog.clips_of([entry.video_id for entry in queries[:_RECALL_QUERIES]], encoder_id)
    vectors = np.concatenate([video.vectors for video in clips.values()]).astype(np.float32)
    chosen = np.random.default_rng(0).permutation(len(vectors))[:_RECALL_QUERIES]
    among = ClipSelector(video_ids=np.array([entry.video_id for entry in gallery], np.int64), include_flagged=True)
    found = neighbour_recall(index, vectors[np.sort(chosen)], among)
    kind = "exact index" if found.is_exact else "approximate index"
    return [
        f"{encoder}: the vector index finds {found.recall:.1%} of the true {found.k} nearest clips "
        f"({kind}, {found.num_queries} query clips among {found.num_clips} of the gallery)"
    ]


def _add_by_search(
    ws: Workspace, measurement: Measurement, encoder: str, way: Way, entries: Sequence[Entry], on_query: OnQuery | None
) -> None:
    for group in measurement.groups:
        queries, gallery = sides(entries, measurement.within, group)
        if not queries or not gallery:
            measurement.left_out.append(one_side(group, measurement.labels, queries, gallery, encoder))
            continue
        scores = _by_search(ws, encoder, way, queries, gallery, on_query)
        measurement.add(group, encoder, way, (queries, gallery), scores)


def _by_search(
    ws: Workspace, encoder: str, way: Way, queries: Sequence[Entry], gallery: Sequence[Entry], on_query: OnQuery | None
) -> "RetrievalScores":
    """Ranks the gallery by the product's own search."""
    from app.find_similar import ClipQuery, MomentQuery, find_similar
    from index.retrieval_metrics import scores_from_rankings
    from index.search import Filters

    place_of = {entry.video_id: place for place, entry in enumerate(gallery)}
    # Flagged clips too: a labelled video must not drop out of the gallery because it is dark.
    filters = Filters(video_ids=tuple(place_of), include_flagged=True)
    rankings, similarities = [], []
    for done, query in enumerate(queries, start=1):
        asked = MomentQuery(video_id=query.video_id, end_s=math.inf) if way == "stored" else ClipQuery(path=query.path)
        result = find_similar(ws, asked, encoder_name=encoder, k=len(gallery), filters=filters, one_per_video=True)
        found = sorted((-hit.score, place_of[hit.video_id]) for hit in result.hits)
        rankings.append([place for _, place in found])
        similarities.append([-score for score, _ in found])
        if on_query is not None:
            on_query(f"queries, {encoder}", done, len(queries))
    labels, answers = [entry.label for entry in queries], [entry.label for entry in gallery]
    return scores_from_rankings(rankings, labels, answers, similarities)


def _nothing_with(ws: Workspace, library: str, labels: LabelSet, rows: Sequence[LabelledVideo], encoder: str) -> str:
    """Why no labelled video can be measured with an encoder, and what to do."""
    known = ws.catalog.known_files(library, ws.encoder_id(encoder))
    there = [row for row in rows if str(row.path) in known]
    if not there and not any(row.path.exists() for row in rows):
        return (
            f"None of the {len(rows)} videos of {labels.path} is there, such as {rows[0].path}. Mend the paths, which are relative "
            "to the file."
        )
    if not there:
        return (
            f"None of the {len(rows)} videos of {labels.path} is in library {library!r}, such as {rows[0].path}. Name their "
            f"library with --library, or index their folder: "
            f"vret index {shlex.quote(str(labels.root))} --library {shlex.quote(library)}"
        )
    return (
        f"No labelled video in library {library!r} is indexed with encoder {encoder!r}. "
        f"Run: vret index --library {shlex.quote(library)} --encoder {shlex.quote(encoder)}"
    )


def _nothing(library: str, labels: LabelSet, left_out: LeftOut) -> str:
    first = f" First: {left_out[0][0]}: {left_out[0][1]}." if left_out else ""
    return f"No labelled video of {labels.path} can be measured in library {library!r}.{first}"
