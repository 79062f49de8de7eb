"""A run's curves: `metrics.jsonl`, one line per log window, and the same for TensorBoard where that is installed."""

import json
import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from pretrain.own_folder import is_own_file
from pretrain.run_files import METRICS_NAME, TENSORBOARD_NAME, read_metrics, write_whole

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

logger = logging.getLogger(__name__)

_SUFFIX = ".vret"  # how our files for TensorBoard end; another program's may lie beside them


class RunLog:
    """Opened at a step: what an earlier process wrote beyond it is taken back, so that the curve has every step once. At step 0
    everything goes, also what was known before the first step: it was another run, maybe of another config.

    entries: all lines so far, the first one first.
    """

    def __init__(self, run_dir: Path, *, first_step: int, writes: bool = True) -> None:
        """writes: False leaves the files alone, for all but one of several processes."""
        self.entries = [entry for entry in read_metrics(run_dir) if entry["step"] <= first_step] if first_step else []
        self._file: TextIO | None = None
        self._board: SummaryWriter | None = None
        if writes:
            path = run_dir / METRICS_NAME
            write_whole(path, "".join(json.dumps(entry) + "\n" for entry in self.entries))
            self._file = path.open("a")
            self._board = _tensorboard(run_dir / TENSORBOARD_NAME, first_step)

    def write(self, step: int, values: Mapping[str, Any]) -> None:
        """One line; `step` is the number of steps done. Numbers also become curves. Raises OSError."""
        entry = {"step": step, **values}
        self.entries.append(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
        if self._board is not None:
            for name, value in values.items():
                if isinstance(value, (int, float)) and math.isfinite(value):
                    self._board.add_scalar(name, value, step)

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()


def _tensorboard(folder: Path, first_step: int) -> "SummaryWriter | None":
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        logger.warning("There are no curves for TensorBoard, which cannot write to %r; they are in %s.", str(folder), METRICS_NAME)
        return None
    if first_step == 0:
        remove_events(folder)
    return SummaryWriter(str(folder), purge_step=first_step + 1 if first_step else None, filename_suffix=_SUFFIX)


def remove_events(folder: Path) -> None:
    """Remove the curves of a run that begins anew or is given up, and the folder if nothing else is in it. Every program calls such
    files alike, so that ours have an ending of their own.
    """
    for events in folder.glob(f"events.out.tfevents.*{_SUFFIX}"):
        if is_own_file(events):
            events.unlink(missing_ok=True)
    with suppress(OSError):  # not there, or somebody else's files are
        folder.rmdir()
