"""Folders named after what their videos show: ROOT/CLASS/video, or ROOT/train/CLASS/video and ROOT/test/CLASS/video."""

import hashlib
from pathlib import Path

from app.errors import BadLabels
from app.labels.rows import LabelledVideo, LabelSet, Split
from embedder.video_folder import find_videos

TEST_SHARE = 0.2
_SPLIT_NAMES: dict[str, Split] = {"train": "train", "training": "train", "test": "test", "val": "test", "validation": "test"}
"""A folder holds either test or val videos, or both, which are queries then."""


def read_class_folders(root: Path) -> LabelSet:
    """Every video under a class folder, however deep. Without split folders a fifth of each class is test, chosen by the file's
    name, so that it stays the same as the folder grows. Raises BadLabels where there are no classes.
    """
    classes = [folder for folder in sorted(root.iterdir()) if folder.is_dir() and not folder.name.startswith(".")]
    splits = {folder.name.lower() for folder in classes}
    if splits and splits <= set(_SPLIT_NAMES):
        rows = [row for folder in classes for row in _class_rows(folder, _SPLIT_NAMES[folder.name.lower()])]
    else:
        rows = _class_rows(root, None)
    if not rows:
        raise BadLabels(f"{root} has no folders of videos named after what they show, such as {root / 'waving' / 'a.mp4'}.")
    return LabelSet(path=root, layout="folders", rows=tuple(rows))


def _class_rows(root: Path, split: Split | None) -> list[LabelledVideo]:
    rows = []
    for folder in sorted(root.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        videos = find_videos(folder)
        drawn = _drawn_for_test([video.relative_to(folder).as_posix() for video in videos])
        for video in videos:
            side: Split = split or ("test" if video.relative_to(folder).as_posix() in drawn else "train")
            rows.append(LabelledVideo(path=video, label=folder.name, split=side))
    return rows


def _drawn_for_test(names: list[str]) -> set[str]:
    """A fifth, one at least where there are two: those whose names' hashes come first."""
    if len(names) < 2:
        return set()
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest())
    return set(order[: max(1, round(TEST_SHARE * len(names)))])
