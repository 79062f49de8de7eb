"""What protocols that train on labelled videos begin with: the rows of both sides, the networks, and a place for decoded frames."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import BadLabels, BadQuery, DataFolderError
from app.evaluation.data_fingerprint import Question
from app.evaluation.drawn_floors import drawn_floors, floor_facts
from app.evaluation.floors import COLOUR
from app.evaluation.labelled_library import FEWEST_QUERIES, Entry, some_names
from app.evaluation.protocol_features import Untrained
from app.evaluation.stored_runs import stored_encoders
from app.labels.rows import LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    from pretrain.config import Start
    from pretrain.downstream.labelled_footage import CacheChoice, LabelledFile
    from pretrain.downstream.networks import StartingPoint


@dataclass(frozen=True, kw_only=True)
class TargetVideos:
    """train: to learn from. test: to be asked once. In the order of the labels. labels: with these rows alone."""

    labels: LabelSet
    train: tuple[Entry, ...]
    test: tuple[Entry, ...]

    def question(self, rejected: Iterable[tuple[str, str]]) -> Question:
        """Test and train videos without those that could not be read; rejected: (path, why) of these."""
        lost = {path for path, _ in rejected}
        test, train = ([entry for entry in side if str(entry.path) not in lost] for side in (self.test, self.train))
        return test, train


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that is measured. facts: as the catalog keeps them of it."""

    name: str
    start: "StartingPoint"
    facts: dict[str, Any]

    @property
    def clips(self) -> str:
        """What it is shown, in words."""
        return f"{self.start.clip.num_frames} frames of {self.start.clip.size_px} pixels"

    @property
    def shape(self) -> str:
        """Its backbone and clips, in words."""
        return f"{self.start.backbone}, {self.clips}"

    @property
    def is_colour(self) -> bool:
        """Whether it is no network, but raw colour."""
        return bool(self.facts["backbone"] == COLOUR)

    @property
    def is_floor(self) -> bool:
        """Whether it learnt nothing."""
        return bool(self.facts["floor"])


@dataclass(frozen=True, kw_only=True)
class FramesChoice:
    """Where decoded frames are kept: folder, to be used again by later runs; None for a folder that goes when the run is done.
    gigabytes: at most.
    """

    folder: Path | None = None
    gigabytes: float = 8.0


def target_videos(labels: LabelSet, *, source: str | None, ignore_labels: Sequence[str]) -> TargetVideos:
    """source: rows of this one alone. ignore_labels: rows that take no part. Raises BadLabels for a source or label that no row
    has, where there is no test row, and where there are fewer than two train rows.
    """
    for name, values, what in (
        (source, {row.source for row in labels.rows}, "is from the source"),
        *((label, {row.label for row in labels.rows}, "has the label") for label in ignore_labels),
    ):
        if name is not None and name not in values:
            there = some_names(sorted(filter(None, values))) or "none"
            raise BadLabels(f"No row of {labels.path} {what} {name!r}. There are: {there}.")
    rows = [row for row in labels.rows if source in (None, row.source) and row.label not in ignore_labels]
    train, test = (tuple(Entry(row) for row in rows if row.split == split) for split in ("train", "test"))
    for side, entries, least in (("train", train, 2), ("test", test, 1)):
        if len(entries) < least:
            raise BadLabels(
                f"{labels.path} has {len(entries)} {side} row(s) to use, {least} at least are needed. Give more labelled videos."
            )
    return TargetVideos(labels=replace(labels, rows=tuple(rows)), train=train, test=test)


def labelled_files(entries: Sequence[Entry]) -> "list[LabelledFile]":
    """As the protocols take them; a video without a group is a scene of its own."""
    from pretrain.downstream.labelled_footage import LabelledFile

    return [LabelledFile(path=entry.path, label=entry.label, scene=entry.scene or str(entry.path)) for entry in entries]


def asked_networks(ws: Workspace, names: Sequence[str]) -> list[Network]:
    """Of encoders, each once; none for the default one. Raw colour is shown the clips of the first network, where there is one.
    Raises BadQuery for an encoder whose file does not hold its network, UnknownEncoder, EncoderError.
    """
    from pretrain.downstream.networks import of_encoder
    from pretrain.errors import EncoderFileError

    chosen = tuple(dict.fromkeys(names)) or (ws.settings.encoder_name,)
    facts, found = stored_encoders(ws, chosen), []
    for name in chosen:
        if facts[name]["backbone"] == COLOUR:
            found.append(colour_network(ws, name=name))
            continue
        try:
            start = of_encoder(ws.encoder_path(name))
        except EncoderFileError as error:
            raise BadQuery(f"Encoder {name!r} cannot be measured in this way, which needs its network: {error}") from error
        card = ws.encoder_card(name).motion_card  # of movement and look, it is the network of movement that is measured
        found.append(Network(name=name, start=start, facts=facts[name] | {"backbone": card.backbone, "task": card.task}))
    first = next((network for network in found if not network.is_colour), None)
    return [colour_network(ws, name=network.name, like=first) if network.is_colour else network for network in found]


def by_name(networks: Sequence[Network]) -> dict[str, Network]:
    """In this order. Raises ValueError for two of one name, whose results could not be told apart."""
    found = {network.name: network for network in networks}
    if len(found) < len(networks):
        raise ValueError(f"Each network needs a name of its own, got {', '.join(network.name for network in networks)}.")
    return found


def few_tests(count: int, place: str = "") -> list[str]:
    """That intervals say little of so few test videos, in a sentence. place: where they are, if not everywhere."""
    if count >= FEWEST_QUERIES:
        return []
    where = f"{place}: " if place else ""
    return [f"{where}intervals say little with fewer than {FEWEST_QUERIES} test videos; here are {count}"]


def colour_network(ws: Workspace, *, name: str = COLOUR, like: Network | None = None) -> Network:
    """What raw colour says, with no network. name: of an encoder that gives it. like: of whose clips; its own otherwise."""
    from pretrain.downstream.networks import raw_colour
    from pretrain.tasks.base import ClipShape

    card = ws.encoder_card(name)
    clip = ClipShape(num_frames=card.num_frames, size_px=card.height_px) if like is None else like.start.clip
    return Network(name=name, start=raw_colour(clip), facts=stored_encoders(ws, [name])[name])


def untrained_networks(networks: Sequence[Network], seeds: Sequence[int], *, start: "Start" = "motion") -> list[Network]:
    """One for each backbone, size of clips and seed; none for what learnt nothing itself, and none that is among the networks
    already, by name. start: how their weights are drawn.
    """
    from pretrain.downstream.networks import untrained
    from pretrain.tasks.base import ClipShape

    likes = [
        Untrained(
            backbone=network.start.backbone,
            num_frames=network.start.clip.num_frames,
            size_px=network.start.clip.size_px,
            start=start,
        )
        for network in networks
        if not network.is_floor and not network.is_colour
    ]
    found = []
    for name, floor in drawn_floors(likes, seeds, taken={network.name for network in networks}).items():
        clip = ClipShape(num_frames=floor.num_frames, size_px=floor.size_px)
        drawn = untrained(floor.backbone, clip, seed=floor.seed, start=floor.start)
        found.append(Network(name=name, start=drawn, facts=floor_facts(floor)))
    return found


@contextmanager
def frames_cache(ws: Workspace, choice: FramesChoice) -> "Iterator[CacheChoice]":
    """A place for decoded frames while the block runs. Raises DataFolderError where none can be made."""
    from pretrain.downstream.labelled_footage import CacheChoice

    ws.make_home()
    if choice.folder is not None:
        yield CacheChoice(folder=choice.folder, gigabytes=choice.gigabytes)
        return
    try:
        folder = tempfile.TemporaryDirectory(prefix="frames-", dir=ws.home, ignore_cleanup_errors=True)
    except OSError as error:
        raise DataFolderError(f"Cannot make a folder for decoded frames in {ws.home}: {error.strerror}.") from error
    with folder as path:
        yield CacheChoice(folder=Path(path), gigabytes=choice.gigabytes)
