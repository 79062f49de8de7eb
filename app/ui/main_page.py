"""The page's entry script, which Streamlit runs for every click; `vret ui` serves it (`serve_page.py`)."""

from pathlib import Path

import streamlit as st

import app.ui.about_page as about_page
import app.ui.evaluate_page as evaluate_page
import app.ui.library_page as library_page
import app.ui.search_page as search_page
from app.ui import access, state_keys
from app.ui.trouble import shown_trouble

_ASSETS = Path(__file__).parent / "assets"

st.set_page_config(page_title="vret", page_icon=str(_ASSETS / "icon.svg"), layout="wide")
st.logo(str(_ASSETS / "logo.svg"), size="large")
st.html(_ASSETS / "style.css")
pages = {
    "search": st.Page(search_page.show, title="Search", icon=":material/search:", url_path="search", default=True),
    "libraries": st.Page(library_page.show, title="Libraries", icon=":material/video_library:", url_path="libraries"),
    "evaluate": st.Page(evaluate_page.show, title="Evaluate", icon=":material/speed:", url_path="evaluate"),
    "about": st.Page(about_page.show, title="About", icon=":material/info:", url_path="about"),
}
st.session_state[state_keys.PAGES] = pages
page = st.navigation(list(pages.values()), position="top")
with shown_trouble():
    page.run()
if access.is_open_to_others():
    st.html('<p class="vret-quiet vret-foot">This page can be opened from other computers, and there is no sign-in yet.</p>')
