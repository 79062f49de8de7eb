"""The maps of a stored run: its videos as its encoders see them, laid out from the vectors that the index has of them now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.encoder_metadata import EncoderFacts
from app.errors import AppError
from app.evaluation.embedding_map import EmbeddingMap, MapPoint, project
from app.evaluation.labelled_library import Entry, stored_means
from app.evaluation.run_view import Encoder, RetrievalView, RunView, Video
from app.labels.rows import LabelledVideo, Split
from app.workspace import Workspace
from embedder.errors import EmbedderError
from index.errors import CatalogError

FEWEST_VIDEOS = 2
_MOST_MAPS = 4
_MOST_POINTS = 5000


@dataclass(frozen=True, kw_only=True)
class ReportMaps:
    """What a report shows of them. found: by (group, way, encoder). missing: why there are no others, in sentences."""

    found: Mapping[tuple[str, str, str], EmbeddingMap] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def check_mapped(ws: Workspace, view: RunView, row: RetrievalView) -> None:
    """Raises AppError, EmbedderError where the index cannot hold the vectors that the row was measured with."""
    if not view.library or view.settings.get("preset", "library") != "library":
        raise AppError("it made features of its own, which are not in the index.")
    if row.encoder.sha256 and not _is_the_same(ws.encoder_facts(row.encoder.name), row.encoder):
        raise AppError(f"the encoder {row.encoder.name!r} is another one than it was. Measure again to see its map.")


def _is_the_same(facts: EncoderFacts, measured: Encoder) -> bool:
    """Runs of older versions know of the encoder only which hash its file claims for the weights."""
    if measured.identity:
        return facts.identity == measured.identity
    return facts.card.weights_sha256 == measured.sha256


def map_of(ws: Workspace, library: str, row: RetrievalView) -> EmbeddingMap:
    """The queries and the gallery of a row, as far as the index has their vectors now.

    Raises AppError, EmbedderError, CatalogError.
    """
    import numpy as np

    known = ws.catalog.known_files(library, ws.encoder_id(row.encoder.name))
    entries = [
        Entry(video, known[str(video.path)].video_id)
        for video in labelled_videos(row)
        if str(video.path) in known and known[str(video.path)].embedded
    ]
    means = stored_means(ws, row.encoder.name, entries, [])
    rows = [entry.row for entry in entries if entry.path in means]
    if not rows:
        return EmbeddingMap(encoder=row.encoder.name, points=())
    places_V2 = project(np.stack([means[row.path] for row in rows]))
    points = (
        MapPoint(path=str(row.path), label=row.label, split=row.split, x=float(x), y=float(y))
        for row, (x, y) in zip(rows, places_V2, strict=True)
    )
    return EmbeddingMap(encoder=row.encoder.name, points=tuple(points))


def labelled_videos(row: RetrievalView) -> list[LabelledVideo]:
    """The queries of a row and its gallery, each video once. Of an unstored gallery, what was among the nearest of any."""
    nearest = (video for query in row.queries for video, _ in query.nearest)
    sides: tuple[tuple[Split, Sequence[Video]], ...] = (
        ("test", [query.video for query in row.queries]),
        ("train", row.gallery or list(nearest)),
    )
    found: dict[str, LabelledVideo] = {}
    for split, videos in sides:
        for video in videos:
            found.setdefault(video.path, LabelledVideo(path=Path(video.path), label=video.label, split=split))
    return list(found.values())


def report_maps(ws: Workspace, view: RunView) -> ReportMaps:
    """A map for each group and encoder that the run is about, as many as a report can hold; a way of comparing changes nothing."""
    rows = {(row.group, row.encoder.name): row for row in reversed(view.rows) if row.encoder.name in view.looked_at}
    if not rows or not view.library:  # of a protocol that makes its own features nobody expects a map
        return ReportMaps()
    wanted = sorted(rows.values(), key=view.rows.index)
    found: dict[tuple[str, str, str], EmbeddingMap] = {}
    missing: dict[str, None] = {}
    for row in wanted[:_MOST_MAPS]:
        try:
            check_mapped(ws, view, row)
            _check_size(row)
            points = map_of(ws, view.library, row)
        except (AppError, EmbedderError, CatalogError) as error:
            missing[f"There is no map of the videos as {row.encoder.name} sees them: {error}"] = None
            continue
        if len(points.points) >= FEWEST_VIDEOS:
            found[row.group, row.way, row.encoder.name] = points
        else:
            missing[f"There is no map of the videos as {row.encoder.name} sees them: too few have vectors in the index now."] = None
    if len(wanted) > _MOST_MAPS:
        missing[f"Maps are of the first {_MOST_MAPS} of {len(wanted)} groups and encoders; vret ui shows the others."] = None
    return ReportMaps(found=found, missing=tuple(missing))


def _check_size(row: RetrievalView) -> None:
    if (num_videos := len(labelled_videos(row))) > _MOST_POINTS:
        raise AppError(f"{num_videos:,} videos are more than a report can hold; vret ui shows their map.")
