"""What the Evaluate page reads again and again: stored runs, labels, which encoders have vectors. Kept until it changes."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.encoder_files import list_encoders
from app.encoder_metadata import encoder_state, read_card
from app.errors import UnknownEvaluation
from app.evaluation.run_reader import read_run
from app.evaluation.run_summary import RunSummary, summary_of
from app.evaluation.run_view import RunView
from app.evaluation.stored_runs import is_floor
from app.ui import cached, label_choice
from app.ui.label_choice import FittingLabels
from embedder.encoder_card import EncoderCard
from embedder.errors import EmbedderError, EncoderNotFound

if TYPE_CHECKING:
    from index.catalog.records import EvaluationRun

_NO_ENCODER = 0


@st.cache_resource(show_spinner=False, max_entries=8)
def stored_run(run_id: int) -> RunView:
    """A stored run, which never changes. Raises UnknownEvaluation, BadRun."""
    return read_run(_run(run_id))


@st.cache_resource(show_spinner=False, max_entries=1000)
def run_summary(run_id: int) -> RunSummary:
    """A stored run in a line. Raises UnknownEvaluation."""
    return summary_of(_run(run_id))


def _run(run_id: int) -> "EvaluationRun":
    run = cached.workspace().catalog.evaluation_run(run_id)
    if run is None:
        raise UnknownEvaluation(f"There is no evaluation run {run_id}.")
    return run


def indexed_paths(library: str) -> Collection[str]:
    """The paths of a library's indexed videos, whatever they are indexed with. Raises UnknownLibrary."""
    return _indexed_paths(library, cached.workspace().catalog.revision)


@st.cache_resource(show_spinner=False, max_entries=4)
def _indexed_paths(library: str, revision: int) -> frozenset[str]:
    known = cached.workspace().catalog.known_files(library, _NO_ENCODER)
    return frozenset(path for path, file in known.items() if file.outcome == "indexed")


def fitting_labels(path: Path, library: str, *, videos: Path | None, fold: int) -> FittingLabels:
    """As `label_choice.fitting_labels`; read anew when the files or the library change. Raises BadLabels."""
    return _fitting_labels(path, library, videos, fold, _stamp(path), cached.workspace().catalog.revision)


@st.cache_resource(show_spinner="Reading the labels…", max_entries=4)
def _fitting_labels(
    path: Path, library: str, videos: Path | None, fold: int, stamp: tuple[int, ...], revision: int
) -> FittingLabels:
    return label_choice.fitting_labels(path, library, indexed_paths(library), videos=videos, fold=fold)


def _stamp(path: Path) -> tuple[int, ...]:
    """Another one when a file, or what is in a folder or the folders in it, has changed."""
    try:
        stats = [path.stat()]
        if path.is_dir():
            with os.scandir(path) as entries:
                stats += [entry.stat() for entry in sorted(entries, key=lambda entry: entry.name)]
    except OSError:  # what is wrong is said when it is read
        return ()
    return tuple(value for stat in stats for value in (stat.st_mtime_ns, stat.st_size))


@dataclass(frozen=True)
class IndexedEncoders:
    """The encoders that are here and have vectors of a library. to_measure: those that learnt something; where there are none, the
    others. has_floor: whether there is an untrained network to compare with.
    """

    to_measure: tuple[str, ...]
    has_floor: bool


def indexed_encoders(library: str) -> IndexedEncoders:
    """Of one library. Raises UnknownLibrary."""
    ws = cached.workspace()
    with_clips = {row.id for row in ws.catalog.encoders() if row.num_clips and ws.catalog.has_clips(row.id, library=library)}
    indexed = [file for file in list_encoders(ws.encoders_folder) if cached.known_encoder_id(file.path) in with_clips]
    here = {file.name: card for file in indexed if (card := encoder_card(file.path)) is not None}
    trained = tuple(name for name, card in here.items() if card.task != "untrained")
    return IndexedEncoders(trained or tuple(here), any(is_floor(card) for card in here.values()))


def encoder_card(path: Path) -> EncoderCard | None:
    """The card of an encoder file; None of one that is damaged or gone."""
    try:
        return _card(path, encoder_state(path))
    except EncoderNotFound:
        return None


@st.cache_resource(show_spinner=False, max_entries=100)
def _card(path: Path, state: tuple[int, ...]) -> EncoderCard | None:
    try:
        return read_card(path)
    except EmbedderError:
        return None
