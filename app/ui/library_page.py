"""The page of the libraries: what there is, adding a folder and watching it being indexed, the videos with their outcomes."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.given_path import absolute_path
from app.index_library import checked_patterns
from app.library_scan import library_name_of
from app.maintain import purge_missing, remove_library
from app.on_disk import folder_trouble
from app.ui import cached, state_keys
from app.ui.question import Question, show_question
from app.ui.run_panel import show_runs, start_run
from app.ui.shown_text import as_html, count, length, printable
from app.ui.trouble import say_trouble, shown_trouble
from app.ui.video_table import show_videos

if TYPE_CHECKING:
    from index.catalog import LibrarySummary

_EXCLUDES_HELP = (
    "One pattern a line, as in .gitignore: `*.lrv`, `drafts/`, `/only/here`, `!but not this`. Hidden files, bins and thumbnail "
    "folders are left out anyway."
)
_QUICK_HELP = (
    "Reads key frames only, which is quicker: the videos can be found by what they look like. **Update** then reads "
    "them whole, for how things move in them."
)
_BY_LOOK = "Their key frames alone were read. Update reads them whole, so that they are found by how things move, too."


def show() -> None:
    """Draws the page."""
    show_runs()
    libraries = cached.workspace().catalog.libraries()
    show_question()
    if not libraries:
        st.html(
            '<div class="vret-lead"><h1>Add your first library</h1><p>A library is a name for one or more folders of videos. '
            "Your files stay where they are and are only read; broken ones are listed with the reason.</p></div>"
        )
        _add_folder(libraries)
        return
    title, add = st.columns([4, 1], vertical_alignment="center")
    title.html('<div class="vret-lead vret-lead-small"><h1>Libraries</h1></div>')
    with add.popover("Add a folder", icon=":material/create_new_folder:", width="stretch"):
        _add_folder(libraries)
    _cards(libraries)
    _shown_library(libraries)


def _add_folder(libraries: "Sequence[LibrarySummary]") -> None:
    with st.form("add-folder", border=False):
        folder = st.text_input(
            "Folder of videos", placeholder="/home/me/Videos", key="add-folder-path", help="With all folders below it"
        )
        name = st.text_input("Library", placeholder="named like the folder", key="add-folder-name")
        excludes = st.text_area("Leave out", placeholder="drafts/", key="add-folder-excludes", height=68, help=_EXCLUDES_HELP)
        if libraries:
            st.caption("The name of a library that exists adds the folder to it.")
        quick = st.checkbox("A quick first pass", key="add-folder-quick", help=_QUICK_HELP)
        start = st.form_submit_button("Start indexing", type="primary", icon=":material/play_arrow:")
    if start:
        with shown_trouble():
            _start(folder.strip(), name.strip(), _lines(excludes), quick=quick)


def _start(folder: str, name: str, excludes: "Sequence[str]", *, quick: bool) -> None:
    """Raises BadPath, BadPattern."""
    if not folder:
        say_trouble("Type the path of a folder.")
        return
    path = absolute_path(folder)
    if not os.path.isdir(path):  # unlike Path.is_dir it bears whatever is typed
        say_trouble(f"{path} is no folder." if os.path.exists(path) else f"There is no folder {path}.")
    else:
        library = name or library_name_of(path)
        st.session_state[state_keys.SHOWN_LIBRARY] = library
        start_run(library, [path], checked_patterns(excludes), quick=quick)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _cards(libraries: "Sequence[LibrarySummary]") -> None:
    shown = _shown(libraries)
    with st.container(key="libraries"):
        for library in libraries:
            chosen = library is shown
            with st.container(border=True, key=f"library-{library.id}{'-chosen' if chosen else ''}", gap="small"):
                _card(library)
                with st.container(horizontal=True, gap="small"):
                    st.button(
                        "Videos",
                        key=f"show-{library.id}",
                        icon=":material/list:",
                        disabled=chosen,
                        on_click=_choose,
                        args=(library.name,),
                    )
                    if st.button(
                        "Update", key=f"update-{library.id}", icon=":material/sync:", help="Look for new and changed files"
                    ):
                        start_run(library.name)
                    with st.popover("More", key=_more_key(library), on_change="rerun"):
                        _tidy(library)


def _shown(libraries: "Sequence[LibrarySummary]") -> "LibrarySummary":
    """The library whose videos are listed; the first until the one that was just begun is there."""
    wanted = st.session_state.get(state_keys.SHOWN_LIBRARY)
    return next((library for library in libraries if library.name == wanted), libraries[0])


def _choose(name: str) -> None:
    st.session_state[state_keys.SHOWN_LIBRARY] = name


def _card(library: "LibrarySummary") -> None:
    folders = "".join(map(_folder, library.folders))
    faults = []
    if library.num_broken:
        faults.append(f'<span class="vret-flag">{library.num_broken} broken</span>')
    if library.num_missing:
        faults.append(f'<span class="vret-flag">{library.num_missing} missing</span>')
    if library.num_by_key_frames:
        faults.append(f'<span class="vret-flag" title="{as_html(_BY_LOOK)}">{library.num_by_key_frames} by look only so far</span>')
    left_out = f'<p class="vret-quiet">without {as_html(", ".join(library.excludes))}</p>' if library.excludes else ""
    st.html(
        f'<div class="vret-library"><p class="vret-name">{as_html(library.name)}</p>'
        f"<p>{count(library.num_indexed, 'video')} · {length(library.seconds)} · {count(library.num_clips, 'clip')} "
        f"{' '.join(faults)}</p>"
        f"{folders}{left_out}</div>"
    )


def _folder(path: Path) -> str:
    trouble = folder_trouble(path)
    away = "" if trouble is None else f' <span class="vret-flag" title="This folder {as_html(trouble)}">away</span>'
    return f'<p class="vret-quiet vret-path" title="{as_html(path)}">{as_html(path)}{away}</p>'


def _tidy(library: "LibrarySummary") -> None:
    if library.num_missing:
        missing = count(library.num_missing, "missing video")
        forget = Question(
            title=f"Forget the {missing} of {printable(library.name)}?",
            text="Their files were missing when this library was last updated. If a drive is disconnected, connect it and press "
            "Update instead. Their clips and ratings are deleted from vret; your files are not touched.",
            verb=f"Forget {missing}",
            act=partial(_purge, library.name),
        )
        st.button(f"Forget {missing}", key=f"purge-{library.id}", on_click=_ask, args=(library, forget))
    with shown_trouble():
        _excludes(library)
    st.caption("Removes the library from vret. Your files are not touched.")
    where = f" in {', '.join(map(printable, library.folders))}" if library.folders else ""
    remove = Question(
        title=f"Remove the library {printable(library.name)}?",
        text=f"{count(library.num_videos, 'video')}, {count(library.num_clips, 'clip')} and their ratings are deleted from vret. "
        f"To get them back, you would have to index everything again. The files stay{where}.",
        verb=f"Remove {printable(library.name)}",
        act=partial(_remove, library.name),
    )
    icon = ":material/delete:"
    st.button("Remove this library", key=f"remove-{library.id}", icon=icon, on_click=_ask, args=(library, remove))


def _ask(library: "LibrarySummary", question: Question) -> None:
    st.session_state[_more_key(library)] = False  # closed, or it would lie over the question
    question.ask()


def _more_key(library: "LibrarySummary") -> str:
    return f"more-{library.id}"


def _purge(name: str) -> str:
    purged = purge_missing(cached.workspace(), name)
    left = "".join(f" Left {number}: {where}." for where, number in purged.left.items())
    return f"Forgot {count(purged.forgotten, 'missing video')}.{left}"


def _remove(name: str) -> str:
    remove_library(cached.workspace(), name)
    return f"Removed {printable(name)}. Its files are where they were."


def _excludes(library: "LibrarySummary") -> None:
    with st.form(f"excludes-{library.id}", border=False):
        text = st.text_area(
            "Leave out", "\n".join(library.excludes), key=f"excludes-text-{library.id}", height=68, help=_EXCLUDES_HELP
        )
        if st.form_submit_button("Save", help="The next update goes by it"):
            cached.workspace().catalog.set_excludes(library.name, checked_patterns(_lines(text)))
            st.session_state[state_keys.DONE] = f"Saved. Update {library.name} to go by it."
            st.rerun()


def _shown_library(libraries: "Sequence[LibrarySummary]") -> None:
    library = _shown(libraries)
    st.html(f'<h2 class="vret-heading">Videos of {as_html(library.name)}</h2>')
    show_videos(library)
