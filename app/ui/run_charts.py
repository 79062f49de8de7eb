"""One stored run: headline figures, what they are worth, and its charts."""

import re
from collections.abc import Sequence

import streamlit as st

from app.evaluation.charts import confusion_chart, per_label_chart, top_k_chart
from app.evaluation.run_view import Confusion, RetrievalView, RunView, Share
from app.ui.run_words import figure, interval, verdict, way_words
from app.ui.shown_text import as_html, as_markdown, count, printable

_TALL_FROM_LABELS = 16
_TALL_PX = 420
_MATRIX_PX = 1000
_NOTES_SHOWN = 6
_SAID_IN_TABLE = re.compile(r": the interval -?[\d.]+ to -?[\d.]+ (covers|lies below) the ")  # of floors
_UNKNOWN = "\N{EN DASH}"


def show_figures(row: RetrievalView) -> None:
    """The figures that count, and in a sentence what they are worth."""
    top_1 = row.top_k.get(1)
    cards = [] if top_1 is None else [_card("top-1", figure(top_1.value), interval(top_1))]
    cards += [
        _card("class-mean top-1", figure(row.class_mean_top_1.value), interval(row.class_mean_top_1)),
        _card("mean average precision", figure(row.mean_average_precision)),
        _card("chance", figure(row.chance)),
    ]
    if not row.encoder.floor:
        cards.append(_card("untrained", figure(row.floor)))
    of = "queries" if row.num_labels is None else f"queries of {count(row.num_labels, 'label')}"
    among = "" if row.num_gallery is None else f"among {row.num_gallery:,} videos"
    cards.append(_card(of, "" if row.num_queries is None else f"{row.num_queries:,}", among))
    st.html(f'<div class="vret-figures">{"".join(cards)}</div>')
    said = verdict(row)
    if row.standing in ("covered", "not reached") and not row.encoder.learnt_nothing:
        st.warning(as_markdown(said), icon=":material/warning:")
    elif said:
        st.html(f'<p class="vret-quiet">{as_html(said)}</p>')


def _card(name: str, value: str, below: str = "") -> str:
    beneath = f"<i>{as_html(below)}</i>" if below else ""
    return f"<div><span>{as_html(name)}</span><b>{as_html(value or _UNKNOWN)}</b>{beneath}</div>"


def show_curve_and_labels(rows: Sequence[RetrievalView], chosen: RetrievalView) -> None:
    """Top-k of all encoders, and each label's top-1 of the chosen one, as far as they were stored."""
    left, right = st.columns(2, gap="medium")
    with left:
        st.html('<h2 class="vret-heading">How far down the right ones are</h2>')
        if any(row.top_k for row in rows):
            st.altair_chart(top_k_chart(rows), width="stretch", theme=None)
        else:
            st.caption("This run was stored without its curve.")
    with right:
        st.html(f'<h2 class="vret-heading">Top-1 of each label, {as_html(chosen.encoder.name)}</h2>')
        if not chosen.per_label:
            st.caption("This run was stored without what each label got.")
            return
        tall = len(chosen.per_label) > _TALL_FROM_LABELS
        with st.container(height=_TALL_PX if tall else "content", border=False):
            st.altair_chart(per_label_chart(chosen), width="stretch", theme=None)


def show_confusion(confusion: Confusion, *, number: int = 0) -> None:
    """The matrix, wide ones to be scrolled. number: tells it from others of the same run."""
    if not confusion.labels:
        st.caption("This run was stored without its queries, so there is no confusion matrix.")
        return
    with st.container(key=f"confusion-box-{number}"):
        st.altair_chart(
            confusion_chart(confusion, width_px=_MATRIX_PX), width="content", theme=None, key=f"confusion-chart-{number}"
        )
    if confusion.unanswered:
        st.caption(f"{count(confusion.unanswered, 'query')} found nothing at all.")


def show_differences(view: RunView) -> None:
    """By how much the second encoder of a comparison is better than the first, where that is what the run measured."""
    from app.evaluation.interval_charts import difference_chart

    shares = {}
    for row in view.flat_rows:
        if isinstance(row.get("difference"), float):
            name = ", ".join(part for part in (str(row.get("group", "")), way_words(str(row.get("way", "")))) if part)
            shares[name] = Share(value=row["difference"], low=row.get("difference_low"), high=row.get("difference_high"))
    if shares:
        first, second = view.flat_rows[0].get("a", "first"), view.flat_rows[0].get("b", "second")
        axis = f"class-mean top-1 of {second} minus that of {first}"
        st.altair_chart(difference_chart(shares, axis=printable(axis)), width="stretch", theme=None)


def show_notes(view: RunView) -> None:
    """What makes the figures doubtful, what was checked, and what took no part."""
    warnings = [said for said in view.warnings if not _SAID_IN_TABLE.search(said)]
    for said in warnings[:_NOTES_SHOWN]:
        st.html(f'<p class="vret-quiet"><span class="vret-flag">note</span> {as_html(said)}</p>')
    if not (view.checks or view.left_out or len(warnings) > _NOTES_SHOWN):
        return
    left_out = f", and {len(view.left_out):,} that took no part" if view.left_out else ""
    with st.expander(f"Checks{left_out}", key=f"notes-{view.id}"):
        lines = [*warnings[_NOTES_SHOWN:], *(f"checked: {said}" for said in view.checks)]
        st.html("".join(f'<p class="vret-quiet">{as_html(line)}</p>' for line in lines))
        if view.left_out:
            shown = {"what": [printable(what) for what, _ in view.left_out], "why": [printable(why) for _, why in view.left_out]}
            st.dataframe(shown, hide_index=True)
