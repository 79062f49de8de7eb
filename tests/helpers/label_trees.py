"""Tiny trees in the official layouts of the field's datasets. Their videos are empty files, for names and lists alone, or drawn."""

from collections.abc import Callable, Iterable
from pathlib import Path

from tests.helpers.make_video import draw_moving_picture

Make = Callable[[Path], None]


def touch(path: Path) -> None:
    """An empty file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


class Drawn:
    """Draws a video of its own for every name it is given."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self, path: Path) -> None:
        draw_moving_picture(path, seed=self._count, seconds=2.0)
        self._count += 1


def write_ucf101(root: Path, make: Make = touch) -> Path:
    """Two classes, one of them spelt in two ways; two videos of each for train, one for test. Returns the lists' folder."""
    lists = root / "ucfTrainTestlist"
    classes = {1: "ApplyEyeMakeup", 2: "HandstandPushups"}
    in_names = {1: "ApplyEyeMakeup", 2: "HandStandPushups"}
    write(lists / "classInd.txt", [f"{number} {name}" for number, name in classes.items()])
    for fold in (1, 2, 3):
        test, train = [], []
        for number, folder in classes.items():
            for group in (1, 2, 3):
                listed = f"{folder}/v_{in_names[number]}_g{group:02}_c01.avi"
                make(root / "UCF-101" / listed)
                if group == fold:
                    test.append(listed)
                else:
                    train.append(f"{listed} {number}")
        write(lists / f"trainlist0{fold}.txt", train)
        write(lists / f"testlist0{fold}.txt", test)
    return lists


def write_hmdb51(root: Path, make: Make = touch) -> Path:
    """Two classes of four videos; of each split one for test, two for train, one unused. Returns the lists' folder."""
    lists = root / "testTrainMulti_7030_splits"
    for label in ("brush_hair", "wave"):
        names = [f"Movie_{number}_{label}_u_nm_np1_ba_goo_0.avi" for number in range(4)]
        for name in names:
            make(root / "hmdb51_org" / label / name)
        for fold in (1, 2, 3):
            sides = {names[fold]: 2, names[0]: 0}
            write(lists / f"{label}_test_split{fold}.txt", [f"{name} {sides.get(name, 1)} " for name in names])
    return lists


def write_kinetics(root: Path, make: Make = touch) -> Path:
    """Two classes, two videos for train and one for validation of each. Returns the folder of train.csv and val.csv."""
    header = "label,youtube_id,time_start,time_end,split"
    for split, numbers in (("train", (0, 1)), ("val", (2,))):
        rows = []
        for label, letters in (("abseiling", "AAAAAAAAAA"), ('playing "rock"', "BBBBBBBBBB")):
            quoted = '"' + label.replace('"', '""') + '"' if '"' in label else label
            for number in numbers:
                rows.append(f"{quoted},{letters}{number},{20 + number},{30 + number},{split}")
                make(root / label / f"{letters}{number}_{20 + number:06}_{30 + number:06}.mp4")
        write(root / f"{split}.csv", [header, *rows])
    return root


def write(path: Path, lines: Iterable[str]) -> None:
    """A text file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
