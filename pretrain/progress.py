"""What a training tells whoever started it."""

from dataclasses import dataclass
from pathlib import Path

from pretrain.health import Health
from pretrain.run_files import Rejected


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a run is, after every step.

    step: steps done, of `steps`. clips_per_s: clips trained on in a second, of all tasks and processes, over the last whole log
    window, or over the steps so far before there is one. data_wait: share of that time in which the training waited for
    examples, 0 to 1. seconds_left: as the last whole window went, with what log lines and saving take; None before there is
    one. loss: as the last log line has it; of the last step before there is one. health: of the last whole log window, None
    before it. rejected: videos that could not be used so far.
    """

    step: int
    steps: int
    clips_per_s: float
    data_wait: float
    seconds_left: float | None
    loss: float
    health: Health | None
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """What came out of a run. health: of its last log window. is_main: of several processes, the one that speaks. was_finished:
    there was nothing left to do.
    """

    run_dir: Path
    steps: int
    health: Health | None
    rejected: tuple[Rejected, ...]
    is_main: bool = True
    was_finished: bool = False
