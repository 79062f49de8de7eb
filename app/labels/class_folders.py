"""Folders named after what their videos show: ROOT/CLASS/video, or ROOT/train/CLASS/video and ROOT/test/CLASS/video."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from app.errors import BadLabels
from app.labels.drawn_split import PER_LABEL, drawn_note, drawn_tests
from app.labels.rows import SPLIT_NAMES, LabelledVideo, LabelSet
from app.labels.ucf101 import VIDEO_NAME
from embedder.exclusions import Exclusions
from embedder.video_folder import find_videos


def read_class_folders(root: Path) -> LabelSet:
    """Every video under a class folder, however deep.

    Without split folders about a fifth of each class is test, one video at least where there are two, by a hash of each file's
    name; videos that are called as UCF101's are (v_CLASS_gNN_cNN) stand on the side of their group. In all but tiny classes
    a video stays on its side when others come. Raises BadLabels where there are no classes, or other folders beside split folders.
    """
    unread: list[OSError] = []
    found = {folder: find_videos(folder, on_error=unread.append) for folder in _folders(root)}
    videos_of = {folder: videos for folder, videos in found.items() if videos}
    notes = [f"{error.filename}: {error.strerror}; what is in there takes no part" for error in unread]
    sides = [folder for folder in videos_of if folder.name.lower() in SPLIT_NAMES]
    others = [folder for folder in videos_of if folder not in sides]
    if sides and others:
        raise BadLabels(
            f"{root} has the folder {others[0].name!r} beside {sides[0].name!r}: either all are named after what their videos "
            "show, or all are called train, test or val."
        )
    if sides:
        rows = [row for side in sides for row in _side_rows(side, videos_of[side])]
    else:
        rows = [row for folder, videos in videos_of.items() for row in _class_rows(folder, videos, drawn_tests)]
        notes.append(f"no folders called train and test: {drawn_note(rows, PER_LABEL)}")
    if not rows:
        raise BadLabels(f"{root} has no folders of videos named after what they show, such as {root / 'waving' / 'a.mp4'}.")
    return LabelSet(path=root, layout="folders", root=root, rows=tuple(rows), notes=tuple(notes))


_Sides = Callable[[list[str]], set[str]]
"""Of the keys of a class, those whose videos are test."""


def _folders(root: Path) -> list[Path]:
    exclusions = Exclusions(root)
    folders = [folder for folder in sorted(root.iterdir()) if folder.is_dir()]
    return [folder for folder in folders if exclusions.rule_for((folder.name,), is_folder=True) is None]


def _side_rows(side: Path, videos: list[Path]) -> list[LabelledVideo]:
    tests_of = _side_of_folder(side)
    classes: dict[Path, list[Path]] = defaultdict(list)
    for video in videos:
        if video.parent != side:  # a video beside the class folders has no class
            classes[side / video.relative_to(side).parts[0]].append(video)
    return [row for folder, own in classes.items() for row in _class_rows(folder, own, tests_of)]


def _class_rows(folder: Path, videos: list[Path], tests_of: _Sides) -> list[LabelledVideo]:
    groups = [VIDEO_NAME.fullmatch(video.name) for video in videos]
    keys = [group["group"] if group else video.relative_to(folder).as_posix() for video, group in zip(videos, groups, strict=True)]
    tests = tests_of(keys)
    return [
        LabelledVideo(
            path=video,
            label=folder.name,
            split="test" if key in tests else "train",
            group=f"{folder.name}/{key}" if group else "",
        )
        for video, group, key in zip(videos, groups, keys, strict=True)
    ]


def _side_of_folder(folder: Path) -> _Sides:
    return set if SPLIT_NAMES[folder.name.lower()] == "test" else lambda _: set()
