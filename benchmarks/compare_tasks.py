"""Every pretext task on the same network, for the same time: what does each teach, on drawn and on real footage?

    python benchmarks/compare_tasks.py --folder actions --labels actions/labels.csv --within source \
        --ignore-label unclassified --home /tmp/compared

Trains each task alone (recipe `laptop` unless said) on drawn footage and on the label file's train rows (but tasks that learn
from drawings alone), every step on about as many clips, however many an example has; exports, indexes the folder with every
encoder and with the untrained network, as it starts in training and with PyTorch's initialisation, at three seeds each, and
measures retrieval of the test rows in the train rows. It only calls
`vret`, as a user would, with a data folder of its own; what is there already is kept, so a run that was broken off goes on.
Prints a Markdown table; the rest goes to stderr.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.evaluation.ways import WAYS
from app.labels.read_labels import read_labels

LIBRARY = "compared"
UNTRAINED_SEEDS = (1, 2, 3)
STARTS = ("motion", "default")


@dataclass(frozen=True)
class Run:
    """One training: a task or a sum, on drawn footage or on videos."""

    task: str
    on_videos: bool

    @property
    def name(self) -> str:
        letters = "".join(letter if letter.isalnum() else "-" for letter in self.task).strip("-")
        return f"{letters}-{'videos' if self.on_videos else 'drawn'}"


def main() -> None:
    """Train, index, measure, print."""
    wanted = _arguments()
    os.environ["VRET_HOME"] = str(wanted.home)
    wanted.home.mkdir(parents=True, exist_ok=True)
    train_list = _train_rows(wanted.labels, wanted.home / "train.txt")
    runs = [Run(task, on_videos) for task in wanted.task for on_videos in wanted.on if not on_videos or takes_videos(task)]
    for run in runs:
        _train(run, wanted, train_list)
    floors = [(start, seed) for start in STARTS for seed in UNTRAINED_SEEDS]
    encoders = [_untrained(start, seed) for start, seed in floors] + [run.name for run in runs]
    for start, seed in floors:
        what = ["--baseline", wanted.backbone, "--start", start, "--seed", str(seed)]
        _export(_untrained(start, seed), what, wanted.home)
    for run in runs:
        _export(run.name, [run.name], wanted.home)
    for encoder in encoders:
        _vret("index", str(wanted.folder), "--library", LIBRARY, "--encoder", encoder)
    _print_table(runs, _measure(encoders, wanted), wanted)


def takes_videos(task: str) -> bool:
    """Whether any part of the sum learns from footage."""
    from pretrain.task_sum import parse_task_sum
    from pretrain.tasks.base import FrameTask

    return any(isinstance(part.task, FrameTask) for part in parse_task_sum(task).parts)


def _untrained(start: str, seed: int) -> str:
    return f"untrained-{start}-{seed}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="labelled videos")
    parser.add_argument("--labels", type=Path, required=True, help="CSV: path,label,group,split,source")
    parser.add_argument("--within", choices=("source", "group"), help="measure the values of this column apart")
    parser.add_argument("--ignore-label", action="append", default=[])
    parser.add_argument("--home", type=Path, required=True, help="data folder of this comparison")
    parser.add_argument("--task", action="append", help="task or sum; may be repeated; default: every task there is")
    parser.add_argument("--on", action="append", choices=("drawn", "videos"), help="default: both")
    parser.add_argument("--by", choices=WAYS, help="how videos are compared; mean is quick; default: all")
    parser.add_argument("--recipe", default="laptop")
    parser.add_argument("--backbone", default="r2plus1d_quarter")
    parser.add_argument("--minutes", type=float, default=15.0, help="of each training")
    parser.add_argument("--clips", type=int, default=64, help="of each step, of all tasks of a sum together")
    wanted = parser.parse_args()
    if wanted.task is None:
        from pretrain.tasks import TASKS

        wanted.task = TASKS.names()
    wanted.on = [kind == "videos" for kind in wanted.on or ("drawn", "videos")]
    wanted.by = [wanted.by] if wanted.by else list(WAYS)
    wanted.home, wanted.folder = wanted.home.resolve(), wanted.folder.resolve()
    return wanted


def _train_rows(labels: Path, out: Path) -> Path:
    """The train rows' paths, one a line: training must not see the videos that are searched with."""
    rows = [row for row in read_labels(labels).rows if row.split == "train"]
    out.write_text("".join(f"{row.path}\n" for row in rows), encoding="utf-8")
    return out


def _train(run: Run, wanted: argparse.Namespace, train_list: Path) -> None:
    folder = wanted.home / "runs" / run.name
    if (folder / "done").exists():
        return
    data = ["--data", str(train_list)] if run.on_videos else []
    resume = ["--resume"] if (folder / "checkpoint.pt").exists() else []
    settings = ["--recipe", wanted.recipe, "--backbone", wanted.backbone, "--minutes", str(wanted.minutes)]
    settings += ["--batch-size", str(max(2, wanted.clips // clips_of_example(run.task))), "--labels", str(wanted.labels)]
    settings += ["--cache-dir", str(wanted.home / "frames")]
    _vret("pretrain", "--task", run.task, "--run", run.name, *data, *resume, *([] if resume else settings))
    (folder / "done").touch()


def clips_of_example(task: str) -> int:
    """How many clips the network sees of one example of a task or sum."""
    import numpy as np

    from pretrain.drawn_footage import DrawnFootage
    from pretrain.task_sum import parse_task_sum
    from pretrain.tasks.base import ClipShape, DrawnTask, FrameTask

    clip, rng = ClipShape(num_frames=16, size_px=32), np.random.default_rng(0)
    video = DrawnFootage(size_px=64, num_frames=128).video(0, rng)
    count = 0
    for part in parse_task_sum(task).parts:
        if isinstance(part.task, FrameTask):
            count += len(part.task.make_example(video, clip, rng).clips_KTHWC)
        elif isinstance(part.task, DrawnTask):
            count += len(part.task.make_example(clip, rng).clips_KTHWC)
    return count


def _export(name: str, what: Sequence[str], home: Path) -> None:
    if not (home / "encoders" / f"{name}.onnx").exists():
        _vret("export", *what, "--name", name)


def _measure(encoders: Iterable[str], wanted: argparse.Namespace) -> list[dict[str, Any]]:
    command = ["eval", "retrieval", "--library", LIBRARY, "--labels", str(wanted.labels), "--json"]
    command += ["--within", wanted.within] if wanted.within else []
    command += [word for label in wanted.ignore_label for word in ("--ignore-label", label)]
    command += ["--by", wanted.by[0]] if len(wanted.by) == 1 else []
    command += [word for encoder in encoders for word in ("-e", encoder)]
    rows: list[dict[str, Any]] = json.loads(_vret(*command))["rows"]
    return rows


def _print_table(runs: Sequence[Run], rows: Sequence[dict[str, Any]], wanted: argparse.Namespace) -> None:
    groups = sorted({row["group"] for row in rows})
    ways = " / ".join(wanted.by)
    print("| task | trained on | steps | reached | " + " | ".join(f"{group or 'all'}: {ways}" for group in groups) + " |")
    print("|---" * (4 + len(groups)) + "|")
    for start in STARTS:
        floor = [_spread(rows, group, start, wanted.by) for group in groups]
        print(f"| none, {start} start, seeds {', '.join(map(str, UNTRAINED_SEEDS))} | - | 0 | - | " + " | ".join(floor) + " |")
    for run in runs:
        lines = (wanted.home / "runs" / run.name / "metrics.jsonl").read_text().splitlines()
        last = json.loads(lines[-1])
        scores = [" / ".join(f"{_score(rows, group, run.name, way):.2f}" for way in wanted.by) for group in groups]
        where = "videos" if run.on_videos else "drawn"
        print(f"| {run.task} | {where} | {last['step']} | {last['words'].split(';')[0]} | " + " | ".join(scores) + " |")


def _spread(rows: Sequence[dict[str, Any]], group: str, start: str, by: Sequence[str]) -> str:
    cells = []
    for way in by:
        scores = [_score(rows, group, _untrained(start, seed), way) for seed in UNTRAINED_SEEDS]
        cells.append(f"{min(scores):.2f}-{max(scores):.2f}")
    return " / ".join(cells)


def _score(rows: Sequence[dict[str, Any]], group: str, encoder: str, way: str) -> float:
    found = [row for row in rows if (row["group"], row["encoder"], row["way"]) == (group, encoder, way)]
    return float(found[0]["class_mean_top_1"])


def _vret(*words: str) -> str:
    """Run one command; its talk goes to stderr as it comes. Stops the comparison when it fails."""
    print("$ vret " + " ".join(words), file=sys.stderr, flush=True)
    done = subprocess.run([sys.executable, "-m", "app", *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"vret {words[0]} failed with status {done.returncode}; see above. The next call goes on from here.")
    return done.stdout


if __name__ == "__main__":
    main()
