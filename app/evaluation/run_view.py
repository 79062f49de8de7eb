"""A stored evaluation run with types, as the page and the report show it.

All shares and intervals are 0..1, the intervals of 95 %. Paths and labels are as they were stored: any text.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.evaluation.beside_floor import Standing, standing


@dataclass(frozen=True, kw_only=True)
class Share:
    """A measured share; low and high are None where no interval was stored."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """An encoder as it was when it was measured. sha256: of its weights, as its file claims it. identity: see `EncoderFacts`; ""
    in runs of older versions. floor: a network that learnt nothing. Unknown texts are "".
    """

    name: str
    sha256: str = ""
    identity: str = ""
    backbone: str = ""
    task: str = ""
    floor: bool = False

    @property
    def learnt_nothing(self) -> bool:
        """Whether it is an untrained network or raw colour."""
        return self.floor or self.task == "untrained"


@dataclass(frozen=True, kw_only=True)
class Video:
    """A labelled video. group: what it is drawn together with in the bootstrap, "" for itself."""

    path: str
    label: str
    group: str = ""


@dataclass(frozen=True, kw_only=True)
class Query:
    """One query video. first_hit: rank from 0 of the first video with its label, None where there is none. nearest: up to ten
    (video, similarity), nearest first; the similarity is None where the way of comparing has none.
    """

    video: Video
    first_hit: int | None
    average_precision: float
    nearest: tuple[tuple[Video, float | None], ...]


@dataclass(frozen=True, kw_only=True)
class LabelShare:
    """Top-1 among the queries of one label; num_queries is None where the queries were not stored."""

    label: str
    top_1: float
    num_queries: int | None


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """counts[i][j]: how often labels[i] was taken for labels[j]. unanswered: how many queries got no answer at all."""

    title: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    unanswered: int = 0


@dataclass(frozen=True, kw_only=True)
class RetrievalView:
    """One measured row. way: "mean", "stored", "sequence", "vcop" or "gap". top_k: by ascending k. floor: class-mean top-1 of the
    best untrained encoder in the same group and way, None where there is nothing to compare with. gallery: the videos that were
    searched. flat: the row for a table. What an older version did not store is None or empty.
    """

    group: str
    encoder: Encoder
    way: str
    num_queries: int | None
    num_gallery: int | None
    num_labels: int | None
    top_k: dict[int, Share]
    mean_average_precision: float | None
    class_mean_top_1: Share
    chance: float | None
    floor: float | None
    per_label: tuple[LabelShare, ...]
    queries: tuple[Query, ...]
    gallery: tuple[Video, ...] = ()
    flat: Mapping[str, Any] = field(default_factory=dict)

    @property
    def standing(self) -> Standing:
        """Where the floor lies beside the interval of class-mean top-1."""
        share = self.class_mean_top_1
        return "" if share.low is None or share.high is None else standing(share.low, share.high, self.floor)

    def confusion(self) -> Confusion:
        """The label of each query against that of the video nearest to it; without stored queries it has no labels."""
        pairs = Counter((query.video.label, query.nearest[0][0].label) for query in self.queries if query.nearest)
        labels = sorted({query.video.label for query in self.queries} | {label for pair in pairs for label in pair})
        return Confusion(
            title=f"{self.encoder.name}: label of the query, label of the nearest video",
            labels=tuple(labels),
            counts=tuple(tuple(pairs[true, nearest] for nearest in labels) for true in labels),
            unanswered=sum(not query.nearest for query in self.queries),
        )

    def worst(self, limit: int | None = None) -> list[Query]:
        """Queries whose nearest video has another label: those that found none first, then by how late they did, then by path."""
        failed = [query for query in self.queries if query.first_hit != 0]
        return sorted(failed, key=_lateness)[:limit]


@dataclass(frozen=True, kw_only=True)
class RunView:
    """One stored run. settings: as stored, for what has no field here. asked: the encoders that were asked for, where that was
    stored; others were measured beside. rows: what retrieval measured, none for other kinds. flat_rows: the rows of any kind for a
    table, without what is no single value. left_out: (what, why).
    """

    id: int
    kind: str
    library: str
    created_at: datetime
    settings: dict[str, Any]
    encoders: tuple[Encoder, ...]
    asked: tuple[str, ...] = ()
    fingerprint: str
    rows: tuple[RetrievalView, ...]
    flat_rows: tuple[dict[str, Any], ...]
    confusions: tuple[Confusion, ...]
    left_out: tuple[tuple[str, str], ...]
    checks: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The encoders that the run is about: asked for, or where that was not stored those that learnt something, or else all."""
        names = [encoder.name for encoder in self.encoders]
        learnt = [encoder.name for encoder in self.encoders if not encoder.learnt_nothing]
        return self.asked or tuple(learnt or names)

    def sections(self) -> dict[tuple[str, str], list[RetrievalView]]:
        """The rows that can be compared with each other, by (group, way), in the order of the run."""
        found: dict[tuple[str, str], list[RetrievalView]] = {}
        for row in self.rows:
            found.setdefault((row.group, row.way), []).append(row)
        return found


def _lateness(query: Query) -> tuple[bool, int, str]:
    """Sorts the worst first."""
    return query.first_hit is not None, -(query.first_hit or 0), query.video.path
