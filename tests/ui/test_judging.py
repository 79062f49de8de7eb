"""What is said of hits: how the cards show it, what is kept of what the browser sends, and what is let go."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from app.find_similar import Hit, find_similar
from app.index_library import index_library
from app.settings import Settings
from app.ui.judge_buttons import Judging, judge_html, which
from app.ui.queries import ShownQuery
from app.workspace import Workspace
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.patience import PATIENCE_S


@pytest.fixture
def query(home: Path, tmp_path: Path) -> ShownQuery:
    """The first of three indexed videos, as a query."""
    folder = tmp_path / "videos"
    for seed in range(3):
        draw_moving_picture(folder / f"{seed}.mp4", seed=seed)
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [folder])
        video = ws.catalog.find_video(folder / "0.mp4")
    assert video is not None
    return ShownQuery(
        path=video.path, name="0.mp4", start_s=0.0, end_s=3.0, duration_s=3.0, video_id=video.id, note="in home"
    )  # fmt: skip


def others(home: Path, query: ShownQuery) -> list[Hit]:
    with Workspace(Settings.at(home)) as ws:
        return [hit for hit in find_similar(ws, query.to_find(), one_per_video=True).hits if not query.is_itself(hit)]


def kept(home: Path) -> list[tuple[int, bool]]:
    with Workspace(Settings.at(home)) as ws:
        return [(one.video_id, one.relevant) for one in ws.catalog.judgements()]


def test_hear__keeps_what_is_new_and_takes_back(home: Path, query: ShownQuery) -> None:
    first, second = hits = others(home, query)
    judging = Judging.of(query, None)

    def send(**words: Any) -> None:
        sent = {place.removeprefix("hit"): word for place, word in words.items()}
        judging.hear(hits, {"hits": which(hits, judging), "words": sent})

    send(hit1="relevant")
    send(hit1="relevant", hit2="wrong")
    assert kept(home) == [(first.video_id, True), (second.video_id, False)]
    assert [judging.word(hit) for hit in hits] == ["relevant", "wrong"]
    assert [Judging.of(query, None).word(hit) for hit in hits] == ["relevant", "wrong"]  # as when it is searched again
    send(hit1="wrong", hit2="")
    assert kept(home) == [(first.video_id, False)]
    send(hit1="perhaps", hit2=["wrong"], hit7="relevant")
    assert kept(home) == [(first.video_id, False)]


def test_hear__words_about_other_hits_are_let_go(home: Path, query: ShownQuery) -> None:
    hits = others(home, query)
    judging = Judging.of(query, None)
    for sent in (None, {}, {"hits": which(hits[:1], judging), "words": {"1": "relevant"}}):
        judging.hear(hits, sent)
    assert kept(home) == []


def test_hear__what_cannot_be_kept_is_told(home: Path, query: ShownQuery) -> None:
    hits = others(home, query)
    judging = Judging.of(query, None)
    with sqlite3.connect(home / "catalog.db") as connection:
        connection.execute("ALTER TABLE judgement RENAME TO gone")
    connection.close()
    judging.hear(hits, {"hits": which(hits, judging), "words": {"1": "relevant"}})
    assert judging.trouble.startswith("Not kept: The catalog")
    assert (judging.failures, judging.word(hits[0])) == (1, "")


def test_judge_html__says_what_is_pressed(home: Path, query: ShownQuery) -> None:
    hits = others(home, query)
    judging = Judging.of(query, None)
    judging.hear(hits, {"hits": which(hits, judging), "words": {"1": "wrong"}})
    pressed = [re.findall(r'data-word="(\w+)" aria-pressed="true"', judge_html(hit, judging)) for hit in hits]
    assert pressed == [["wrong"], []]
    assert 'aria-label="Not relevant" title="Not relevant (x)"' in judge_html(hits[0], judging)


def search_page() -> None:
    import app.ui.search_page as page

    page.show()


def shown(query: ShownQuery | None) -> str:
    """The HTML of the search page, with this query asked."""
    from streamlit.testing.v1 import AppTest

    from app.ui import state_keys

    page = AppTest.from_function(search_page, default_timeout=PATIENCE_S)
    page.session_state[state_keys.HISTORY] = () if query is None else (query,)
    page.run()
    assert not page.exception
    return " ".join(element.body for element in page.get("html"))  # type: ignore[attr-defined]


def test_page__shows_what_was_said_before(home: Path, query: ShownQuery) -> None:
    hits = others(home, query)
    judging = Judging.of(query, None)
    judging.hear(hits, {"hits": which(hits, judging), "words": {"2": "relevant"}})
    html = shown(query)
    assert html.count('aria-pressed="true"') == 1
    card = html[html.index(hits[1].path.name) :]
    assert card.index('data-word="relevant" aria-pressed="true"') < card.index("vret-score")


def test_page__keys_are_explained_where_there_are_hits(query: ShownQuery) -> None:
    assert "<kbd>r</kbd> relevant" in shown(query)
    assert "<kbd>" not in shown(None)
