"""Labels and evaluation runs in the catalog, on every database it supports."""

import pytest
import sqlalchemy as sa

from index.catalog import Catalog, LabelRow
from index.catalog.tables import evaluation_run
from index.errors import UnknownVideo
from tests.helpers.catalog_rows import put


def test_labels_are_replaced_as_a_whole(filled: Catalog) -> None:
    a, b = put(filled, "/films/a.mp4"), put(filled, "/films/b.mp4", "c2")
    assert filled.put_labels("films", [LabelRow(a, "run", "train", "s"), LabelRow(b, "jump"), LabelRow(b, "jump")]) == 2
    assert filled.put_labels("films", [LabelRow(b, "walk", "test", "s")]) == 1

    assert filled.labels("films") == [LabelRow(b, "walk", "test", "s")]
    with pytest.raises(UnknownVideo, match="no video 99"):
        filled.put_labels("films", [LabelRow(99, "run")])
    assert len(filled.labels("films")) == 1


def test_evaluation_runs_are_kept(filled: Catalog) -> None:
    filled.put_evaluation_run("retrieval", "films", {"k": 1}, {"top_1": 0.5})
    newest = filled.put_evaluation_run("retrieval", None, {}, {"top_1": 0.6})

    runs = filled.evaluation_runs(kind="retrieval")
    assert [run.results["top_1"] for run in runs] == [0.6, 0.5]
    assert runs[0].id == newest
    assert filled.evaluation_run_ids(limit=1) == [newest]
    assert filled.evaluation_run_ids() == [run.id for run in runs]
    assert len(filled.evaluation_runs(library_name="films")) == 1


def test_one_damaged_run_does_not_hide_the_others(filled: Catalog) -> None:
    filled.put_evaluation_run("retrieval", "films", {"k": 1}, {"top_1": 0.5})
    damaged = filled.put_evaluation_run("retrieval", "films", {"k": 2}, {"top_1": 0.6})
    with filled._db.engine.begin() as connection:
        connection.execute(sa.update(evaluation_run).where(evaluation_run.c.id == damaged).values(results_json='{"top_1": 0.'))
    assert [(run.settings, run.results) for run in filled.evaluation_runs()] == [({"k": 2}, {}), ({"k": 1}, {"top_1": 0.5})]
