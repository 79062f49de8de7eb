"""Who can open the page."""

import streamlit as st

from app.page_guard import is_local


def is_open_to_others() -> bool:
    """Whether browsers of other machines reach it; there is no sign-in."""
    address = st.get_option("server.address")
    return address is not None and not is_local(address)
