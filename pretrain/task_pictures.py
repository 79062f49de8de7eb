"""Pictures of what pretext tasks ask, for docs/tasks.md: the frames that the network sees, and in words what it must answer.

    python -m pretrain.task_pictures docs/pictures/tasks

Shapes: K clips, T frames, H x W pixels.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from pretrain.drawn_scenes import make_scene
from pretrain.frame_source import DrawnFrames
from pretrain.tasks import TASKS
from pretrain.tasks.base import ClipShape, DrawnTask, FrameTask, PretextTask

_CLIP = ClipShape(num_frames=16, size_px=96)
_MARGIN = 8 / 7
_SHOWN_FRAMES = 8
_GAP_PX = 4


def draw_example(task: PretextTask, seed: int) -> tuple[NDArray[np.uint8], str]:
    """One example of a task on drawn footage, as the network gets it: picture uint8 (H, W, 3) RGB with a row for every clip
    and every second of its frames, and the answer in words.
    """
    rng = np.random.default_rng(seed)
    if isinstance(task, DrawnTask):
        made = task.make_example(_CLIP, rng)
    elif isinstance(task, FrameTask):
        size_px = round(_CLIP.size_px * _MARGIN)
        scene = make_scene(rng, background_px=2 * size_px)
        made = task.make_example(DrawnFrames(scene=scene, num_frames=task.frames_needed(_CLIP), size_px=size_px), _CLIP, rng)
    else:
        raise TypeError(f"{type(task).__name__} is neither a FrameTask nor a DrawnTask")
    generator = torch.Generator().manual_seed(seed)
    seen = task.augment(torch.from_numpy(made.clips_KTHWC)[None], _CLIP, generator)[0]
    return _sheet(seen.to(torch.uint8).numpy()), task.describe(made.target)


def _sheet(clips_KTHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shown = clips_KTHWC[:, np.linspace(0, clips_KTHWC.shape[1] - 1, _SHOWN_FRAMES).round().astype(int)]
    framed = np.pad(shown, ((0, 0), (0, 0), (0, _GAP_PX), (0, _GAP_PX), (0, 0)), constant_values=255)
    rows = [np.concatenate(list(clip), axis=1) for clip in framed]
    return np.asarray(np.concatenate(rows)[:-_GAP_PX, :-_GAP_PX])


def write_pictures(folder: Path) -> dict[str, list[str]]:
    """Two examples of every task with different answers, NAME-1.png and NAME-2.png; returns the answers."""
    folder.mkdir(parents=True, exist_ok=True)
    answers: dict[str, list[str]] = {}
    for name in TASKS.names():
        told = answers.setdefault(name, [])
        for seed in range(50):
            picture, words = draw_example(TASKS[name](), seed)
            if words not in told:
                told.append(words)
                cv2.imwrite(str(folder / f"{name}-{len(told)}.png"), picture[..., ::-1])
            if len(told) == 2:
                break
    return answers


if __name__ == "__main__":
    for task_name, words_of_task in write_pictures(Path(sys.argv[1])).items():
        for number, words in enumerate(words_of_task, 1):
            print(f"{task_name}-{number}.png: {words}")
