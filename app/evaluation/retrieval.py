"""Use case: measure how good retrieval is, against labels.

Query = test rows, gallery = train rows, nothing dropped. With the vectors of an index (preset `library`) videos are compared by
the means of their clip vectors, and by the search itself: see `ways`. The other presets make features of their own, as papers do.

Shapes: Q queries, G gallery videos, D vector dimensions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import NotIndexed
from app.evaluation.by_search import OnQuery, add_by_search, index_recall
from app.evaluation.data_fingerprint import data_fingerprint
from app.evaluation.frozen_features import stored_features
from app.evaluation.labelled_library import LeftOut, measured_rows, sides
from app.evaluation.measurement import Measurement
from app.evaluation.retrieval_rows import RetrievalReport, report_to_dict
from app.evaluation.stored_runs import look_setting, run_settings
from app.evaluation.ways import Way
from app.labels.rows import LabelSet
from app.part_weights import chosen_looks
from app.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def evaluate_retrieval(
    ws: Workspace,
    library: str,
    labels: LabelSet,
    *,
    encoders: Sequence[str] = (),
    within: str | None = None,
    ignore_labels: Sequence[str] = (),
    ways: Sequence[Way] = (),
    look: float | None = None,
    in_all_encoders: bool = False,
    keep: bool = True,
    on_query: OnQuery | None = None,
) -> RetrievalReport:
    """Measures each encoder in each group in each way, from the vectors in the index; beside them the untrained networks and raw
    colour with which the library is indexed.

    within: "source", "group" or None, the column whose values are measured apart. ignore_labels: rows that take no part. ways: by
    default those that need the index alone; of many videos by mean alone, see `Measurement.usual_ways`.
    look: how much look counts against movement, 0 to 1, with the encoders whose vectors hold both; None for the default.
    in_all_encoders: only videos take part that are indexed with all of the encoders, so that all have the same task. keep: the run
    is stored.
    Raises BadLabels, NotIndexed, WrongValue, BadQuery (look, and no encoder has both parts), UnknownLibrary, UnknownEncoder,
    EmbedderError, CatalogError.
    """
    ws.catalog.library(library)
    rows = measured_rows(labels, within=within, ignore_labels=ignore_labels)
    names = tuple(dict.fromkeys(encoders)) or (ws.settings.encoder_name,)
    asked_looks = chosen_looks(ws, names, look)
    features = stored_features(ws, library, labels, rows, names)
    entries, everyone = features.entries, tuple(features.facts)
    if in_all_encoders:
        common = set.intersection(*({entry.path for entry in entries[name]} for name in names))
        entries = {name: [entry for entry in own if entry.path in common] for name, own in entries.items()}
    floors = frozenset(name for name, facts in features.facts.items() if facts["floor"])
    measurement = Measurement(labels, rows, within, floors, left_out=features.left_out, notes=features.notes)
    ways = ways or measurement.usual_ways()
    looks = chosen_looks(ws, [name for name in everyone if name not in names], None) | asked_looks
    for name in everyone:
        if "mean" in ways:
            measurement.add_by_vectors(name, "mean", entries[name], _weighed(ws, name, features.vectors[name], looks.get(name)))
        if any(way != "mean" for way in ways):
            measurement.checks += index_recall(ws, name, *sides(entries[name], None, ""), look=looks.get(name))
        for way in ways:
            if way != "mean":
                add_by_search(ws, measurement, name, way, entries[name], on_query, look=None if look is None else looks.get(name))
    if not any(row.encoder in names for row in measurement.found):
        raise NotIndexed(_nothing(library, labels, measurement.left_out))
    if not keep:
        return replace(measurement.report(), looks=asked_looks)
    choices: dict[str, Any] = {"preset": "library", "within": within, "ignored": list(ignore_labels), "ways": list(ways)}
    choices |= {"asked": list(names)} | look_setting(asked_looks)
    return replace(store_retrieval(ws, library, measurement, features.facts, choices), looks=asked_looks)


def _weighed(
    ws: Workspace, encoder: str, vectors: "dict[Path, NDArray[np.float32]]", look: float | None
) -> "dict[Path, NDArray[np.float32]]":
    """Unit vectors (D,) whose cosines are the weighted sum of those of their parts."""
    if look is None or not vectors:
        return vectors
    import numpy as np

    from embedder.vector_parts import look_weights, weighted

    parts = ws.encoder_facts(encoder).card.parts
    return dict(zip(vectors, weighted(np.stack(list(vectors.values())), parts, look_weights(parts, look)), strict=True))


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


def _nothing(library: str, labels: LabelSet, left_out: LeftOut) -> str:
    first = f" First: {left_out[0][0]}: {left_out[0][1]}." if left_out else ""
    return f"No labelled video of {labels.path} can be measured in library {library!r}.{first}"
