"""The HTML report of a run: one file with the numbers of the run, in which nothing is loaded and nothing runs."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.errors import ReportFileError
from app.evaluation.embedding_map import EmbeddingMap, MapPoint
from app.evaluation.report_html import report_html, write_report
from app.evaluation.run_reader import read_run
from app.evaluation.video_maps import ReportMaps
from index.catalog.records import EvaluationRun
from tests.helpers.stored_run import stored_run

HOSTILE = "<script>alert(\"1\")</script> & 'x' 😀"


class Page(HTMLParser):
    """What a browser would make of it: elements, attributes, text of each table cell and of all."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tables: list[list[list[str]]] = []
        self.text = ""
        self._cell = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._cell = True
        elif self._cell:
            self.tables[-1][-1][-1] += " "

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._cell:
            self.tables[-1][-1][-1] += data


def page_of(run: EvaluationRun, maps: ReportMaps | None = None) -> Page:
    return Page(report_html(read_run(run), maps))


def words(cell: str) -> str:
    return " ".join(cell.split())


def test_table__has_the_numbers_of_the_run() -> None:
    head, trained, untrained = page_of(stored_run()).tables[0]
    cells = dict(zip(head, map(words, trained), strict=True))
    assert cells == {
        "within": "EgoGestAR",
        "encoder": "default",
        "compared": "by mean vector",
        "queries": "6",
        "gallery": "3",
        "labels": "3",
        "top-1": "0.667 0.46\N{EN DASH}0.79",
        "top-5": "0.833 0.62\N{EN DASH}0.96",
        "mAP": "0.765",
        "class-mean top-1": "0.667 0.46\N{EN DASH}0.79",
        "chance": "0.333",
        "untrained": "0.167",
    }
    assert words(untrained[head.index("encoder")]) == "untrained-1 untrained"
    assert words(untrained[head.index("untrained")]) == ""


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.2, 0.9, ""), (0.1, 0.9, "covered"), (0.0, 0.1, "not reached")],
)
def test_table__says_where_the_interval_does_not_lie_above_the_untrained_network(low: float, high: float, said: str) -> None:
    run = stored_run()
    run.results["rows"][0] |= {"class_mean_top_1_low": low, "class_mean_top_1_high": high, "above_floor": low > 1 / 6}
    page = page_of(run)
    assert words(page.tables[0][1][-1]) == f"0.167 {said}".strip()
    assert ("Covered: the interval holds" in page.text) is bool(said)


def test_head__says_what_was_measured() -> None:
    text = page_of(stored_run()).text
    for said in (
        "Retrieval in actions",
        "/data/labels.csv (csv, split 1)",
        "EgoGestAR: 6 queries of 3 labels among 3 gallery videos",
        "each source",
        "standing",
        "r2plus1d_half, learnt by trajectory, weights ab3f9c1e77d2",
        "r2plus1d_half, learnt nothing, weights 77d2ab3f9c1e",
        "9d41c0aa" * 8,
        "2025-11-22 01:40 UTC",
        "run 12, vret 0.1.0",
        "One group is on both sides of the split.",
        "Top-k never falls as k grows.",
    ):
        assert said in text


def test_head__counts_the_queries_of_the_encoders_that_were_asked_for() -> None:
    run = stored_run()
    trained, untrained = run.results["rows"]
    less = untrained | {"queries": 1, "gallery": 2}
    text = page_of(stored_run(rows=[trained, less])).text
    assert "EgoGestAR: 6 queries of 3 labels among 3 gallery videos" in text and "1 query of" not in text
    both = replace(stored_run(rows=[trained, less]), settings=run.settings | {"asked": ["default", "untrained-1"]})
    said = "6 queries of 3 labels among 3 gallery videos (default), 1 query of 3 labels among 2 gallery videos (untrained-1)"
    assert said in page_of(both).text


def test_worst_queries_and_what_was_left_out_are_named() -> None:
    tables = page_of(stored_run()).tables
    worst = [[words(cell) for cell in line] for line in tables[1][1:]]
    assert worst == [
        ["3.mp4", "jump", "none found", "0.mp4 clap, 0.90 2.mp4 wave, 0.80"],
        ["1.mp4", "clap", "rank 3", "1.mp4 jump, 0.90 2.mp4 wave, 0.80 0.mp4 clap, 0.70"],
    ]
    assert tables[2][1:] == [["/videos/test/broken.mp4", "broken: no video stream"]]


def test_report__shows_twenty_of_more_worst_queries_and_says_how_many_there_are() -> None:
    run = stored_run(labels=[f"label {place:02d}" for place in range(30)])
    for query in run.results["queries"][0]:
        query[1] = 1
    page = page_of(run)
    assert len(page.tables[1]) == 1 + 20
    assert "20 of 60" in page.text


@pytest.mark.parametrize("labels", [("clap", "jump", "wave"), tuple(f"label {place:03d}" for place in range(101))])
def test_report__loads_nothing_runs_nothing_and_its_drawings_are_whole(labels: tuple[str, ...]) -> None:
    html = report_html(read_run(stored_run(labels=labels)))
    page = Page(html)
    assert set(page.tags) & {"script", "link", "img", "iframe", "object", "embed", "use", "image", "base", "form"} == set()
    assert {name for name, _ in page.attributes} & {"src", "href", "xlink:href", "srcset", "style", "action", "id"} == set()
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert set(re.findall(r"\w+://[^\s\"'<)]+", html)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "url(" not in html and "@import" not in html
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawings) == 3  # curve, bars, heat map of the trained network
    shown = {element.text for svg in drawings for element in ElementTree.fromstring(svg).iter()}
    assert set(labels) <= shown


def test_report__hostile_names_are_shown_and_do_nothing() -> None:
    run = stored_run(labels=(HOSTILE, "x" * 200, "wave"))
    run.results["videos"][1][0] = f"/videos/{HOSTILE}.mp4".replace("</", "<")
    run.results["videos"][7][0] = b"/videos/caf\xe9.mp4".decode("utf-8", "surrogateescape")
    run.results["left_out"] = [[HOSTILE, HOSTILE]]
    run.results["warnings"] = [HOSTILE]
    run.results["rows"][0]["group"] = run.results["rows"][1]["group"] = HOSTILE
    run = replace(run, library=HOSTILE, settings=run.settings | {"labels": HOSTILE, "ignored": [HOSTILE], HOSTILE: HOSTILE})
    html = report_html(read_run(run))
    page = Page(html)
    assert "script" not in page.tags and "<script" not in html
    assert page.text.count(HOSTILE) >= 8
    assert "caf%E9.mp4" in page.text
    html.encode("utf-8")


def test_report__what_is_optional_may_be_missing() -> None:
    run = stored_run()
    row = {key: value for key, value in run.results["rows"][0].items() if not key.endswith(("_low", "_high", "floor"))}
    del row["per_label_top_1"]
    page = page_of(replace(run, library=None, settings={}, results={"rows": [row]}))
    assert words(page.tables[0][1][page.tables[0][0].index("top-1")]) == "0.667"
    assert len(page.tables) == 1 and page.tags.count("svg") == 1
    assert page_of(stored_run(rows=[], queries=[])).tables[0] == [[]]


def test_report__of_a_run_that_stored_the_least() -> None:
    row = {"group": "", "encoder": "old", "way": "mean", "class_mean_top_1": 0.45}
    page = page_of(replace(stored_run(), settings={"encoders": ["old"]}, results={"rows": [row]}))
    assert [[words(cell) for cell in line] for line in page.tables[0]] == [
        ["encoder", "compared", "class-mean top-1"],
        ["old", "by mean vector", "0.450"],
    ]
    assert "their number was not stored" in page.text


def test_report__of_a_comparison_draws_the_differences_and_says_the_verdict() -> None:
    row: dict[str, Any] = {"group": "", "way": "mean", "queries": 48, "a": "default", "b": "mine", "verdict": "mine"}
    row |= {"difference": 0.125, "difference_low": 0.03, "difference_high": 0.22, "share_b_better": 0.99}
    unsure = row | {"way": "stored", "difference": -0.0417, "difference_low": -0.1, "difference_high": 0.02, "verdict": ""}
    page = page_of(stored_run("compare", rows=[row, unsure]))
    (head, *lines) = page.tables[0]
    assert "group" not in head  # nothing is in it
    assert [words(line[head.index("difference")]) for line in lines] == [
        "+0.125 +0.03 to +0.22",
        "\N{HYPHEN-MINUS}0.042 -0.10 to +0.02",
    ]
    assert [line[head.index("verdict")] for line in lines] == ["mine is better", "cannot be told"]
    assert "class-mean top-1 of mine minus that of default" in page.text


def test_report__of_any_other_kind_has_its_rows_and_a_heat_map_of_each_confusion() -> None:
    rows = [{"encoder": "untrained-1", "mean_recall": 0.412, "mean_recall_low": 0.33, "mean_recall_high": 0.5, "is_floor": True}]
    rows[0] |= {"chance": 0.2, "held_out": 18, "floor": 0.3}
    confusions = [{"title": f"matrix {name}", "labels": ["same", "rotated"], "counts": [[31, 2], [0, 17]]} for name in "ab"]
    run = stored_run("cloze", rows=rows, confusions=confusions)
    page = page_of(replace(run, settings=run.settings | {"tuples": 4, "seed": 0}))
    assert page.tables[0] == [
        ["encoder", "mean recall", "chance", "untrained", "held out"],
        ["untrained-1 untrained", "0.412 0.33\N{EN DASH}0.50", "0.200", "0.300", "18"],
    ]
    assert page.tags.count("svg") == 2
    assert "matrix b" in page.text and "31" in page.text and "tuples" in page.text


def test_report__with_a_map_of_the_videos() -> None:
    points = EmbeddingMap(encoder="default", points=(MapPoint(path="/a.mp4", label=HOSTILE, split="train", x=0.1, y=-0.2),))
    maps = ReportMaps(found={("EgoGestAR", "mean", "default"): points}, missing=(f"There is no map of {HOSTILE}",))
    page = page_of(stored_run(), maps)
    assert page.tags.count("svg") == page_of(stored_run()).tags.count("svg") + 1
    assert "near each other are those that the encoder finds alike" in page.text
    assert f"There is no map of {HOSTILE}" in page.text and "script" not in page.tags


def test_write_report__replaces_a_report_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text(report_html(read_run(stored_run())).replace("Retrieval in actions", "old"), encoding="utf-8")
    write_report(read_run(stored_run()), target)
    assert "Retrieval in actions" in target.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [target]


def test_write_report__where_it_cannot_be_written_it_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("my own page")
    for target, said in (
        (tmp_path, f"{tmp_path} is a folder; name the report's file"),
        (tmp_path / "none" / "report.html", f"there is no folder {tmp_path / 'none'}"),
        (tmp_path / "file" / "report.html", f"{tmp_path / 'file'} is no folder"),
        (tmp_path / "file", "is there already and is no report of vret"),
        (tmp_path / ("x" * 300), "File name too long"),
    ):
        with pytest.raises(ReportFileError, match=re.escape(said)):
            write_report(read_run(stored_run()), target)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "my own page"


def test_write_report__a_full_disk_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "report.html"
    write_report(read_run(stored_run()), target)
    before = target.read_bytes()
    monkeypatch.setattr("app.evaluation.report_html.os.replace", full)
    with pytest.raises(ReportFileError, match=r"report\.html: No space left on device\."):
        write_report(read_run(stored_run()), target)
    assert target.read_bytes() == before and list(tmp_path.iterdir()) == [target]


def test_many_warnings_are_folded_away_but_all_there() -> None:
    run = stored_run()
    run.results["warnings"] = [f"doubt number {number}" for number in range(20)]
    html = report_html(read_run(run))
    shown, folded = html.split("<summary>and 12 more</summary>")
    assert "doubt number 7<" in shown and "doubt number 8<" not in shown
    assert "doubt number 8<" in folded and "doubt number 19<" in folded
