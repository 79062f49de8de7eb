"""Use case: retrieval by the protocols of the papers, `vcop` and `gap`, which make features of their own.

The videos need no library: the files that the labels name are read. Untrained networks like the encoders' are measured beside.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import BadLabels
from app.evaluation.labelled_library import Entry, measured_rows
from app.evaluation.measurement import Measurement
from app.evaluation.retrieval import OnQuery, store_retrieval
from app.evaluation.retrieval_rows import RetrievalReport
from app.evaluation.stored_runs import stored_encoders
from app.evaluation.ways import Protocol
from app.labels.rows import LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from app.evaluation.protocol_features import ProtocolFeatures, Untrained


def evaluate_by_protocol(
    ws: Workspace,
    labels: LabelSet,
    preset: Protocol,
    *,
    encoders: Sequence[str] = (),
    within: str | None = None,
    ignore_labels: Sequence[str] = (),
    seeds: Sequence[int] = (1,),
    stride: int = 1,
    on_query: OnQuery | None = None,
) -> RetrievalReport:
    """Measures each encoder, and one untrained network for each of their backbones and seeds; the run is stored.

    preset: "vcop" or "gap". within, ignore_labels: as in `evaluate_retrieval`. stride: frames from one frame of a clip to the next
    one, 1 in the papers. Raises BadLabels, BadQuery, UnknownEncoder, EncoderFileError, EncoderError, MissingPart without torch.
    """
    import numpy as np

    from app.evaluation.protocol_features import features_of_networks

    rows = measured_rows(labels, within=within, ignore_labels=ignore_labels)
    names = tuple(dict.fromkeys(encoders)) or (ws.settings.encoder_name,)
    facts = stored_encoders(ws, names)
    networks: dict[str, Path | Untrained] = {name: ws.encoder_path(name) for name in names}
    floors = untrained_like(ws, names, facts, seeds)
    entries = [Entry(row) for row in rows]

    def tell(done: int, total: int) -> None:
        if on_query is not None:
            on_query("videos", done, total)

    found = features_of_networks(
        [*networks.values(), *floors.values()], preset, [entry.path for entry in entries], on_progress=tell, stride=stride
    )
    named: dict[str, ProtocolFeatures] = dict(zip((*networks, *floors), found, strict=True))
    facts |= {name: floor_facts(floor) for name, floor in floors.items()}
    measurement = Measurement(labels, rows, within, frozenset(name for name, fact in facts.items() if fact["floor"]))
    measurement.left_out += [*labels.missing, *found[0].left_out]
    for name, features in named.items():
        if features.made == "file's vectors" and preset == "gap":
            measurement.notes.append(
                f"{name}: its network cannot be had from the file, so its own vectors of the clips were averaged"
            )
        finite = {path: vector for path, vector in features.vectors.items() if np.isfinite(vector).all()}
        measurement.left_out += [(str(path), f"{name} gives NaN or infinity") for path in features.vectors.keys() - finite.keys()]
        measurement.add_by_vectors(name, preset, entries, _unit(finite))
    if not measurement.found:
        first = f" First: {measurement.left_out[0][0]}: {measurement.left_out[0][1]}." if measurement.left_out else ""
        raise BadLabels(f"No video of {labels.path} can be measured.{first}")
    choices = {
        "preset": preset,
        "within": within,
        "ignored": list(ignore_labels),
        "asked": list(names),
        "stride": stride,
        "seeds": list(seeds),
    }
    return store_retrieval(ws, None, measurement, facts, choices)


def untrained_like(
    ws: Workspace, names: Sequence[str], facts: dict[str, dict[str, Any]], seeds: Sequence[int]
) -> "dict[str, Untrained]":
    """Untrained networks like the encoders', by name; none for what is no network."""
    from app.evaluation.protocol_features import Untrained
    from pretrain.registered_names import registered_names

    known, floors = registered_names("backbone"), {}
    for name in names:
        backbone = facts[name]["backbone"]
        if facts[name]["floor"] or backbone not in known:
            continue
        card = ws.encoder_card(name)
        for seed in seeds:
            size = "" if (card.num_frames, card.height_px) == (16, 64) else f"-{card.num_frames}x{card.height_px}"
            floors[f"untrained-{backbone}{size}-{seed}"] = Untrained(
                backbone=backbone, seed=seed, num_frames=card.num_frames, size_px=card.height_px
            )
    return floors


def floor_facts(floor: "Untrained") -> dict[str, Any]:
    """As `encoder_facts` has them of a file."""
    return {
        "sha256": "",
        "backbone": floor.backbone,
        "task": "untrained",
        "precision": "fp32",
        "floor": True,
        "seed": floor.seed,
        "start": floor.start,
    }


def _unit(vectors: "dict[Path, NDArray[np.float32]]") -> "dict[Path, NDArray[np.float32]]":
    """Cosine is the product of vectors of unit length."""
    import numpy as np

    return {path: (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32) for path, vector in vectors.items()}
