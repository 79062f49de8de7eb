"""Pictures of what pretext tasks ask: the frames that the network sees, and in words what it must answer.

Shapes: K clips, T frames, H x W pixels.
"""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pretrain.clip_dataset import drawn_footage
from pretrain.recipes import RECIPES
from pretrain.tasks import TASKS
from pretrain.tasks.base import ClipShape, DrawnTask, FrameTask, PretextTask

_CLIP = ClipShape(num_frames=16, size_px=96)
_GAP_PX = 4
_JPEG_QUALITY = 88
# Examples that show something; of other tasks, the first two with different answers.
_TELLING_SEEDS = {"trajectory": (10, 9), "cloze": (9, 10)}
_OTHER_SEEDS = range(8, 58)  # those before are all set in the same dark surroundings


def draw_example(task: PretextTask, seed: int) -> tuple[NDArray[np.uint8], str]:
    """One example of a task on drawn footage, as the network gets it: picture uint8 (H, W, 3) RGB with a row for every clip
    and every second of its frames, and the answer in words.
    """
    rng = np.random.default_rng(seed)
    if isinstance(task, DrawnTask):
        made = task.make_example(_CLIP, rng)
    elif isinstance(task, FrameTask):
        footage = drawn_footage(replace(RECIPES["laptop"](), clip=_CLIP), task)
        made = task.make_example(footage.video(seed * footage.alike, rng), _CLIP, rng)  # each in surroundings of its own
    else:
        raise TypeError(f"{type(task).__name__} is neither a FrameTask nor a DrawnTask")
    generator = torch.Generator().manual_seed(seed)
    seen = task.augment(torch.from_numpy(made.clips_KTHWC)[None], _CLIP, generator)[0]
    return _sheet(seen.to(torch.uint8).numpy()), task.describe(made.target)


def _sheet(clips_KTHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    framed = np.pad(clips_KTHWC[:, ::2], ((0, 0), (0, 0), (0, _GAP_PX), (0, _GAP_PX), (0, 0)), constant_values=255)
    rows = [np.concatenate(list(clip), axis=1) for clip in framed]
    return np.asarray(np.concatenate(rows)[:-_GAP_PX, :-_GAP_PX])


def draw_examples(name: str) -> list[tuple[NDArray[np.uint8], str]]:
    """Two examples of a task, by its registry name, with different answers."""
    shown: list[tuple[NDArray[np.uint8], str]] = []
    for seed in _TELLING_SEEDS.get(name, _OTHER_SEEDS):
        picture, words = draw_example(TASKS[name](), seed)
        if words not in [told for _, told in shown]:
            shown.append((picture, words))
        if len(shown) == 2:
            break
    return shown


def write_picture(file: Path, picture: NDArray[np.uint8]) -> None:
    """Save a picture uint8 (H, W, 3) RGB as a JPEG; the folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(file), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]):
        raise OSError(f"cannot write the picture {file}")
