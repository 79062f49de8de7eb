"""The training loop. It knows no task by name: what is learnt, from what, and how well, the tasks themselves say."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pretrain.checkpoint import load_checkpoint, restore, save_checkpoint
from pretrain.clip_dataset import Batch, ExampleDataset, batches
from pretrain.config import TrainConfig
from pretrain.health import Health, examine
from pretrain.initial_weights import initial_backbone
from pretrain.log_window import LogWindow
from pretrain.neighbour_probe import NeighbourProbe
from pretrain.optimiser import build_optimiser, set_learning_rate
from pretrain.pretrain_model import PretrainModel
from pretrain.processes import gather_lists, make_accelerator
from pretrain.progress import Progress, TrainResult
from pretrain.run_files import CHECKPOINT_NAME, Rejected, StateFile
from pretrain.run_footage import footage_of_run
from pretrain.run_log import RunLog
from pretrain.shares import Share
from pretrain.sync_norm import synchronise_norms
from pretrain.train_step import Stepped, TrainStep

OWN_CACHE = "frames"
"""Folder of decoded frames in a run's folder, until it is done."""


def cache_folder(config: TrainConfig, run_dir: Path) -> Path:
    """Where decoded frames lie."""
    return Path(config.footage.cache_dir) if config.footage.cache_dir else run_dir / OWN_CACHE


class TrainRun:
    """One process's part of a run. `go` goes from the checkpoint, if there is one, to the last step."""

    def __init__(self, config: TrainConfig, run_dir: Path) -> None:
        self._config = config
        self._run_dir = run_dir
        self._accelerator = make_accelerator(config)
        self._share = Share(self._accelerator.process_index, self._accelerator.num_processes)
        self._share.of(config)
        self.is_main = self._accelerator.is_main_process
        torch.manual_seed(config.seed)
        self._model = self._built()
        self._optimiser = build_optimiser(self._model, config.optimiser)
        self._window = LogWindow(config.batch_size)
        self._rejected: dict[str, Rejected] = {}
        self._health: Health | None = None

    def go(self, on_progress: Callable[[Progress], None], state: StateFile | None) -> TrainResult:
        """state: of the process that writes, None in the others."""
        config = self._config
        first_step = self._restore()
        if state is not None:
            state.update(step=first_step, saved_step=first_step)
        cache_dir = cache_folder(config, self._run_dir)
        take = self.step_taker()
        with RunLog(self._run_dir, first_step=first_step, writes=self.is_main) as log:
            probe = self._probe(cache_dir, log, first_step)
            stream = self.stream(cache_dir, first_step)
            self._window.start()
            for step in range(first_step, config.steps):
                set_learning_rate(self._optimiser, config.optimiser, step=step, steps=config.steps)
                stepped = take(self.pieces(stream, step), step + 1)
                self._window.add(stepped)
                progress = self._progress(step + 1, stepped)  # before the window starts anew
                self._after_step(step + 1, log, probe, state)
                on_progress(replace(progress, health=self._health))
        self._accelerator.wait_for_everyone()
        if self.is_main:
            shutil.rmtree(self._run_dir / OWN_CACHE, ignore_errors=True)
        return TrainResult(
            run_dir=self._run_dir, steps=config.steps, health=self._health, rejected=self._bad(), is_main=self.is_main
        )

    def _built(self) -> PretrainModel:
        model = PretrainModel(self._config)
        if self._config.init_from is not None and not (self._run_dir / CHECKPOINT_NAME).exists():
            model.start_from(initial_backbone(Path(self._config.init_from), self._config.backbone).state_dict())
        device = self._accelerator.device
        if self._share.world > 1 and self._config.sync_norm:
            synchronise_norms(model, device.type)
        # Channels last: 1.6 times as fast on a CPU, and what the clips come as anyway.
        placed: PretrainModel = model.to(device=device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        return placed

    def _restore(self) -> int:
        first_step = 0
        if (self._run_dir / CHECKPOINT_NAME).exists():
            first_step = restore(load_checkpoint(self._run_dir), self._model, self._optimiser)
        if self._share.rank > 0:  # the same weights everywhere, but not the same dropout
            torch.manual_seed(_mix(self._config.seed, first_step, self._share.rank))
        self._accelerator.wait_for_everyone()
        return first_step

    def _probe(self, cache_dir: Path, log: RunLog, first_step: int) -> NeighbourProbe | None:
        """The labelled videos, read; and how well the untrained network does with them."""
        if self._config.probe is None or not self.is_main:
            return None
        untrained = next((e["neighbours/untrained"] for e in log.entries if "neighbours/untrained" in e), None)
        probe = NeighbourProbe(self._config, self._config.probe, cache_dir, untrained=untrained)
        self._note(probe.rejected)
        if untrained is None and first_step == 0:
            score = probe.score(self._model)
            log.write(0, {"neighbours/untrained": score.accuracy, "neighbours/majority": score.majority})
        return probe

    def step_taker(self) -> TrainStep:
        """Takes the optimiser's steps on this run's model, which it puts into training mode."""
        self._model.train()
        return TrainStep(self._accelerator, self._model, self._optimiser, clip_norm=self._config.optimiser.clip_norm)

    def stream(self, cache_dir: Path, first_step: int) -> Iterator[Batch]:
        """This process's batches, as they are made."""
        is_main = self._share.rank == 0
        footage = footage_of_run(self._config, self._run_dir, is_main=is_main, resumes=first_step > 0)
        dataset = ExampleDataset(self._config, cache_dir, footage)
        return batches(dataset, self._config, first_step=first_step, share=self._share)

    def pieces(self, stream: Iterator[Batch], step: int) -> list[Batch]:
        """The next step's micro-batches, on the device and changed in looks; the time waited for them is counted."""
        pieces = []
        for number in range(self._config.accumulate):
            self._window.before_data()
            batch = next(stream)
            self._window.after_data()
            self._note(batch.rejected)
            pieces.append(self._to_device(batch, step, number))
        return pieces

    def _to_device(self, batch: Batch, step: int, piece: int) -> Batch:
        device = self._accelerator.device
        clips = [clips.to(device, non_blocking=True) for clips in batch.clips]
        # A function of the step, as the examples are: a resumed run draws the same.
        generator = torch.Generator().manual_seed(_mix(self._config.seed, step, piece, self._share.rank))
        return Batch(
            clips=self._model.augment(clips, generator),
            targets=[targets.to(device, non_blocking=True) for targets in batch.targets],
            rejected=batch.rejected,
        )

    def agree(self, wanted: bool) -> bool:
        """Whether the first process wants it; all must ask."""
        return gather_lists([wanted])[0]

    def _after_step(self, done: int, log: RunLog, probe: NeighbourProbe | None, state: StateFile | None) -> None:
        config = self._config
        saves = done % config.save_every == 0 or done == config.steps
        if done % config.log_every == 0 or done == config.steps:
            self._write(log, done, probe if saves else None)
            if state is not None:
                state.update(step=done, rejected=self._bad())
            self._window.start()
        if saves and state is not None:
            save_checkpoint(self._run_dir, step=done, model=self._model, optimiser=self._optimiser)
            state.update(saved_step=done)

    def _write(self, log: RunLog, done: int, probe: NeighbourProbe | None) -> None:
        """A log line of all processes together; probe: asked too, when given."""
        device = self._accelerator.device
        averages = self._window.averages(device)
        features = self._window.features(device)
        rates = {"clips_per_s": self._window.clips_per_s(), "data_wait": self._window.data_wait()}
        self._note(gather_lists(self._bad()))
        if not self.is_main:
            return
        self._health = examine(
            self._config.tasks,
            averages,
            features,
            step=done,
            optimiser=self._config.optimiser,
            history=log.entries,
            neighbours=None if probe is None else probe.score(self._model),
        )
        extra = {
            "learning_rate": self._optimiser.param_groups[0]["lr"],
            **rates,
            "rejected_videos": len(self._rejected),
        }
        log.write(done, {**averages, **extra, **self._health.curves()})

    def _progress(self, done: int, stepped: Stepped) -> Progress:
        rate = self._window.clips_per_s()
        return Progress(
            step=done,
            steps=self._config.steps,
            clips_per_s=rate,
            data_wait=self._window.data_wait(),
            seconds_left=(self._config.steps - done) * self._config.batch_size / rate,
            loss=stepped.loss,
            health=self._health,
            rejected=self._bad(),
        )

    def _note(self, rejected: Any) -> None:
        self._rejected |= {bad.path: bad for bad in rejected}

    def _bad(self) -> tuple[Rejected, ...]:
        return tuple(self._rejected.values())


def _mix(*numbers: int) -> int:
    """One seed out of several numbers, such that near ones have nothing in common."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
