"""Widgets whose value stays when their page is left; Streamlit itself forgets it."""

from typing import Any

import streamlit as st


def kept(key: str, default: Any, allowed: Any = None) -> str:
    """The key of a widget, whose value stays when the page is left, and is the default where it is none of those allowed now."""
    value = st.session_state.get(key, default)
    if allowed is not None:
        fits = [one for one in value if one in allowed] if isinstance(value, list) else value
        value = default if not isinstance(value, list) and value not in allowed else fits
    st.session_state[key] = value
    return key
