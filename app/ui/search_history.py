"""The queries of a browser session in their order, so that one can go back after "more like this"."""

import streamlit as st

from app.ui import state_keys
from app.ui.queries import ShownQuery

_KEPT = 50


def history() -> tuple[ShownQuery, ...]:
    """Oldest first; the last one is shown. Empty while a clip is being chosen."""
    queries: tuple[ShownQuery, ...] = st.session_state.get(state_keys.HISTORY, ())
    return queries


def ask(query: ShownQuery) -> None:
    """Makes a query the one that is shown."""
    st.session_state[state_keys.HISTORY] = (*history(), query)[-_KEPT:]


def ask_further(example: ShownQuery, is_unlike: bool) -> None:
    """Asks the shown query with one more example, of what is meant or of what is not."""
    ask(history()[-1].with_example(example, is_unlike=is_unlike))


def drop_example(example: ShownQuery) -> None:
    """Asks the shown query without one of its examples."""
    ask(history()[-1].without(example))


def go_back() -> None:
    """To the query before, or to the choice of the clip."""
    st.session_state[state_keys.HISTORY] = history()[:-1]


def start_anew() -> None:
    """To the choice of a clip, with none chosen."""
    st.session_state[state_keys.HISTORY] = ()
    st.session_state.pop(state_keys.DRAFT, None)


def change_range() -> None:
    """To the choice of a range on the clip that the search began with."""
    st.session_state[state_keys.HISTORY] = ()
