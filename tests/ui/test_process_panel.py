"""What is at work beside the page: followed, stopped, and told of once it has ended; alike for indexing and measuring."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.index_library import index_library
from app.settings import Settings
from app.ui import cached
from app.ui.evaluation_runs import Started
from app.ui.page_process import PageProcess
from app.workspace import Workspace
from tests.helpers.make_video import draw_moving_picture
from tests.helpers.patience import PATIENCE_S

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

FAILS = "import sys; sys.exit('vret: the disk <b>is</b> full')"
# As `vret` does when it is asked to end: indexing tells what it has done until then, measuring ends as a shell's Ctrl-C does.
WAITS = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}));"
    "print('{answer}', flush=True); time.sleep(999)"
)


def library_page() -> None:
    import app.ui.library_page as page

    page.show()


def evaluate_page() -> None:
    import app.ui.evaluate_page as page

    page.show()


@dataclass(frozen=True)
class Face:
    """One of the two pages with such a panel. put: makes a process the last one that it started."""

    name: str
    page: Callable[[], None]
    put: Callable[[PageProcess], None]
    doing: str
    waits: str


def put_indexing(process: PageProcess) -> None:
    cached.index_runs().last = process


def put_measuring(process: PageProcess) -> None:
    cached.evaluation_runs().last = Started("retrieval", process)


INDEXING = Face("run", library_page, put_indexing, "Indexing", WAITS.format(code=0, answer='{"stopped": true}'))
MEASURING = Face("evaluation", evaluate_page, put_measuring, "Measuring", WAITS.format(code=130, answer=""))


@pytest.fixture(params=[INDEXING, MEASURING], ids=lambda face: face.name)
def face(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> Face:
    """A page over a data folder with one indexed library."""
    for name in "abc":
        draw_moving_picture(tmp_path / "videos" / f"{name}.mp4")
    with Workspace(Settings.at(home)) as ws:
        index_library(ws, "home", [tmp_path / "videos"])
    face: Face = request.param
    return face


@pytest.fixture
def begun(face: Face, tmp_path: Path) -> Iterator[Callable[[str], PageProcess]]:
    """Starts a process that runs this code in place of `vret`, as if the page had."""
    processes: list[subprocess.Popen[bytes]] = []

    def begin(code: str) -> PageProcess:
        answer = tmp_path / f"{len(processes)}.json"
        with answer.open("wb") as out, answer.with_suffix(".log").open("wb") as talk:
            processes.append(subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=talk))
        process = PageProcess("home", processes[-1], answer, answer.with_suffix(".log"))
        face.put(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def opened(face: Face) -> "AppTest":
    from streamlit.testing.v1 import AppTest

    page = AppTest.from_function(face.page, default_timeout=PATIENCE_S)
    page.run()
    assert not page.exception, page.exception
    return page


def keys(page: "AppTest") -> list[str]:
    return [str(button.key) for button in page.button]


def said(page: "AppTest") -> str:
    return " ".join(box.value for box in (*page.error, *page.warning, *page.success)).replace("\\", "")


def test_an_end_is_told_until_it_is_closed_and_the_next_one_anew(face: Face, begun: Callable[[str], PageProcess]) -> None:
    begun(FAILS).process.wait(timeout=PATIENCE_S)
    page = opened(face)
    assert f"{face.doing} home failed: the disk <b>is</b> full" in said(page)
    page.button(key=f"{face.name}-close").click().run()
    assert "failed" not in said(page) and f"{face.name}-close" not in keys(page)
    page.run()
    assert f"{face.name}-close" not in keys(page)
    begun(FAILS).process.wait(timeout=PATIENCE_S)
    page.run()
    assert f"{face.doing} home failed" in said(page)


def test_what_is_at_work_is_stopped_by_its_button(face: Face, begun: Callable[[str], PageProcess]) -> None:
    process = begun(face.waits)
    while not process.answer_file.stat().st_size:  # it listens to signals from then on
        assert process.exit_code() is None
    page = opened(face)
    texts = " ".join(element.body for element in page.get("html"))  # type: ignore[attr-defined]
    assert f'<p class="vret-name">{face.doing} home</p>' in texts
    page.button(key=f"stop-{face.name}").click().run()
    assert not page.exception, page.exception
    process.process.wait(timeout=PATIENCE_S)
    page.run()
    assert f"stop-{face.name}" not in keys(page)
    assert f"{face.doing} home was stopped." in said(page)


def test_a_second_one_is_not_started_beside_the_first(face: Face, begun: Callable[[str], PageProcess], tmp_path: Path) -> None:
    (tmp_path / "videos" / "labels.csv").write_text("path,label,split\na.mp4,run,train\nb.mp4,sit,train\nc.mp4,run,test\n")
    process = begun(face.waits)
    page = opened(face)
    next(button for button in page.button if button.label in ("Update", "Measure")).click().run()
    assert "home is being" in said(page) and "just now. Wait for its end, or stop it." in said(page)
    assert process.exit_code() is None


def test_nothing_is_shown_of_a_page_that_started_nothing(face: Face) -> None:
    assert not {f"stop-{face.name}", f"{face.name}-close"} & set(keys(opened(face)))
