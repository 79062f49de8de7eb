"""Relevant or not: two small buttons on each hit, the keys that press them, and what was said the last time."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.errors import AppError
from app.find_similar import Hit, PictureQuery
from app.judge_moments import AskedQuery, asked_query, judge, verdict
from app.ui import cached
from app.ui.queries import ShownQuery
from app.ui.shown_text import as_markdown
from embedder.errors import EmbedderError
from index.errors import CatalogError

if TYPE_CHECKING:
    from index.catalog import Judgement

_KEY = "judge-moments"
_RELEVANT, _WRONG, _NOTHING = "relevant", "wrong", ""
_MEANING = {_RELEVANT: True, _WRONG: False, _NOTHING: None}
_BUTTONS = ((_RELEVANT, "thumb_up", "Relevant", "r"), (_WRONG, "thumb_down", "Not relevant", "x"))
_listener = st.components.v2.component(
    "vret_judge_moments", js=(Path(__file__).parent / "assets" / "judge_moments.js").read_text(), isolate_styles=False
)


@dataclass(kw_only=True)
class Judging:
    """What has been said of a query's hits, and what is needed to say more.

    encoder: the one that found them. trouble: why the last word could not be kept, until it has been shown; failures: how often.
    """

    asked: AskedQuery
    encoder: str | None
    judgements: "list[Judgement]"
    trouble: str = ""
    failures: int = 0

    @classmethod
    def of(cls, query: ShownQuery, encoder: str | None) -> "Judging":
        """Reads earlier judgements of this query, by any encoder. Raises ValueError for a picture, whose results cannot be
        judged; UnknownVideo, CatalogError.
        """
        ws, moment = cached.workspace(), query.to_find()
        if isinstance(moment, PictureQuery):
            raise ValueError("the results of a picture cannot be judged")
        asked = asked_query(ws, moment, query.name)
        return cls(asked=asked, encoder=encoder, judgements=ws.catalog.judgements(query=asked.stored))

    def word(self, hit: Hit) -> str:
        """What was said of a hit."""
        said = verdict(self.judgements, hit)
        return next(word for word, meaning in _MEANING.items() if meaning is said)

    def hear(self, hits: Sequence[Hit], sent: Any) -> None:
        """Keeps what the browser sends: {"hits": which, "words": {place from 1: word}}. What is of other hits is let go."""
        if not isinstance(sent, dict) or sent.get("hits") != which(hits, self):
            return
        words = {place: word for place, word in sent["words"].items() if word in list(_MEANING)}
        try:
            for place, hit in enumerate(hits, start=1):
                word = words.get(str(place), self.word(hit))
                if word != self.word(hit):
                    judge(cached.workspace(), self.asked, hit, _MEANING[word], encoder_name=self.encoder)
            self.judgements = cached.workspace().catalog.judgements(query=self.asked.stored)
        except (AppError, EmbedderError, CatalogError, OSError) as error:
            self.trouble = f"Not kept: {error}"
            self.failures += 1


def which(hits: Sequence[Hit], judging: Judging) -> str:
    """Names a query's hits in their order, so that what is said of some is not taken for something about others."""
    return json.dumps([judging.asked.stored, [(hit.video_id, hit.start_s, hit.end_s) for hit in hits]], sort_keys=True)


def judge_html(hit: Hit, judging: Judging) -> str:
    """The pair of a hit, for its card; `show_judging` makes it work."""
    said = judging.word(hit)
    pair = "".join(
        f'<button type="button" data-word="{word}" aria-pressed="{str(word == said).lower()}" aria-label="{label}" '
        f'title="{label} ({key})"><span aria-hidden="true" translate="no">{icon}</span></button>'
        for word, icon, label, key in _BUTTONS
    )
    return f'<div class="vret-judge" role="group" aria-label="What you were looking for?">{pair}</div>'


def show_judging(hits: Sequence[Hit], judging: Judging) -> None:
    """Says which keys judge hits, and hears what is said by them and by the cards' buttons."""
    st.html(
        '<p class="vret-quiet vret-keys"><kbd>j</kbd> <kbd>k</kbd> next and previous hit · <kbd>r</kbd> relevant · '
        "<kbd>x</kbd> not relevant, and on to the next. What you say is kept and tells how good the search is on your videos.</p>"
    )
    with st.container(key="judging"):
        _listen(hits, judging)


@st.fragment  # so that a word does not draw all hits anew
def _listen(hits: Sequence[Hit], judging: Judging) -> None:
    said = [judging.word(hit) for hit in hits]
    data = {
        "hits": which(hits, judging),
        "count": len(hits),
        "first": said.index(_NOTHING) + 1 if _NOTHING in said else 1,
        "said": said,
        "failures": judging.failures,
    }
    _listener(key=_KEY, data=data, on_said_change=partial(_heard, hits, judging))
    if judging.trouble:  # not in the callback: that of a fragment may show nothing
        st.toast(as_markdown(judging.trouble), icon=":material/error:", duration="long")
        judging.trouble = ""


def _heard(hits: Sequence[Hit], judging: Judging) -> None:
    judging.hear(hits, st.session_state[_KEY].get("said"))
