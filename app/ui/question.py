"""Asks before something is forgotten, and names what."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app.ui import state_keys
from app.ui.shown_text import as_markdown
from app.ui.trouble import shown_trouble


@dataclass(frozen=True, kw_only=True)
class Question:
    """title, text: what is asked, and what will be gone. verb: what the button says. act: does it, and returns what to say then."""

    title: str
    text: str
    verb: str
    act: Callable[[], str]

    def ask(self) -> None:
        """Puts the question; call it from a button's callback."""
        st.session_state[state_keys.ASKED] = self


def show_question() -> None:
    """Shows the question that was put, until it is answered; then what was done."""
    done = st.session_state.pop(state_keys.DONE, None)
    if done:
        st.toast(as_markdown(done))
    asked: Question | None = st.session_state.get(state_keys.ASKED)
    if asked is not None:
        st.dialog(as_markdown(asked.title), on_dismiss=_let_go)(_dialog)(asked)


def _dialog(asked: Question) -> None:
    st.markdown(as_markdown(asked.text))
    with shown_trouble(), st.container(horizontal=True, horizontal_alignment="right"):
        if st.button("Keep it", key="question-no"):
            _let_go()
            st.rerun()
        if st.button(as_markdown(asked.verb), key="question-yes", type="primary", icon=":material/delete:"):
            _let_go()
            st.session_state[state_keys.DONE] = asked.act()
            st.rerun()


def _let_go() -> None:
    st.session_state.pop(state_keys.ASKED, None)
