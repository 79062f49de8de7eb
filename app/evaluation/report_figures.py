"""The plots and the worst queries of a report, ready for its template."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from app.evaluation.chart_theme import to_svg
from app.evaluation.charts import confusion_chart, per_label_chart, top_k_chart
from app.evaluation.embedding_map import EmbeddingMap, map_chart
from app.evaluation.run_view import Confusion, Query, RetrievalView, RunView, Share, Video
from app.ui.run_words import verdict, way_words
from app.ui.shown_text import count

if TYPE_CHECKING:
    import altair as alt

WORST_SHOWN = 20
_NEAREST_SHOWN = 3
_NARROW_PX, _CURVE_PX, _WIDE_PX = 520, 720, 1000
_WIDE_FROM_LABELS = 28


@dataclass(frozen=True, kw_only=True)
class Figure:
    """svg: one <svg> element. caption: what it shows, in a sentence. wide: it needs the whole width."""

    svg: str
    caption: str
    wide: bool = False


@dataclass(frozen=True, kw_only=True)
class Worst:
    """A query that was answered wrongly. first: at which rank its label came. nearest: (video, similarity or "") in its place."""

    video: Video
    name: str
    first: str
    nearest: tuple[tuple[str, Video, str], ...]


@dataclass(frozen=True, kw_only=True)
class EncoderPart:
    """What one encoder did in one group and way. worst: the first of num_failed."""

    name: str
    verdict: str
    figures: tuple[Figure, ...]
    worst: tuple[Worst, ...]
    num_failed: int
    has_queries: bool


@dataclass(frozen=True, kw_only=True)
class Section:
    """All encoders in one group and way."""

    title: str
    curve: Figure
    encoders: tuple[EncoderPart, ...]


def sections(view: RunView, maps: Mapping[tuple[str, str, str], EmbeddingMap]) -> Iterator[Section]:
    """One for each group and way. maps: of the videos, by (group, way, encoder).

    What was measured beside, the untrained and raw colour, is a line of the curve and no part.
    """
    for (group, way), rows in view.sections().items():
        caption = "Top-k with its 95 % interval. Grey and dashed: what learnt nothing."
        yield Section(
            title=f"{group}, {way_words(way)}" if group else way_words(way),
            curve=_figure(top_k_chart(rows, width_px=_CURVE_PX), caption),
            encoders=tuple(
                _encoder_part(row, maps.get((group, way, row.encoder.name))) for row in rows if row.encoder.name in view.looked_at
            ),
        )


def confusion_figure(confusion: Confusion) -> Figure:
    """A heat map; one of many labels has cells large enough for all of them to be named."""
    wide = len(confusion.labels) >= _WIDE_FROM_LABELS
    unanswered = f" {count(confusion.unanswered, 'query')} found nothing at all." if confusion.unanswered else ""
    chart = confusion_chart(confusion, width_px=_WIDE_PX if wide else _NARROW_PX, cell_px=_cell_px(len(confusion.labels)))
    return _figure(
        chart, f"{confusion.title}. Blue is right; the deeper a cell, the larger its share of the row.{unanswered}", wide=wide
    )


def difference_figure(view: RunView) -> Figure | None:
    """By how much the second encoder is better than the first; None where that is not what the run measured."""
    from app.evaluation.interval_charts import difference_chart

    rows = [row for row in view.flat_rows if isinstance(row.get("difference"), float)]
    if not rows:
        return None
    axis = f"class-mean top-1 of {rows[0].get('b', 'the second')} minus that of {rows[0].get('a', 'the first')}"
    chart = difference_chart({_place(row): _difference(row) for row in rows}, axis=axis, width_px=_NARROW_PX)
    return _figure(chart, "Differences with their 95 % intervals; grey where the interval holds 0.")


def _figure(chart: "alt.Chart | alt.LayerChart", caption: str, *, wide: bool = False) -> Figure:
    return Figure(svg=to_svg(chart), caption=caption, wide=wide)


def _cell_px(num_labels: int) -> float | None:
    return max(9.0, (_WIDE_PX - 190) / num_labels) if num_labels >= _WIDE_FROM_LABELS else None


def _place(row: Mapping[str, Any]) -> str:
    return ", ".join(part for part in (str(row.get("group", "")), way_words(str(row.get("way", "")))) if part)


def _difference(row: Mapping[str, Any]) -> Share:
    return Share(value=row["difference"], low=row.get("difference_low"), high=row.get("difference_high"))


def _encoder_part(row: RetrievalView, points: EmbeddingMap | None) -> EncoderPart:
    figures = []
    if row.per_label:
        caption = "Top-1 of each label, the weakest on top, with the number of its queries."
        figures.append(_figure(per_label_chart(row, width_px=_NARROW_PX), caption))
    if row.queries:
        figures.append(confusion_figure(row.confusion()))
    if points is not None:
        caption = "Each point is a video; near each other are those that the encoder finds alike."
        figures.append(_figure(map_chart(points, width_px=_CURVE_PX), caption, wide=True))
    failed = row.worst()
    return EncoderPart(
        name=row.encoder.name,
        verdict=verdict(row),
        figures=tuple(figures),
        worst=tuple(_worst(query) for query in failed[:WORST_SHOWN]),
        num_failed=len(failed),
        has_queries=bool(row.queries),
    )


def _worst(query: Query) -> Worst:
    shown = query.nearest[:_NEAREST_SHOWN]
    nearest = ((PurePath(video.path).name, video, "" if score is None else f"{score:.2f}") for video, score in shown)
    first = "none found" if query.first_hit is None else f"rank {query.first_hit + 1:,}"
    return Worst(video=query.video, name=PurePath(query.video.path).name, first=first, nearest=tuple(nearest))
