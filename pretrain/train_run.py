"""The training loop. It knows no task by name: what is learnt, from what, and how well, the tasks themselves say."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from pretrain.backbones.conv import put_channels_last
from pretrain.checkpoint import Restored, load_checkpoint, restore
from pretrain.clip_dataset import Batch, ExampleDataset, batches
from pretrain.config import TrainConfig
from pretrain.errors import ConfigError, TrainingDataError
from pretrain.frame_store import remove_frames
from pretrain.gather import gather
from pretrain.held_out import HeldOutExamples
from pretrain.initial_weights import initial_backbone
from pretrain.log_window import LogWindow
from pretrain.neighbour_probe import NeighbourProbe
from pretrain.optimiser import build_optimiser, set_learning_rate
from pretrain.pretrain_model import PretrainModel
from pretrain.processes import gather_lists
from pretrain.progress import Progress, TrainResult
from pretrain.run_files import CHECKPOINT_NAME, FRAMES_NAME, StateFile
from pretrain.run_footage import footage_of_run
from pretrain.run_log import RunLog
from pretrain.run_record import RunRecord
from pretrain.shares import Share
from pretrain.stop_signals import StopSignals
from pretrain.sync_norm import synchronise_norms
from pretrain.train_step import TrainStep


def cache_folder(config: TrainConfig, run_dir: Path) -> Path:
    """Where decoded frames lie."""
    return Path(config.footage.cache_dir) if config.footage.cache_dir else run_dir / FRAMES_NAME


def check_config(config: TrainConfig, share: Share) -> None:
    """Raises ConfigError for a network or a batch that cannot be."""
    try:
        share.of(config)
        PretrainModel(config)
    except ValueError as error:
        raise ConfigError(str(error)) from error


class TrainRun:
    """One process's part of a run. `restore` takes it to its checkpoint, if there is one; `go` from there to the last step."""

    def __init__(self, config: TrainConfig, run_dir: Path, accelerator: Accelerator) -> None:
        """Raises ConfigError for a network or a batch that cannot be, and what `initial_backbone` raises."""
        self._config = config
        self._run_dir = run_dir
        self._accelerator = accelerator
        self._share = Share(accelerator.process_index, accelerator.num_processes)
        torch.manual_seed(config.seed)
        try:
            self._share.of(config)
            model = PretrainModel(config)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        self._model = self._placed(model)
        self._optimiser = build_optimiser(self._model, config.optimiser)
        self._window = LogWindow(config.accumulate)
        self._restored = Restored(step=0, rejected=(), window=None)

    def _placed(self, model: PretrainModel) -> PretrainModel:
        if self._config.init_from is not None and not (self._run_dir / CHECKPOINT_NAME).exists():
            model.start_from(initial_backbone(Path(self._config.init_from), self._config.backbone).state_dict())
        device = self._accelerator.device
        if self._share.world > 1 and self._config.sync_norm:
            synchronise_norms(model, device.type)
        put_channels_last(model, device)
        return model

    def restore(self) -> Restored:
        """Put the run's checkpoint into effect, where there is one. Raises CheckpointError."""
        if (self._run_dir / CHECKPOINT_NAME).exists():
            state = load_checkpoint(self._run_dir)
            self._restored = restore(self._run_dir, state, self._model, self._optimiser, self._config.steps)
        if self._share.rank > 0:  # the same weights everywhere, but not the same dropout
            torch.manual_seed(_mix(self._config.seed, self._restored.step, self._share.rank))
        self._accelerator.wait_for_everyone()
        return self._restored

    def go(self, on_progress: Callable[[Progress], None], state: StateFile | None, tell: Callable[[str], None]) -> TrainResult:
        """state: of the process that writes, None in the others. tell: what happens besides steps, in sentences."""
        config, first_step = self._config, self._restored.step
        cache_dir = cache_folder(config, self._run_dir)
        with RunLog(self._run_dir, first_step=first_step, writes=state is not None) as log:
            record = RunRecord(config, self._run_dir, self._model, self._optimiser, self._window, log, state)
            record.begin(self._restored)
            if first_step < config.steps:
                stream = self.stream(cache_dir, first_step)  # before the probe is read, which may take long: is there a video?
                if state is not None:
                    record.probe = self._probe(cache_dir, log, record, tell)
                    record.held_out = self._held_out(cache_dir, record, tell)
                tell("Reading the first videos." if config.reads_videos else "Drawing the first clips.")
                with closing(stream):
                    self._steps(stream, record, on_progress, tell)
        self._accelerator.wait_for_everyone()
        if state is not None:
            self._remove_frames()
        return TrainResult(
            run_dir=self._run_dir,
            steps=config.steps,
            health=record.health,
            rejected=record.rejected,
            is_main=state is not None,
            was_finished=first_step >= config.steps,
        )

    def _remove_frames(self) -> None:
        """Those that lie in the run's folder until it is done; not where somebody asked to keep them."""
        kept, frames = self._config.footage.cache_dir, self._run_dir / FRAMES_NAME
        if kept is None or os.path.realpath(kept) != os.path.realpath(frames):
            remove_frames(frames)

    def _steps(
        self,
        stream: Iterator[Batch],
        record: RunRecord,
        on_progress: Callable[[Progress], None],
        tell: Callable[[str], None],
    ) -> None:
        config = self._config
        take = self.step_taker()
        self._window.start()
        if self._restored.window is not None and self._share.world == 1:
            self._window.restore(self._restored.window)
        with StopSignals(at_once=self._share.world == 1) as stop:
            try:
                for step in range(self._restored.step, config.steps):
                    set_learning_rate(self._optimiser, config.optimiser, step=step, steps=config.steps)
                    pieces = self.pieces(stream, step)
                    for remark in (remark for piece in pieces for remark in piece.remarks):
                        tell(remark.text)
                    with stop.held_back(), record.step():
                        stepped = take(pieces, step + 1)
                        self._window.add(stepped)
                        record.note(bad for piece in pieces for bad in piece.rejected)
                        record.after_step(step + 1)
                    on_progress(record.progress(stepped.loss))
                    if self._share.world > 1 and self._anybody(stop.asked):
                        raise KeyboardInterrupt
            except KeyboardInterrupt:
                with stop.held_back():
                    record.save_rest()
                raise

    def _anybody(self, asked: bool) -> bool:
        return bool(gather(torch.tensor([asked], device=self._accelerator.device)).any())

    def _probe(self, cache_dir: Path, log: RunLog, record: RunRecord, tell: Callable[[str], None]) -> NeighbourProbe | None:
        """The labelled videos, read; and how well the network does with them before its first step."""
        wanted = self._config.probe
        if wanted is None:
            return None
        tell(f"Reading {len(wanted.queries) + len(wanted.gallery)} labelled videos, by which the features are judged.")
        probe = NeighbourProbe(self._config, wanted, cache_dir)
        record.note(probe.rejected)
        probe.at_start = next((entry["neighbours/start"] for entry in log.entries if "neighbours/start" in entry), None)
        if self._restored.step == 0:
            score = probe.score(self._model)
            if score.queries > 0:
                probe.at_start = score.accuracy
                log.write(0, {"neighbours/start": score.accuracy, "neighbours/majority": score.majority})
        return probe

    def _held_out(self, cache_dir: Path, record: RunRecord, tell: Callable[[str], None]) -> HeldOutExamples | None:
        """Examples of the labelled videos that are not trained on. One process alone can judge them: losses ask all of them."""
        probe = self._config.probe
        if probe is None or not probe.queries or not self._config.reads_videos:
            return None
        if self._share.world > 1:
            tell("How well the task is solved on held-out videos is measured in trainings of one process only.")
            return None
        try:
            held_out = HeldOutExamples(self._config, probe.queries, cache_dir)
        except TrainingDataError as error:
            tell(f"How well the task is solved on held-out videos cannot be measured: {error}")
            return None
        record.note(held_out.rejected)
        return held_out

    def step_taker(self, *, learns: bool = True) -> TrainStep:
        """Takes the optimiser's steps on this run's model, which it puts into training mode. learns: False for a rate of 0."""
        self._model.train()
        if not learns:
            for group in self._optimiser.param_groups:
                group["lr"] = 0.0
        return TrainStep(self._accelerator, self._model, self._optimiser, clip_norm=self._config.optimiser.clip_norm)

    def stream(self, cache_dir: Path, first_step: int) -> Generator[Batch]:
        """This process's batches, as they are made; close it to end the workers. Raises TrainingDataError at once for no video."""
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
            pieces.append(self._to_device(batch, step, number))
        return pieces

    def _to_device(self, batch: Batch, step: int, piece: int) -> Batch:
        device = self._accelerator.device
        clips = [clips.to(device, non_blocking=True) for clips in batch.clips]
        # A function of the step, as the examples are: a resumed run draws the same.
        generator = torch.Generator().manual_seed(_mix(self._config.seed, step, piece, self._share.rank))
        targets = [targets.to(device, non_blocking=True) for targets in batch.targets]
        return replace(batch, clips=self._model.augment(clips, generator), targets=targets)

    def agree(self, wanted: bool) -> bool:
        """Whether the first process wants it; all must ask."""
        return gather_lists([wanted])[0]


def _mix(*numbers: int) -> int:
    """One seed out of several numbers, such that near ones have nothing in common."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
