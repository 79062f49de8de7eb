"""Takes the reader to the top when the page shows something else: Streamlit keeps the place that was read before."""

import streamlit as st

_JS = """
const shown = new WeakMap();
export default function ({ data, parentElement }) {
  if (shown.get(parentElement) === data) return;
  shown.set(parentElement, data);
  document.querySelector('[data-testid="stMain"]')?.scrollTo({ top: 0, behavior: "instant" });
}
"""
_scroller = st.components.v2.component("vret_scroll_up", js=_JS, isolate_styles=False)


def scroll_up_for(what: str) -> None:
    """Scrolls up when `what` is another text than in the last run of the page."""
    with st.container(key="scroll-up"):
        _scroller(key="scroll-up-for", data=what)
