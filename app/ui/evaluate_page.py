"""The page that tells how good the search is on one's own videos: measure, look at what came out, compare with earlier runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.errors import AppError
from app.evaluation.run_view import RunView
from app.ui import cached, state_keys
from app.ui.evaluation_data import indexed_encoders, stored_run
from app.ui.evaluation_form import show_form
from app.ui.evaluation_panel import show_evaluations
from app.ui.run_history import show_history
from app.ui.run_result import show_result
from app.ui.runs_beside import show_side_by_side
from app.ui.trouble import say_trouble

if TYPE_CHECKING:
    from index.catalog import LibrarySummary

_LISTED = 200


def show() -> None:
    """Draws the page."""
    catalog = cached.workspace().catalog
    libraries = catalog.libraries()
    usable = [library for library in libraries if library.num_indexed]
    run_ids = catalog.evaluation_run_ids(limit=_LISTED)
    if not usable and not run_ids:
        _nothing_yet(has_libraries=bool(libraries))
        return
    _lead(small=bool(run_ids))
    show_evaluations()
    if usable:
        with st.expander("Measure", icon=":material/speed:", expanded=not run_ids, key="measure-panel"):
            show_form(usable)
    else:
        st.caption("No video is indexed now, so nothing can be measured. Index a folder on the Libraries page.")
    if run_ids:
        _results(show_history(run_ids), usable)


def _lead(*, small: bool) -> None:
    kind = "vret-lead vret-lead-small" if small else "vret-lead"
    st.html(
        f'<div class="{kind}"><h1>How good is the search on your videos?</h1><p>Every test video is asked with; it counts as '
        "right when the nearest video has the same label. Beside it stands what a network that learnt nothing finds.</p></div>"
    )


def _results(run_ids: Sequence[int], libraries: "Sequence[LibrarySummary]") -> None:
    views = []
    for run_id in run_ids:
        try:
            views.append(stored_run(run_id))
        except AppError as error:
            say_trouble(str(error))
    if len(run_ids) > 1:
        show_side_by_side(views)
    elif views:
        show_result(views[0], floors_for=_floors_for(views[0], libraries))


def _floors_for(view: RunView, libraries: "Sequence[LibrarySummary]") -> str | None:
    """The encoder of which an untrained one can be made, where the run's library has none to compare with."""
    if view.library not in {library.name for library in libraries}:
        return None
    encoders = indexed_encoders(view.library)
    measured = [encoder.name for encoder in view.encoders if encoder.name in encoders.to_measure and encoder.task != "untrained"]
    return None if encoders.has_floor else next(iter(measured), None)


def _nothing_yet(*, has_libraries: bool) -> None:
    what = "None of your videos could be indexed yet." if has_libraries else "There is nothing to measure yet."
    todo = "See the reasons on the Libraries page." if has_libraries else "Name a folder of videos; vret makes it searchable."
    st.html(f'<div class="vret-empty"><h1>{what}</h1><p>{todo}</p></div>')
    pages = st.session_state.get(state_keys.PAGES, {})
    if "libraries" in pages:
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.page_link(pages["libraries"], label="Go to Libraries", icon=":material/video_library:")
