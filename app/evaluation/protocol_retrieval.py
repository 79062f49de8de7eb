"""Use case: retrieval by the protocols of the papers, `vcop` and `gap`, which make features of their own.

The videos need no library: the files that the labels name are read. Untrained networks like the encoders' are measured beside.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import BadLabels
from app.evaluation.by_search import OnQuery
from app.evaluation.frozen_features import first_left_out, own_features
from app.evaluation.labelled_library import measured_rows
from app.evaluation.measurement import Measurement
from app.evaluation.retrieval import store_retrieval
from app.evaluation.retrieval_rows import RetrievalReport
from app.evaluation.ways import Protocol
from app.labels.rows import LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    """Measures each encoder, raw colour, and one untrained network for each of their backbones and seeds; the run is stored.

    preset: "vcop" or "gap". within, ignore_labels: as in `evaluate_retrieval`. stride: frames from one frame of a clip to the next
    one, 1 in the papers. Raises BadLabels, BadQuery, UnknownEncoder, EncoderFileError, EncoderError, MissingPart without torch.
    """
    rows = measured_rows(labels, within=within, ignore_labels=ignore_labels)
    names = tuple(dict.fromkeys(encoders)) or (ws.settings.encoder_name,)
    features = own_features(ws, labels, rows, names, preset, seeds=seeds, stride=stride, on_step=on_query)
    floors = frozenset(name for name, fact in features.facts.items() if fact["floor"])
    measurement = Measurement(labels, rows, within, floors, left_out=features.left_out, notes=features.notes)
    for name, entries in features.entries.items():
        measurement.add_by_vectors(name, preset, entries, _unit(features.vectors[name]))
    if not any(row.encoder in names for row in measurement.found):
        raise BadLabels(f"No video of {labels.path} can be measured.{first_left_out(measurement.left_out)}")
    choices = {
        "preset": preset,
        "within": within,
        "ignored": list(ignore_labels),
        "asked": list(names),
        "stride": stride,
        "seeds": list(seeds),
    }
    return store_retrieval(ws, None, measurement, features.facts, choices)


def _unit(vectors: "dict[Path, NDArray[np.float32]]") -> "dict[Path, NDArray[np.float32]]":
    """Cosine is the product of vectors of unit length."""
    import numpy as np

    return {path: (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32) for path, vector in vectors.items()}
