"""The videos of a run as its encoder sees them, in two dimensions; a click on one plays it."""

from pathlib import Path
from typing import Any, cast

import streamlit as st

from app.errors import AppError
from app.evaluation.embedding_map import EmbeddingMap, MapPoint, map_chart
from app.evaluation.run_view import RetrievalView, RunView
from app.evaluation.video_maps import FEWEST_VIDEOS, check_mapped, map_of
from app.ui import cached
from app.ui.run_videos import begin_preview, known_videos, show_playing
from app.ui.shown_text import as_html
from app.ui.trouble import say_trouble
from embedder.errors import EmbedderError
from index.errors import CatalogError

_PICKED = "picked"


@st.fragment
def show_map(view: RunView, row: RetrievalView) -> None:
    """Shows the map, or in a sentence why there is none. A fragment: a click draws it alone."""
    try:
        found = _map_of(view, row)
    except (AppError, EmbedderError, CatalogError) as error:
        say_trouble(f"There is no map of this run now: {error}")
        return
    if len(found.points) < FEWEST_VIDEOS:
        st.caption("Too few videos of this run have vectors in the index now, so there is no map.")
        return
    st.html('<p class="vret-quiet">Each point is a video, near others that the encoder finds alike. Click one to play it.</p>')
    chart, video = st.columns([3, 1], gap="medium")
    with chart, st.container(key="map-chart"):
        event = st.altair_chart(
            map_chart(found, width_px=760),
            width="stretch",
            theme=None,
            on_select="rerun",
            selection_mode=_PICKED,
            key=f"map-{view.id}-{row.group}-{row.encoder.name}",
        )
    place = _picked(cast("dict[str, Any]", event))
    with video, st.container(key="map-video"):
        if place is None or place >= len(found.points):
            st.html('<div class="vret-nopreview">click a point</div>')
        else:
            _show_point(found.points[place])


def _picked(event: dict[str, Any]) -> int | None:
    """The number of the clicked point."""
    chosen = event["selection"].get(_PICKED) or []
    return int(chosen[0]["video"]) if chosen else None


def _show_point(point: MapPoint) -> None:
    show_playing(point.path, begin_preview(point.path, known_videos([point.path])), key="map")
    st.html(
        f'<p class="vret-name" title="{as_html(point.path)}">{as_html(Path(point.path).name)}</p>'
        f'<p class="vret-quiet">{as_html(point.label)}, {as_html(point.split)}</p>'
    )


def _map_of(view: RunView, row: RetrievalView) -> EmbeddingMap:
    """Made once for each state of the catalog. Raises AppError, EmbedderError, CatalogError where the vectors are not there now."""
    ws = cached.workspace()
    check_mapped(ws, view, row)
    return _made(view.id, view.rows.index(row), ws.catalog.revision, view, row)


@st.cache_resource(show_spinner="Laying out the map…", max_entries=12)
def _made(run_id: int, place: int, revision: int, _view: RunView, _row: RetrievalView) -> EmbeddingMap:
    return map_of(cached.workspace(), _view.library, _row)
