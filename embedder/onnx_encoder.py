"""Run an encoder file with ONNX Runtime: clips of frames in, unit vectors out.

Shapes: N clips, T frames, H x W pixels, D numbers of a vector.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from embedder.cores import num_cores
from embedder.encoder_card import CARD_KEY, EncoderCard
from embedder.errors import EncoderCardError, EncoderError, EncoderNotFound
from embedder.onnx_session import CPU, ORT_ERRORS, first_line, open_session
from embedder.vector_parts import part_slices, shares

CPU_BATCH = 4
"""Clips per run on a CPU: more give no speed there, but each takes 20 to 100 MB while it runs."""

GPU_BATCH = 32

RUN_LIMIT_S = 600.0
"""How long one run may take. An encoder was tried before it is used, but a graph may come to an end for some clips only."""

UNIT_TOLERANCE = 0.01
"""How far from 1 a vector's length may be, and from sqrt(share) that of a part: half precision rounds."""


class OnnxEncoder:
    """One encoder file, ready to run; may be used from several threads.

    card: what the file says about itself. path: the file. provider: the ONNX Runtime provider really in use, e.g.
    ``CUDAExecutionProvider``. provider_note: why it is not the best one installed, empty when it is. lanes: how many
    calls of ``run`` at once keep the machine busy. batch_size: clips per call of ``run`` that are worth it.
    """

    def __init__(self, path: Path, *, providers: Sequence[str] | None = None, threads: int | None = None) -> None:
        """providers: names to use, in this order, and nothing else (``cuda`` and ``cpu`` are short forms); None takes CUDA
        where it is present and works, else the CPU. threads: CPU threads in all; None takes all cores.

        Raises EncoderNotFound, EncoderCardError, EncoderError, and ProviderUnavailable for a provider asked for by name.
        """
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        if not path.is_file():
            raise EncoderNotFound(f"{path}: no such encoder file. `vret encoders` lists those there are.")
        self.path = path
        opened = open_session(path, providers)
        self._session = opened.session
        self.provider = opened.provider
        self.provider_note = opened.note
        self.card = _card_of(path, self._session.get_modelmeta().custom_metadata_map)
        _check_signature(path, self._session, self.card)
        # One thread per run, several runs at once: decoding beside it then slows one run, not every step of all.
        self.lanes = (threads or num_cores()) if self.provider == CPU else 2
        self.batch_size = CPU_BATCH if self.provider == CPU else GPU_BATCH

    def encode(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (N, T, H, W, 3) RGB -> float32 (N, D) of unit length; N may be 0. Raises ValueError, EncoderError."""
        if len(clips) <= self.batch_size:
            return self.run(clips)
        parts = [clips[i : i + self.batch_size] for i in range(0, len(clips), self.batch_size)]
        with ThreadPoolExecutor(min(self.lanes, len(parts))) as pool:
            return np.concatenate(list(pool.map(self.run, parts)))

    def run(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """As ``encode``, in one run of the session in the calling thread."""
        shape = (self.card.num_frames, self.card.height_px, self.card.width_px, 3)
        if clips.dtype != np.uint8 or clips.shape[1:] != shape:
            wanted = f"uint8 (N, {', '.join(map(str, shape))})"
            raise ValueError(f"encoder {self.card.name} takes clips of {wanted}, got {clips.dtype} {clips.shape}")
        if len(clips) == 0:
            return np.empty((0, self.card.dim), np.float32)
        options = onnxruntime.RunOptions()
        watch = threading.Timer(RUN_LIMIT_S, setattr, (options, "terminate", True))
        watch.daemon = True
        watch.start()
        try:
            (vectors,) = self._session.run(["embeddings"], {"clips": np.ascontiguousarray(clips)}, options)
        except ORT_ERRORS as error:
            if options.terminate:
                raise EncoderError(
                    f"encoder {self.card.name} did not come to an end within {RUN_LIMIT_S:.0f} s; given up"
                ) from error
            raise EncoderError(f"encoder {self.card.name} failed on {self.provider}: {first_line(error)}") from error
        finally:
            watch.cancel()
        return self._checked(np.asarray(vectors, dtype=np.float32), len(clips))

    def _checked(self, vectors: NDArray[np.float32], num_clips: int) -> NDArray[np.float32]:
        if vectors.shape != (num_clips, self.card.dim):
            raise EncoderError(
                f"encoder {self.card.name} gave {vectors.shape} for {num_clips} clips, its card promises dim {self.card.dim}"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.all(np.abs(lengths - 1) <= UNIT_TOLERANCE):  # False for NaN, too
            raise EncoderError(
                f"encoder {self.card.name} gave a vector of length {lengths.flat[np.argmax(np.abs(lengths - 1))]:.3g} "
                f"on {self.provider}, should be 1. Export it again; its last step must normalise."
            )
        self._check_parts(vectors)
        unit: NDArray[np.float32] = vectors / lengths
        return unit

    def _check_parts(self, vectors: NDArray[np.float32]) -> None:
        """Raise EncoderError unless the parts of every vector have the lengths that the card says: else their weights would not
        hold."""
        for (name, where), wanted in zip(part_slices(self.card.parts).items(), np.sqrt(shares(self.card.parts)), strict=True):
            lengths = np.linalg.norm(vectors[:, where], axis=1)
            if not np.all(np.abs(lengths - wanted) <= UNIT_TOLERANCE):
                raise EncoderError(
                    f"encoder {self.card.name} gave a vector whose part {name} has length "
                    f"{lengths[np.argmax(np.abs(lengths - wanted))]:.3g} on {self.provider}, should be {wanted:.3g} by its "
                    "card. Make the file with: vret encoders join"
                )


def _card_of(path: Path, metadata: dict[str, str]) -> EncoderCard:
    if CARD_KEY not in metadata:
        raise EncoderCardError(f"{path}: no {CARD_KEY} in the metadata, so this is no vret encoder. Make one by `vret export`.")
    try:
        return EncoderCard.from_json(metadata[CARD_KEY])
    except EncoderCardError as error:
        raise EncoderCardError(f"{path}: {error}") from error


def _check_signature(path: Path, session: onnxruntime.InferenceSession, card: EncoderCard) -> None:
    """Raise EncoderError unless inputs and outputs are those of the contract and agree with the card."""
    inputs = {node.name: (node.type, list(node.shape)[1:]) for node in session.get_inputs()}
    wanted = {"clips": ("tensor(uint8)", [card.num_frames, card.height_px, card.width_px, 3])}
    if inputs != wanted:
        raise EncoderError(f"{path}: takes {inputs}, its card promises {wanted}. Export it again.")
    if "embeddings" not in (names := [node.name for node in session.get_outputs()]):
        raise EncoderError(f"{path}: gives {names}, should give embeddings. Export it again.")
