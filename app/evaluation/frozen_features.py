"""Frozen features: one vector a video, of each encoder and of what learnt nothing.

Shapes: D dimensions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import BadLabels, NotIndexed
from app.evaluation.drawn_floors import drawn_floors, floor_facts
from app.evaluation.floors import COLOUR
from app.evaluation.indexed_encoders import by_look_note, indexed_floors, nothing_indexed, unlabelled_note
from app.evaluation.labelled_library import Entry, LeftOut, indexed_entries, stored_means
from app.evaluation.protocol_features import Untrained
from app.evaluation.stored_runs import stored_encoders
from app.evaluation.ways import Protocol
from app.labels.rows import LabelledVideo, LabelSet
from app.workspace import Workspace
from embedder.reading_rules import KEY_FRAMES_ALONE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.evaluation.protocol_features import Measured

OnStep = Callable[[str, int, int], None]
"""Told (what is done, how many, of how many)."""


@dataclass(frozen=True, kw_only=True)
class FrozenFeatures:
    """Of each encoder by name, those that were asked for first. entries: the labelled videos, in order. vectors: (D,) float32,
    finite, of those that have one. facts: of the encoders, for the record. left_out, notes: as a report has them.
    """

    entries: "dict[str, list[Entry]]"
    vectors: "dict[str, dict[Path, NDArray[np.float32]]]"
    facts: dict[str, dict[str, Any]]
    left_out: LeftOut = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def of(self, encoder: str) -> "list[tuple[Entry, NDArray[np.float32]]]":
        """The videos that have a vector."""
        own = self.vectors[encoder]
        return [(entry, own[entry.path]) for entry in self.entries[encoder] if entry.path in own]


def stored_features(
    ws: Workspace, library: str, labels: LabelSet, rows: Sequence[LabelledVideo], names: Sequence[str]
) -> FrozenFeatures:
    """The normalised mean of each video's clip vectors in the index; also of the untrained networks and of raw colour with which
    the library is indexed. Raises NotIndexed for an encoder that was asked for and has none, UnknownLibrary, UnknownEncoder,
    EncoderError, CatalogError.
    """
    ws.catalog.library(library)
    everyone = (*names, *(floor for floor in indexed_floors(ws, library) if floor not in names))
    facts = stored_encoders(ws, everyone)
    left_out: LeftOut = list(labels.missing)
    known = {name: ws.catalog.known_files(library, ws.encoder_id(name)) for name in everyone}
    entries = {name: indexed_entries(known[name], library, name, rows, left_out) for name in everyone}
    for name in names:
        if not entries[name]:
            raise NotIndexed(nothing_indexed(library, labels, rows, name, known[name]))
    vectors = {name: _finite(stored_means(ws, name, entries[name], left_out), name, left_out) for name in everyone}
    entries = {name: [entry for entry in own if entry.path in vectors[name]] for name, own in entries.items()}
    labelled = {str(row.path) for row in labels.rows}
    others = sum(file.embedded and path not in labelled for path, file in known[names[0]].items())
    by_look = {file.video_id for name in names for file in known[name].values() if file.reading == KEY_FRAMES_ALONE}
    by_look &= {entry.video_id for name in names for entry in entries[name]}
    notes = unlabelled_note(library, others) + by_look_note(library, len(by_look))
    return FrozenFeatures(entries=entries, vectors=vectors, facts=facts, left_out=left_out, notes=notes)


def own_features(
    ws: Workspace,
    labels: LabelSet,
    rows: Sequence[LabelledVideo],
    names: Sequence[str],
    preset: Protocol,
    *,
    seeds: Sequence[int],
    stride: int,
    on_step: OnStep | None,
) -> FrozenFeatures:
    """Made anew from the files by a protocol of the papers, also of one untrained network for each backbone and seed, and of raw
    colour.

    Raises BadLabels where no video can be read, and what `features_of_networks` does.
    """
    from app.evaluation.protocol_features import features_of_networks

    facts = stored_encoders(ws, names)
    beside = untrained_like(ws, names, facts, seeds)
    networks: dict[str, Measured] = {name: _measured(ws, name, facts[name]) for name in names} | beside
    facts |= {name: floor_facts(floor) for name, floor in beside.items()}
    if COLOUR not in networks:
        facts[COLOUR] = stored_encoders(ws, [COLOUR])[COLOUR]
        networks[COLOUR] = _measured(ws, COLOUR, facts[COLOUR])
    entries = [Entry(row) for row in rows]

    def tell(done: int, total: int) -> None:
        if on_step is not None:
            on_step("videos", done, total)

    videos = [entry.path for entry in entries]
    found = features_of_networks(list(networks.values()), preset, videos, on_progress=tell, stride=stride)
    left_out: LeftOut = [*labels.missing, *found[0].left_out]
    vectors = {name: _finite(own.vectors, name, left_out) for name, own in zip(networks, found, strict=True)}
    if not any(vectors[name] for name in names):
        raise BadLabels(f"No video of {labels.path} can be measured.{first_left_out(left_out)}")
    notes = []
    for name, own in zip(networks, found, strict=True):
        if own.made == "file's vectors":
            notes.append(f"{name}: its network cannot be had from the file, so its own vectors of the clips were averaged")
        elif name in names and (card := ws.encoder_card(name)).motion_card is not card:
            notes.append(f"{name}: this measures its network of movement, {card.motion_card.backbone}, alone")
    return FrozenFeatures(entries=dict.fromkeys(networks, entries), vectors=vectors, facts=facts, left_out=left_out, notes=notes)


def _measured(ws: Workspace, name: str, facts: Mapping[str, Any]) -> "Measured":
    from app.evaluation.protocol_features import Colour

    if facts["backbone"] != COLOUR:
        return ws.tried_encoder_path(name)
    card = ws.encoder_card(name)
    return Colour(num_frames=card.num_frames, size_px=card.height_px)


def untrained_like(
    ws: Workspace, names: Sequence[str], facts: Mapping[str, Mapping[str, Any]], seeds: Sequence[int]
) -> dict[str, Untrained]:
    """Untrained networks like the encoders', by name; none for what is no network, and none that is asked for."""
    from pretrain.registered_names import registered_names

    known, likes = registered_names("backbone"), []
    for name in names:
        card = ws.encoder_card(name).motion_card
        if not facts[name]["floor"] and card.backbone in known:
            likes.append(Untrained(backbone=card.backbone, num_frames=card.num_frames, size_px=card.height_px))
    return drawn_floors(likes, seeds, taken=names)


def _finite(vectors: "dict[Path, NDArray[np.float32]]", encoder: str, left_out: LeftOut) -> "dict[Path, NDArray[np.float32]]":
    """Without those that hold NaN or infinity, which are written down."""
    import numpy as np

    broken = [path for path, vector in vectors.items() if not np.isfinite(vector).all()]
    left_out += [(str(path), f"its vector of {encoder!r} holds NaN or infinity; the encoder is broken") for path in broken]
    return {path: vector for path, vector in vectors.items() if path not in set(broken)}


def first_left_out(left_out: LeftOut) -> str:
    """A sentence that names one of them."""
    return f" First: {left_out[0][0]}: {left_out[0][1]}." if left_out else ""
