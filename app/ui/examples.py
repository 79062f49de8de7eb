"""The examples of a query that has several: a line for each, with a cross that takes it away."""

import streamlit as st

from app.ui.queries import ShownQuery
from app.ui.search_history import drop_example
from app.ui.shown_text import as_html, span


def show_examples(query: ShownQuery) -> None:
    """Shows what a query is made of; nothing where that is one clip alone."""
    if not query.has_several:
        return
    with st.container(key="examples", gap="small"):
        for number, example in enumerate(query.examples):
            _show(f"example-{number}", "Like", example, is_last=len(query.examples) == 1)
        for number, example in enumerate(query.unlike):
            _show(f"unlike-example-{number}", "Unlike", example, is_last=False)


def _show(key: str, kind: str, example: ShownQuery, *, is_last: bool) -> None:
    """is_last: the only one of what is meant, without which there would be nothing to search by."""
    with st.container(key=key, horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Remove",
            key=f"drop-{key}",
            icon=":material/close:",
            help="Search without this example",
            on_click=drop_example,
            args=(example,),
            disabled=is_last,
        )
        seconds = "a picture" if example.is_picture else span(example.start_s, example.end_s)
        st.html(
            f'<p title="{as_html(example.path)}"><b>{kind}</b> {as_html(example.name)} '
            f'<span class="vret-quiet">{seconds}</span></p>'
        )
