"""Use case: fine-tuning, of encoders beside the same networks from scratch."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from app.errors import BadLabels, BadQuery
from app.evaluation.beside_floor import doubts, with_floors
from app.evaluation.data_fingerprint import Question, data_fingerprint
from app.evaluation.finetune_rows import FinetuneReport, FinetuneRow, finetune_row, mean_row
from app.evaluation.stored_runs import run_settings
from app.evaluation.target_videos import (
    FramesChoice,
    Network,
    TargetVideos,
    asked_networks,
    by_name,
    few_tests,
    frames_cache,
    labelled_files,
    target_videos,
    untrained_networks,
)
from app.labels.rows import LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    from pretrain.downstream.finetune import FinetuneResult
    from pretrain.downstream.finetune_recipes import FinetuneRecipe
    from pretrain.downstream.labelled_footage import CacheChoice

OnStep = Callable[[str, int, int], None]
"""Told (what is done, how many, of how many)."""
OnNews = Callable[[str], None]

DEFAULT_RECIPE = "laptop"


@dataclass(frozen=True, kw_only=True)
class FinetuneAsked:
    """recipe: a name. epochs, batch_size, learning_rate: other than the recipe's. from_scratch: the same networks from scratch are
    measured beside. source: only rows of this one. ignore_labels: rows that take no part. seed: of all that is drawn. device: cpu,
    cuda or auto. frames: where decoded ones are kept.
    """

    recipe: str = DEFAULT_RECIPE
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    from_scratch: bool = True
    source: str | None = None
    ignore_labels: Sequence[str] = ()
    seed: int = 1
    device: str = "auto"
    frames: FramesChoice = field(default_factory=FramesChoice)


def evaluate_finetuning(
    ws: Workspace,
    folds: Mapping[int, LabelSet],
    encoders: Sequence[str],
    asked: FinetuneAsked,
    *,
    on_step: OnStep | None = None,
    on_news: OnNews | None = None,
) -> FinetuneReport:
    """Fine-tunes each encoder's network, by default the default one's, on the train rows of each split, and tests it once; the run
    is stored. folds: the labels of each split by its number; of several the mean is reported too. on_news: told what should be
    known before hours go by, in sentences.

    Raises BadLabels (also for fewer than two labels to learn), BadQuery (a file that does not hold its network, an unknown recipe),
    UnknownEncoder, EncoderError, DataFolderError, PretrainError (videos that cannot be read, a loss that is not finite, want of
    memory), CatalogError; ModuleNotFoundError without the train extra.
    """
    recipe = _recipe(asked)
    videos = {fold: _learnable(labels, asked) for fold, labels in folds.items()}
    own = asked_networks(ws, encoders)
    for network in own:
        if network.is_colour:
            raise BadQuery(f"Encoder {network.name!r} is no network, so nothing of it can be trained. Name another with -e.")
    own = [_shown(network, recipe) for network in own]
    scratch = untrained_networks(own, (asked.seed,), start=recipe.scratch) if asked.from_scratch else []
    measured = _Measured(own, scratch, recipe, asked, on_step, on_news)
    with frames_cache(ws, asked.frames) as cache:
        for fold, labelled in videos.items():
            measured.fold(fold, labelled, cache, several=len(videos) > 1)
    report = measured.report(list(videos.values()))
    return replace(report, run_id=ws.catalog.put_evaluation_run("finetune", None, report.settings(), report.results()))


class _Measured:
    """What is being measured: filled split by split, then reported."""

    def __init__(
        self,
        own: Sequence[Network],
        scratch: Sequence[Network],
        recipe: "FinetuneRecipe",
        asked: FinetuneAsked,
        on_step: OnStep | None,
        on_news: OnNews | None,
    ) -> None:
        self._names = [network.name for network in own]
        self._networks, self._recipe, self._asked = by_name((*own, *scratch)), recipe, asked
        self._on_step, self._on_news = on_step, on_news
        self._rows: list[FinetuneRow] = []
        self._questions: list[tuple[str, Question]] = []
        self._left_out: list[tuple[str, str]] = []
        self._warnings: list[str] = []
        self._checks = ["no test video was opened before all networks of its split were trained"]

    def fold(self, fold: int, videos: TargetVideos, cache: "CacheChoice", *, several: bool) -> None:
        """Every network on one split."""
        from pretrain.downstream.finetune import FinetuneChoices, finetune

        def tell(phase: str, done: int, total: int) -> None:
            if self._on_step is not None:
                self._on_step(f"split {fold}, {phase}" if several else phase, done, total)

        choices = FinetuneChoices(recipe=self._recipe, seed=self._asked.seed, device=self._asked.device)
        starts = {name: network.start for name, network in self._networks.items()}
        train, test = labelled_files(videos.train), labelled_files(videos.test)
        results = finetune(starts, train, test, cache, choices, tell, self._on_news)
        self._left_out += videos.labels.missing
        self._warnings += videos.labels.warnings
        for name, network in self._networks.items():
            result = results[name]
            self._rows.append(finetune_row(name, network.shape, fold, result, is_floor=network.is_floor))
            if name in self._names:
                self._questions.append((name, videos.question(result.rejected)))
            self._left_out += result.rejected
            self._warnings += [*result.remarks, *few_tests(len(result.answers), f"split {fold}" if several else "")]
            self._note_choice(result)

    def report(self, videos: Sequence[TargetVideos]) -> FinetuneReport:
        """The rows of each network, with their mean where there are several splits."""
        rows = []
        for name in self._networks:
            own = [row for row in self._rows if row.encoder == name]
            rows += [*own, mean_row(own)] if len(own) > 1 else own
        rows = with_floors(rows)
        facts = {name: network.facts for name, network in self._networks.items()}
        settings = run_settings(videos[0].labels, facts, data_fingerprint(self._questions), **self._choices())
        return FinetuneReport(
            rows=rows,
            asked=settings,
            left_out=list(dict.fromkeys(self._left_out)),
            checks=tuple(dict.fromkeys(self._checks)),
            warnings=tuple(dict.fromkeys([*_mixed(videos), *self._warnings, *doubts(rows)])),
        )

    def _note_choice(self, result: "FinetuneResult") -> None:
        if not result.held_out.places:
            self._warnings.append("no train video could be spared to choose the epoch by, so the last one counts")
            return
        kind = "whole groups" if result.held_out.by == "scene" else "single videos"
        self._checks.append(f"the epoch was chosen on {len(result.held_out.places)} held-out train videos, {kind}")

    def _choices(self) -> dict[str, Any]:
        recipe = asdict(self._recipe)
        if math.isinf(recipe["max_frame_rate_hz"]):  # no number of JSON
            recipe["max_frame_rate_hz"] = None
        asked = self._asked
        return {
            "asked": self._names,
            "recipe": recipe,
            "folds": sorted({row.fold for row in self._rows if isinstance(row.fold, int)}),
            "source": asked.source,
            "ignored": list(asked.ignore_labels),
            "from_scratch": asked.from_scratch,
            "seed": asked.seed,
        }


def _recipe(asked: FinetuneAsked) -> "FinetuneRecipe":
    """With what was asked otherwise. Raises BadQuery."""
    from pretrain.downstream.finetune_recipes import FINETUNE_RECIPES

    try:
        recipe = FINETUNE_RECIPES[asked.recipe]
        optimiser = recipe.optimiser
        if asked.learning_rate is not None:
            optimiser = replace(optimiser, learning_rate=asked.learning_rate)
        return replace(
            recipe,
            epochs=recipe.epochs if asked.epochs is None else asked.epochs,
            batch_size=recipe.batch_size if asked.batch_size is None else asked.batch_size,
            optimiser=optimiser,
        )
    except ValueError as error:
        raise BadQuery(f"{error}.") from error


def _shown(network: Network, recipe: "FinetuneRecipe") -> Network:
    """With the clips that the recipe cuts for it, which need not be its own."""
    from pretrain.downstream.finetune_clips import clip_of

    return replace(network, start=replace(network.start, clip=clip_of(recipe, network.start.clip)))


def _learnable(labels: LabelSet, asked: FinetuneAsked) -> TargetVideos:
    """Raises BadLabels where there is nothing to tell apart."""
    videos = target_videos(labels, source=asked.source, ignore_labels=asked.ignore_labels)
    names = sorted({entry.label for entry in videos.train})
    if len(names) < 2:
        raise BadLabels(f"All train rows of {labels.path} to use have the label {names[0]!r}; two labels or more can be learnt.")
    return videos


def _mixed(videos: Sequence[TargetVideos]) -> list[str]:
    sources = sorted({entry.row.source for one in videos for entry in one.train})
    if len(sources) < 2:
        return []
    return [
        f"the videos are from {len(sources)} sources, which alone may give labels away; --source takes one, such as {sources[-1]!r}"
    ]
