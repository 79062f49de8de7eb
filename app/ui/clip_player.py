"""The page's own player for previews. Streamlit's takes whole seconds only, cannot loop what it starts when it comes into
sight, and refuses to show the same video twice on one page."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import streamlit as st

from app.ui.shown_text import printable

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_ASSETS = Path(__file__).parent / "assets"
_CSS = """
video { display: block; width: 100%; object-fit: contain; border-radius: 6px; background: rgba(128, 120, 110, .16); }
video.loop { cursor: pointer; aspect-ratio: 16 / 10; }
video.watch { max-height: 52vh; }
"""
_player = st.components.v2.component("vret_clip_player", css=_CSS, js=(_ASSETS / "clip_player.js").read_text())


def play(
    preview: Path,
    *,
    key: str,
    label: str,
    kind: Literal["loop", "watch"] = "loop",
    start_s: float = 0.0,
    into: "DeltaGenerator | None" = None,
) -> None:
    """Plays a small MP4 made by the preview cache; it is sent whole. key: one a place on the page, with what is shown there.

    kind: "loop" runs silently while it is seen, "watch" has controls and begins at `start_s`. Raises OSError.
    """
    head = {"id": f"{preview.stem}-{start_s:.3f}", "label": printable(label), "kind": kind, "start_s": start_s}
    data = json.dumps(head).encode() + b"\n" + preview.read_bytes()
    if into is None:
        _player(key=key, data=data)
    else:
        with into:
            _player(key=key, data=data)
