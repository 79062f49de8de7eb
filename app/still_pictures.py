"""What an encoder that knows of movement alone makes of still pictures: a clip like that does not tell which video it is of."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NUM_PICTURES = 12


def still_vector(ws: Workspace, encoder_name: str | None) -> "NDArray[np.float32] | None":
    """The mean of an encoder's vectors of some drawn still pictures, float32 (D,) of length one; None for an encoder that knows how
    a clip looks.

    Made once for each encoder and kept beside the vector files. Raises UnknownEncoder, EncoderError, ProviderUnavailable.
    """
    import numpy as np

    from embedder.encoder_card import MOTION
    from pretrain.drawn_backgrounds import make_background

    facts = ws.encoder_facts(encoder_name)
    card = facts.card
    if [part.name for part in card.parts] != [MOTION]:
        return None
    path = ws.vectors_folder / f"{facts.identity[:16]}.still.npy"
    kept = _read(path, card.dim)
    if kept is not None:
        return kept
    side = max(card.height_px, card.width_px)
    pictures = [
        make_background(np.random.default_rng(seed), side)[: card.height_px, : card.width_px] for seed in range(_NUM_PICTURES)
    ]
    clips = np.repeat(np.clip(pictures, 0, 255).astype(np.uint8)[:, None], card.num_frames, axis=1)
    mean = ws.encoder(encoder_name).encode(clips).mean(axis=0)
    still: NDArray[np.float32] = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    _write(path, still)
    return still


def _read(path: Path, dim: int) -> "NDArray[np.float32] | None":
    import numpy as np

    try:
        still: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # not there, not to be read, or damaged: made anew
        return None
    if still.dtype != np.float32 or still.shape != (dim,) or not abs(float(np.linalg.norm(still)) - 1) <= 1e-3:
        return None
    return still


def _write(path: Path, still: "NDArray[np.float32]") -> None:
    """Kept where that can be; where not, as in a folder that may only be read, it is made again."""
    import numpy as np

    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with unfinished.open("wb") as file:
            np.save(file, still)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
