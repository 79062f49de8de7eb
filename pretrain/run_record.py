"""What a run leaves behind while it goes on: log lines with its health, its state, checkpoints."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from pretrain.checkpoint import Restored, save_checkpoint
from pretrain.config import TrainConfig
from pretrain.gather import world_size
from pretrain.health import Health, examine
from pretrain.held_out import HeldOutExamples
from pretrain.log_window import LogWindow
from pretrain.neighbour_probe import NeighbourProbe
from pretrain.pretrain_model import PretrainModel
from pretrain.processes import gather_lists
from pretrain.progress import Progress
from pretrain.run_files import Rejected, StateFile
from pretrain.run_log import RunLog

SAVE_EVERY_S = 600.0
"""So much work at most is lost by a kill, however long `save_every` steps take."""


class RunRecord:
    """Every process has one and calls it alike; the first one, which alone has a state, writes. health: of the last log line."""

    def __init__(
        self,
        config: TrainConfig,
        run_dir: Path,
        model: PretrainModel,
        optimiser: torch.optim.Optimizer,
        window: LogWindow,
        log: RunLog,
        state: StateFile | None,
    ) -> None:
        self._config = config
        self._run_dir = run_dir
        self._model = model
        self._optimiser = optimiser
        self._window = window
        self._log = log
        self._state = state
        self._rejected: dict[str, Rejected] = {}
        self._saved_s = time.monotonic()
        self._done = self._saved_step = 0
        self._within_step = False
        self.probe: NeighbourProbe | None = None
        self.held_out: HeldOutExamples | None = None
        self.health: Health | None = None
        self._loss: float | None = None

    def begin(self, restored: Restored) -> None:
        """Go on where the checkpoint was made."""
        self.note(restored.rejected)
        self._done = self._saved_step = restored.step

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Videos that could not be used so far, each once."""
        return tuple(self._rejected.values())

    def note(self, rejected: Iterable[Rejected]) -> None:
        """Videos that could not be used."""
        self._rejected |= {bad.path: bad for bad in rejected}

    @contextmanager
    def step(self) -> Iterator[None]:
        """A step is taken and recorded within; when that ends halfway, the model is fit for no checkpoint."""
        self._within_step = True
        yield
        self._within_step = False

    def after_step(self, done: int) -> None:
        """Write and save what is due after so many steps."""
        self._done = done
        left = self._config.steps - done
        last = left == 0
        # The last line is what people read: it shall not be of the few steps that are left over from the windows before.
        regular = 2 * left >= self._config.log_every
        at_line = last or (regular and done % self._config.log_every == 0)
        at_save = last or (regular and done % self._config.save_every == 0)
        if at_line:
            self._window.close()
            with self._window.aside():
                self._write(done, at_save=at_save)
        if at_save or self._long_since_saved(at_line):
            with self._window.aside():
                self.save(done, within_window=not at_line)
        if at_line:
            self._window.start()

    def save(self, done: int, *, within_window: bool = True) -> None:
        """A checkpoint after so many steps. Nothing that is computed later depends on whether there was one."""
        if self._state is None:
            return
        # Each of several processes would need its own sums; then the line after such a checkpoint is of the steps since.
        window = self._window.kept() if within_window and world_size() == 1 else None
        save_checkpoint(
            self._run_dir, step=done, model=self._model, optimiser=self._optimiser, rejected=self.rejected, window=window
        )
        self._state.update(step=done, saved_step=done, rejected=self.rejected)
        self._saved_s, self._saved_step = time.monotonic(), done

    def save_rest(self) -> None:
        """What was done since the last checkpoint, unless a step was broken off halfway."""
        if self._done > self._saved_step and not self._within_step:
            self.save(self._done)

    def progress(self, loss: float) -> Progress:
        """What is told after a step. loss: of it, which is told until there is a log line."""
        whole = self._window.last
        rates = whole or self._window.rates()
        return Progress(
            step=self._done,
            steps=self._config.steps,
            clips_per_s=rates.clips_per_s,
            data_wait=rates.data_wait,
            seconds_left=None if whole is None else (self._config.steps - self._done) * whole.step_s,
            loss=loss if self._loss is None else self._loss,
            health=self.health,
            rejected=self.rejected,
        )

    def _long_since_saved(self, at_line: bool) -> bool:
        return time.monotonic() - self._saved_s >= SAVE_EVERY_S and (at_line or world_size() == 1)

    def _write(self, done: int, *, at_save: bool) -> None:
        """A log line of all processes together; at a save, held-out videos are asked too."""
        device = next(self._model.parameters()).device
        averages, features = self._window.averages(device), self._window.features(device)
        self._loss = averages["loss"]
        self.note(gather_lists(self.rejected))
        if self._state is None:
            return
        self.health = examine(
            self._config.tasks,
            averages,
            features,
            step=done,
            optimiser=self._config.optimiser,
            history=self._log.entries,
            neighbours=self.probe.score(self._model) if self.probe is not None and at_save else None,
            held_out=self.held_out.judge(self._model) if self.held_out is not None and at_save else None,
        )
        rest = {
            "learning_rate": self._optimiser.param_groups[0]["lr"],
            "clips": done * self._window.clips_per_step,
            "rejected_videos": len(self._rejected),
        }
        self._log.write(done, {**averages, **rest, **self._times(done), **self.health.curves()})
        self._state.update(step=done, rejected=self.rejected)

    def _times(self, done: int) -> dict[str, float]:
        """line_s: how long it usually takes from one log line to the next."""
        rates = self._window.last
        assert rates is not None, "a line is written when a window is whole"
        left_s = (self._config.steps - done) * rates.step_s
        line_s = self._config.log_every * rates.step_s
        return {"clips_per_s": rates.clips_per_s, "data_wait": rates.data_wait, "seconds_left": left_s, "line_s": line_s}
