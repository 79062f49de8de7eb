"""Open an ONNX Runtime session on a provider that really works, and say which, and why not a better one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_state

from embedder.errors import EncoderError, ProviderUnavailable

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
SHORT_NAMES = {"cpu": CPU, "cuda": CUDA, "gpu": CUDA}

# ONNX Runtime's errors share no base class of their own.
ORT_ERRORS = (
    ort_state.EPFail,
    ort_state.Fail,
    ort_state.InvalidArgument,
    ort_state.InvalidGraph,
    ort_state.InvalidProtobuf,
    ort_state.NoModel,
    ort_state.NoSuchFile,
    ort_state.NotImplemented,
    ort_state.RuntimeException,
)

_OPTIONS: dict[str, dict[str, str]] = {
    # The default searches all convolution algorithms anew for every batch size: minutes, for a few per cent.
    CUDA: {"cudnn_conv_algo_search": "HEURISTIC"},
}

_log = logging.getLogger(__name__)

onnxruntime.disable_telemetry_events()  # where somebody imported it before us, without what `embedder` sets


@dataclass(frozen=True)
class OpenedSession:
    """A session, the provider that it really runs on, and why it is not a better one (empty when it is the best)."""

    session: onnxruntime.InferenceSession
    provider: str
    note: str = ""


def open_session(path: Path, providers: Sequence[str] | None) -> OpenedSession:
    """A session on the first provider of the list that works; None: CUDA where it works, else the CPU, with a note.

    Raises ProviderUnavailable when none of the named ones works, EncoderError when the file is no ONNX model.
    """
    installed = onnxruntime.get_available_providers()
    wanted = [SHORT_NAMES.get(name.lower(), name) for name in providers] if providers else [CUDA, CPU]
    notes = []
    for provider in wanted:
        if provider not in installed:
            if providers:
                notes.append(f"{provider} is not in this ONNX Runtime (it has {', '.join(installed)})")
            continue
        try:
            session = _try(path, provider)
        except ProviderUnavailable as error:
            notes.append(str(error))
            continue
        return OpenedSession(session, provider, "; ".join(notes))
    raise ProviderUnavailable("; ".join(notes) or "no provider was asked for")


def _try(path: Path, provider: str) -> onnxruntime.InferenceSession:
    """A session that runs on this provider, shown by a run on one black clip. Raises ProviderUnavailable, EncoderError."""
    if provider == CUDA and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # finds CUDA and cuDNN where pip put them
    try:
        session = onnxruntime.InferenceSession(_model(path), _session_options(), providers=_with_options(provider))
    except ORT_ERRORS as error:
        if provider == CPU:
            raise EncoderError(f"{path}: cannot be loaded as an ONNX model ({first_line(error)})") from error
        raise ProviderUnavailable(f"{provider} does not start: {first_line(error)}") from error
    # ONNX Runtime leaves out a provider whose libraries do not load, and says so only in its log.
    if session.get_providers()[0] != provider:
        raise ProviderUnavailable(f"{provider} is installed, but its libraries do not load (driver, CUDA or cuDNN missing)")
    session.disable_fallback()
    if provider != CPU:
        _run_once(session, provider)
    return session


def _model(path: Path) -> str | bytes:
    """What ONNX Runtime opens a file by: its name, or where that is no text that ONNX Runtime takes, what is in it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:  # a folder's name may be any bytes
        return path.read_bytes()
    return str(path)


def _run_once(session: onnxruntime.InferenceSession, provider: str) -> None:
    shape = [size if isinstance(size, int) else 1 for size in session.get_inputs()[0].shape]
    try:
        session.run(None, {session.get_inputs()[0].name: np.zeros(shape, np.uint8)})
    except ORT_ERRORS as error:
        raise ProviderUnavailable(f"{provider} does not run this encoder: {first_line(error)}") from error


def _session_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # One thread per run: the caller makes several runs at once, and decoding runs beside them. Threads that share one
    # run wait for one another at every layer, so that a single busy core stops them all.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4 if not _log.isEnabledFor(logging.DEBUG) else 1
    return options


def _with_options(provider: str) -> list[Any]:
    chosen: list[Any] = [(provider, _OPTIONS[provider])] if provider in _OPTIONS else [provider]
    return chosen if provider == CPU else [*chosen, CPU]


def first_line(error: Exception) -> str:
    """ONNX Runtime's messages go on for pages; the first line says it."""
    return str(error).strip().split("\n")[0]
