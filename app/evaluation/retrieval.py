"""Use case: measure how good the retrieval of an indexed library is, against labels.

Query = test rows, gallery = train rows. Two ways of comparing videos: "mean", cosine of the means of their clip vectors, and
"sequence", the search itself: the query video goes through `find_moments` as any clip would.

Shapes: Q queries, G gallery videos, D vector dimensions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import BadLabels, NotIndexed
from app.evaluation.ways import WAYS, Way
from app.labels.rows import LabelledVideo, LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index.bootstrap import Interval
    from index.records import VideoClips
    from index.retrieval_metrics import QueryScore, RetrievalScores

OnQuery = Callable[[str, int, int], None]


@dataclass(frozen=True, kw_only=True)
class RetrievalRow:
    """One measurement. group: value of the column that the scores are kept within, "" for all together.

    top_k: k -> share of queries with a video of their own label among the first k; mean_average_precision: over the whole gallery;
    class_mean_top_1: top-1, mean over labels; chance: what guessing gets of the latter. All 0..1. top_1_interval,
    class_mean_interval: of 95 % (bootstrap; queries of one group are drawn together). queries: each one's path and score, in the
    order of the labels. scenes: what each is drawn together with, "" for itself.
    """

    group: str
    encoder: str
    way: Way
    num_queries: int
    num_gallery: int
    num_labels: int
    top_k: dict[int, float]
    mean_average_precision: float
    class_mean_top_1: float
    chance: float
    top_1_interval: "Interval"
    class_mean_interval: "Interval"
    per_label_top_1: dict[str, float]
    queries: tuple[tuple[Path, "QueryScore"], ...]
    scenes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RetrievalReport:
    """All measurements, and the labelled videos that could not take part: (path, why)."""

    rows: list[RetrievalRow]
    left_out: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Entry:
    """A labelled video that is indexed."""

    label: str
    group: str
    video_id: int
    path: Path
    clips: "VideoClips"


def evaluate_retrieval(
    ws: Workspace,
    library: str,
    labels: LabelSet,
    *,
    encoders: Sequence[str] = (),
    within: str | None = None,
    ignore_labels: Sequence[str] = (),
    ways: Sequence[Way] = WAYS,
    in_all_encoders: bool = False,
    on_query: OnQuery | None = None,
) -> RetrievalReport:
    """Measures each encoder in each group in each way; the results are also kept in the catalog.

    within: "source", "group" or None, the column whose values are measured apart. ignore_labels: rows that take no part.
    in_all_encoders: only videos take part that are indexed with all of the encoders, so that all have the same task.
    on_query: told (encoder, done, total) while query videos are embedded.
    Raises BadLabels, NotIndexed, UnknownLibrary, UnknownEncoder, EmbedderError, CatalogError.
    """
    if within not in (None, "source", "group"):
        raise BadLabels(f"--within must be source or group, got {within!r}.")
    ws.catalog.library(library)
    rows = _measured_rows(labels, ignore_labels)
    report = RetrievalReport(rows=[], left_out=list(labels.missing))
    names = tuple(encoders) or (ws.settings.encoder_name,)
    common = set.intersection(*(_embedded(ws, library, name) for name in names)) if in_all_encoders else None
    for name in names:
        entries = _indexed(ws, library, name, rows, report.left_out)
        if common is not None:
            entries = {path: entry for path, entry in entries.items() if path in common}
        for group in sorted({_group(row, within) for row in rows}):
            queries = [entries[row.path] for row in rows if _takes_part(row, "test", within, group, entries)]
            gallery = [entries[row.path] for row in rows if _takes_part(row, "train", within, group, entries)]
            if not queries or not gallery:
                report.left_out.append(
                    (group or str(labels.path), f"{len(queries)} queries, {len(gallery)} gallery videos with {name}")
                )
                continue
            for way in ways:
                scores = _by_mean(queries, gallery) if way == "mean" else _by_search(ws, name, queries, gallery, on_query)
                report.rows.append(_result(group, name, way, queries, gallery, scores))
    if not report.rows:
        raise NotIndexed(_nothing(library, labels.path, report.left_out))
    settings = {"labels": str(labels.path), "within": within, "ignored": list(ignore_labels), "encoders": list(encoders)}
    ws.catalog.put_evaluation_run("retrieval", library, settings, {"rows": [row_to_dict(row) for row in report.rows]})
    return report


def _measured_rows(labels: LabelSet, ignore_labels: Sequence[str]) -> list[LabelledVideo]:
    """Without the ignored ones. Raises BadLabels for an ignored label that no row has, and where a side is empty."""
    there = {row.label for row in labels.rows}
    for name in ignore_labels:
        if name not in there:
            raise BadLabels(
                f"No row of {labels.path} has the label {name!r}, which is to be ignored. It has: {_some(sorted(there))}."
            )
    rows = [row for row in labels.rows if row.label not in ignore_labels]
    for split, what in (("test", "queries"), ("train", "gallery")):
        if not any(row.split == split for row in rows):
            raise BadLabels(f"{labels.path} has no {split} rows, so there is no {what}; both are needed.")
    return rows


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def row_to_dict(row: RetrievalRow) -> dict[str, Any]:
    """A flat row for JSON and CSV."""
    flat: dict[str, Any] = {
        "group": row.group,
        "encoder": row.encoder,
        "way": row.way,
        "queries": row.num_queries,
        "gallery": row.num_gallery,
        "labels": row.num_labels,
    }
    flat |= {f"top_{k}": round(share, 4) for k, share in row.top_k.items()}
    flat |= _interval_to_dict("top_1", row.top_1_interval)
    flat |= {"mean_average_precision": round(row.mean_average_precision, 4), "class_mean_top_1": round(row.class_mean_top_1, 4)}
    return flat | _interval_to_dict("class_mean_top_1", row.class_mean_interval) | {"chance": round(row.chance, 4)}


def _interval_to_dict(name: str, interval: "Interval") -> dict[str, float]:
    return {f"{name}_low": round(interval.low, 4), f"{name}_high": round(interval.high, 4)}


def _group(row: LabelledVideo, within: str | None) -> str:
    return "" if within is None else str(getattr(row, within))


def _scene(row: LabelledVideo) -> str:
    """What a video is drawn again with: the group, of which two sources may have one of the same name."""
    return f"{row.source}/{row.group}" if row.group else ""


def _takes_part(row: LabelledVideo, split: str, within: str | None, group: str, entries: dict[Path, _Entry]) -> bool:
    return row.split == split and _group(row, within) == group and row.path in entries


def _embedded(ws: Workspace, library: str, encoder: str) -> set[Path]:
    """The videos of a library that have clips of this encoder."""
    known = ws.catalog.known_files(library, ws.encoder_id(encoder))
    return {Path(path) for path, file in known.items() if file.outcome == "indexed" and file.embedded}


def _indexed(
    ws: Workspace, library: str, encoder: str, rows: Sequence[LabelledVideo], left_out: list[tuple[str, str]]
) -> dict[Path, _Entry]:
    """The labelled videos that have clips of this encoder; the others are written down with the reason."""
    encoder_id = ws.encoder_id(encoder)
    known = ws.catalog.known_files(library, encoder_id)
    entries = {}
    for row in rows:
        file = known.get(str(row.path))
        if file is None:
            left_out.append((str(row.path), f"not in library {library!r}"))
        elif file.outcome != "indexed":
            left_out.append((str(row.path), f"{file.outcome}: {file.reason or 'gone'}"))
        elif not file.embedded:
            left_out.append((str(row.path), f"not indexed with encoder {encoder!r}"))
        else:
            clips = ws.catalog.clips(file.video_id, encoder_id)
            entries[row.path] = _Entry(row.label, _scene(row), file.video_id, row.path, clips)
    return entries


def _by_mean(queries: Sequence[_Entry], gallery: Sequence[_Entry]) -> "RetrievalScores":
    from index.retrieval_metrics import mean_vector_scores, scores_from_matrix

    similarity = mean_vector_scores([_float(entry) for entry in queries], [_float(entry) for entry in gallery])
    return scores_from_matrix(similarity, [entry.label for entry in queries], [entry.label for entry in gallery])


def _float(entry: _Entry) -> "NDArray[np.float32]":
    import numpy as np

    return entry.clips.vectors.astype(np.float32)


def _by_search(
    ws: Workspace, encoder: str, queries: Sequence[_Entry], gallery: Sequence[_Entry], on_query: OnQuery | None
) -> "RetrievalScores":
    """Ranks the gallery by the product's own search, each query embedded from its file as a user's clip is."""
    from app.find_similar import ClipQuery, find_similar
    from index.retrieval_metrics import scores_from_rankings
    from index.search import Filters

    row_of = {entry.video_id: row for row, entry in enumerate(gallery)}
    # Flagged clips too: a labelled video must not drop out of the gallery because it is dark.
    filters = Filters(video_ids=tuple(row_of), include_flagged=True)
    rankings = []
    for done, query in enumerate(queries, start=1):
        result = find_similar(
            ws, ClipQuery(path=query.path), encoder_name=encoder, k=len(gallery), filters=filters, one_per_video=True
        )
        rankings.append([row_of[hit.video_id] for hit in result.hits])
        if on_query is not None:
            on_query(encoder, done, len(queries))
    return scores_from_rankings(rankings, [entry.label for entry in queries], [entry.label for entry in gallery])


def _result(
    group: str, encoder: str, way: Way, queries: Sequence[_Entry], gallery: Sequence[_Entry], scores: "RetrievalScores"
) -> RetrievalRow:
    from index.bootstrap import mean_interval

    right = [float(query.first_hit < 1) for query in scores.queries]
    scenes = [entry.group for entry in queries]
    return RetrievalRow(
        group=group,
        encoder=encoder,
        way=way,
        num_queries=len(queries),
        num_gallery=len(gallery),
        num_labels=len({entry.label for entry in queries}),
        top_k=dict(scores.top_k),
        mean_average_precision=scores.mean_average_precision,
        class_mean_top_1=scores.class_mean_top_1,
        chance=scores.chance_class_mean_top_1,
        top_1_interval=mean_interval(right, groups=scenes),
        class_mean_interval=mean_interval(right, [query.label for query in scores.queries], scenes),
        per_label_top_1=dict(scores.per_class_top_1),
        scenes=tuple(scenes),
        queries=tuple((entry.path, score) for entry, score in zip(queries, scores.queries, strict=True)),
    )


def _nothing(library: str, labels_csv: Path, left_out: Sequence[tuple[str, str]]) -> str:
    first = f" First: {left_out[0][0]}: {left_out[0][1]}." if left_out else ""
    return f"No labelled video of {labels_csv} can be measured in library {library!r}.{first} Index its folder: vret index FOLDER"
