"""What runs here: the encoder and its card, where the data lies, what is wrong and the command that mends it."""

import json

import streamlit as st

from app.doctor import Finding, examine
from app.encoder_files import list_encoders
from app.ui import cached
from app.ui.question import Question, show_question
from app.ui.shown_text import as_html, as_markdown, count, file_size, printable
from embedder.errors import EmbedderError

_FINDINGS = "findings"
_SIGNS = {"ok": "✓", "note": "·", "wrong": "✗"}


def show() -> None:
    """Draws the page."""
    show_question()
    settings = cached.workspace().settings
    st.html(
        '<div class="vret-lead vret-lead-small"><h1>About this vret</h1>'
        f"<p>Everything vret keeps lies in <code>{as_html(settings.home)}</code>. Nothing leaves this computer.</p></div>"
    )
    left, right = st.columns([1, 1], gap="large")
    with left:
        st.html('<h2 class="vret-heading">Is all well?</h2>')
        _findings()
    with right:
        st.html('<h2 class="vret-heading">Encoders</h2>')
        _encoders()
        st.html('<h2 class="vret-heading">Previews</h2>')
        _previews()


def _findings() -> None:
    """The findings of `vret doctor`, as they come; kept for the session, for one of them runs the encoder."""
    kept: list[Finding] | None = st.session_state.get(_FINDINGS)
    if kept is None:
        kept = []
        with st.spinner("Looking at everything…"), st.container(gap="small"):
            for finding in examine(cached.workspace()):
                st.html(_finding(finding))
                kept.append(finding)
        st.session_state[_FINDINGS] = kept
    else:
        with st.container(gap="small"):
            for finding in kept:
                st.html(_finding(finding))
    if st.button("Look again", icon=":material/refresh:"):
        del st.session_state[_FINDINGS]
        st.rerun()


def _finding(finding: Finding) -> str:
    mend = f"<p>Mend it: <code>{as_html(finding.mend)}</code></p>" if finding.mend else ""
    return (
        f'<div class="vret-finding vret-{finding.level}"><b>{_SIGNS[finding.level]}</b><div>'
        f"<p><b>{as_html(finding.subject)}</b> {as_html(finding.detail)}</p>{mend}</div></div>"
    )


def _encoders() -> None:
    ws = cached.workspace()
    clips = {row.id: row.num_clips for row in ws.catalog.encoders()}
    files = list_encoders(ws.encoders_folder)
    if not files:
        st.info("There is no encoder yet. Add one with: vret encoders add FILE.onnx", icon=":material/info:")
    for file in files:
        in_use = ", in use" if file.name == ws.settings.encoder_name else ""
        try:
            card, known = file.read_card(), ws.known_encoder_id(file.path)
        except EmbedderError as error:
            st.error(as_markdown(f"{file.name}: {error}"))
            continue
        num_clips = 0 if known is None else clips.get(known, 0)
        spans = ", ".join(f"{span_s:g}" for span_s in card.spans_s)
        st.html(
            f'<div class="vret-library"><p class="vret-name">{as_html(file.name)}<span class="vret-quiet">{in_use}</span></p>'
            f"<p>{as_html(card.task)} on {as_html(card.backbone)}: {card.num_frames} frames of {card.width_px} x {card.height_px}, "
            f"clips of {spans} s, {card.dim} numbers each, {as_html(card.precision)}</p>"
            f'<p class="vret-quiet">{file_size(file.size_bytes)}, {as_html(file.origin)}, '
            f"{count(num_clips, 'clip')} indexed with it</p></div>"
        )
        with st.expander("How it was trained"):
            st.code(printable_json(dict(card.training)), language="json", wrap_lines=True)


def printable_json(values: object) -> str:
    """Values as indented JSON that can be sent to a browser."""
    return "\n".join(printable(line) for line in json.dumps(values, indent=2, ensure_ascii=False, default=str).splitlines())


def _previews() -> None:
    previews = cached.previews()
    st.html(
        f"<p>{file_size(previews.size_bytes())} of small playable copies, at most {file_size(previews.max_bytes)}; "
        "the least used go first.</p>"
    )
    delete = Question(
        title="Delete the previews?",
        text=f"{file_size(previews.size_bytes())} of small copies. Each is made again when it is wanted.",
        verb="Delete the previews",
        act=_clear_previews,
    )
    st.button("Delete the previews", icon=":material/delete:", key="delete-previews", on_click=delete.ask)


def _clear_previews() -> str:
    cached.previews().clear()
    return "The previews are deleted."
