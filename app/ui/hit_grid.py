"""The answer: a grid of moments that play, each with where it is, how alike it is, and what can be done with it."""

import math
from collections.abc import Sequence
from concurrent.futures import Future, as_completed, wait
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.errors import AppError
from app.find_similar import Hit, SearchResult
from app.previews import PreviewCache
from app.ui import cached
from app.ui.clip_player import play
from app.ui.judge_buttons import Judging, judge_html, show_judging
from app.ui.queries import ShownQuery
from app.ui.search_history import ask, ask_further
from app.ui.search_options import SearchOptions
from app.ui.shown_text import as_html, as_markdown, count, percent, printable, span
from app.ui.watch_dialog import Watched, watch
from embedder.errors import EmbedderError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_PLAYED_S = 12.0  # a card shows at most so much of its moment; all of it is in the player
_FURTHER = (
    ("also", "This too", ":material/add:", "More like this too: search for what this moment and your query have in common"),
    ("unlike", "Not this", ":material/remove:", "Less like this: search for what is like your query and not like this moment"),
)
_AT_ONCE_S = 0.25  # previews that are there already are waited for, so that a rerun does not flicker


def show_hits(query: ShownQuery, result: SearchResult, options: SearchOptions) -> None:
    """Shows the hits with their pictures at once, and lets each start to play as soon as its preview is made."""
    hits = result.hits
    for warning in result.warnings:
        st.warning(f"The query: {as_markdown(warning)}", icon=":material/warning:")
    for note in result.notes:
        st.warning(as_markdown(note[:1].upper() + note[1:]), icon=":material/warning:")
    if not hits:
        _no_hits(options, is_picture=query.is_picture)
        return
    on = f", {result.provider}" if result.provider else ""
    if not result.has_good_match:
        st.info("No good match: unrelated clips get results as good as these.", icon=":material/search_off:")
    # Judgements are stored with the query, so that it can be run again: one clip or moment, not several, not a picture.
    judging = None if query.has_several or query.is_picture else Judging.of(query, options.encoder)
    weighed = "" if result.look is None else f", look {result.look:g}"
    summary = f"{count(len(hits), 'moment')} in {result.seconds:.2f} s, encoder {as_html(result.encoder)}{weighed}{as_html(on)}"
    st.html(f'<p class="vret-quiet vret-summary">{summary}</p>')
    if judging is not None:
        show_judging(hits, judging)
    previews, workers = cached.previews(), cached.preview_workers()
    jobs = {workers.submit(_preview, previews, hit): hit for hit in hits}
    try:
        _fill(hits, jobs, options, judging)
    finally:  # also when a click ends this run of the page
        for job in jobs:
            job.cancel()


def _fill(hits: Sequence[Hit], jobs: dict["Future[Path]", Hit], options: SearchOptions, judging: Judging | None) -> None:
    ready = wait(jobs, timeout=_AT_ONCE_S).done
    done = {jobs[job].rank for job in ready}
    pictures = _thumbnails([hit for hit in hits if hit.rank not in done], options)
    slots: dict[int, DeltaGenerator] = {}
    by_rank = {jobs[job].rank: job for job in ready}
    with st.container(key="hits"):
        for place, hit in enumerate(hits, start=1):
            with st.container(key=f"hit-{place}", border=True, gap="small"):
                if hit.rank in by_rank:  # not by way of an empty place, from which a preview that plays would begin anew
                    _show_preview(None, place, hit, by_rank[hit.rank])
                else:
                    slots[hit.rank] = st.empty()
                    _show_picture(slots[hit.rank], pictures.get((hit.video_id, hit.clip_ordinal)))
                _facts(place, hit, judging)
                _actions(place, hit)
    watch()
    for job in as_completed([job for job in jobs if job not in ready]):
        hit = jobs[job]
        _show_preview(slots[hit.rank], hits.index(hit) + 1, hit, job)


def _preview(previews: PreviewCache, hit: Hit) -> Path:
    """Runs in a worker thread, so it must not call Streamlit."""
    return previews.preview(hit.path, hit.start_s, min(hit.end_s, hit.start_s + _PLAYED_S))


def _thumbnails(hits: Sequence[Hit], options: SearchOptions) -> dict[tuple[int, int], bytes]:
    ws = cached.workspace()
    return ws.catalog.thumbnails([(hit.video_id, hit.clip_ordinal) for hit in hits], ws.encoder_id(options.encoder))


def _show_preview(slot: "DeltaGenerator | None", place: int, hit: Hit, job: "Future[Path]") -> None:
    """Into a slot that shows something else by now, or where the page is."""
    html = st.html if slot is None else slot.html
    try:
        preview = job.result()
    except FileNotFoundError:
        html('<div class="vret-nopreview">The file is not there now. Is its disk plugged in?</div>')
    except (EmbedderError, AppError, OSError) as error:  # a full disk, too, must not take the other hits away
        html(f'<div class="vret-nopreview" title="{as_html(str(error))}">no preview</div>')
    else:
        play(preview, key=f"clip-{place}-{preview.stem}", label=f"hit {place}: {hit.path.name}", into=slot)


def _show_picture(slot: "DeltaGenerator", picture: bytes | None) -> None:
    if picture is None:
        slot.html('<div class="vret-nopreview">…</div>')
    else:
        slot.image(picture, width="stretch")


def _facts(place: int, hit: Hit, judging: Judging | None) -> None:
    share, shown, meaning = _score(hit)
    flag = '<span class="vret-flag">empty footage</span>' if hit.flagged else ""
    flag += f' <span class="vret-copies" title="near-equal moments of other videos">x{hit.copies + 1}</span>' if hit.copies else ""
    flag += ' <span class="vret-flag">not there now</span>' if hit.missing else ""
    st.html(
        f'<div class="vret-hit"><div><div><p class="vret-name" title="{as_html(hit.path)}">'
        f'<span class="vret-rank">{place}</span>{as_html(hit.path.name)}</p>'
        f'<p class="vret-quiet">{span(hit.start_s, hit.end_s)} · {as_html(hit.library)} {flag}</p></div>'
        f"{'' if judging is None else judge_html(hit, judging)}</div>"
        f'<div class="vret-score" title="{meaning}">'
        f'<div><i style="width:{share}%"></i></div><b>{shown}</b></div></div>'
    )


def _score(hit: Hit) -> tuple[int, str, str]:
    """How long the bar is in percent, what stands beside it, and what that means."""
    if hit.strength is None or hit.false_alarm_rate is None:
        return percent(hit.score), f"{percent(hit.score)} %", f"score {percent(hit.score)} %"
    chance = f"{100 * hit.false_alarm_rate:.2g} %"
    meaning = f"score {percent(hit.score)} %. If nothing here were like the query, {chance} of searches would find as good a hit"
    # By orders of magnitude: full from one search in a thousand on, a third of it at one in ten.
    bar = min(1.0, -math.log10(max(hit.false_alarm_rate, 1e-9)) / 3)
    return percent(bar), hit.strength, meaning


def _actions(place: int, hit: Hit) -> None:
    with st.container(horizontal=True, gap="small", key=f"actions-{place}"):
        st.button(
            "More like this",
            key=f"like-{place}",
            icon=":material/hub:",
            on_click=ask,
            args=(ShownQuery.of_hit(hit),),
            width="stretch",
        )
        moment = Watched(path=hit.path, name=printable(hit.path.name), start_s=hit.start_s, end_s=hit.end_s)
        st.button(
            "Watch", key=f"watch-{place}", icon=":material/play_arrow:", on_click=moment.open, width="stretch", disabled=hit.missing
        )
    with st.container(horizontal=True, gap="small", key=f"actions-further-{place}"):
        for key, label, icon, help_ in _FURTHER:
            st.button(
                label,
                key=f"{key}-{place}",
                icon=icon,
                help=help_,
                on_click=ask_further,
                args=(ShownQuery.of_hit(hit), key == "unlike"),
                width="stretch",
            )


def _no_hits(options: SearchOptions, *, is_picture: bool) -> None:
    other = "choose another picture" if is_picture else "choose another range"
    hints = [other] if options.min_score is None else ["lower <b>At least</b>"]
    if options.library is not None:
        hints.append("search in all libraries")
    if not options.include_flagged:
        hints.append("turn on <b>Also empty footage</b>")
    what = "No similar moment" if options.min_score is None else "No good match"
    st.html(f'<div class="vret-empty"><h1>{what}</h1><p>You can {", or ".join(hints)}.</p></div>')
