"""What stored evaluation runs are read as, and how they are drawn."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from app.errors import BadRun
from app.evaluation.chart_theme import to_svg
from app.evaluation.charts import confusion_chart, per_label_chart, top_k_chart
from app.evaluation.embedding_map import EmbeddingMap, MapPoint, map_chart
from app.evaluation.interval_charts import difference_chart, past_runs_chart
from app.evaluation.run_reader import read_run
from app.evaluation.run_view import Confusion, RunView, Share
from index.catalog.records import EvaluationRun
from tests.helpers.stored_run import LABELS, stored_run

HOSTILE = '<b a="1">&\'😀'


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def text_places(svg: str) -> dict[str, float]:
    """How far from the left edge each text begins, px."""
    found = {}

    def walk(element: ElementTree.Element, left_px: float) -> None:
        moved = re.match(r"translate\(([-\d.]+)", element.get("transform", ""))
        left_px += float(moved[1]) if moved else 0.0
        if element.text and element.tag.endswith("text"):
            found[element.text] = left_px
        for child in element:
            walk(child, left_px)

    walk(ElementTree.fromstring(svg), 0.0)
    return found


@pytest.fixture(scope="module")
def view() -> RunView:
    return read_run(stored_run())


def test_rows_have_their_curve_with_intervals(view: RunView) -> None:
    row = view.rows[0]
    assert row.top_k[1] == Share(value=pytest.approx(4 / 6), low=pytest.approx(4 / 6 - 0.211), high=pytest.approx(4 / 6 + 0.122))
    assert row.top_k[5].value == pytest.approx(5 / 6)
    assert (row.num_queries, row.num_gallery, row.num_labels, row.floor, row.standing) == (6, 3, 3, 1 / 6, "above")
    assert [found.encoder.floor for found in view.rows] == [False, True]


def test_labels_have_their_share_and_number_of_queries(view: RunView) -> None:
    assert [(share.label, share.top_1, share.num_queries) for share in view.rows[0].per_label] == [
        *(("clap", 0.5, 2), ("jump", 0.5, 2), ("wave", 1.0, 2)),
    ]


def test_confusion_counts_the_nearest_video_of_each_query(view: RunView) -> None:
    confusion = view.rows[0].confusion()
    assert confusion.labels == LABELS
    # clap: one right, one whose nearest is a jump; jump: one right, one whose nearest is a clap; wave: both right
    assert confusion.counts == ((1, 1, 0), (1, 1, 0), (0, 0, 2))
    assert confusion.unanswered == 0


def test_confusion__a_query_without_any_answer_is_counted_apart() -> None:
    run = stored_run()
    run.results["queries"][0][4][3] = []
    confusion = read_run(run).rows[0].confusion()
    assert confusion.counts[2] == (0, 0, 1) and confusion.unanswered == 1


def test_worst_queries__none_found_first_then_the_latest_then_by_path() -> None:
    run = stored_run()
    for place, first in ((0, 1), (1, 2), (4, None), (5, 2)):
        run.results["queries"][0][place][1] = first
    row = read_run(run).rows[0]
    names = [query.video.path.rpartition("/")[2] for query in row.worst()]
    assert names == ["3.mp4", "4.mp4", "1.mp4", "5.mp4", "0.mp4"]  # 2.mp4 is right
    assert [query.video.path for query in row.worst(2)] == ["/videos/test/3.mp4", "/videos/test/4.mp4"]
    assert [video.label for video, _ in row.worst(1)[0].nearest] == ["clap", "wave"]


def test_read_run__optional_keys_may_be_missing() -> None:
    run = stored_run()
    row = {key: value for key, value in run.results["rows"][0].items() if not key.endswith(("_low", "_high", "floor"))}
    del row["per_label_top_1"]
    view = read_run(replace(run, library=None, settings={}, results={"rows": [row]}))
    assert view.rows[0].top_k[1].low is None and view.rows[0].standing == ""
    assert view.rows[0].queries == () and view.rows[0].confusion().labels == () and view.rows[0].worst() == []
    assert (view.library, view.warnings, view.left_out) == ("", (), ())


def test_read_run__runs_of_before_formats_had_numbers_know_encoders_by_name() -> None:
    run = stored_run()
    view = read_run(replace(run, settings={"labels": "x.csv", "encoders": ["default"]}, results={"rows": run.results["rows"]}))
    assert [encoder.name for encoder in view.encoders] == ["default", "untrained-1"]  # the second by its row alone
    assert view.rows[0].per_label[0].num_queries is None


def test_read_run__all_that_some_version_did_not_store_may_be_missing() -> None:
    row = {"group": "", "encoder": "old", "way": "mean", "class_mean_top_1": 0.45}
    view = read_run(replace(stored_run(), settings={}, results={"rows": [row]}))
    (read,) = view.rows
    assert (read.class_mean_top_1, read.top_k, read.per_label, read.queries) == (Share(value=0.45), {}, (), ())
    assert (read.mean_average_precision, read.chance, read.floor, read.num_queries, read.num_gallery) == (None,) * 5
    assert ([encoder.name for encoder in view.encoders], view.fingerprint) == (["old"], "")
    (kept,) = read_run(
        replace(stored_run("cloze"), settings={}, results={"rows": [{"encoder": "old", "mean_recall": 0.3}]})
    ).flat_rows
    assert kept == {"encoder": "old", "mean_recall": 0.3}


def test_read_run__lists_that_are_null_are_empty() -> None:
    run = stored_run()
    view = read_run(replace(run, results=run.results | dict.fromkeys(("left_out", "checks", "warnings", "confusions"))))
    assert (view.left_out, view.checks, view.warnings, view.confusions) == ((), (), (), ())


def damage_video(run: EvaluationRun) -> None:
    run.results["queries"][0][0][0] = 99


def damage_gallery(run: EvaluationRun) -> None:
    run.results["galleries"] = [[99], []]


def damage_galleries(run: EvaluationRun) -> None:
    run.results["galleries"] = [[0]]


def damage_rows(run: EvaluationRun) -> None:
    run.results["queries"].pop()


def damage_number(run: EvaluationRun) -> None:
    run.results["rows"][0]["top_1"] = "many"


def damage_confusion(run: EvaluationRun) -> None:
    run.results["confusions"] = [{"title": "", "labels": ["a", "b"], "counts": [[1, 2]]}]


def damage_interval(run: EvaluationRun) -> None:
    run.results["rows"][0]["top_1_low"] = "0.2"


def damage_share(run: EvaluationRun) -> None:
    run.results["rows"][0]["chance"] = float("nan")


def damage_count(run: EvaluationRun) -> None:
    run.results["rows"][0]["queries"] = float("inf")


def damage_names(run: EvaluationRun) -> None:
    run.settings["encoders"] = "default"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_video, "video 99 of 9"),
        (damage_gallery, "video 99 of 9"),
        (damage_galleries, "2 rows, galleries of 1"),
        (damage_rows, "2 rows, queries of 1"),
        (damage_number, "'many'"),
        (damage_confusion, "confusion of 2 labels"),
        (damage_interval, "'0.2' is no number"),
        (damage_share, "nan is no number"),
        (damage_count, "inf is no number"),
        (damage_names, "'default', which is no list"),
    ],
)
def test_read_run__names_the_run_and_what_is_wrong_with_it(damage: Callable[[EvaluationRun], None], said: str) -> None:
    run = stored_run()
    damage(run)
    with pytest.raises(BadRun, match=f"run 12 .*{said}"):
        read_run(run)


@pytest.mark.parametrize("results", [[], {}, {"rows": 3}, {"rows": [7]}, {"rows": [{"encoder": "a"}]}])
def test_read_run__what_is_no_table_is_said(results: Any) -> None:
    for settings in ({}, {"encoders": {"a": 1}}, None):
        with pytest.raises(BadRun, match=r"run 12 .*cannot be read.* Measure again: vret eval retrieval"):
            read_run(replace(stored_run(), settings=settings, results=results))


def test_read_run__an_unknown_format_is_said() -> None:
    run = stored_run()
    with pytest.raises(BadRun, match=r"run 12 has format 7; this version of vret reads 1"):
        read_run(replace(run, settings=run.settings | {"format": 7}))


def test_curve__the_untrained_network_is_dashed_and_guessing_has_its_number(view: RunView) -> None:
    svg = to_svg(top_k_chart(view.rows))
    assert svg.count('stroke-dasharray="5,4"') == 2  # its line, and its sign in the legend
    assert {"default", "untrained-1", "guessing, k = 1: 0.333"} <= set(texts(svg))


@pytest.mark.parametrize(("width_px", "beside"), [(370, False), (720, True)])
def test_curve__names_are_whole_in_a_narrow_chart_too(view: RunView, width_px: int, beside: bool) -> None:
    names = [f"untrained-r2plus1d_half-{seed}" for seed in (1, 2)]
    rows = [replace(row, encoder=replace(row.encoder, name=name)) for row, name in zip(view.rows, names, strict=True)]
    places = text_places(to_svg(top_k_chart(rows, width_px=width_px)))
    assert set(names) <= set(places)  # none is cut with an ellipsis
    first, second = (places[name] for name in names)
    assert (first != second) is beside
    assert second + 7 * len(names[1]) <= width_px


def test_curve__rows_of_several_ways_are_told_apart(view: RunView) -> None:
    row = view.rows[0]
    assert {"default, mean", "default, vcop"} <= set(texts(to_svg(top_k_chart([row, replace(row, way="vcop")]))))


def test_bars_and_heat_map_have_the_numbers_of_the_run(view: RunView) -> None:
    row = view.rows[0]
    assert [text for text in texts(to_svg(per_label_chart(row))) if " of " in text] == ["1 of 2", "1 of 2", "2 of 2"]
    assert [text for text in texts(to_svg(confusion_chart(row.confusion()))) if text.isdigit()] == ["1", "1", "1", "1", "2"]


def drawn(view: RunView, points: tuple[MapPoint, ...]) -> list[Any]:
    row = view.rows[0]
    return [
        top_k_chart(view.rows),
        per_label_chart(row),
        confusion_chart(row.confusion()),
        past_runs_chart({"run 1": row, "run 2": view.rows[1]}),
        difference_chart({"a": Share(value=0.1, low=0.02, high=0.2), "b": Share(value=-0.1)}, axis="b minus a"),
        map_chart(EmbeddingMap(encoder="default", points=points)),
    ]


@pytest.mark.parametrize("labels", [(HOSTILE, "x" * 200, "a\nb"), tuple(f"label {place:03d}" for place in range(101))])
def test_charts__any_labels_are_drawn_as_text_in_one_svg_that_loads_nothing(labels: tuple[str, ...]) -> None:
    view = read_run(stored_run(labels=labels))
    points = tuple(MapPoint(path=f"/{i}.mp4", label=label, split="test", x=0.0, y=0.0) for i, label in enumerate(labels))
    for chart in drawn(view, points):
        chart.to_dict()  # holds it against Altair's schema
        svg = to_svg(chart)
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(svg).iter()}
        assert tags <= {"svg", "g", "path", "text", "line", "rect", "title"}, tags
        assert 'id="' not in svg and "url(" not in svg and "href" not in svg
    if HOSTILE in labels:
        assert HOSTILE in texts(to_svg(map_chart(EmbeddingMap(encoder="default", points=points))))


def test_heat_map__numbers_stand_in_the_cells_of_few_labels_only() -> None:
    def numbers(size: int) -> int:
        labels = tuple(f"l{place:02d}" for place in range(size))
        counts = tuple(tuple(7 * (row == column) for column in range(size)) for row in range(size))
        return texts(to_svg(confusion_chart(Confusion(title="", labels=labels, counts=counts)))).count("7")

    assert (numbers(2), numbers(20), numbers(21)) == (2, 20, 0)


def test_map__a_click_selects_the_number_of_the_video() -> None:
    points = tuple(MapPoint(path=f"/{i}.mp4", label="a", split=split, x=i / 2, y=0.0) for i, split in enumerate(("train", "test")))
    spec = map_chart(EmbeddingMap(encoder="default", points=points)).to_dict()
    (picked,) = [parameter for parameter in spec["params"] if parameter["name"] == "picked"]
    assert picked["select"]["fields"] == ["video"]
    (values,) = spec["datasets"].values()
    assert [(value["video"], value["name"], value["split"]) for value in values] == [(0, "0.mp4", "train"), (1, "1.mp4", "test")]


@pytest.mark.parametrize(("num_labels", "repeats"), [(20, False), (21, True)])
def test_map__more_labels_than_colours_are_said(num_labels: int, repeats: bool) -> None:
    points = tuple(MapPoint(path="/a.mp4", label=f"label {i}", split="", x=0.0, y=0.0) for i in range(num_labels))
    shown = texts(to_svg(map_chart(EmbeddingMap(encoder="default", points=points))))
    assert any("colours repeat" in text for text in shown) is repeats
    assert ("label 3" in shown) is not repeats  # the legend
