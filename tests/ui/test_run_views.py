"""Stored runs in lists, tables and side by side."""

from dataclasses import replace
from datetime import UTC, datetime

from app.evaluation.chart_theme import GREYS, RIGHT
from app.evaluation.interval_charts import past_runs_chart
from app.evaluation.run_view import Encoder, Query, RetrievalView, RunView, Share, Video
from app.evaluation.video_maps import labelled_videos
from app.ui.run_history import data_marks
from app.ui.run_words import verdict
from app.ui.runs_beside import beside, common_sections


def row(
    name: str,
    share: float,
    *,
    group: str = "",
    way: str = "mean",
    floor: bool = False,
    task: str = "",
    queries: tuple[Query, ...] = (),
    untrained: float | None = None,
) -> RetrievalView:
    return RetrievalView(
        group=group,
        encoder=Encoder(name=name, floor=floor, task=task),
        way=way,
        num_queries=40,
        num_gallery=60,
        num_labels=4,
        top_k={1: Share(value=share)},
        mean_average_precision=share,
        class_mean_top_1=Share(value=share, low=share - 0.1, high=share + 0.1),
        chance=0.25,
        floor=untrained,
        per_label=(),
        queries=queries,
    )


def run(number: int, *rows: RetrievalView, fingerprint: str = "f") -> RunView:
    return RunView(
        id=number,
        kind="retrieval",
        library="home",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        settings={},
        encoders=tuple({one.encoder.name: one.encoder for one in rows}.values()),
        fingerprint=fingerprint,
        rows=rows,
        flat_rows=(),
        confusions=(),
        left_out=(),
        checks=(),
        warnings=(),
    )


def test_data_marks__only_data_that_several_runs_have() -> None:
    assert data_marks(["b", "a", "", "b", "c", "a", ""]) == {"b": "A", "a": "B"}
    many = data_marks([str(number) for number in range(28)] * 2)
    assert (many["25"], many["26"], many["27"]) == ("Z", "A2", "B2")


def test_side_by_side__what_most_runs_measured_and_the_best_untrained_of_each() -> None:
    floors = [row("u1", 0.2, floor=True), row("u2", 0.3, floor=True)]
    first, second = run(1, row("one", 0.5), *floors), run(2, row("one", 0.6, way="stored"), row("two", 0.7))
    third = run(3, row("one", 0.8, group="x"))
    sections = common_sections([first, second, third])
    assert sections[0] == ("", "mean")
    assert list(beside([first, second, third], *sections[0])) == ["1: one", "1: u2 (untrained)", "2: two"]
    assert common_sections([run(5)]) == []


def test_side_by_side__raw_colour_learnt_nothing() -> None:
    untrained, colour = row("u", 0.3, floor=True, task="untrained"), row("raw-colour", 0.4, task="untrained")
    found = beside([run(1, colour, untrained, row("one", 0.5))], "", "mean")
    assert list(found) == ["1: one", "1: raw-colour (learnt nothing)"]
    (values,) = past_runs_chart(found).to_dict()["datasets"].values()
    colours = {value["name"]: value["colour"] for value in values}
    assert colours == {"1: one": RIGHT, "1: raw-colour (learnt nothing)": GREYS[0]}


def test_verdict() -> None:
    assert "lies above the best untrained network's 0.200" in verdict(row("one", 0.5, untrained=0.2))
    assert "covers the untrained network's 0.450" in verdict(row("one", 0.5, untrained=0.45))
    assert "lies below the untrained network's 0.700: here it is worse" in verdict(row("one", 0.5, untrained=0.7))
    assert "No untrained network" in verdict(row("one", 0.5))
    assert verdict(row("u", 0.5, floor=True)) == ""
    assert verdict(row("raw-colour", 0.5, task="untrained", untrained=0.5)) == ""


def test_map__each_video_once_queries_first() -> None:
    a, b, c = (Video(path=f"/v/{name}.mp4", label=name) for name in "abc")
    queries = tuple(Query(video=asked, first_hit=0, average_precision=1.0, nearest=((c, 0.5), (b, None))) for asked in (a, b))
    assert [(one.path.stem, one.split) for one in labelled_videos(row("one", 1.0, queries=queries))] == [
        ("a", "test"),
        ("b", "test"),
        ("c", "train"),
    ]
    with_gallery = replace(row("one", 1.0, queries=queries), gallery=(b, c, Video(path="/v/d.mp4", label="d")))
    assert [one.path.stem for one in labelled_videos(with_gallery)] == ["a", "b", "c", "d"]
