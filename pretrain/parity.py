"""How near one encoder comes to another on the same clips, how quick it is, and whether that will do.

Shapes: N clips, T frames, H x W pixels, E numbers of an embedding.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from embedder.cores import num_cores
from pretrain.errors import ExportError

PARITY_COSINE = 0.9999
"""What an fp32 file's worst vector must reach: only the order of sums differs from the network."""

FLOORS = {
    "fp16": {"mean_cosine": 0.999, "min_cosine": 0.99, "plain_cosine": 0.99, "top10": 0.95},
    "int8": {"mean_cosine": 0.97, "min_cosine": 0.7, "plain_cosine": 0.7, "top10": 0.8},
}
"""What each number of an `Agreement` must reach. In int8 the trained default encoder and untrained networks, whitened or not,
on drawn and on real clips, gave 0.984 to 0.996 in the mean, 0.87 at worst, 0.97 on plain clips, and shared 91 to 97 % of the
neighbours; below these floors something is wrong, not merely rounded: neighbours would be others."""

NUM_NEIGHBOURS = 10
_BATCH_SIZE = 4
_ROUNDS = 9

Vectors = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Of two encoders on the same clips. Cosines are of what is left when the first encoder's mean vector is subtracted from
    both: as they are, all vectors of a network that is not whitened are alike (a mean cosine of 0.99 between different clips
    was measured), and those of other clips would pass. plain_cosine: the lowest on black, white and noise. top10: share of each
    clip's ten nearest neighbours that both name.
    """

    num_clips: int
    mean_cosine: float
    min_cosine: float
    plain_cosine: float
    top10: float

    def __str__(self) -> str:
        return (
            f"cosine {self.mean_cosine:.4f} in the mean, {self.min_cosine:.4f} at worst, {self.plain_cosine:.4f} on plain clips, "
            f"the mean vector subtracted; {self.top10:.0%} of the ten nearest neighbours are the same (over {self.num_clips} clips)"
        )


def open_bytes(content: bytes, *, threads: int | None = None) -> onnxruntime.InferenceSession:
    """A session on the CPU; all cores unless threads are given."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or num_cores()
    # Threads that wait by running in circles take the cores from whatever else runs here.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def vectors_of(content: bytes, clips: NDArray[np.uint8]) -> Vectors:
    """uint8 (N, T, H, W, 3) -> float64 (N, E), in batches of 1 and more, so that an N frozen into the graph is found out.

    Raises ExportError where a vector is not of unit length.
    """
    session = open_bytes(content)
    edges = [0, 1, *range(1 + _BATCH_SIZE, len(clips), _BATCH_SIZE), len(clips)]
    parts = [session.run(None, {"clips": clips[a:b]})[0] for a, b in pairwise(edges) if b > a]
    vectors_NE = np.concatenate(parts).astype(np.float64)
    lengths = np.linalg.norm(vectors_NE, axis=1)
    if not np.allclose(lengths, 1, atol=1e-3):
        worst = lengths[np.abs(lengths - 1).argmax()]  # argmax finds NaN, too
        raise ExportError(f"the exported encoder gives a vector of length {worst:.6g} instead of 1; nothing was written")
    unit_NE: Vectors = vectors_NE / lengths[:, None]
    return unit_NE


def check_parity(expected_NE: Vectors, content: bytes, clips: NDArray[np.uint8]) -> float:
    """The lowest cosine between a network's vectors and those of the fp32 file with this content.

    Raises ExportError below 0.9999, or where a vector is not of unit length.
    """
    lowest = float((expected_NE * vectors_of(content, clips)).sum(axis=1).min())
    if not lowest >= PARITY_COSINE:
        raise ExportError(
            f"the exported encoder differs from its network: cosine {lowest:.6f}, {PARITY_COSINE} is asked; nothing was written"
        )
    return lowest


def check_agreement(precision: str, agreement: Agreement, *, on_footage: bool = False, whitened: bool = False) -> None:
    """Raise ExportError, saying what to do, when an encoder in lower precision is too far from its fp32 original. on_footage: int8
    was calibrated on somebody's footage, not on drawn clips. whitened: the encoder is, which makes small differences larger.
    """
    floors = FLOORS[precision]
    low = [name for name, floor in floors.items() if not getattr(agreement, name) >= floor]
    if low:
        words = ", ".join(f"{name} {getattr(agreement, name):.4f} where {floors[name]} is asked" for name in low)
        raise ExportError(
            f"in {precision} the encoder differs too much from fp32: {words}; nothing was written. "
            f"{_what_to_do(precision, on_footage=on_footage, whitened=whitened)}"
        )


def _what_to_do(precision: str, *, on_footage: bool, whitened: bool) -> str:
    if precision == "fp16":
        return "Use --precision fp32"
    weaker = ", or export the run without a whitening (--whiten 0)" if whitened else ""
    footage = "more videos, or others that are more like those" if on_footage else "videos like those"
    return f"Calibrate it on {footage} which you will index (--calibrate-on FOLDER), or use --precision fp16{weaker}"


def agreement_of(expected_NE: Vectors, got_NE: Vectors, *, plain: tuple[Vectors, Vectors]) -> Agreement:
    """Of unit vectors, row by row; at least two rows. plain: those of plain clips, expected and got."""
    mean_E = expected_NE.mean(axis=0)
    cosines = _cosines(expected_NE - mean_E, got_NE - mean_E)
    plain_cosines = _cosines(plain[0] - mean_E, plain[1] - mean_E)
    nearest = [_nearest(vectors) for vectors in (expected_NE, got_NE)]
    shared = [len(np.intersect1d(a, b)) / len(a) for a, b in zip(*nearest, strict=True)]
    return Agreement(
        num_clips=len(cosines),
        mean_cosine=float(cosines.mean()),
        min_cosine=float(cosines.min()),
        plain_cosine=float(plain_cosines.min()),
        top10=float(np.mean(shared)),
    )


def least(agreements: Sequence[Agreement]) -> Agreement:
    """Of each number the lowest."""
    return Agreement(
        num_clips=min(one.num_clips for one in agreements),
        mean_cosine=min(one.mean_cosine for one in agreements),
        min_cosine=min(one.min_cosine for one in agreements),
        plain_cosine=min(one.plain_cosine for one in agreements),
        top10=min(one.top10 for one in agreements),
    )


def ms_per_clip(contents: Mapping[str, bytes], clips: NDArray[np.uint8], *, threads: Sequence[int]) -> dict[str, list[float]]:
    """Milliseconds a clip of each file, for each number of threads: medians of runs that take turns, so that what else
    the machine does meets all alike.
    """
    batch = clips[:_BATCH_SIZE]
    medians: dict[str, list[float]] = {name: [] for name in contents}
    for count in threads:
        sessions = {name: open_bytes(content, threads=count) for name, content in contents.items()}
        taken: dict[str, list[float]] = {name: [] for name in contents}
        for number in range(_ROUNDS + 1):
            for name, session in sessions.items():
                began = time.perf_counter()
                session.run(None, {"clips": batch})
                if number:  # the first run of a session also sets up its memory
                    taken[name].append(1e3 * (time.perf_counter() - began) / len(batch))
        for name in contents:
            medians[name].append(float(np.median(taken[name])))
    return medians


def _cosines(a_NE: Vectors, b_NE: Vectors) -> Vectors:
    """Row by row, float64 (N,); 0 where one is nothing but the mean."""
    lengths_N = np.linalg.norm(a_NE, axis=1) * np.linalg.norm(b_NE, axis=1)
    cosines_N: Vectors = (a_NE * b_NE).sum(axis=1) / np.maximum(lengths_N, np.finfo(np.float64).tiny)
    return cosines_N


def _nearest(vectors_NE: Vectors) -> NDArray[np.int64]:
    similar_NN = vectors_NE @ vectors_NE.T
    np.fill_diagonal(similar_NN, -np.inf)
    return np.argsort(-similar_NN, axis=1)[:, : min(NUM_NEIGHBOURS, len(vectors_NE) - 1)]
