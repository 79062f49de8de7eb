"""Use case: cloze as a target task, of frozen encoders beside untrained networks like theirs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app.evaluation.beside_floor import doubts, with_floors
from app.evaluation.cloze_rows import ClozeReport, ClozeRow, cloze_row
from app.evaluation.data_fingerprint import Question, data_fingerprint
from app.evaluation.floors import COLOUR
from app.evaluation.stored_runs import run_settings
from app.evaluation.target_videos import (
    FramesChoice,
    asked_networks,
    by_name,
    colour_network,
    few_tests,
    frames_cache,
    labelled_files,
    target_videos,
    untrained_networks,
)
from app.labels.rows import LabelSet
from app.workspace import Workspace

OnStep = Callable[[str, int, int], None]
"""Told (what is done, how many, of how many)."""


@dataclass(frozen=True, kw_only=True)
class ClozeAsked:
    """source: only rows of this one. ignore_labels: rows that take no part. tuples: of each operation from each train video.
    hidden: width of a hidden layer of the head, 0 for none. seed: of all that is drawn. untrained: how many untrained networks are
    measured beside. device: cpu, cuda or auto. frames: where decoded ones are kept.
    """

    source: str | None = None
    ignore_labels: Sequence[str] = ()
    tuples: int = 2
    hidden: int = 0
    seed: int = 1
    untrained: int = 1
    device: str = "auto"
    frames: FramesChoice = field(default_factory=FramesChoice)


def evaluate_cloze(
    ws: Workspace, labels: LabelSet, encoders: Sequence[str], asked: ClozeAsked, *, on_step: OnStep | None = None
) -> ClozeReport:
    """Measures each encoder, by default the default one, untrained networks of the same backbones, and raw colour; the run is kept.

    What the labels say of a video but its side does not matter. Raises BadLabels, BadQuery (a file that does not hold its network),
    UnknownEncoder, EncoderError, DataFolderError, PretrainError (no video can be read, features that are not finite), CatalogError;
    ModuleNotFoundError without the train extra.
    """
    from pretrain.downstream.cloze_target import ClozeChoices, measure_cloze

    videos = target_videos(labels, source=asked.source, ignore_labels=asked.ignore_labels)
    choices = ClozeChoices(tuples=asked.tuples, hidden=asked.hidden, seed=asked.seed, device=asked.device)
    own = asked_networks(ws, encoders)
    names = [network.name for network in own]
    networks = [*own, *untrained_networks(own, range(1, asked.untrained + 1))]
    if COLOUR not in names:
        networks.append(colour_network(ws, like=own[0]))
    facts = {name: network.facts for name, network in by_name(networks).items()}
    rows: list[ClozeRow] = []
    questions: list[tuple[str, Question]] = []
    left_out, said, checks = list(labels.missing), list(videos.labels.warnings), []
    with frames_cache(ws, asked.frames) as cache:
        for network in networks:
            tell = _named(on_step, network.name)
            train, test = labelled_files(videos.train), labelled_files(videos.test)
            result = measure_cloze(network.start, train, test, cache, choices, tell)
            rows.append(cloze_row(network.name, network.clips, result, is_floor=network.is_floor))
            if network.name in names:
                questions.append((network.name, videos.question(result.rejected)))
            left_out += result.rejected
            said += [*result.remarks, *few_tests(len(result.answers))]
            kind = "whole groups" if result.held_out.by == "scene" else "single videos"
            checks.append(f"the head's settings were chosen on {len(result.held_out.places)} held-out train videos, {kind}")
    rows = with_floors(rows)
    settings = run_settings(labels, facts, data_fingerprint(questions), asked=names, **_choices(asked))
    report = ClozeReport(
        rows=rows,
        asked=settings,
        left_out=list(dict.fromkeys(left_out)),
        checks=tuple(dict.fromkeys(checks)),
        warnings=tuple(dict.fromkeys([*said, *doubts(rows), *_remote_doubts(rows)])),
    )
    return replace(report, run_id=ws.catalog.put_evaluation_run("cloze", None, report.settings(), report.results()))


def _named(on_step: OnStep | None, name: str) -> OnStep:
    """Says whose turn it is."""
    return lambda phase, done, total: None if on_step is None else on_step(f"{name}: {phase}", done, total)


def _choices(asked: ClozeAsked) -> dict[str, Any]:
    return {
        "source": asked.source,
        "ignored": list(asked.ignore_labels),
        "tuples": asked.tuples,
        "hidden": asked.hidden,
        "seed": asked.seed,
        "untrained": asked.untrained,
    }


def _remote_doubts(rows: Sequence[ClozeRow]) -> list[str]:
    """What is to be known of remote clips, in sentences, each once."""
    return list(dict.fromkeys(sentence for row in rows for sentence in _without_remote(row)))


def _without_remote(row: ClozeRow) -> list[str]:
    from pretrain.downstream.cloze_target import FEWEST_WITH_ROOM

    if row.num_train_with_room < FEWEST_WITH_ROOM:
        return [
            f"{row.num_train_with_room} of {row.num_train} train videos are long enough for a remote clip, {FEWEST_WITH_ROOM} at "
            "least are needed to learn what it is; no video was asked under remote"
        ]
    if row.num_remote == row.num_test:
        return []
    return [
        f"{row.num_remote} of {row.num_test} test videos are long enough for a remote clip; the others were asked under the other "
        "operations alone"
    ]
