"""Retrieval by the papers' protocols, from drawn files to stored figures."""

import math
from pathlib import Path

import pytest

from app.evaluation.protocol_retrieval import evaluate_by_protocol
from app.labels.read_labels import read_labels
from app.workspace import Workspace
from tests.helpers.make_video import draw_moving_picture


@pytest.mark.parametrize("preset", ["vcop", "gap"])
def test_files_become_figures_beside_floors(ws: Workspace, trained_small: str, tmp_path: Path, preset: str) -> None:
    """Two pictures, each drawn twice alike: the copy is the nearest, by whatever network; one file is broken."""
    rows = []
    for label, seed in (("one", 1), ("two", 2)):
        for split in ("train", "test"):
            draw_moving_picture(tmp_path / f"{label}-{split}.mp4", seconds=1.5, seed=seed)
            rows.append(f"{label}-{split}.mp4,{label},{split}")
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 100)
    (tmp_path / "labels.csv").write_text("\n".join(["path,label,split", *rows, "broken.mp4,one,train"]) + "\n")
    told: list[tuple[str, int, int]] = []

    labels = read_labels(tmp_path / "labels.csv")
    report = evaluate_by_protocol(ws, labels, preset, encoders=[trained_small], on_query=lambda *step: told.append(step))  # type: ignore[arg-type]

    assert [(row.encoder, row.is_floor, row.way) for row in report.rows] == [
        (trained_small, False, preset),
        ("untrained-r3d_quarter-1", True, preset),
        ("colour", False, preset),
    ]
    for row in report.rows:
        assert (len(row.queries), len(row.gallery), row.scores.top_k[1]) == (2, 2, 1.0)
        for query in row.scores.queries:
            assert math.isclose(query.nearest[0][1], 1.0, abs_tol=1e-4)  # cosine with the copy
            assert query.nearest[1][1] < 0.9999
    assert (report.rows[0].floor, report.rows[0].above_floor) == (1.0, False)
    assert [path for path, _ in report.left_out] == [str(tmp_path / "broken.mp4")]
    assert told[-1] == ("videos", 5, 5)
    assert any("every query finds itself" in said and "all hold" in said for said in report.checks)
    run = ws.catalog.evaluation_run(report.run_id)
    assert run is not None and run.library is None
    assert (run.settings["preset"], run.settings["asked"]) == (preset, [trained_small])


@pytest.fixture
def trained_small(home: Path) -> str:
    """The name of an encoder of a quarter-width network that counts as trained."""
    pytest.importorskip("torch", reason="the papers' protocols need the train extra")
    from pretrain.export_onnx import ExportSpec, export
    from pretrain.untrained import untrained_backbone

    spec = ExportSpec(name="small", spans_s=(2.0,))
    export(
        untrained_backbone("r3d_quarter", 9), home / "encoders" / "small.onnx", spec, backbone_name="r3d_quarter", task_name="pace"
    )
    return "small"
