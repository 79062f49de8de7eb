"""Learning rate as a plain function of the step: a resumed run needs no replay."""

import math
from typing import Literal

Schedule = Literal["cosine", "constant", "thirds"]


def learning_rate_factor(step: int, *, steps: int, warmup_steps: int, schedule: Schedule) -> float:
    """What the peak learning rate is multiplied by at this step (0-based), in (0, 1].

    All rise in a straight line over `warmup_steps`. Then `cosine` falls smoothly towards 0 at the last step, `constant` stays, and
    `thirds` falls to a tenth after each third of the run, as the pace paper's 18 epochs with a drop every 6 do.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    if schedule == "constant":
        return 1.0
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    if schedule == "thirds":
        return float(0.1 ** min(2, math.floor(3 * done)))
    return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))
