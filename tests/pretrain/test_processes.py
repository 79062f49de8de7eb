"""Two processes that train together, as torchrun starts them, against one that has the whole batch."""

import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from pretrain.checkpoint import load_checkpoint
from pretrain.errors import RunBusy
from pretrain.run_files import RunState, StateFile, read_metrics, read_state
from pretrain.run_lock import at_work, is_at_work
from pretrain.shares import Share, Turns
from pretrain.train import train
from tests.helpers.patience import PATIENCE_S
from tests.helpers.two_processes import UNEVEN, contrast_config, gradients, pace_config, uneven

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """What two processes left: their folder, and what each of them says."""
    out = tmp_path_factory.mktemp("together")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-m", "tests.helpers.two_processes", str(out)]
    both = [
        subprocess.Popen(command, cwd=ROOT, env={**common, "RANK": rank, "LOCAL_RANK": rank}, stderr=subprocess.PIPE, text=True)
        for rank in ("0", "1")
    ]
    try:
        for process in both:
            _, errors = process.communicate(timeout=3 * PATIENCE_S)
            assert process.returncode == 0, errors
    finally:
        for process in both:
            process.kill()
            process.communicate()
    return out, [torch.load(out / f"{rank}.pt") for rank in (0, 1)]


@pytest.mark.parametrize(("name", "accumulate"), [("whole", 1), ("in_pieces", 2)])
def test_gradient__of_the_global_batch_is_one_processs_with_the_whole_batch(
    together: tuple[Path, list[dict[str, Any]]], name: str, accumulate: int
) -> None:
    alone = gradients(contrast_config(accumulate=accumulate))
    assert any("running_var" in key for key in alone)
    for said in together[1]:
        assert said[name].keys() == alone.keys()
        for key, value in alone.items():
            assert float((said[name][key] - value).norm()) <= 1e-4 * float(value.norm()) + 1e-5, key


@pytest.mark.parametrize("name", UNEVEN)
def test_loss__counts_every_example_alike_wherever_it_is(together: tuple[Path, list[dict[str, Any]]], name: str) -> None:
    scalars, of_head = uneven(name, Share())
    parts = [said[name] for said in together[1]]
    for key, value in scalars.items():
        assert sum(own[key] for own, _ in parts) / 2 == pytest.approx(value, rel=1e-5), key
    for place, gradient in enumerate(of_head):
        torch.testing.assert_close(sum(own[place] for _, own in parts) / 2, gradient, rtol=1e-4, atol=1e-6)


def test_train__two_processes_leave_the_curve_of_one(together: tuple[Path, list[dict[str, Any]]], tmp_path: Path) -> None:
    train(pace_config(), tmp_path / "alone")
    alone, shared = read_metrics(tmp_path / "alone"), read_metrics(together[0] / "run")
    assert [entry["step"] for entry in shared] == [2, 4]
    for one, two in zip(alone, shared, strict=True):
        for key in ("loss", "pace/loss", "pace/accuracy", "effective_rank", "spread"):
            assert two[key] == pytest.approx(one[key], rel=2e-3), key
        assert two["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=0.05)  # a flipped ReLU is felt in it
    weights = [load_checkpoint(run)["model"] for run in (tmp_path / "alone", together[0] / "run")]
    for key in weights[0]:
        one, two = weights[0][key].double(), weights[1][key].double()
        assert float((two - one).norm()) <= 1e-3 * float(one.norm()) + 1e-4, key
    assert [said["is_main"] for said in together[1]] == [True, False]


def test_train__a_signal_to_one_ends_all_after_the_same_step(together: tuple[Path, list[dict[str, Any]]]) -> None:
    assert [said["ended"] for said in together[1]] == ["stopped from outside"] * 2
    assert load_checkpoint(together[0] / "signalled")["step"] == 3


def test_train__others_wait_while_the_first_reads_hours_of_labelled_videos(together: tuple[Path, list[dict[str, Any]]]) -> None:
    assert all(said["waits_s"] >= 6 * 3600 for said in together[1])


def test_train__one_process_goes_on_where_two_stopped(together: tuple[Path, list[dict[str, Any]]]) -> None:
    run = together[0] / "run"
    state = read_state(run)
    assert state is not None and (state.step, state.saved_step, state.stopped) == (4, 4, "")
    longer = dataclasses.replace(pace_config(), steps=6)
    (run / "config.json").write_text(longer.to_json())
    assert train(longer, run, resume=True).steps == 6
    assert [entry["step"] for entry in read_metrics(run)] == [2, 4, 6]


def test_train__one_processs_infinite_loss_stops_all_with_the_same_words(together: tuple[Path, list[dict[str, Any]]]) -> None:
    words = {said["stopped"] for said in together[1]}
    assert len(words) == 1
    assert words.pop().startswith("step 1: the loss is inf, first seen in the loss itself.")


def test_turns__every_example_of_a_step_falls_to_one_process() -> None:
    config = contrast_config(batch_size=24, accumulate=3, steps=2)
    turns = [list(Turns(config, Share(rank, 2), first_step=1)) for rank in (0, 1)]
    assert turns[0] == [[24, 25, 26, 27], [32, 33, 34, 35], [40, 41, 42, 43]]
    assert sorted(number for own in turns for batch in own for number in batch) == list(range(24, 48))


@pytest.mark.parametrize(("batch_size", "world", "accumulate"), [(8, 3, 1), (8, 2, 4), (9, 2, 1)])
def test_share__what_cannot_be_dealt_out_is_said(batch_size: int, world: int, accumulate: int) -> None:
    with pytest.raises(ValueError, match=rf"batch_size is {batch_size}.*multiple of {world * accumulate}, and"):
        Share(0, world).of(contrast_config(batch_size=batch_size, accumulate=accumulate))


def test_train__another_process_at_work_is_named(tmp_path: Path) -> None:
    assert not is_at_work(tmp_path)
    with at_work(tmp_path):
        StateFile(tmp_path, RunState(step=0, steps=3))
        assert is_at_work(tmp_path)
        with pytest.raises(RunBusy, match=f"is being trained by process {os.getpid()} on "):
            train(pace_config(), tmp_path)
    assert not is_at_work(tmp_path)
