"""Seeded clips to measure an encoder on: to fit a whitening, to calibrate 8-bit numbers, to check one file against another.

Shapes: N clips, T frames, H x W pixels.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embedder.clip_plan import ClipPlan
from embedder.errors import VideoRejected
from embedder.worker_messages import Clip, ClipsJob, PictureSpec
from embedder.worker_process import replies_of
from pretrain.drawn_pictures import draw_picture
from pretrain.drawn_videos import draw_clip
from pretrain.errors import TrainingDataError
from pretrain.video_list import videos_in

BATCH_SIZE = 16
MOST_OF_ONE_VIDEO = 1 / 16
"""Share of the clips that one video gives at most, where there are videos enough: no single one shall decide."""


@dataclass(frozen=True, kw_only=True)
class ClipSpec:
    """The clips that an encoder takes: their pictures, and their lengths in seconds, ascending."""

    pictures: PictureSpec
    spans_s: tuple[float, ...]


class ClipSource(Protocol):
    """Where clips come from. words: what a card calls them."""

    @property
    def words(self) -> str: ...

    def batches(self, num_clips: int, spec: ClipSpec, *, seed: int) -> Iterator[NDArray[np.uint8]]:
        """uint8 (up to 16, T, H, W, 3), together num_clips, or fewer where there are no more or bad videos leave a gap; the
        same for the same seed.
        """
        ...


@dataclass(frozen=True)
class DrawnClips:
    """Clips drawn by this program: nobody's footage. How many seconds a clip lasts makes no difference to them."""

    words: str = "drawn clips"

    def batches(self, num_clips: int, spec: ClipSpec, *, seed: int) -> Iterator[NDArray[np.uint8]]:
        pictures = spec.pictures
        return drawn_batches(num_clips, num_frames=pictures.num_frames, size_px=pictures.height_px, seed=seed)


@dataclass(frozen=True)
class DrawnPictures:
    """Still pictures drawn by this program, each held for a whole clip; for networks that see what clips look like."""

    words: str = "drawn pictures"

    def batches(self, num_clips: int, spec: ClipSpec, *, seed: int) -> Iterator[NDArray[np.uint8]]:
        pictures = spec.pictures
        rng = np.random.default_rng(seed)
        for first in range(0, num_clips, BATCH_SIZE):
            drawn = [draw_picture(rng, pictures.height_px)[0] for _ in range(min(BATCH_SIZE, num_clips - first))]
            yield np.repeat(np.stack(drawn)[:, None], pictures.num_frames, axis=1)


@dataclass(frozen=True)
class FootageClips:
    """Clips of real videos, cut and scaled as indexing does it; black, frozen and plain ones are left out, and bad videos, and
    such as are gone by then, passed over. paths: folders, files, and text files that list some, one a line.
    """

    paths: tuple[Path, ...]
    words: str = "clips of own footage"

    def batches(self, num_clips: int, spec: ClipSpec, *, seed: int) -> Iterator[NDArray[np.uint8]]:
        """Videos in seeded order, each read whole, of each some clips. Raises TrainingDataError when none gives a clip, or a
        path is not there.
        """
        videos = list(dict.fromkeys(video for path in self.paths for video in videos_in(path)))
        rng = np.random.default_rng(seed)
        rng.shuffle(videos)
        num_batches = 0
        for batch in _in_batches(_spread_over(videos, num_clips, spec, rng)):
            num_batches += 1
            yield batch
        if num_batches == 0:
            where = ", ".join(map(str, self.paths))
            raise TrainingDataError(f"none of the {len(videos)} videos in {where} gives a clip with something in it; name others")


def drawn_batches(
    num_clips: int, *, num_frames: int, size_px: int, seed: int, batch_size: int = BATCH_SIZE
) -> Iterator[NDArray[np.uint8]]:
    """uint8 (up to batch_size, T, H, W, 3), together num_clips; the same for the same seed."""
    rng = np.random.default_rng(seed)
    for first in range(0, num_clips, batch_size):
        count = min(batch_size, num_clips - first)
        yield np.stack([draw_clip(rng, num_frames=num_frames, size_px=size_px).frames for _ in range(count)])


def _spread_over(videos: Sequence[Path], num_clips: int, spec: ClipSpec, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """So many clips: of each video its share of those still wanted, and more of each where there are very many videos."""
    wanted = num_clips
    for turn, video in enumerate(videos):
        if wanted == 0:
            return
        most = max(math.ceil(wanted / (len(videos) - turn)), math.ceil(num_clips * MOST_OF_ONE_VIDEO))
        clips = _clips_of(video, spec, min(most, wanted), rng)
        wanted -= len(clips)
        yield from clips


def _clips_of(video: Path, spec: ClipSpec, most: int, rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """At most so many of a video's clips, each with the same chance, in the order of time; none of a bad video."""
    kept: list[NDArray[np.uint8]] = []
    order: list[int] = []
    job = ClipsJob(path=video, plan=ClipPlan(spec.spans_s), pictures=spec.pictures)
    try:
        good = (
            reply.pixels
            for reply in replies_of(job)
            if isinstance(reply, Clip) and reply.pixels is not None and not reply.is_low_information
        )
        for number, pixels in enumerate(good):
            place = number if number < most else int(rng.integers(number + 1))  # reservoir sampling: memory for `most` clips
            if place < most:
                kept[place : place + 1], order[place : place + 1] = [pixels], [number]
    except (VideoRejected, FileNotFoundError):
        return []
    return [kept[place] for place in np.argsort(order)]


def _in_batches(clips: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    waiting = iter(clips)
    while batch := list(islice(waiting, BATCH_SIZE)):
        yield np.stack(batch)
