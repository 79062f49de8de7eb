"""Makes a `RunView` of an evaluation run that the catalog holds."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.errors import BadRun
from app.evaluation.run_view import Confusion, Encoder, LabelShare, Query, RetrievalView, RunView, Share, Video

if TYPE_CHECKING:
    from index.catalog.records import EvaluationRun

_KNOWN_FORMATS = (1,)
_ENDS = ("_low", "_high")
_TOP_K = re.compile(r"top_(\d+)")


def read_run(run: "EvaluationRun") -> RunView:
    """Reads a stored run. Each version stored rows, and of retrieval their group, encoder, way and class-mean top-1; all else may
    be missing. Raises BadRun for an unknown format and for senseless values.
    """
    try:
        _check_format(run)
        return _read(run)
    except (KeyError, TypeError, ValueError, OverflowError, IndexError, AttributeError) as error:
        raise BadRun(
            f"Evaluation run {run.id} ({run.kind}) cannot be read: {type(error).__name__} {error}."
            f" Measure again: vret eval {run.kind}"
        ) from error


def _check_format(run: "EvaluationRun") -> None:
    stored_format = run.settings.get("format", 1)  # runs of before formats had numbers
    if stored_format not in _KNOWN_FORMATS:
        raise BadRun(
            f"Evaluation run {run.id} has format {stored_format!r}; this version of vret reads {_KNOWN_FORMATS[-1]}."
            " Open it with the version that stored it, or measure again."
        )


def _read(run: "EvaluationRun") -> RunView:
    results = run.results
    flat_rows = tuple(_flat(row) for row in results["rows"])
    encoders = _encoders(run.settings.get("encoders") or {}, flat_rows)
    return RunView(
        id=run.id,
        kind=run.kind,
        library=run.library or "",
        created_at=run.created_at,
        settings=dict(run.settings),
        encoders=tuple(encoders.values()),
        asked=tuple(str(name) for name in run.settings.get("asked") or ()),
        fingerprint=str(run.settings.get("fingerprint") or ""),
        rows=_retrieval_rows(results, encoders) if run.kind == "retrieval" else (),
        flat_rows=flat_rows,
        confusions=tuple(_confusion(stored) for stored in results.get("confusions") or ()),
        left_out=tuple((str(what), str(why)) for what, why in results.get("left_out") or ()),
        checks=tuple(str(said) for said in results.get("checks") or ()),
        warnings=tuple(str(said) for said in results.get("warnings") or ()),
    )


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without what is no single value. What is to be drawn or held against another must be a number."""
    for name, value in row.items():
        if isinstance(value, float) or name.endswith(_ENDS) or name == "floor":
            _number(value)
    return {name: value for name, value in row.items() if not isinstance(value, dict | list)}


def _encoders(stored: Mapping[str, Mapping[str, Any]] | Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, Encoder]:
    """By name; those of the rows too. Runs of before formats had numbers know the names alone."""
    if isinstance(stored, str):
        raise ValueError(f"encoders are {stored!r}, which is no list of names")
    if isinstance(stored, Mapping):
        texts = ("sha256", "identity", "backbone", "task")
        found = {
            name: Encoder(name=name, floor=bool(facts.get("floor")), **{key: str(facts.get(key, "")) for key in texts})
            for name, facts in stored.items()
        }
    else:
        found = {str(name): Encoder(name=str(name)) for name in stored}
    for row in rows:
        for name in filter(None, (row.get("encoder"), row.get("a"), row.get("b"))):
            found.setdefault(str(name), Encoder(name=str(name), floor=bool(row.get("is_floor"))))
    return found


def _retrieval_rows(results: Mapping[str, Any], encoders: Mapping[str, Encoder]) -> tuple[RetrievalView, ...]:
    videos = [Video(path=str(path), label=str(label), group=str(group)) for path, label, group in results.get("videos") or ()]
    rows, queries = results["rows"], results.get("queries") or [[] for _ in results["rows"]]
    if len(queries) != len(rows):
        raise ValueError(f"{len(rows)} rows, queries of {len(queries)}")
    galleries = results.get("galleries") or _unstored_galleries(rows, queries, len(videos))
    if len(galleries) != len(rows):
        raise ValueError(f"{len(rows)} rows, galleries of {len(galleries)}")
    return tuple(
        _retrieval_row(
            row,
            encoders[str(row["encoder"])],
            [_query(one, videos) for one in asked],
            tuple(_video(number, videos) for number in searched),
        )
        for row, asked, searched in zip(rows, queries, galleries, strict=True)
    )


def _unstored_galleries(
    rows: Sequence[Mapping[str, Any]], queries: Sequence[Sequence[Sequence[Any]]], num_videos: int
) -> list[list[int]]:
    """Of runs of before galleries were stored: without groups, all videos that were no query; which group's is not known."""
    asked = {query[0] for row in queries for query in row}
    others = [number for number in range(num_videos) if number not in asked]
    return [[] if row["group"] else others for row in rows]


def _retrieval_row(row: Mapping[str, Any], encoder: Encoder, queries: list[Query], gallery: tuple[Video, ...]) -> RetrievalView:
    ranks = sorted(int(match[1]) for match in map(_TOP_K.fullmatch, row) if match)
    asked = Counter(query.video.label for query in queries)
    return RetrievalView(
        group=str(row["group"]),
        encoder=encoder,
        way=str(row["way"]),
        num_queries=_count(row.get("queries")),
        num_gallery=_count(row.get("gallery")),
        num_labels=_count(row.get("labels")),
        top_k={k: _share(row, f"top_{k}") for k in ranks},
        mean_average_precision=_number(row.get("mean_average_precision")),
        class_mean_top_1=_share(row, "class_mean_top_1"),
        chance=_number(row.get("chance")),
        floor=_number(row.get("floor")),
        per_label=tuple(
            LabelShare(label=label, top_1=_known(share), num_queries=asked[label] if queries else None)
            for label, share in sorted((row.get("per_label_top_1") or {}).items())
        ),
        queries=tuple(queries),
        gallery=gallery,
        flat=_flat(row),
    )


def _share(row: Mapping[str, Any], name: str) -> Share:
    return Share(value=_known(row[name]), low=_number(row.get(f"{name}_low")), high=_number(row.get(f"{name}_high")))


def _number(value: Any) -> float | None:
    return None if value is None else _known(value)


def _known(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _count(value: Any) -> int | None:
    return None if value is None else int(_known(value))


def _query(stored: Sequence[Any], videos: Sequence[Video]) -> Query:
    number, first_hit, average_precision, nearest = stored
    return Query(
        video=_video(number, videos),
        first_hit=None if first_hit is None else int(first_hit),
        average_precision=_known(average_precision),
        nearest=tuple((_video(found, videos), _number(score)) for found, score in nearest),
    )


def _video(number: int, videos: Sequence[Video]) -> Video:
    if not 0 <= number < len(videos):
        raise IndexError(f"video {number} of {len(videos)}")
    return videos[number]


def _confusion(stored: Mapping[str, Any]) -> Confusion:
    labels = tuple(str(label) for label in stored["labels"])
    counts = tuple(tuple(int(count) for count in row) for row in stored["counts"])
    if [len(row) for row in counts] != [len(labels)] * len(labels):
        raise ValueError(f"confusion of {len(labels)} labels has rows of {[len(row) for row in counts]}")
    return Confusion(title=str(stored.get("title", "")), labels=labels, counts=counts)
