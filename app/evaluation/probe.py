"""Use case: what linear probes and nearest neighbours can tell from frozen features, against labels.

A probe learns, and chooses its settings, from the training videos alone. The test videos are asked once, when it is done.

Shapes: N training videos, Q queries, D dimensions.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from app.errors import BadLabels, BadQuery
from app.evaluation.beside_floor import doubts, with_floors
from app.evaluation.data_fingerprint import data_fingerprint
from app.evaluation.frozen_features import FrozenFeatures, OnStep, own_features, stored_features
from app.evaluation.held_out_folds import FittedProbe, Folds, TrainSide, held_out_folds
from app.evaluation.labelled_library import Entry, LeftOut, group_of, measured_rows, small_question
from app.evaluation.linear_probe import fit_linear
from app.evaluation.nearest_labels import fit_nearest
from app.evaluation.probe_rows import Probe, ProbeReport, ProbeRow, report_to_dict
from app.evaluation.stored_runs import run_settings
from app.evaluation.ways import Preset
from app.labels.rows import LabelSet
from app.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Known = tuple[Entry, NDArray[np.float32]]

PROBES: dict[Probe, Callable[[TrainSide, Folds], FittedProbe]] = {
    "linear raw": lambda train, folds: fit_linear(train, folds, "raw"),
    "linear L2+BN": lambda train, folds: fit_linear(train, folds, "L2+BN"),
    "k-NN": fit_nearest,
}


def probe_encoders(
    ws: Workspace,
    library: str | None,
    labels: LabelSet,
    preset: Preset = "library",
    *,
    encoders: Sequence[str] = (),
    within: str | None = None,
    ignore_labels: Sequence[str] = (),
    seeds: Sequence[int] = (1,),
    stride: int = 1,
    on_step: OnStep | None = None,
) -> ProbeReport:
    """Fits every probe to each encoder's features in each group, and measures it on the test rows; the run is stored.

    library: the indexed one, for preset "library", whose features are the normalised means of stored clip vectors, so that "raw"
    is of unit length there, as it is with "gap"; with "vcop" it is not. None with those, which read the files; seeds: of their
    untrained networks; stride: of their frames. within, ignore_labels: as in `evaluate_retrieval`. Raises BadLabels, BadQuery,
    NotIndexed, UnknownLibrary, UnknownEncoder, EncoderError, CatalogError.
    """
    if (preset == "library") != (library is not None):
        raise BadQuery(f"Preset library needs a library, the others take none; got preset {preset} and library {library!r}.")
    rows = measured_rows(labels, within=within, ignore_labels=ignore_labels)
    names = tuple(dict.fromkeys(encoders)) or (ws.settings.encoder_name,)
    choices: dict[str, Any] = {"preset": preset, "within": within, "ignored": list(ignore_labels), "asked": list(names)}
    if preset == "library":
        assert library is not None  # seen above
        features = stored_features(ws, library, labels, rows, names)
    else:
        choices |= {"stride": stride, "seeds": list(seeds)}
        features = own_features(ws, labels, rows, names, preset, seeds=seeds, stride=stride, on_step=on_step)
    measured = _Measured(labels, preset, within, features)
    measured.measure(sorted({group_of(row, within) for row in rows}), on_step)
    if not any(row.encoder in names for row in measured.rows):
        raise BadLabels(f"Nothing of {labels.path} can be probed. First: {': '.join(measured.unfit[0])}.")
    report = measured.report()
    asked = [(row.encoder, (row.queries, row.train)) for row in report.rows if row.encoder in names]
    settings = run_settings(labels, features.facts, data_fingerprint(asked), **choices)
    return replace(report, run_id=ws.catalog.put_evaluation_run("probe", library, settings, report_to_dict(report)))


@dataclass
class _Measured:
    """What is being measured: filled encoder by encoder, then reported. unfit: (group, why) of what no probe can be fitted to."""

    labels: LabelSet
    preset: Preset
    within: str | None
    features: FrozenFeatures
    rows: list[ProbeRow] = field(default_factory=list)
    unfit: LeftOut = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)

    def measure(self, groups: Sequence[str], on_step: OnStep | None) -> None:
        """Every encoder in every group."""
        tasks = [(encoder, group) for encoder in self.features.facts for group in groups]
        for done, (encoder, group) in enumerate(tasks, start=1):
            own = [(entry, vector) for entry, vector in self.features.of(encoder) if group_of(entry.row, self.within) == group]
            queries, train = ([one for one in own if one[0].row.split == split] for split in ("test", "train"))
            why = _unfit(queries, train)
            if why:
                self.unfit.append((group or str(self.labels.path), f"{why} with {encoder}"))
            else:
                self._add(group, encoder, queries, train)
            if on_step is not None:
                on_step("probes", done, len(tasks))

    def _add(self, group: str, encoder: str, queries: "list[Known]", train: "list[Known]") -> None:
        """A row for each probe."""
        import numpy as np

        sides = [entry for entry, _ in queries], [entry for entry, _ in train]
        learnt = TrainSide(
            features_ND=np.stack([vector for _, vector in train]),
            labels=[entry.label for entry, _ in train],
            groups=[entry.scene for entry, _ in train],
        )
        folds = held_out_folds(learnt)
        where = f"{group}: " if group else ""
        self.notes += small_question(group, *sides)
        self.notes += [where + note for note in (*_unanswerable(queries, learnt), *_single(learnt), *folds.notes)]
        if folds.parts:
            kind = "whole groups" if folds.by_groups else "single videos"
            self.checks.append(f"{where}settings were chosen on {len(folds.parts)} held-out parts of train, {kind} of it")
        fitted = {probe: fit(learnt, folds) for probe, fit in PROBES.items()}
        # From here on nothing is chosen any more.
        queries_QD = np.stack([vector for _, vector in queries])
        for probe, own in fitted.items():
            row = _row((group, encoder, probe, self.preset), sides, own, own.predict(queries_QD))
            self.rows.append(replace(row, is_floor=bool(self.features.facts[encoder]["floor"])))
            self.notes += [f"{row.name}: {note}" for note in own.notes]

    def report(self) -> ProbeReport:
        """The rows by group, each beside its floor."""
        rows = with_floors(sorted(self.rows, key=lambda row: row.group))
        said = (*self.labels.warnings, *self.features.notes, *self.notes, *doubts(rows))
        return ProbeReport(
            rows=rows,
            left_out=list(dict.fromkeys([*self.features.left_out, *self.unfit])),
            checks=tuple(dict.fromkeys(self.checks)),
            warnings=tuple(dict.fromkeys(said)),
        )


def _row(
    names: tuple[str, str, Probe, Preset], sides: tuple[list[Entry], list[Entry]], fitted: FittedProbe, predicted: list[str]
) -> ProbeRow:
    """names: group, encoder, probe, features. sides: test and training videos."""
    from app.evaluation.metrics.bootstrap import mean_interval

    queries, train = sides
    group, encoder, probe, features = names
    hits = [float(query.label == label) for query, label in zip(queries, predicted, strict=True)]
    return ProbeRow(
        group=group,
        encoder=encoder,
        probe=probe,
        features=features,
        queries=tuple(queries),
        train=tuple(train),
        predicted=tuple(predicted),
        chosen=fitted.chosen,
        held_out_class_mean=fitted.held_out_class_mean,
        class_mean_interval=mean_interval(hits, [query.label for query in queries], [query.scene for query in queries]),
    )


def _unfit(queries: "list[Known]", train: "list[Known]") -> str:
    """Why no probe can be measured, "" where one can."""
    if not queries or not train:
        return f"{len(queries)} test and {len(train)} training videos; both are needed"
    names = sorted({entry.label for entry, _ in train})
    if len(names) < 2:
        return f"the training videos have one label, {names[0]!r}, and a probe needs two or more"
    return ""


def _unanswerable(queries: "list[Known]", train: TrainSide) -> list[str]:
    lost = [entry.label for entry, _ in queries if entry.label not in train.names]
    if not lost:
        return []
    named = ", ".join(repr(name) for name in sorted(set(lost))[:5])
    return [f"{len(lost)} of {len(queries)} test videos have a label without training videos, such as {named}, and count as wrong"]


def _single(train: TrainSide) -> list[str]:
    count = Counter(train.labels)
    single = [name for name in train.names if count[name] == 1]
    if not single:
        return []
    return [f"{len(single)} label(s) have one training video, such as {single[0]!r}"]
