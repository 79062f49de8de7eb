"""What does a joined encoder find at each weight of look, and what are the words beside its hits worth?

    vret index actions --library actions
    python benchmarks/movement_and_look.py --library actions --labels actions/labels.csv --split train

labels.csv has the columns path, label, group (a place or a person), split and source. Every video of the split asks by its stored
vectors, whole. Same place: is the first other video of its source of its group? Same movement: is the first video of its source, of
other groups, of its label? Words: how many of the first hits that are called strong, possible and weak are right (of the same label
or group); how many queries find only weak hits among videos of other sources and labels; and how well the score and the false-alarm
rate of the first five hits tell right from wrong (area under the curve). `--split all` takes all rows.
"""

import argparse
import csv
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from app.find_similar import EmbeddedQuery, Hit, MomentQuery, embed_for_search, find_similar
from app.workspace import Workspace
from index.search import Filters

WEIGHTS = (0.0, 0.15, 0.25, 0.35, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Video:
    """A video of the library and its row of the labels."""

    id: int
    query: EmbeddedQuery
    label: str
    group: str
    source: str


class Search:
    """The first hits of a query among some videos."""

    def __init__(self, ws: Workspace, encoder: str, look: float) -> None:
        self._ws, self._encoder, self._look = ws, encoder, look

    def first(self, query: Video, among: Iterable[Video]) -> Hit | None:
        """None where there is nothing to search in."""
        return next(iter(self.hits(query, among, k=1)), None)

    def hits(self, query: Video, among: Iterable[Video], *, k: int) -> list[Hit]:
        """One of a video."""
        ids = tuple(video.id for video in among if video.id != query.id)
        if not ids:
            return []
        return find_similar(
            self._ws,
            query.query,
            encoder_name=self._encoder,
            k=k,
            filters=Filters(video_ids=ids, include_flagged=True),
            one_per_video=True,
            every_file=True,
            look=self._look,
        ).hits


def main() -> None:
    """Print a table for each weight."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--encoder", default="default", help="one with motion and look")
    parser.add_argument("--split", default="train", help="train, test or all")
    parser.add_argument("--ignore-label", default="unclassified")
    parser.add_argument("--look", type=float, action="append", help="may be repeated; by default several")
    wanted = parser.parse_args()
    with Workspace() as ws:
        videos = labelled(ws, wanted)
        for look in wanted.look or WEIGHTS:
            print(f"look {look:g}: " + "; ".join(lines(videos, Search(ws, wanted.encoder, look), wanted.ignore_label)), flush=True)


def labelled(ws: Workspace, wanted: argparse.Namespace) -> list[Video]:
    """The videos of the library that the labels name, of the split."""
    with wanted.labels.open(newline="", encoding="utf-8") as file:
        rows = {str((wanted.labels.parent / row["path"]).resolve()): row for row in csv.DictReader(file)}
    found = []
    for video in ws.catalog.videos(wanted.library, outcome="indexed", limit=100_000):
        row = rows.get(str(Path(video.path).resolve()))
        if row is not None and wanted.split in ("all", row["split"]):
            query = embed_for_search(ws, MomentQuery(video_id=video.id, end_s=math.inf), encoder_name=wanted.encoder)
            found.append(Video(video.id, query, row["label"], row["group"], row["source"]))
    return found


def lines(videos: list[Video], search: Search, ignored: str) -> Iterable[str]:
    """Same place and same movement by source, then the words."""
    of = {video.id: video for video in videos}
    for source in sorted({video.source for video in videos}):
        own = [video for video in videos if video.source == source]
        place, movement = [], defaultdict(list)
        for query in own:
            if any(other.group == query.group and other.id != query.id for other in own):
                hit = search.first(query, own)
                place.append(hit is not None and of[hit.video_id].group == query.group)
            others = [other for other in own if other.group != query.group and other.label != ignored]
            if query.label != ignored and others:
                hit = search.first(query, others)
                movement[query.label].append(hit is not None and of[hit.video_id].label == query.label)
        by_label = f"{np.mean([np.mean(right) for right in movement.values()]):.3f}" if movement else "-"
        yield f"{source}: place {np.mean(place):.3f} of {len(place)}, movement {by_label} (class mean)"
    words, unlike = defaultdict(list), []
    shown: list[tuple[bool, float, float]] = []  # of each of the first five hits: is it right, its score, its false-alarm rate
    for query in videos:
        for hit in search.hits(query, videos, k=5):
            other = of[hit.video_id]
            right = other.group == query.group or (other.label == query.label and query.label != ignored)
            shown.append((right, hit.score, math.nan if hit.false_alarm_rate is None else hit.false_alarm_rate))
            if hit.rank == 1:
                words[hit.strength].append(right)
        far = [other for other in videos if other.source != query.source and other.label != query.label]
        found = search.first(query, far)
        unlike.append(found is None or found.strength == "weak")
    yield ", ".join(f"{word} {sum(right)} of {len(right)} right" for word, right in sorted(words.items(), key=str))
    yield f"only weak hits where nothing is alike {np.mean(unlike):.3f}"
    if len({right for right, _, _ in shown}) < 2:  # all right, or none: nothing to tell apart
        return
    rights, scores, rates = (np.array(column) for column in zip(*shown, strict=True))
    of_rate = "-" if np.isnan(rates).any() else f"{roc_auc_score(rights, -rates):.3f}"
    yield f"area under the curve of the first five: score {roc_auc_score(rights, scores):.3f}, false-alarm rate {of_rate}"


if __name__ == "__main__":
    main()
