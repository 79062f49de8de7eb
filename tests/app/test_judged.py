"""The search measured against a person's judgements: hand-computed scores on vectors of known order; what cannot be measured."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import BadLabels, BadQuery, NotIndexed
from app.evaluation.condensed import found_moments
from app.evaluation.judged import evaluate_judgements, store_judged
from app.find_similar import ClipQuery, Hit, MomentQuery, find_similar
from app.index_library import index_library
from app.judge_moments import AskedQuery, ask_again, asked_query, judge, judged_uploads, verdict
from app.workspace import Workspace
from index.catalog import FileFingerprint, Judgement, VideoFacts
from index.errors import UnknownLibrary
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.tiny_encoder import write_tiny_encoder

DIM = 48


def near(axis: int, cosine: float, own_axis: int) -> list[float]:
    """A unit vector that has this cosine with an axis."""
    vector = np.zeros(DIM)
    vector[axis], vector[own_axis] = cosine, math.sqrt(1 - cosine**2)
    return list(vector)


def put(ws: Workspace, name: str, vector: Sequence[float], encoder: str = "default", library: str = "home") -> int:
    """A video of 2 s with one clip."""
    file = FileFingerprint(f"/videos/{name}.mp4", 1, 1, f"content of {name}")
    facts = VideoFacts(2.0, 64, 48, 25.0, "h264", "mp4")
    spans, flags = np.array([[0.0, 2.0]]), [0]
    return ws.catalog.put_embedded(
        library, file, facts, ws.encoder_id(encoder), spans, np.asarray([vector], np.float32), flags, [b"p"]
    )


class Videos:
    """A library `home`: videos q, r, s, t are queries on axes of their own; a to d lie at 0.9, 0.8, 0.7, 0.6 to q, in turned order
    to r; nothing but a is near s.
    """

    def __init__(self, ws: Workspace) -> None:
        self.ws = ws
        ws.catalog.add_library("home", [Path("/videos")])
        self.ids = {name: put(ws, name, near(axis, 1.0, 40)) for axis, name in enumerate("qrst")}
        for place, name in enumerate("abcd"):
            vector = np.zeros(DIM)
            vector[0], vector[1], vector[2] = 0.6 - 0.1 * place, 0.3 + 0.1 * place, 0.5 if name == "a" else -0.1
            vector[10 + place] = math.sqrt(1 - float(np.sum(vector**2)))
            self.ids[name] = put(ws, name, list(vector))

    def asked(self, name: str) -> AskedQuery:
        return asked_query(self.ws, MomentQuery(video_id=self.ids[name], at_s=0.0, end_s=2.0), f"{name}.mp4")

    def judge(self, query: str, relevant: str = "", other: str = "", at_s: float = 0.0) -> None:
        for name in relevant + other:
            judge(self.ws, self.asked(query), hit(self.ids[name], at_s, at_s + 2.0), name in relevant)


def hit(video_id: int, start_s: float, end_s: float, rank: int = 1) -> Hit:
    return Hit(
        rank=rank, video_id=video_id, path=Path("/v.mp4"), library="home", start_s=start_s, end_s=end_s, score=0.5, clip_ordinal=0,
        flagged=False,
    )  # fmt: skip


@pytest.fixture
def videos(ws: Workspace) -> Videos:
    return Videos(ws)


def test_the_drawn_order_is_the_one_reckoned_with(videos: Videos) -> None:
    def order(name: str) -> list[int]:
        return [one.video_id for one in find_similar(videos.ws, MomentQuery(video_id=videos.ids[name], at_s=0.0, end_s=2.0)).hits]

    assert order("q")[:5] == [videos.ids[name] for name in "qabcd"]
    assert order("r")[:5] == [videos.ids[name] for name in "rdcba"]
    assert order("s")[:2] == [videos.ids[name] for name in "sa"]


def test_hand_computed_scores(videos: Videos) -> None:
    videos.judge("q", relevant="cd", other="a")  # a wrong, (b not judged), c right, d right
    videos.judge("r", relevant="d", other="ab")  # d right, (c), b wrong, a wrong
    videos.judge("s", relevant="a")
    videos.judge("s", relevant="b", at_s=50.0)  # never found: the video has no such second
    videos.judge("t", other="abc")  # nothing right is known: takes no part
    told: list[tuple[str, int, int]] = []

    report = evaluate_judgements(videos.ws, "home", on_query=lambda *given: told.append(given))

    (scores,) = report.scores
    assert told == [("default", 1, 3), ("default", 2, 3), ("default", 3, 3)]
    assert [query.name for query in scores.queries] == [f"{name}.mp4, 0.0 to 2.0 s" for name in "qrs"]
    assert [query.first_hit for query in scores.queries] == [1, 0, 0]
    precisions = [(1 / 2 + 2 / 3) / 2, 1.0, 1 / 2]
    assert [query.average_precision for query in scores.queries] == pytest.approx(precisions)
    assert [(query.judged_in_10, query.relevant_in_10) for query in scores.queries] == [(3, 2), (3, 1), (1, 1)]
    assert [(query.num_relevant, query.num_other) for query in scores.queries] == [(2, 1), (1, 2), (2, 0)]
    assert scores.top_k == {1: pytest.approx(2 / 3), 5: 1.0, 10: 1.0, 20: 1.0, 50: 1.0}
    assert scores.mean_average_precision == pytest.approx(sum(precisions) / 3)
    assert scores.precision_at_10 == pytest.approx((2 / 3 + 1 / 3 + 1) / 3)
    assert scores.chance == pytest.approx((2 / 3 + 1 / 3 + 1) / 3)
    assert scores.top_1_interval.low < 2 / 3 < scores.top_1_interval.high == 1.0
    assert (report.num_queries, report.num_judgements) == (3, 8)
    assert (report.num_unopposed, report.num_without_relevant, report.num_unsearchable, report.left_out) == (1, 1, 0, ())


def test_rows_and_sentences_and_json(videos: Videos) -> None:
    videos.judge("q", relevant="cd", other="a")
    videos.judge("s", relevant="a")
    videos.judge("t", other="abc")
    report = evaluate_judgements(videos.ws, "home")

    (row,) = report.rows()
    assert {key: row[key] for key in ("encoder", "queries", "judgements", "top_1", "top_5", "judged_in_10")} == {
        "encoder": "default", "queries": 2, "judgements": 4, "top_1": 0.5, "top_5": 1.0, "judged_in_10": 4,
    }  # fmt: skip
    assert row["mean_average_precision"] == round((7 / 12 + 1) / 2, 4)
    assert (row["top_1_low"], row["top_1_high"], row["chance"]) == (0.0, 1.0, round((2 / 3 + 1) / 2, 4))
    notes = " ".join(report.notes())
    assert "1 of 2 queries has no hit judged not relevant" in notes and "fewer than 10 queries; here are 2" in notes
    assert "Not surely better than a random order of the judged moments (top-1): default." in notes
    assert "none of their hits was judged relevant: 1 query." in notes
    stored = json.loads(json.dumps(report.to_dict()))
    assert stored == report.to_dict()
    assert stored["scores"][0]["queries"][0]["first_hit"] == 1
    assert stored["rows"] == report.rows()


def test_two_encoders_get_the_same_questions(videos: Videos, home: Path) -> None:
    videos.judge("q", relevant="cd", other="a")
    videos.judge("r", relevant="d", other="a")
    write_tiny_encoder(home / "encoders" / "other.onnx", name="other", seed=1)
    with pytest.raises(NotIndexed, match="'home' is not indexed with encoder 'other'"):
        evaluate_judgements(videos.ws, "home", encoders=["default", "other"])
    for place, name in enumerate("qcab"):  # c is nearest to q now; r, d are not embedded
        put(videos.ws, name, near(0, 1.0 - 0.2 * place, 1 + place), encoder="other")

    report = evaluate_judgements(videos.ws, "home", encoders=["default", "other", "default"])

    assert [scores.encoder for scores in report.scores] == ["default", "other"]
    assert [scores.top_k[1] for scores in report.scores] == [0.0, 1.0]
    assert [[query.name[0] for query in scores.queries] for scores in report.scores] == [["q"], ["q"]]
    assert (report.num_judgements, report.num_unsearchable, report.num_without_relevant) == (2, 2, 1)  # d is out; r has only a left
    assert "Only hits of default were judged, so what other alone would find counts for nothing." in report.notes()


def test_untrained_networks_stand_beside__asked_the_same(videos: Videos, home: Path) -> None:
    videos.judge("q", relevant="cd", other="a")
    videos.judge("r", relevant="d", other="a")
    for seed, name in enumerate(("full", "part"), start=5):
        write_tiny_encoder(home / "encoders" / f"{name}.onnx", name=name, seed=seed, task="untrained")
    for place, name in enumerate("qcdabr"):
        put(videos.ws, name, near(0, 1.0 - 0.1 * place, 1 + place), encoder="full")
        put(videos.ws, name, near(0, 1.0 - 0.1 * place, 1 + place), encoder="colour")
        if name != "d":
            put(videos.ws, name, near(0, 1.0 - 0.1 * place, 1 + place), encoder="part")

    report = evaluate_judgements(videos.ws, "home")

    (own,) = report.scores
    assert [(scores.encoder, scores.is_floor) for scores in report.beside] == [("colour", False), ("full", True)]
    assert report.lacking == ("part",)
    assert own.floor == report.beside[1].top_k[1] == 1.0
    assert [row["encoder"] for row in report.rows()] == ["default", "colour", "full"]
    notes = " ".join(report.notes())
    assert "default: the interval 0.00 to 1.00 covers the untrained network's 1.000." in notes
    assert "for want of vectors: part" in notes
    assert report.num_judgements == 5


def test_a_stored_run_knows_the_hashes_of_all_that_it_shows(videos: Videos, home: Path) -> None:
    videos.judge("q", relevant="c", other="a")
    write_tiny_encoder(home / "encoders" / "full.onnx", name="full", seed=5, task="untrained")
    for place, name in enumerate("qcabdr"):
        put(videos.ws, name, near(0, 1.0 - 0.1 * place, 1 + place), encoder="full")
    run_id = store_judged(videos.ws, evaluate_judgements(videos.ws, "home"))
    run = videos.ws.catalog.evaluation_run(run_id)
    assert run is not None and run.settings["asked"] == ["default"]
    assert run.settings["encoders"]["full"]["sha256"] == videos.ws.encoder_card("full").weights_sha256


def test_a_floor_that_cannot_ask_every_query_is_not_set_beside(videos: Videos, home: Path) -> None:
    """It has all that was judged, but not the video that was asked with."""
    videos.judge("q", relevant="c", other="a")
    videos.judge("r", relevant="d", other="a")
    write_tiny_encoder(home / "encoders" / "part.onnx", name="part", seed=5, task="untrained")
    for place, name in enumerate("qcda"):
        put(videos.ws, name, near(0, 1.0 - 0.1 * place, 1 + place), encoder="part")
    report = evaluate_judgements(videos.ws, "home")
    assert (report.beside, report.lacking, report.scores[0].floor) == ((), ("part",), None)


def test_judgements_have_a_fingerprint(videos: Videos) -> None:
    videos.judge("q", relevant="cd", other="a")
    before, again = (evaluate_judgements(videos.ws, "home").fingerprint for _ in range(2))
    videos.judge("q", other="c")
    assert before == again != evaluate_judgements(videos.ws, "home").fingerprint
    assert len(before) == 64


def test_look_is_weighed_only_where_it_is_apart_from_movement(videos: Videos) -> None:
    videos.judge("q", relevant="a", other="b")
    with pytest.raises(BadQuery, match="does not keep movement and look apart"):
        evaluate_judgements(videos.ws, "home", look=0.5)
    assert evaluate_judgements(videos.ws, "home").looks == {}


def test_nothing_to_measure_with__one_sentence(videos: Videos) -> None:
    with pytest.raises(UnknownLibrary):
        evaluate_judgements(videos.ws, "elsewhere")
    with pytest.raises(BadLabels, match="No judgements in library 'home': search in the page and press r / x on hits"):
        evaluate_judgements(videos.ws, "home")
    videos.judge("q", other="ab")
    with pytest.raises(BadLabels, match="None of the 2 judgements in library 'home' says relevant"):
        evaluate_judgements(videos.ws, "home")
    videos.ws.catalog.mark_missing([videos.ids["a"], videos.ids["b"]])
    with pytest.raises(BadLabels, match="The 2 judgements in library 'home' are of videos that are gone or"):
        evaluate_judgements(videos.ws, "home")


def test_queries_that_cannot_be_asked_again_are_left_out_and_counted(videos: Videos, ws: Workspace, tmp_path: Path) -> None:
    videos.judge("q", relevant="a", other="b")
    gone = ws.uploads_folder / "0123.mp4"
    for path, name in ((gone, "holiday.mp4"), (tmp_path / "gone.mp4", "gone.mp4")):
        judge(ws, asked_query(ws, ClipQuery(path=path), name), hit(videos.ids["a"], 0, 2), True)
    other = ws.catalog.put_broken("home", FileFingerprint("/videos/x.mp4", 1, 1, "no clips"), "no video")
    judge(ws, asked_query(ws, MomentQuery(video_id=other, at_s=0.0, end_s=1.0), "x.mp4"), hit(videos.ids["a"], 0, 2), True)

    report = evaluate_judgements(ws, "home")

    assert report.num_queries == 1
    assert [name for name, _ in report.left_out] == ["holiday.mp4", "gone.mp4", "x.mp4, 0.0 to 1.0 s"]
    assert [why for _, why in report.left_out] == [
        "holiday.mp4: the uploaded clip is no longer kept; upload it and search by it again.",
        f"{tmp_path / 'gone.mp4'} is not there now; is its disk plugged in?",
        "x.mp4, 0.0 to 1.0 s: no library holds this video with vectors of encoder 'default' now; index its folder.",
    ]
    assert any("cannot be asked again: 3 queries. First: holiday.mp4" in note for note in report.notes())
    ws.catalog.remove_judgement(videos.ids["a"], videos.asked("q").stored, 0, 2)
    with pytest.raises(BadLabels, match=r"No judged query of library 'home' can be asked again\. First: holiday\.mp4"):
        evaluate_judgements(ws, "home")


def test_an_upload_is_asked_again_by_its_kept_file__a_moved_video_by_its_content(ws: Workspace, folder: Path) -> None:
    index_library(ws, "home", [folder])
    upload = draw_moving_picture(ws.uploads_folder / "0123.mp4", seed=0)  # shows what a.mp4 shows
    by_upload = asked_query(ws, ClipQuery(path=upload, start_s=0.5, end_s=2.5), "mine.mp4")
    long = ws.catalog.find_video(folder / "below" / "long.mp4")
    assert long is not None
    by_moment = asked_query(ws, MomentQuery(video_id=long.id, at_s=1.00004, end_s=3.0), "long.mp4")
    hits = {one.path.name: one for one in find_similar(ws, ClipQuery(path=upload), one_per_video=True).hits}
    for asked in (by_upload, by_moment):
        judge(ws, asked, hits["a.mp4"], True)
        judge(ws, asked, hits["b.mp4"], False)
    assert judged_uploads(ws) == {"0123.mp4"}
    (folder / "below" / "long.mp4").rename(folder / "renamed.mp4")
    index_library(ws, "home", [folder])

    assert ask_again(ws, by_upload) == ClipQuery(path=upload, start_s=0.5, end_s=2.5)
    assert ask_again(ws, by_moment) == MomentQuery(video_id=long.id, at_s=1.0, end_s=3.0)
    report = evaluate_judgements(ws, "home")
    assert [query.name for query in report.scores[0].queries] == ["mine.mp4, 0.5 to 2.5 s", "long.mp4, 1.0 to 3.0 s"]
    assert report.scores[0].queries[0].first_hit == 0


def test_a_query_of_another_version_is_told(ws: Workspace) -> None:
    with pytest.raises(BadQuery, match="'melody'"):
        ask_again(ws, AskedQuery(stored={"kind": "melody"}, name="a.mp4"))


def test_verdict__that_of_the_nearest_judgement(videos: Videos) -> None:
    asked = videos.asked("q")
    judge(videos.ws, asked, hit(videos.ids["a"], 10.0, 12.0), True)
    judge(videos.ws, asked, hit(videos.ids["a"], 11.0, 13.0), False)  # half in common is another moment
    known = videos.ws.catalog.judgements(query=asked.stored)
    assert [verdict(known, hit(videos.ids["a"], start, start + 2)) for start in (10.2, 11.2, 14.0)] == [True, False, None]
    assert verdict(known, hit(videos.ids["b"], 10.0, 12.0)) is None
    judge(videos.ws, asked, hit(videos.ids["a"], 9.9, 11.9), None)
    assert [one.relevant for one in videos.ws.catalog.judgements(query=asked.stored)] == [False]


def told(*moments: tuple[int, float, float]) -> list[Judgement]:
    import datetime

    made = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    anything: dict[str, Any] = {}
    return [Judgement(place, video, None, anything, "", *span, True, made) for place, (video, *span) in enumerate(moments)]


@pytest.mark.parametrize(
    ("judged", "hits", "found"),
    [
        ([(1, 0, 2)], [(1, 1, 3)], [(0, 0)]),  # just half in common
        ([(1, 0, 2)], [(1, 1.1, 3.1)], []),
        ([(1, 0, 2)], [(2, 0, 2)], []),
        ([(1, 0, 2), (1, 1, 3)], [(1, 1, 3)], [(0, 1)]),  # the one it shares most with
        ([(1, 0, 2), (1, 1, 3)], [(1, 0.9, 2.9), (1, 0.0, 2.0)], [(0, 1), (1, 0)]),
        ([(1, 0, 2)], [(1, 0, 2), (1, 0.5, 2.5)], [(0, 0)]),  # found once
        ([(1, 4, 5)], [(2, 4, 5), (1, 0, 20)], [(1, 0)]),  # half of the shorter
    ],
)
def test_found_moments(
    judged: list[tuple[int, float, float]], hits: list[tuple[int, float, float]], found: list[tuple[int, int]]
) -> None:
    assert found_moments(told(*judged), [hit(*one) for one in hits]) == found
