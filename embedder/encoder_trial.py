"""Tries an encoder file in a process of its own: ``python -m embedder.encoder_trial FILE SECONDS``.

The graph in the file is a stranger's program. It may ask for all memory, never end, or end the process, at loading as at running;
then that ends this process, and the file is refused.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import numpy as np
from numpy.typing import NDArray

from embedder.child_process import end_with_owner, limit_memory
from embedder.errors import EmbedderError, EncoderError
from embedder.worker_process import worker_environment

if TYPE_CHECKING:
    from embedder.onnx_encoder import OnnxEncoder

TRIAL_COMMAND = (sys.executable, "-P", "-m", "embedder.encoder_trial")

STEP_LIMIT_S = 12.0
"""Seconds of the processor's time that loading may take, and that the first clip may take: a busy machine is no fault of the file.
An encoder that takes as long for a clip embeds a minute of video in a quarter of an hour.
"""
START_LIMIT_S, WALL_FACTOR = 60.0, 4.0
"""What neither ends nor uses the processor is ended after so many seconds, and so many times a step's."""
MEMORY_LIMIT_BYTES = 4 << 30
"""For the graph, its weights and three clips."""

SAME_COSINE = 0.999
"""Between vectors of the same clip, alone and among others: sums in another order round otherwise, 8-bit ones most."""
_TOO_LONG, _OUT_OF_MEMORY = "it did not come to an end in time", "it needs too much memory"


def try_encoder(path: Path, *, step_limit_s: float | None = None) -> None:
    """Loads a file and runs it on three clips, together and one alone, on the CPU.

    Raises EncoderError unless it gives finite unit vectors of the dimension that its card promises, the same ones again, and for a
    clip alone the same as among others; EncoderCardError; ModuleNotFoundError without ONNX Runtime.
    """
    step_limit_s = STEP_LIMIT_S if step_limit_s is None else step_limit_s
    if importlib.util.find_spec("onnxruntime") is None:
        raise ModuleNotFoundError("No module named 'onnxruntime'", name="onnxruntime")
    command = [*TRIAL_COMMAND, os.path.abspath(path), str(step_limit_s)]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=worker_environment(),
        start_new_session=True,  # Ctrl-C is for us, who end it
    ) as process:
        try:
            said, errors = process.communicate(timeout=START_LIMIT_S + step_limit_s * WALL_FACTOR)
        except subprocess.TimeoutExpired:
            raise EncoderError(_refusal(path, _TOO_LONG)) from None
        finally:
            process.kill()  # no harm to one that has ended
    if process.returncode == 0 and said:
        why = json.loads(said)["refused"]
    elif process.returncode == -getattr(signal, "SIGXCPU", 0):
        why = _TOO_LONG
    elif process.returncode < 0:
        why = f"it crashed ONNX Runtime ({signal.Signals(-process.returncode).name})"
    else:
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        why = f"it ended the process that tried it (exit code {process.returncode}{': ' + last[0] if last else ''})"
    if why is not None:
        raise EncoderError(_refusal(path, why))


def _refusal(path: Path, why: str) -> str:
    return f"{path} was tried and does not work: {why}"


def main() -> None:
    """Try the file that the command line names, and print the outcome as JSON: {"refused": null or why}."""
    path, step_limit_s = Path(sys.argv[1]), float(sys.argv[2])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    end_with_owner()
    from embedder.onnx_encoder import OnnxEncoder

    limit_memory(MEMORY_LIMIT_BYTES)
    _leave_no_core()
    try:
        _limit_time(step_limit_s)
        encoder = OnnxEncoder(path, providers=["cpu"], threads=1)
        _try(encoder, step_limit_s)
    except EmbedderError as error:
        _answer(answers, str(error).removeprefix(f"{path}: "))
    except MemoryError:
        _answer(answers, _OUT_OF_MEMORY)
    _answer(answers, None)


def _answer(answers: TextIO, refused: str | None) -> NoReturn:
    answers.write(json.dumps({"refused": refused}))
    answers.flush()
    os._exit(0)  # the graph's own threads and what it holds are not waited for


def _try(encoder: OnnxEncoder, step_limit_s: float) -> None:
    """Raises EncoderError."""
    clips = _clips(encoder)
    _limit_time(step_limit_s)
    began = time.process_time()
    alone = encoder.run(clips[:1])
    _limit_time(step_limit_s + 10 * (time.process_time() - began))  # for six clips more
    together, again = encoder.run(clips), encoder.run(clips)
    for what, other in (("when it is run again", again), ("alone and among others", alone)):
        cosines = (together[: len(other)] * other).sum(axis=1)
        if cosines.min() < SAME_COSINE:
            raise EncoderError(
                f"it gives other vectors of the same clip {what} (cosine {cosines.min():.3f}), so no vector could be found again"
            )


def _clips(encoder: OnnxEncoder) -> NDArray[np.uint8]:
    """uint8 (3, T, H, W, 3): noise, a moving ramp of grey, black."""
    card = encoder.card
    shape = (card.num_frames, card.height_px, card.width_px, 3)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    frames, rows, columns = (np.arange(length, dtype=np.int64) for length in shape[:3])
    grey = (3 * frames[:, None, None] + 2 * rows[None, :, None] + 5 * columns[None, None, :]) % 256
    ramp = np.broadcast_to(grey[..., None].astype(np.uint8), shape)
    return np.stack([noise, ramp, np.zeros(shape, np.uint8)])


def _limit_time(seconds: float) -> None:
    """The system ends this process when it has used the processor for so long from now on."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(time.process_time() + max(1.0, seconds)) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _leave_no_core() -> None:
    """Gigabytes of weights, written out when a graph crashes."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


if __name__ == "__main__":
    main()
