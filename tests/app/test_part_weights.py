"""Movement against look, on one index: `--look` from outside."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import index.search
from app.errors import BadQuery, WrongValue
from app.evaluation.judged import evaluate_judgements, store_judged
from app.evaluation.retrieval import evaluate_retrieval
from app.evaluation.run_summary import summary_of
from app.evaluation.ways import Way
from app.find_similar import ClipQuery, EmbeddedQuery, MomentQuery, SearchResult, embed_for_search, find_similar
from app.index_library import index_library
from app.judge_moments import asked_query, judge
from app.labels.read_labels import read_labels
from app.workspace import Workspace
from embedder.encoder_card import DEFAULT_LOOK
from embedder.errors import EncoderError
from index.search.query import QueryClips
from pretrain.join_encoders import join_encoders
from tests.app.test_commands import failed, ok
from tests.helpers.tiny_encoder import write_tiny_encoder
from tests.helpers.whole_command import vret

SPANS_S = (1.0, 2.0)


@pytest.fixture
def joined(ws: Workspace, folder: Path) -> Workspace:
    """Indexed with `motion`, with `look`, and with `both`, which is the two joined."""
    encoders = ws.encoders_folder
    motion = write_tiny_encoder(encoders / "motion.onnx", dim=40, spans_s=SPANS_S)
    look = write_tiny_encoder(encoders / "look.onnx", dim=24, spans_s=SPANS_S, seed=7, task="look")
    join_encoders(motion, look, encoders / "both.onnx", name="both")
    for name in ("motion", "look", "both"):
        index_library(ws, "home", [folder], encoder_name=name)
    return ws


def found(ws: Workspace, query: ClipQuery | MomentQuery, encoder: str, look: float | None = None) -> SearchResult:
    return find_similar(ws, query, encoder_name=encoder, look=look, one_per_video=True)


@pytest.mark.parametrize(("look", "alone"), [(0.0, "motion"), (1.0, "look")])
@pytest.mark.parametrize("seconds", [2.0, 5.0])
def test_either_end_ranks_as_that_encoder_alone(joined: Workspace, folder: Path, look: float, alone: str, seconds: float) -> None:
    long = folder / "below" / "long.mp4"
    for query in (ClipQuery(path=long, start_s=0.4, end_s=0.4 + seconds), MomentQuery(path=long, at_s=0.5, end_s=0.5 + seconds)):
        own, both = found(joined, query, alone), found(joined, query, "both", look)
        assert len(own.hits) == 4
        assert [hit.path for hit in both.hits] == [hit.path for hit in own.hits]
        for one, other in zip(both.hits, own.hits, strict=True):
            assert one.score == pytest.approx(other.score, abs=3e-3)
            assert (one.start_s, one.end_s) == pytest.approx((other.start_s, other.end_s), abs=0.05)
        assert (own.look, both.look) == (None, look)


def test_between_the_ends_both_count(joined: Workspace, folder: Path) -> None:
    query = ClipQuery(path=folder / "a.mp4")
    scores = {look: {hit.path: hit.score for hit in found(joined, query, "both", look).hits} for look in (0.0, 0.5, 1.0)}
    for path, score in scores[0.5].items():
        # Not above the least of both: the best place of the one need not be that of the other.
        assert score <= max(scores[0.0][path], scores[1.0][path]) + 0.01
    assert all(values[folder / "a.mp4"] == pytest.approx(1, abs=0.01) for values in scores.values())
    assert scores[0.0] != scores[1.0]


def test_one_clip_is_the_weighted_sum_of_its_cosines() -> None:
    """No mean of parts, so exactly what the scale promises; and means of parts stay cosines at the ends."""
    rng = np.random.default_rng(5)
    motion, look = (rng.normal(size=(6, dim)) for dim in (5, 3))
    motion, look = (part / np.linalg.norm(part, axis=1, keepdims=True) for part in (motion, look))
    rows = np.concatenate([motion, look], axis=1).astype(np.float32) / np.float32(np.sqrt(2))
    spans = np.array([[0.0, 2.0], *[[0.0, 1.0]] * 5])
    for weight in (0.0, 0.35, 1.0):
        scale = np.repeat(np.float32([2 * (1 - weight), 2 * weight]), [5, 3])
        query = QueryClips(2.0, spans, 3 * rows, whole=0, parts=np.arange(6), scale=scale)
        whole, parts, (level,) = query.whole_vector(), query.parts_vector(), query.levels()
        assert whole is not None
        assert parts is not None
        cosines = (1 - weight) * motion @ motion.T + weight * look @ look.T
        np.testing.assert_allclose(rows @ whole, cosines[0], atol=1e-6)
        np.testing.assert_allclose(level.vectors @ rows.T, cosines[1:], atol=1e-6)
        mean = rows.mean(axis=0)
        length = np.linalg.norm(mean * np.sqrt(scale))
        assert mean @ parts / length == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="scale must be"):
        QueryClips(2.0, spans, rows, whole=0, scale=np.ones(7, np.float32))


@pytest.mark.parametrize("look", [0.0, 0.35, 1.0])
def test_a_search_knows_what_each_part_weighs(
    joined: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch, look: float
) -> None:
    asked: list[QueryClips] = []
    real = index.search.find_moments

    def listening(catalog: Any, vectors: Any, encoder_id: int, clips: QueryClips, **options: Any) -> Any:
        asked.append(clips)
        return real(catalog, vectors, encoder_id, clips, **options)

    monkeypatch.setattr(index.search, "find_moments", listening)
    for encoder, weight in (("both", look), ("motion", None), ("look", None)):
        found(joined, ClipQuery(path=folder / "a.mp4"), encoder, weight)
    both, motion, by_look = asked
    assert both.part_weights == ((40, 1 - look), (24, look))
    assert (motion.part_weights, by_look.part_weights) == (None, None)
    assert (both.sees_look, motion.sees_look, by_look.sees_look) == (look > 0, False, True)
    assert (both.by_look_alone, motion.by_look_alone, by_look.by_look_alone) == (look == 1, False, True)


def test_the_default_weight(joined: Workspace, folder: Path) -> None:
    query = ClipQuery(path=folder / "b.mp4")
    default, given = found(joined, query, "both"), found(joined, query, "both", DEFAULT_LOOK)
    assert default.look == DEFAULT_LOOK
    assert default.hits == given.hits


def test_a_query_is_embedded_once_for_all_weights(joined: Workspace, folder: Path) -> None:
    path = folder / "copy.mp4"
    path.write_bytes((folder / "a.mp4").read_bytes())
    embedded = embed_for_search(joined, ClipQuery(path=path), encoder_name="both")
    path.unlink()
    results = [find_similar(joined, embedded, encoder_name="both", look=look) for look in (0.0, 1.0)]
    assert all(result.hits[0].path == folder / "a.mp4" for result in results)
    assert [result.provider for result in results] == ["CPUExecutionProvider"] * 2
    with pytest.raises(EncoderError, match="another encoder than the query was embedded with"):
        find_similar(joined, embedded, encoder_name="motion")
    assert isinstance(embedded, EmbeddedQuery)


def test_a_weight_where_there_is_nothing_to_weigh(joined: Workspace, ws: Workspace, folder: Path) -> None:
    query = ClipQuery(path=folder / "a.mp4")
    with pytest.raises(BadQuery, match=r"'motion' does not keep movement and look apart.* --encoder both\."):
        find_similar(joined, query, encoder_name="motion", look=0.5)
    (joined.encoders_folder / "both.onnx").unlink()
    with pytest.raises(BadQuery, match="vret encoders join motion LOOK --name NAME"):
        find_similar(joined, query, encoder_name="motion", look=0.5)
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(WrongValue, match="must be 0 to 1"):
            find_similar(joined, query, encoder_name="motion", look=wrong)


@pytest.fixture
def labels(folder: Path) -> Path:
    """Two queries, two to find."""
    file = folder / "labels.csv"
    rows = ["a.mp4,x,test", "b.mp4,x,train", "c.mp4,y,train", "below/long.mp4,y,test"]
    file.write_text("\n".join(["path,label,split", *rows]) + "\n")
    return file


@pytest.mark.parametrize(("look", "alone"), [(0.0, "motion"), (1.0, "look")])
@pytest.mark.parametrize("way", ["mean", "stored", "sequence"])
def test_evaluated__at_either_end_as_that_encoder_alone(joined: Workspace, labels: Path, look: float, alone: str, way: Way) -> None:
    label_set = read_labels(labels)
    both, own = (
        evaluate_retrieval(joined, "home", label_set, encoders=[name], ways=[way], look=weight)
        for name, weight in (("both", look), (alone, None))
    )
    assert (both.looks, own.looks) == ({"both": look}, {})
    for one, other in zip(both.rows[0].scores.queries, own.rows[0].scores.queries, strict=True):
        assert [place for place, _ in one.nearest] == [place for place, _ in other.nearest]
        np.testing.assert_allclose([found for _, found in one.nearest], [found for _, found in other.nearest], atol=3e-3)
    run, own_run = (joined.catalog.evaluation_run(report.run_id) for report in (both, own))
    assert run is not None
    assert own_run is not None
    assert run.settings["look"] == {"both": look}
    assert "look" not in own_run.settings
    assert f"look {look}" in summary_of(run).how


def test_evaluated__on_the_command_line(joined: Workspace, labels: Path) -> None:
    common = ("--labels", labels, "--library", "home", "--by", "mean")
    result = json.loads(ok("eval", "retrieval", *common, "-e", "motion", "-e", "both", "--look", "0.2", "--json"))
    assert result["look"] == {"both": 0.2}
    done = vret("eval", "retrieval", *common, "-e", "both")
    assert f"look: {DEFAULT_LOOK:g} with both" in done.stderr
    assert "--encoder both" in failed("eval", "retrieval", *common, "-e", "motion", "--look", "0.2")
    preset = ("eval", "retrieval", "--labels", labels, "--preset", "gap", "--look", "0.2")
    assert "--look" in failed(*preset, code=2)
    run = json.loads(ok("eval", "compare", "motion", "both", *common, "--look", "0.9", "--json"))["run"]
    stored = joined.catalog.evaluation_run(run)
    assert stored is not None
    assert stored.settings["look"] == {"both": 0.9}


def test_judgements__measured_with_a_weight(joined: Workspace, folder: Path) -> None:
    query = MomentQuery(path=folder / "a.mp4", at_s=0.5, end_s=2.5)
    hits = find_similar(joined, query, encoder_name="both", k=3).hits
    video = joined.catalog.find_video(folder / "a.mp4")
    assert video is not None
    asked = MomentQuery(video_id=video.id, at_s=query.at_s, end_s=query.end_s)
    for hit, relevant in zip(hits[1:], (True, False), strict=True):
        judge(joined, asked_query(joined, asked, "a.mp4"), hit, relevant, encoder_name="both")
    report = evaluate_judgements(joined, "home", encoders=["both", "motion"], look=0.9)
    assert report.looks == {"both": 0.9}
    run = joined.catalog.evaluation_run(store_judged(joined, report))
    assert run is not None
    assert run.settings["look"] == {"both": 0.9}


def test_on_the_command_line(joined: Workspace, folder: Path) -> None:
    result = json.loads(ok("search", folder / "a.mp4", "-e", "both", "--look", "0.8", "--json"))
    assert result["look"] == 0.8
    assert json.loads(ok("search", folder / "a.mp4", "-e", "motion", "--json"))["look"] is None
    assert "a number from 0 to 1" in failed("search", folder / "a.mp4", "-e", "both", "--look", "2", code=2)
    assert "--encoder both" in failed("search", folder / "a.mp4", "-e", "motion", "--look", "0.5")
