"""Makes a `RunView` of an evaluation run that the catalog holds."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.errors import BadRun
from app.evaluation.run_view import Confusion, Encoder, LabelShare, Query, RetrievalView, RunView, Share, Video

if TYPE_CHECKING:
    from index.records import EvaluationRun

_KNOWN_FORMATS = (1,)
_TOP_K = re.compile(r"top_(\d+)")


def read_run(run: "EvaluationRun") -> RunView:
    """Reads a stored run; what is optional may be missing. Raises BadRun for an unknown format and for senseless values."""
    stored_format = run.settings.get("format", 1)  # runs of before formats had numbers lack queries, no more
    if stored_format not in _KNOWN_FORMATS:
        raise BadRun(
            f"Evaluation run {run.id} has format {stored_format!r}; this version of vret reads {_KNOWN_FORMATS[-1]}."
            " Open it with the version that stored it, or measure again."
        )
    try:
        return _read(run)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise BadRun(
            f"Evaluation run {run.id} ({run.kind}) cannot be read: {type(error).__name__} {error}."
            f" Measure again: vret eval {run.kind}"
        ) from error


def _read(run: "EvaluationRun") -> RunView:
    results, encoders = run.results, _encoders(run.settings.get("encoders", {}))
    return RunView(
        id=run.id,
        kind=run.kind,
        library=run.library or "",
        created_at=run.created_at,
        settings=dict(run.settings),
        encoders=tuple(encoders.values()),
        fingerprint=str(run.settings.get("fingerprint", "")),
        rows=_retrieval_rows(results, encoders) if run.kind == "retrieval" else (),
        flat_rows=tuple(_without_tables(row) for row in results["rows"]),
        confusions=tuple(_confusion(stored) for stored in results.get("confusions", ())),
        left_out=tuple((str(what), str(why)) for what, why in results.get("left_out", ())),
        checks=tuple(str(said) for said in results.get("checks", ())),
        warnings=tuple(str(said) for said in results.get("warnings", ())),
    )


def _without_tables(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if not isinstance(value, dict | list)}


def _encoders(stored: Mapping[str, Mapping[str, Any]] | Sequence[str]) -> dict[str, Encoder]:
    """By name. Runs of before formats had numbers know the names alone."""
    if not isinstance(stored, Mapping):
        return {name: Encoder(name=name) for name in stored}
    texts = ("sha256", "backbone", "task")
    return {
        name: Encoder(name=name, floor=bool(facts.get("floor")), **{key: str(facts.get(key, "")) for key in texts})
        for name, facts in stored.items()
    }


def _retrieval_rows(results: Mapping[str, Any], encoders: Mapping[str, Encoder]) -> tuple[RetrievalView, ...]:
    videos = [Video(path=str(path), label=str(label), group=str(group)) for path, label, group in results.get("videos", ())]
    rows, queries = results["rows"], results.get("queries") or [[] for _ in results["rows"]]
    if len(queries) != len(rows):
        raise ValueError(f"{len(rows)} rows, queries of {len(queries)}")
    return tuple(
        _retrieval_row(row, encoders.get(row["encoder"], Encoder(name=row["encoder"])), [_query(one, videos) for one in asked])
        for row, asked in zip(rows, queries, strict=True)
    )


def _retrieval_row(row: Mapping[str, Any], encoder: Encoder, queries: list[Query]) -> RetrievalView:
    ranks = sorted(int(match[1]) for match in map(_TOP_K.fullmatch, row) if match)
    asked = Counter(query.video.label for query in queries)
    return RetrievalView(
        group=str(row["group"]),
        encoder=encoder,
        way=str(row["way"]),
        num_queries=int(row["queries"]),
        num_gallery=int(row["gallery"]),
        num_labels=int(row["labels"]),
        top_k={k: _share(row, f"top_{k}") for k in ranks},
        mean_average_precision=float(row["mean_average_precision"]),
        class_mean_top_1=_share(row, "class_mean_top_1"),
        chance=float(row["chance"]),
        floor=_number(row.get("floor")),
        above_floor=row.get("above_floor"),
        per_label=tuple(
            LabelShare(label=label, top_1=float(share), num_queries=asked[label] if queries else None)
            for label, share in sorted(row.get("per_label_top_1", {}).items())
        ),
        queries=tuple(queries),
    )


def _share(row: Mapping[str, Any], name: str) -> Share:
    return Share(value=float(row[name]), low=_number(row.get(f"{name}_low")), high=_number(row.get(f"{name}_high")))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _query(stored: Sequence[Any], videos: Sequence[Video]) -> Query:
    number, first_hit, average_precision, nearest = stored
    return Query(
        video=_video(number, videos),
        first_hit=None if first_hit is None else int(first_hit),
        average_precision=float(average_precision),
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
