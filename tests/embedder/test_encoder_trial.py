"""An encoder is tried in a process of its own: what it does there hurts nobody, and the reason comes back."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import embedder.encoder_trial
import embedder.onnx_encoder
from embedder.encoder_trial import TRIAL_COMMAND, try_encoder
from embedder.errors import EncoderError
from embedder.onnx_encoder import OnnxEncoder
from embedder.worker_process import worker_environment
from tests.helpers import odd_encoders as odd
from tests.helpers.patience import PATIENCE_S
from tests.helpers.tiny_encoder import write_tiny_encoder


def test_trial__of_a_good_one(tmp_path: Path) -> None:
    try_encoder(write_tiny_encoder(tmp_path / "a.onnx"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (odd.endless, "did not come to an end"),
        (odd.greedy, "allocate memory|too much memory"),
        (odd.random, "again"),
        (odd.neighbourly, "alone and among others"),
        (odd.one_at_a_time, "promises|failed"),
        (lambda path: odd.scaled(path, 2.0), "length 2"),
        (lambda path: odd.scaled(path, float("nan")), "length nan"),
        (odd.with_unknown_operator, "cannot be loaded"),
        (lambda path: odd.edit_card(write_tiny_encoder(path), dim=47), "dim 47"),
        (lambda path: odd.edit_card(write_tiny_encoder(path), num_frames=9), "card promises"),
    ],
)
def test_trial__of_one_that_does_not_work(tmp_path: Path, make: Callable[[Path], Path], said: str) -> None:
    path = make(tmp_path / "odd.onnx")
    with pytest.raises(EncoderError, match=f"odd.onnx was tried and does not work: .*({said})"):
        try_encoder(path, step_limit_s=2.0)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of the processor's time there")
def test_trial__ends_by_the_processors_time_though_nobody_waits_for_it(tmp_path: Path) -> None:
    command = [*TRIAL_COMMAND, str(odd.endless(tmp_path / "odd.onnx")), "1.0"]
    done = subprocess.run(command, env=worker_environment(), capture_output=True, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout) == (-signal.SIGXCPU, b"")


def test_trial__that_waits_and_never_uses_the_processor_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedder.encoder_trial, "TRIAL_COMMAND", (sys.executable, "-c", "import time; time.sleep(20)"))
    monkeypatch.setattr(embedder.encoder_trial, "START_LIMIT_S", 0.1)
    with pytest.raises(EncoderError, match="did not come to an end in time"):
        try_encoder(write_tiny_encoder(tmp_path / "a.onnx"), step_limit_s=0.1)


def test_run__that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph may pass the trial and come to no end for some clips."""
    monkeypatch.setattr(embedder.onnx_encoder, "RUN_LIMIT_S", 0.2)
    encoder = OnnxEncoder(odd.endless(tmp_path / "odd.onnx"), providers=["cpu"])
    with pytest.raises(EncoderError, match="did not come to an end"):
        encoder.encode(np.zeros((1, 8, 32, 32, 3), np.uint8))
